// The page asks for all its modules at once: none is found only when another one has come.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const root = new URL("../../", import.meta.url);
/** @param {string} path */
const read = (path) => readFileSync(new URL(path, root), "utf8");

/**
 * A module and all that it imports.
 * @param {string} path
 * @param {Set<string>} [found]
 */
function graph(path, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  for (const [, to = ""] of read(path).matchAll(/^(?:import|export) .*?from "(\.[^"]+)";$|^import "(\.[^"]+)";$/gm))
    graph(new URL(to, new URL(path, root)).href.slice(root.href.length), found);
  return found;
}

test("index.html preloads exactly what its modules import", () => {
  const html = read("index.html");
  const [now = "", later = ""] = html.split('<template id="later">');
  /** @param {string} part */
  const preloads = (part) => [...part.matchAll(/rel="modulepreload" href="([^"]+)"/g)].map((match) => match[1]).sort();
  const first = graph("page/main.js");
  first.delete("page/main.js");
  assert.deepEqual(preloads(now), [...first].sort());
  assert.deepEqual(preloads(later), [...graph("page/app.js")].filter((path) => !first.has(path) && path !== "page/main.js").sort());
});

test("every file that the page names is there", () => {
  for (const [, path = ""] of read("index.html").matchAll(/(?:href|src)="([\w./-]+)"/g)) assert.ok(read(path).length, path);
  for (const icon of JSON.parse(read("manifest.webmanifest")).icons) assert.ok(read(icon.src).length);
});

test("every icon that is used is in the sprite", () => {
  const sprite = new Set([...read("index.html").matchAll(/id="i-([a-z]+)"/g)].map((match) => match[1]));
  for (const path of graph("page/app.js"))
    for (const [, name] of read(path).matchAll(/\bicon(?:Button)?\("([a-z]+)"/g)) assert.ok(sprite.has(name), `${path}: ${name}`);
});

test("a browser gets less than 60 KB, compressed", () => {
  const [, list = ""] = /FILES[^{]*\{([^}]*)\}/.exec(read("lib.rs")) ?? [];
  const files = [...list.matchAll(/"([^"]+)"/g)].map(([, path = ""]) => path);
  assert.ok(files.includes("page/main.js"));
  const bytes = files.reduce((sum, path) => sum + gzipSync(readFileSync(new URL(path, root)), { level: 9 }).length, 0);
  assert.ok(bytes < 60_000, `${bytes}`);
});
