// Connecting, waiting, and noticing that a connection is dead.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ChatClient } from "../../client.js";
import { Backoff } from "../../client/connection.js";
import { World, collect, outcome, randomFrom } from "./fake.js";

/** A client that is logged in. */
async function online() {
  const world = new World();
  const client = world.client();
  const seen = collect(client);
  await world.settle(client.login("messi", "surabaya"));
  return { world, client, seen };
}

/** @param {World} world */
const methods = (world) => world.socket.requests.map(({ method }) => method);

test("waits between attempts double, from half a second to half a minute", () => {
  for (const [random, expected] of /** @type {[number, number[]][]} */ ([
    [0, [500, 1000, 2000, 4000, 8000, 15000, 15000]],
    [0.999999, [1000, 2000, 4000, 8000, 16000, 30000, 30000]],
  ])) {
    const backoff = new Backoff(() => random);
    assert.deepEqual(expected.map(() => backoff.next(0, 1006)), expected);
    // Short connections do not count, and long ones do.
    assert.equal(backoff.next(9_999, 1006), expected.at(-1));
    assert.equal(backoff.next(10_000, 1006), expected[0]);
    // A server that asks for patience gets it.
    assert.equal(backoff.next(10_000, 1013), expected[3]);
    assert.equal(backoff.next(10_000, 1008), expected[3]);
    assert.equal(backoff.next(0, 1006), expected[4]);
  }
});

test("waits are within bounds, whatever happens", () => {
  const random = randomFrom(1);
  const backoff = new Backoff(random);
  for (let round = 0; round < 10_000; round++) {
    const wait = backoff.next(random() < 0.1 ? 20_000 : 0, random() < 0.1 ? 1013 : 1006);
    assert.ok(wait >= 500 && wait <= 30_000, `${wait}`);
  }
});

test("a client that is offline tells when it tries again, and why it has to", async () => {
  const { world, client, seen } = await online();
  world.isReachable = false;
  world.socket.break(1001);
  await world.until(() => client.state === "offline");
  assert.equal(client.retryAt, world.time + 500);
  assert.deepEqual(seen.events.at(-1), { type: "state", state: "offline", retryAt: world.time + 500, code: 1001 });
  await world.pass(500);
  assert.equal(client.state, "connecting");
  assert.equal(client.retryAt, undefined);
  await world.pass(2);
  assert.equal(client.retryAt, world.time + 1000);
  world.isReachable = true;
  await world.until(() => client.state === "online");
  assert.deepEqual(seen.of("state"), ["online", "offline", "connecting", "offline", "connecting", "online"]);
});

test("retryNow connects at once, and only once", async () => {
  const { world, client } = await online();
  world.socket.break();
  await world.until(() => client.state === "offline");
  client.retryNow();
  client.retryNow();
  assert.equal(client.state, "connecting");
  await world.pass(100);
  assert.equal(client.state, "online");
  await world.pass(10_000);
  assert.equal(world.sockets.length, 2);
});

test("retryNow finds out that a connection is dead", async () => {
  const { world, client } = await online();
  world.server.answer = () => null;
  client.retryNow();
  await world.pass(4_999);
  assert.equal(client.state, "online");
  world.server.answer = () => undefined;
  await world.pass(2);
  assert.equal(client.state, "offline");
});

test("retryNow leaves a connection that works alone", async () => {
  const { world, client, seen } = await online();
  client.retryNow();
  await world.pass(100_000);
  assert.deepEqual(seen.of("state"), ["online"]);
  // It is no more impatient afterwards than it was before.
  assert.equal(methods(world).filter((method) => method === "ping").length, 4);
});

test("a silent connection is pinged, often enough for proxies", async () => {
  const { world, client } = await online();
  await world.pass(100_000);
  assert.equal(methods(world).filter((method) => method === "ping").length, 3);
  assert.equal(client.state, "online");
});

test("a connection over which something comes is not pinged", async () => {
  const { world, client } = await online();
  await world.settle(client.subscribe());
  for (let round = 0; round < 10; round++) {
    await world.pass(20_000);
    world.server.event("typing", { with: "henderson", user: "henderson" });
  }
  assert.ok(!methods(world).includes("ping"));
});

test("a connection that does not answer is given up, and calls fail", async () => {
  const { world, client } = await online();
  world.server.answer = (method) => (method === "history" ? null : undefined);
  const called = outcome(client.call("history", { with: "henderson" }));
  await world.pass(24_000);
  assert.equal(client.state, "online");
  assert.equal(await world.settle(called), "disconnected");
  assert.equal(client.state, "offline");
});

test("a connection that cannot be made is given up after a while", async () => {
  const world = new World();
  const client = new ChatClient("ws://fake", {
    WebSocket: class {
      onopen = null;
      onmessage = null;
      onclose = null;
      onerror = null;
      send() {}
      close() {}
    },
    now: () => world.time,
    setTimeout: (callback, ms) => world.after(ms, callback),
    clearTimeout: (timer) => world.cancel(timer),
  });
  await world.pass(14_999);
  assert.equal(client.state, "connecting");
  await world.pass(1);
  assert.equal(client.state, "offline");
});

test("a clock that is set back does not hide that a connection is dead", async () => {
  const { world, client } = await online();
  world.server.answer = () => null;
  world.skew = -3_600_000;
  const start = world.time;
  await world.until(() => client.state === "offline");
  assert.ok(world.time - start < 100_000);
});

test("calls wait for a connection that is being made", async () => {
  const world = new World();
  const client = world.client();
  const info = await world.settle(client.call("server"));
  assert.equal(info.version, "2");
});

test("calls fail when there is no connection, or when it breaks", async () => {
  const { world, client } = await online();
  world.server.answer = (method) => (method === "read" ? null : undefined);
  const called = client.call("read", { with: "henderson", upto: 1 });
  const lost = assert.rejects(called, { name: "ChatError", code: "disconnected", number: 0, data: { sent: true } });
  await world.pass(10);
  world.isReachable = false;
  world.socket.break();
  await world.settle(lost);
  await assert.rejects(client.call("ping"), { code: "disconnected", data: { sent: false } });
  await world.until(() => client.state === "connecting");
  const waiting = assert.rejects(client.call("ping"), { code: "disconnected", data: { sent: false } });
  await world.settle(waiting);
});

test("a refusal has its word, number, sentence and data", async () => {
  const { world, client } = await online();
  world.server.answer = (method) => {
    if (method === "typing") {
      const error = { code: 58, message: "too many requests", data: { code: "rate_limited", wait_ms: 20 } };
      world.socket.deliver({ jsonrpc: "2.0", id: world.socket.requests.at(-1).id, error });
      return null;
    }
  };
  const refused = assert.rejects(client.call("typing", { with: "henderson" }), {
    name: "ChatError",
    code: "rate_limited",
    number: 58,
    message: "too many requests",
    data: { wait_ms: 20 },
  });
  await world.settle(refused);
});

test("what is not the protocol ends the connection", async () => {
  for (const data of ["", "nonsense", "null", "[]", "{}", "7", new Uint8Array(3), '{"jsonrpc":"2.0","id":99,"result":{}}']) {
    const { world, client } = await online();
    world.socket.onmessage?.({ data });
    assert.equal(client.state, "offline", `${data}`);
    await world.until(() => client.state === "online");
  }
});

test("an answer to another request ends the connection", async () => {
  const { world, client } = await online();
  const called = outcome(client.call("users"));
  world.socket.onmessage?.({ data: '{"jsonrpc":"2.0","id":99,"result":{}}' });
  assert.equal(client.state, "offline");
  assert.equal(await called, "disconnected");
});

test("what a connection brings after it was given up is ignored", async () => {
  const { world, client, seen } = await online();
  await world.settle(client.subscribe());
  world.server.event("typing", { with: "henderson", user: "henderson" });
  world.socket.onmessage?.({ data: "nonsense" });
  await world.pass(10);
  assert.deepEqual(seen.of("typing"), []);
});

test("calls wait until a login is answered", async () => {
  const world = new World();
  const client = world.client();
  world.server.answer = (method) => (method === "login" ? null : undefined);
  const waiting = [client.login("messi", "surabaya"), client.call("users"), client.login("messi", "surabaya")].map(outcome);
  await world.pass(100);
  assert.deepEqual(methods(world), ["server", "login"]);
  client.close();
  assert.deepEqual(await Promise.all(waiting), ["disconnected", "disconnected", "disconnected"]);
});

test("methods that the client has to know of are not called past it", async () => {
  const { world, client } = await online();
  for (const method of /** @type {const} */ (["login", "register", "resume", "logout", "subscribe", "unsubscribe"])) {
    assert.equal(await world.refusal(client.call(method)), "TypeError");
  }
});

test("close ends everything, and leaves no timer", async () => {
  const { world, client, seen } = await online();
  world.server.answer = (method) => (method === "server" || method === "resume" ? undefined : null);
  const waiting = [client.subscribe(), client.send("henderson", "halo"), client.call("users")].map(outcome);
  await world.pass(5);
  const { session } = client;
  client.close();
  client.close();
  await world.settle(seen.done);
  assert.equal(client.state, "closed");
  assert.equal(client.session, session);
  assert.deepEqual(await world.settle(Promise.all(waiting)), ["closed", "closed", "disconnected"]);
  assert.equal(seen.of("state").at(-1), "closed");
  assert.equal(world.socket.isUp, false);
  await world.pass(1);
  assert.equal(world.timers, 0);

  client.retryNow();
  await client.logout();
  const late = [client.login("a", "b"), client.resume("t"), client.send("a", "b"), client.call("ping"), client.subscribe()];
  assert.deepEqual(await Promise.all(late.map(outcome)), late.map(() => "closed"));
  assert.deepEqual(await client.events().next(), { value: undefined, done: true });
  assert.equal(world.timers, 0);
});

test("close while offline or connecting stays closed", async () => {
  for (const state of ["offline", "connecting"]) {
    const { world, client } = await online();
    world.socket.break();
    await world.until(() => client.state === state);
    const { length } = world.sockets;
    client.close();
    await world.pass(2);
    assert.equal(world.timers, 0);
    await world.pass(100_000);
    assert.equal(client.state, "closed");
    assert.equal(world.sockets.length, length);
    assert.equal(world.timers, 0);
  }
});

test("the address may be a path of the page, or that of a web site", async () => {
  /** @type {any} */ (globalThis).location = new URL("https://chat.example/#invite=1");
  try {
    for (const [url, expected] of [
      ["/ws", "wss://chat.example/ws"],
      ["http://localhost:8080/ws", "ws://localhost:8080/ws"],
      ["ws://10.0.0.1/ws", "ws://10.0.0.1/ws"],
    ]) {
      /** @type {string[]} */
      const urls = [];
      const client = new ChatClient(url, {
        WebSocket: class {
          onopen = null;
          onmessage = null;
          onclose = null;
          onerror = null;
          /** @param {string} url */
          constructor(url) {
            urls.push(url);
          }
          send() {}
          close() {}
        },
      });
      client.close();
      assert.deepEqual(urls, [expected]);
    }
  } finally {
    delete (/** @type {any} */ (globalThis).location);
  }
});

test("without a WebSocket, the client says where to get one", { skip: "WebSocket" in globalThis }, () => {
  assert.throws(() => new ChatClient("ws://localhost/ws"), /the package ws/);
});

test("random keys are new each time, and short enough", async () => {
  const world = new World();
  const client = world.client({ newKey: undefined });
  await world.settle(client.login("messi", "surabaya"));
  const sent = await world.settle(Promise.all(Array.from({ length: 50 }, () => client.send("henderson", "halo"))));
  assert.equal(new Set(sent.map(({ key }) => key)).size, 50);
  assert.ok(sent.every(({ key }) => /^[0-9a-f]{32}$/.test(key)));
});
