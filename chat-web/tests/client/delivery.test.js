// Properties of sending and receiving: wherever the connection breaks, each message is stored once, and each event is seen once and in
// order.

import assert from "node:assert/strict";
import { test } from "node:test";

import { World, collect, outcome, randomFrom } from "./fake.js";

const OWN = ["one", "two", "three", "four", "five"];

/**
 * Logs in, and sends messages while somebody else does; `prepare` says when the connection breaks.
 *
 * @param {(world: World) => void} prepare
 */
async function talk(prepare) {
  const world = new World();
  const client = world.client();
  const seen = collect(client);
  await world.settle(client.login("messi", "surabaya"));
  world.server.store("henderson", "before");
  const first = world.frames;
  prepare(world);

  const subscribed = client.subscribe(0);
  /** @type {Promise<any>[]} */
  const sent = [];
  for (const [index, text] of OWN.entries()) {
    sent.push(client.send("henderson", text));
    // Some come at once, and some while others are under way.
    await world.pass(index % 2 ? 3 : 0);
    world.server.post("henderson", `answer ${index}`);
  }
  const results = await world.settle(Promise.all(sent));
  await world.settle(subscribed);
  await world.until(() => seen.texts().length >= world.server.messages.length);
  // Whatever would come twice would come now.
  await world.pass(100);

  const stored = world.server.messages.filter(({ from }) => from === "messi");
  assert.deepEqual(stored.map(({ text }) => text), OWN);
  assert.deepEqual(results, stored.map(({ id, time, key }) => ({ id, time, key })));
  assert.deepEqual(seen.texts(), world.server.messages.map(({ text }) => text));
  return { frames: world.frames - first, sockets: world.sockets.length };
}

test("a connection that breaks at any one frame loses and doubles nothing", async () => {
  const { frames } = await talk(() => {});
  assert.ok(frames > 20);
  for (let at = 0; at < frames; at++) {
    const { sockets } = await talk((world) => {
      const end = world.frames + at;
      let isBroken = false;
      world.breaks = () => !isBroken && world.frames >= end && (isBroken = true);
    });
    assert.equal(sockets, 2, `frame ${at}`);
  }
});

test("a connection that breaks again and again loses and doubles nothing", async () => {
  let sockets = 0;
  for (let seed = 0; seed < 300; seed++) {
    const random = randomFrom(seed);
    const share = 0.02 + 0.1 * random();
    try {
      sockets += (await talk((world) => (world.breaks = () => random() < share))).sockets;
    } catch (error) {
      throw new Error(`with seed ${seed}`, { cause: error });
    }
  }
  assert.ok(sockets > 1000, `${sockets} connections`);
});

test("messages that are sent while offline go out in order after the reconnect", async () => {
  const world = new World();
  const client = world.client();
  await world.settle(client.login("messi", "surabaya"));
  world.isReachable = false;
  world.socket.break();
  await world.until(() => client.state === "offline");
  const sent = OWN.map((text) => client.send("henderson", text));
  await world.pass(60_000);
  assert.equal(world.server.messages.length, 0);

  world.isReachable = true;
  await world.settle(Promise.all(sent));
  assert.deepEqual(world.server.messages.map(({ text }) => text), OWN);
  assert.deepEqual(world.socket.requests.map(({ method }) => method), ["server", "resume", ...OWN.map(() => "send")]);
});

test("the subscription comes before waiting messages after a reconnect, and after the last message seen", async () => {
  const world = new World();
  const client = world.client();
  const seen = collect(client);
  await world.settle(client.login("messi", "surabaya"));
  await world.settle(client.subscribe());
  world.server.post("henderson", "halo");
  await world.until(() => seen.texts().length === 1);
  world.socket.break();
  await world.until(() => client.state === "offline");
  const sent = client.send("henderson", "hi");
  await world.settle(sent);
  const [, resume, subscribe, send] = world.socket.requests;
  assert.deepEqual([resume.method, subscribe.method, send.method], ["resume", "subscribe", "send"]);
  assert.deepEqual(subscribe.params, { after: world.server.messages[0].id });
});

test("a subscription without `after` replays nothing, and misses nothing later", async () => {
  const world = new World();
  const client = world.client();
  const seen = collect(client);
  world.server.store("henderson", "old");
  await world.settle(client.login("messi", "surabaya"));
  const { next } = await world.settle(client.subscribe());
  assert.equal(next, world.server.messages[0].id);
  world.socket.break();
  world.server.store("henderson", "while offline");
  await world.until(() => seen.texts().length > 0);
  assert.deepEqual(seen.texts(), ["while offline"]);
});

test("a message that a server repeats is seen once", async () => {
  const world = new World();
  const client = world.client();
  const seen = collect(client);
  await world.settle(client.login("messi", "surabaya"));
  await world.settle(client.subscribe());
  world.server.post("henderson", "one");
  world.server.event("message", world.server.messages[0]);
  world.server.post("henderson", "two");
  await world.until(() => seen.texts().length >= 2);
  assert.deepEqual(seen.texts(), ["one", "two"]);
});

test("a second subscription replays what it asks for, whatever came before its answer", async () => {
  const world = new World();
  const client = world.client();
  const seen = collect(client);
  world.server.store("henderson", "one");
  await world.settle(client.login("messi", "surabaya"));
  await world.settle(client.subscribe());
  world.server.post("henderson", "two");
  client.subscribe(0);
  await world.until(() => seen.texts().length === 3);
  assert.deepEqual(seen.texts(), ["two", "one", "two"]);
});

test("a second subscription without `after` goes on where the first one was", async () => {
  const world = new World();
  const client = world.client();
  const seen = collect(client);
  await world.settle(client.login("messi", "surabaya"));
  await world.settle(client.subscribe());
  world.socket.break();
  world.server.store("henderson", "while offline");
  await world.until(() => client.state === "offline");
  await world.settle(client.subscribe());
  await world.pass(10);
  assert.deepEqual(seen.texts(), ["while offline"]);
});

test("a subscription that was cancelled may be refused", async () => {
  const world = new World();
  const client = world.client();
  await world.settle(client.login("messi", "surabaya"));
  world.server.answer = (method) => (method === "subscribe" ? "busy" : undefined);
  const subscribed = outcome(client.subscribe());
  await world.settle(client.unsubscribe());
  assert.equal(await subscribed, "cancelled");
  await world.pass(1000);
  assert.equal(world.sockets.length, 1);
});

test("what `lagged` has left out is replayed", async () => {
  const world = new World();
  const client = world.client();
  const seen = collect(client);
  await world.settle(client.login("messi", "surabaya"));
  await world.settle(client.subscribe());
  world.server.post("henderson", "one");
  world.server.event("lagged", {});
  world.socket.isSubscribed = false;
  world.server.post("henderson", "two");
  await world.until(() => seen.texts().length === 2);
  world.server.post("henderson", "three");
  await world.until(() => seen.texts().length === 3);
  assert.deepEqual(seen.of("message", "lagged"), ["message", "lagged", "message", "message"]);
  assert.equal(world.sockets.length, 1);
});

test("a subscription that is refused after a reconnect is asked for again later", async () => {
  const world = new World();
  const client = world.client();
  const seen = collect(client);
  await world.settle(client.login("messi", "surabaya"));
  await world.settle(client.subscribe());
  let refusals = 3;
  world.server.answer = (method) => (method === "subscribe" && refusals-- > 0 ? "busy" : undefined);
  world.socket.break();
  world.server.store("henderson", "halo");
  await world.until(() => seen.texts().length === 1);
  assert.ok(world.sockets.length > 2);
});

test("a first subscription that is refused is rejected, and not asked for again", async () => {
  const world = new World();
  const client = world.client();
  await world.settle(client.login("messi", "surabaya"));
  world.server.answer = (method) => (method === "subscribe" ? "busy" : undefined);
  assert.equal(await world.refusal(client.subscribe()), "busy");
  world.socket.break();
  await world.until(() => client.state === "offline");
  await world.until(() => client.state === "online");
  await world.pass(100);
  assert.deepEqual(world.socket.requests.map(({ method }) => method), ["server", "resume"]);
});

test("nothing comes after `unsubscribe`, nor after a reconnect", async () => {
  const world = new World();
  const client = world.client();
  const seen = collect(client);
  await world.settle(client.login("messi", "surabaya"));
  await world.settle(client.subscribe());
  world.server.post("henderson", "too late");
  await world.settle(client.unsubscribe());
  assert.equal(world.socket.isSubscribed, false);
  world.socket.break();
  await world.until(() => client.state === "offline");
  await world.until(() => client.state === "online");
  world.server.post("henderson", "halo");
  await world.pass(100);
  assert.deepEqual(seen.texts(), []);
});

test("a long queue goes out bit by bit, and in order", async () => {
  const world = new World();
  const client = world.client();
  await world.settle(client.login("messi", "surabaya"));
  const texts = Array.from({ length: 100 }, (_, index) => `${index}`);
  const { length } = world.socket.requests;
  world.server.answer = (method) => (method === "send" ? null : undefined);
  const sent = Promise.all(texts.map((text) => client.send("henderson", text)));
  await world.pass(10);
  assert.equal(world.socket.requests.length - length, 32);
  world.server.answer = () => undefined;
  world.socket.break();
  await world.settle(sent);
  assert.deepEqual(world.server.messages.map(({ text }) => text), texts);
});

test("nothing of a queue goes out during a login", async () => {
  const world = new World();
  const client = world.client();
  await world.settle(client.login("messi", "surabaya"));
  const sent = Array.from({ length: 40 }, (_, index) => outcome(client.send("lineker", `${index}`)));
  await world.settle(client.login("henderson", "surabaya"));
  const outcomes = await world.settle(Promise.all(sent));
  assert.deepEqual(outcomes, sent.map((_, index) => (index < 32 ? "none" : "cancelled")));
  await world.pass(100);
  assert.ok(world.server.messages.every(({ from }) => from === "messi"));
});

test("a refused message is rejected, and the next ones are sent", async () => {
  const world = new World();
  const client = world.client();
  await world.settle(client.login("messi", "surabaya"));
  world.server.answer = (method, params) => (params?.text === "two" ? "blocked" : undefined);
  const sent = ["one", "two", "three"].map((text) => outcome(client.send("henderson", text)));
  assert.deepEqual(await world.settle(Promise.all(sent)), ["none", "blocked", "none"]);
  world.socket.break();
  await world.pass(60_000);
  assert.deepEqual(world.socket.requests.map(({ method }) => method), ["server", "resume", "ping", "ping"]);
});

test("a message that is too long is refused without being sent", async () => {
  const world = new World();
  const client = world.client();
  await world.settle(client.login("messi", "surabaya"));
  const error = await client.send("henderson", "é".repeat(500)).catch((error) => error);
  assert.equal(error.code, "line_too_long");
  assert.deepEqual(error.data, { limit_bytes: 1000 });
  // The frame and the line end that a line would have are exactly the limit.
  const rest = JSON.stringify({ jsonrpc: "2.0", id: 9, method: "send", params: { to: "x", text: "", key: "k" } }).length + 1;
  await world.settle(client.send("x", "a".repeat(1000 - rest), { key: "k" }));
  assert.equal(await world.refusal(client.send("x", "a".repeat(1001 - rest), { key: "l" })), "line_too_long");
});

test("a message that a proxy finds too large is given up, and the others are not", async () => {
  const world = new World();
  const client = world.client();
  await world.settle(client.login("messi", "surabaya"));
  world.server.answer = (method, params) => {
    if (params?.text?.length > 50) {
      world.socket.break(1009);
      return null;
    }
  };
  const sent = ["one", "x".repeat(60), "three"].map((text) => outcome(client.send("henderson", text)));
  assert.deepEqual(await world.settle(Promise.all(sent)), ["none", "line_too_long", "none"]);
});

test("an answer without an id belongs to the oldest request", async () => {
  const world = new World();
  const client = world.client();
  await world.settle(client.login("messi", "surabaya"));
  world.server.answer = (method, params) => {
    if (params?.text === "bad") {
      world.socket.deliver({ jsonrpc: "2.0", id: null, error: { code: -32700, message: "", data: { code: "bad_json" } } });
      return null;
    }
  };
  const sent = ["one", "bad", "three"].map((text) => outcome(client.send("henderson", text)));
  assert.deepEqual(await world.settle(Promise.all(sent)), ["none", "bad_json", "none"]);
  assert.equal(world.sockets.length, 1);
});

test("a message whose key the server may have forgotten is not repeated", async () => {
  const world = new World();
  const client = world.client();
  await world.settle(client.login("messi", "surabaya"));
  world.server.answer = (method) => (method === "send" ? null : undefined);
  const sent = client.send("henderson", "halo");
  const rejected = assert.rejects(sent, { code: "disconnected", data: { sent: true } });
  await world.pass(10);
  world.isReachable = false;
  world.socket.break();
  await world.pass(100);
  // A night in a laptop bag: the clock goes on, and the timers do not.
  world.time += 24 * 3600 * 1000;
  world.server.answer = () => undefined;
  world.isReachable = true;
  await world.settle(rejected);
  assert.deepEqual(world.server.messages, []);
});

test("what is no JSON is refused, and nothing else waits for it", async () => {
  const world = new World();
  const client = world.client();
  /** @type {any} */
  const circle = {};
  circle.circle = circle;
  // One while connecting, and one with a link.
  const called = assert.rejects(client.call("profile", circle), TypeError);
  await world.settle(client.login("messi", "surabaya"));
  await called;
  const refused = assert.rejects(client.send("henderson", /** @type {any} */ (5n)), TypeError);
  await world.settle(client.send("henderson", "after"));
  await refused;
  world.socket.break();
  await world.until(() => client.state === "online");
  await world.settle(client.send("henderson", "online again"));
  assert.deepEqual(world.server.messages.map(({ text }) => text), ["after", "online again"]);
});
