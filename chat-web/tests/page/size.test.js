// What a browser has to load, compressed as a proxy would.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const LIMIT = 60_000;

test("the page is small", () => {
  const folder = new URL("../../", import.meta.url);
  const table = /files! \{([^}]*)\}/.exec(readFileSync(new URL("lib.rs", folder), "utf8"))?.[1] ?? "";
  const sizes = [...table.matchAll(/"([^"]+)"/g)].map(([, path]) => gzipSync(readFileSync(new URL(path ?? "", folder))).length);
  assert.ok(sizes.length > 10);
  const sum = sizes.reduce((one, other) => one + other);
  assert.ok(sum < LIMIT, `${sum} bytes`);
});
