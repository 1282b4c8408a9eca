// The async iterators of events.

import assert from "node:assert/strict";
import { test } from "node:test";

import { World, collect } from "./fake.js";

async function subscribed() {
  const world = new World();
  const client = world.client();
  await world.settle(client.login("messi", "surabaya"));
  await world.settle(client.subscribe());
  return { world, client };
}

test("events have their names as type, and unknown ones are passed on", async () => {
  const { world, client } = await subscribed();
  const seen = collect(client);
  world.server.event("presence", { user: "henderson", online: true, last_seen: null });
  world.server.event("poll", { question: "?", type: "spoofed" });
  await world.until(() => seen.events.length === 2);
  assert.deepEqual(seen.events, [
    { type: "presence", user: "henderson", online: true, last_seen: null },
    { type: "poll", question: "?" },
  ]);
});

test("a server cannot imitate the client's own events", async () => {
  const { world, client } = await subscribed();
  const seen = collect(client);
  for (const name of ["state", "signedout", "reset"]) {
    world.server.event(name, { state: "closed", reason: "logout" });
  }
  world.server.event("typing", { with: "henderson", user: "henderson" });
  await world.until(() => seen.events.length > 0);
  assert.equal(seen.events[0].type, "typing");
});

test("each iterator gets everything from its beginning on, and keeps it", async () => {
  const { world, client } = await subscribed();
  const first = client.events();
  world.server.post("henderson", "one");
  await world.pass(10);
  const second = client.events();
  world.server.post("henderson", "two");
  await world.pass(10);
  const texts = async (/** @type {AsyncIterableIterator<any>} */ events, /** @type {number} */ count) => {
    const found = [];
    while (found.length < count) {
      found.push((await events.next()).value.text);
    }
    return found;
  };
  assert.deepEqual(await texts(first, 2), ["one", "two"]);
  assert.deepEqual(await texts(second, 1), ["two"]);
});

test("readers that wait are served in order", async () => {
  const { world, client } = await subscribed();
  const events = client.events();
  const reads = Promise.all([events.next(), events.next()]);
  world.server.post("henderson", "one");
  world.server.post("henderson", "two");
  const found = await world.settle(reads);
  assert.deepEqual(found.map(({ value }) => /** @type {any} */ (value).text), ["one", "two"]);
});

test("an iterator can be ended while it waits, and the others go on", async () => {
  const { world, client } = await subscribed();
  const ended = collect(client);
  const other = collect(client);
  await ended.iterator.return?.();
  await world.settle(ended.done);
  world.server.post("henderson", "halo");
  await world.until(() => other.texts().length === 1);
  assert.deepEqual(ended.events, []);
  assert.deepEqual(await ended.iterator.next(), { value: undefined, done: true });
});

test("leaving the loop ends the iterator", async () => {
  const { world, client } = await subscribed();
  const events = client.events();
  world.server.post("henderson", "one");
  world.server.post("henderson", "two");
  await world.pass(10);
  for await (const event of events) {
    assert.equal(event.type, "message");
    break;
  }
  world.server.post("henderson", "three");
  await world.pass(10);
  assert.deepEqual(await events.next(), { value: undefined, done: true });
});

test("what came before `close` can still be taken", async () => {
  const { world, client } = await subscribed();
  const events = client.events();
  world.server.post("henderson", "halo");
  await world.pass(10);
  client.close();
  const types = [];
  for await (const event of events) {
    types.push(event.type);
  }
  assert.deepEqual(types, ["message", "state"]);
});
