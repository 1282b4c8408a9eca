// Links, initials, days and groups.

import assert from "node:assert/strict";
import { test } from "node:test";
import { hue, initials, linkify } from "../../page/dom.js";
import { daysAgo, isNamedIn, justBefore, rows } from "../../page/store.js";

/** @param {string} text */
const links = (text) => linkify(text).filter((piece) => piece.href).map((piece) => piece.text);

test("links end where the address ends", () => {
  for (const [text, found] of /** @type {const} */ ([
    ["see https://example.org.", ["https://example.org"]],
    ["(https://example.org/a_(b))", ["https://example.org/a_(b)"]],
    ["http://a.example, https://b.example/?q=1&r=2!", ["http://a.example", "https://b.example/?q=1&r=2"]],
    ["mailto:messi@example.org", ["mailto:messi@example.org"]],
    ["<https://example.org>", ["https://example.org"]],
    ["HTTPS://EXAMPLE.ORG", ["HTTPS://EXAMPLE.ORG"]],
  ])) assert.deepEqual(links(text), found, text);
});

test("what is not safe or not a link stays text", () => {
  for (const text of ["javascript:alert(1)", "data:text/html,x", "xhttps://example.org", "https://", "mailto:", "file:///etc/passwd",
    "https://bank.example@evil.example/", "vbscript:x", "www.example.org", "http://[", "https://a b".slice(0, 8)])
    assert.deepEqual(links(text), [], text);
});

test("a link has no characters that reorder it", () => {
  assert.deepEqual(links("https://example.org/\u202egpj.exe"), ["https://example.org/"]);
});

test("the pieces are the text", () => {
  const text = "a https://example.org, b (http://x.example) c\nmailto:q@x.example";
  assert.equal(linkify(text).map((piece) => piece.text).join(""), text);
  assert.deepEqual(linkify(""), []);
});

test("long texts are no burden", () => {
  const start = performance.now();
  for (const text of ["https://" + "(".repeat(60_000), "http:".repeat(12_000), "https://a.example/" + ")".repeat(60_000), "https://a.example/" + "(".repeat(30_000) + ")".repeat(30_000), "http://a ".repeat(7_000)]) linkify(text);
  assert.ok(performance.now() - start < 2_000);
});

test("initials", () => {
  for (const [name, letters] of /** @type {const} */ ([
    ["Lionel Messi", "LM"], ["messi", "M"], ["jordan.henderson", "JH"], ["Ludwig van Beethoven", "LB"], ["محمد صلاح", "مص"], ["!!!", "!"], ["éva", "É"],
  ])) assert.equal(initials(name), letters);
});

test("a user's hue is always the same", () => {
  assert.equal(hue("messi"), hue("messi"));
  assert.ok(new Set(["messi", "henderson", "lineker", "pele", "rossi", "zidane"].map(hue)).size > 3);
});

test("a user name is shown unless the full name says it", () => {
  assert.ok(isNamedIn("henderson", "Jordan Henderson"));
  assert.ok(!isNamedIn("son", "Jordan Henderson"));
});

test("days are counted by midnights", () => {
  const now = new Date(2026, 10, 26, 0, 5).getTime();
  assert.equal(daysAgo(now, now), 0);
  assert.equal(daysAgo(now - 10 * 60_000, now), 1);
  assert.equal(daysAgo(new Date(2026, 10, 19, 23, 59).getTime(), now), 7);
});

test("groups end with the sender, the day, a pause and the line of new messages", () => {
  const noon = new Date(2026, 10, 26, 12).getTime(), minute = 60_000;
  /** @param {number} id @param {string} from @param {number} time */
  const message = (id, from, time) => ({ id, with: "#team", from, name: from, text: "", time });
  const messages = [
    message(1, "a", noon - 24 * 60 * minute), message(2, "a", noon), message(3, "a", noon + minute),
    message(4, "b", noon + minute), message(5, "b", noon + 9 * minute), message(6, "b", noon + 10 * minute),
  ];
  const shape = rows(messages, 0, 6, 5).map(({ day, first, last }) => `${day ? "d" : ""}${first ? "f" : ""}${last ? "l" : ""}`);
  assert.deepEqual(shape, ["dfl", "df", "l", "fl", "fl", "fl"]);
  assert.deepEqual(rows(messages, 2, 3).map(({ day, first }) => [day, first]), [[false, false]]);
});

test("just before a name comes nothing else", () => {
  for (const name of ["henderson", "a", "#room", "x-"]) {
    const before = justBefore(name);
    assert.ok(before < name);
    assert.ok(before > name.slice(0, -1));
    for (const other of ["hendersom", "hendersomzzz", "x", "x,"]) assert.ok(!(before < other && other < name), `${other} ${name}`);
  }
});
