// The types of the protocol have the methods, results, events and objects that the server describes itself with.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

/** @typedef {{ properties: Record<string, any>, required?: string[] }} Schema */

const openrpc = JSON.parse(readFileSync(new URL("../../../docs/openrpc.json", import.meta.url), "utf8"));
const types = readFileSync(new URL("../../client/protocol.js", import.meta.url), "utf8");

/** The fields of a type that is written out on a line, each with `?` if it is optional. @param {string} type */
function fields(type) {
  return [...type.matchAll(/(\w+\??): /g)].map(([, name]) => name).sort();
}

/** The fields of a type that has a name. @param {string} name */
function fieldsOf(name) {
  const [, line] = RegExp(`typedef \\{\\{(.*)\\}\\} ${name}\\b`).exec(types) ?? [];
  if (line) {
    return fields(line);
  }
  const [, properties] = RegExp(`typedef \\{object\\} ${name}\n((?: \\* @property .*\n)*)`).exec(types) ?? [];
  return [...(properties ?? "").matchAll(/@property \{.*?\} (\[?)(\w+)/g)].map(([, optional, field]) => field + (optional && "?")).sort();
}

/** @param {Schema} schema */
function expectedFields({ properties, required = [] }) {
  return Object.keys(properties)
    .map((field) => field + (required.includes(field) ? "" : "?"))
    .sort();
}

test("methods, their parameters and their results", () => {
  /** @type {Record<string, string[][]>} */
  const found = {};
  for (const [, name, params, result] of types.matchAll(/"([\w.]+)": \[(\{.*?\}|\w+), (.*)\],/g)) {
    found[name] = [fields(params), result.startsWith("{") ? fields(result) : fieldsOf(result)];
  }
  /** @type {Record<string, string[][]>} */
  const expected = {};
  for (const { name, params, result } of openrpc.methods) {
    const names = params.map((/** @type {any} */ { name, required }) => name + (required ? "" : "?")).sort();
    expected[name] = [names, expectedFields(result.schema)];
  }
  assert.deepEqual(found, expected);
});

test("events", () => {
  /** @type {Record<string, string[]>} */
  const found = {};
  const own = ["state", "signedout", "reset"];
  for (const [, name, type] of types.matchAll(/typedef \{\{ type: "(\w+)"([^}]*)\}/g)) {
    if (!own.includes(name)) {
      found[name] = name === "message" ? fieldsOf("Message") : fields(type);
    }
  }
  /** @type {Record<string, string[]>} */
  const expected = {};
  for (const { name, params } of openrpc["x-events"]) {
    // The client takes `closed` for itself.
    if (name !== "closed") {
      expected[name] = params.$ref ? expectedFields(openrpc.components.schemas.Message) : expectedFields(params);
    }
  }
  assert.deepEqual(found, expected);
});

test("objects", () => {
  for (const [name, ours] of [
    ["Message", "Message"],
    ["Conversation", "Conversation"],
    ["Cursor", "Cursor"],
    ["User", "User"],
    ["Member", "Member"],
    ["Room", "Room"],
    ["Session", "SessionEntry"],
  ]) {
    assert.deepEqual(fieldsOf(ours), expectedFields(openrpc.components.schemas[name]), name);
  }
});
