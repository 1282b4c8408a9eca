// Several servers of a chat: the client goes on at another one.

import assert from "node:assert/strict";
import { test } from "node:test";

import { World, collect } from "./fake.js";

const ONE = "ws://one/ws";
const TWO = "ws://two/ws";

/** A client that knows two servers, and is logged in. */
async function online() {
  const world = new World();
  const client = world.client({}, [ONE, TWO]);
  const seen = collect(client);
  await world.settle(client.login("messi", "surabaya"));
  return { world, client, seen };
}

test("clients begin at any of the servers", () => {
  for (const [random, url] of /** @type {[number, string][]} */ ([[0, ONE], [0.4, ONE], [0.6, TWO], [0.999, TWO], [1, ONE]])) {
    const world = new World();
    world.client({ random: () => random }, [ONE, TWO]).close();
    assert.equal(world.socket.url, url);
  }
});

test("a server that is gone is left for the next one, and nothing is missed or repeated", async () => {
  const { world, client, seen } = await online();
  await world.settle(client.subscribe());
  for (const [gone, next] of /** @type {[string, string][]} */ ([[ONE, TWO], [TWO, ONE]])) {
    world.gone = new Set([gone]);
    const began = world.time;
    world.socket.break(1006);
    const sent = client.send("messi", `not by ${gone}`);
    await world.settle(sent);
    assert.equal(world.socket.url, next);
    assert.ok(world.time - began < 2_000, "it does not wait for long");
  }
  await world.pass(10);
  const texts = seen.events.filter(({ type }) => type === "message").map((/** @type {any} */ { text }) => text);
  assert.deepEqual(texts, [`not by ${ONE}`, `not by ${TWO}`]);
});

test("what is busy while a server takes over is tried again", async () => {
  const { world, client } = await online();
  let refusals = 3;
  const busy = () => (refusals-- > 0 ? "busy" : undefined);
  world.server.answer = (method) => (method === "send" ? busy() : method === "users" ? (busy() ?? { users: [] }) : undefined);
  await world.settle(client.send("messi", "halo"));
  refusals = 3;
  assert.deepEqual(await world.settle(client.call("users")), { users: [] });
  assert.equal(world.server.messages.length, 1, "it was stored once");
});

test("with one server, busy is told at once", async () => {
  const world = new World();
  const client = world.client();
  await world.settle(client.login("messi", "surabaya"));
  world.server.answer = (method) => (method === "send" ? "busy" : undefined);
  assert.equal(await world.refusal(client.send("messi", "halo")), "busy");
});
