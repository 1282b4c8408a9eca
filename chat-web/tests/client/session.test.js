// Logging in and out, resuming, and what happens when a session ends.

import assert from "node:assert/strict";
import { test } from "node:test";

import { World, collect, outcome } from "./fake.js";

/** A client that is logged in, subscribed, and online. */
async function online() {
  const world = new World();
  const client = world.client();
  const seen = collect(client);
  await world.settle(client.login("messi", "surabaya"));
  await world.settle(client.subscribe());
  return { world, client, seen };
}

/** @param {World} world */
const methods = (world) => world.socket.requests.map(({ method }) => method);

test("login waits for the first connection", async () => {
  const world = new World();
  const client = world.client();
  assert.equal(client.state, "connecting");
  const session = await world.settle(client.login("messi", "surabaya"));
  assert.deepEqual(session, { user: "messi", name: "messi", token: "token 1", epoch: "one" });
  assert.equal(client.session, session);
  assert.equal(client.state, "online");
  assert.equal(client.server?.registration, true);
});

test("register logs in", async () => {
  const world = new World();
  const client = world.client();
  await world.settle(client.register({ user: "pele", password: "surabaya", name: "Pelé", invitation: "00" }));
  assert.equal(client.session?.user, "pele");
  assert.deepEqual(world.socket.requests.at(-1).params, { user: "pele", password: "surabaya", name: "Pelé", invitation: "00" });
});

test("a login that is refused leaves the session as it was", async () => {
  const { world, client, seen } = await online();
  const { session } = client;
  const refused = outcome(client.login("henderson", "wrong"));
  // This waits, so that it cannot go out as henderson's.
  const sent = client.send("lineker", "halo");
  assert.equal(await world.settle(refused), "wrong_password");
  await world.settle(sent);
  assert.equal(client.session, session);
  await world.until(() => seen.texts().length === 1);
  assert.deepEqual(methods(world), ["server", "login", "subscribe", "login", "send"]);
});

test("login without a server is rejected, and tries at once", async () => {
  const world = new World();
  world.isReachable = false;
  const client = world.client();
  assert.equal(await world.refusal(client.login("messi", "surabaya")), "disconnected");
  assert.equal(client.state, "offline");
  world.isReachable = true;
  const { time } = world;
  await world.settle(client.login("messi", "surabaya"));
  assert.ok(world.time < time + 100);
});

test("a login whose answer is lost is rejected, and not repeated", async () => {
  const world = new World();
  const client = world.client();
  world.server.answer = (method) => (method === "login" ? world.socket.break() ?? null : undefined);
  const rejected = assert.rejects(client.login("messi", "surabaya"), { code: "disconnected", data: { sent: true } });
  await world.settle(rejected);
  await world.pass(10_000);
  assert.equal(client.session, null);
  assert.ok(!methods(world).includes("login"));
});

test("resume waits until there is a server", async () => {
  const world = new World();
  world.server.sessions.set("t", { token: "t", user: "messi" });
  world.isReachable = false;
  const client = world.client();
  const resumed = client.resume("t");
  const sent = client.send("henderson", "halo");
  await world.pass(100_000);
  assert.equal(client.session, null);
  world.isReachable = true;
  assert.equal((await world.settle(resumed)).user, "messi");
  await world.settle(sent);
});

test("resume goes on when the server is busy, and not when the token is useless", async () => {
  const world = new World();
  world.server.sessions.set("t", { token: "t", user: "messi" });
  let refusals = 3;
  world.server.answer = (method) => (method === "resume" && refusals-- > 0 ? "storage" : undefined);
  const client = world.client();
  const seen = collect(client);
  await world.settle(client.resume("t"));
  assert.equal(world.sockets.length, 4);

  for (const code of ["no_such_session", "banned"]) {
    world.server.answer = (method) => (method === "resume" ? code : undefined);
    assert.equal(await world.refusal(client.resume("u")), code);
    assert.equal(client.session, null);
    assert.equal(client.state, "online");
  }
  assert.deepEqual(seen.of("signedout"), ["signedout: no_such_session", "signedout: banned"]);
});

test("resume that is refused leaves no other session bound", async () => {
  const { world, client } = await online();
  assert.equal(await world.refusal(client.resume("t")), "no_such_session");
  // The link was bound to the session of messi, who would go on reading here.
  assert.equal(await world.refusal(client.call("conversations")), "no_such_session");
});

test("resume that is refused rejects what waits for it", async () => {
  const world = new World();
  const client = world.client();
  const waiting = [client.resume("t"), client.send("henderson", "halo"), client.subscribe()].map(outcome);
  assert.deepEqual(await world.settle(Promise.all(waiting)), ["no_such_session", "no_such_session", "no_such_session"]);
});

test("a session that ended while offline signs out, and rejects what waits", async () => {
  for (const code of ["no_such_session", "banned"]) {
    const { world, client, seen } = await online();
    world.socket.break();
    await world.until(() => client.state === "offline");
    const sent = outcome(client.send("henderson", "halo"));
    world.server.answer = (method) => (method === "resume" ? code : undefined);
    assert.equal(await world.settle(sent), "no_such_session");
    assert.equal(client.session, null);
    await world.until(() => client.state === "online");
    assert.deepEqual(seen.of("state", "signedout").slice(1), ["offline", "connecting", `signedout: ${code}`, "online"]);
    assert.equal(await world.refusal(client.send("henderson", "halo")), "no_such_session");
    assert.equal(await world.refusal(client.subscribe()), "no_such_session");
  }
});

test("`closed` signs out if the session ended, and not if the server stops", async () => {
  const { world, client, seen } = await online();
  world.server.event("closed", { reason: "server_stopping" });
  world.server.event("closed", { reason: "something_new" });
  await world.pass(10);
  assert.notEqual(client.session, null);
  world.server.event("closed", { reason: "session_ended" });
  await world.until(() => client.session === null);
  assert.deepEqual(seen.of("signedout", "closed"), ["signedout: session_ended"]);
});

test("a call or message that is refused with no_such_session signs out, once", async () => {
  for (const doIt of [
    (/** @type {any} */ client) => client.call("conversations"),
    (/** @type {any} */ client) => client.send("henderson", "halo"),
    (/** @type {any} */ client) => client.subscribe(0),
  ]) {
    const { world, client, seen } = await online();
    world.server.endSessions();
    const refused = [doIt(client), doIt(client)].map(outcome);
    assert.ok((await world.settle(Promise.all(refused))).includes("no_such_session"));
    assert.deepEqual(seen.of("signedout"), ["signedout: no_such_session"]);
    assert.equal(client.session, null);
  }
});

test("the refusal of another session's name does not sign out", async () => {
  const { world, client } = await online();
  world.server.answer = (method) => (method === "session.end" ? "no_such_session" : undefined);
  assert.equal(await world.refusal(client.call("session.end", { session: "x" })), "no_such_session");
  assert.notEqual(client.session, null);
});

test("logout ends the session on the server, and goes on with a new connection", async () => {
  const { world, client, seen } = await online();
  const out = client.logout();
  assert.equal(client.session, null);
  await world.settle(out);
  assert.equal(world.server.sessions.size, 0);
  const session = await world.settle(client.login("henderson", "surabaya"));
  // The `closed` of the old session must not be taken for one of the new one.
  await world.pass(100);
  assert.equal(client.session, session);
  assert.equal(world.sockets.length, 2);
  assert.deepEqual(seen.of("signedout"), ["signedout: logout"]);
});

test("a login right after logout is not rejected", async () => {
  const { world, client } = await online();
  client.logout();
  const session = await world.settle(client.login("henderson", "surabaya"));
  assert.equal(session.user, "henderson");
  await world.pass(100);
  assert.deepEqual([...world.server.sessions.values()].map(({ user }) => user), ["henderson"]);
});

test("logout while offline tells the server later, before anything else", async () => {
  const { world, client } = await online();
  world.isReachable = false;
  world.socket.break();
  await world.until(() => client.state === "offline");
  const sent = outcome(client.send("henderson", "halo"));
  await world.settle(client.logout());
  assert.equal(await world.settle(sent), "cancelled");
  assert.equal(client.session, null);
  assert.equal(world.server.sessions.size, 1);
  world.isReachable = true;
  await world.until(() => world.server.sessions.size === 0);
  await world.until(() => client.state === "online");
  assert.deepEqual(methods(world), ["server"]);
  await world.settle(client.login("henderson", "surabaya"));
});

test("logout while offline ends its own session, and not the next one", async () => {
  const { world, client } = await online();
  world.server.sessions.set("h", { token: "h", user: "henderson" });
  world.socket.break();
  await world.until(() => client.state === "offline");
  client.logout();
  await world.settle(client.resume("h"));
  assert.deepEqual([...world.server.sessions.keys()], ["h"]);
});

test("a logout is repeated wherever the connection breaks", async () => {
  for (let at = 0; at < 12; at++) {
    const { world, client } = await online();
    const end = world.frames + at;
    let isBroken = false;
    world.breaks = () => !isBroken && world.frames >= end && (isBroken = true);
    await world.settle(client.logout());
    await world.until(() => world.server.sessions.size === 0 && client.state === "online");
    await world.pass(60_000);
    assert.equal(client.session, null);
  }
});

test("logout in the middle of a reconnect", async () => {
  const { world, client } = await online();
  world.socket.break();
  await world.until(() => world.sockets.length === 2 && methods(world).includes("resume"));
  await world.settle(client.logout());
  await world.until(() => world.server.sessions.size === 0);
  await world.until(() => client.state === "online");
  assert.equal(client.session, null);
});

test("what one user has left waiting is not sent as another", async () => {
  const { world, client } = await online();
  world.isReachable = false;
  world.socket.break();
  await world.until(() => client.state === "offline");
  const sent = outcome(client.send("lineker", "from messi"));
  world.isReachable = true;
  client.retryNow();
  const called = outcome(client.call("typing", { with: "lineker" }));
  world.server.sessions.set("h", { token: "h", user: "henderson" });
  const resumed = client.resume("h");
  await world.settle(resumed);
  assert.deepEqual(await world.settle(Promise.all([sent, called])), ["cancelled", "cancelled"]);
  assert.deepEqual(world.server.messages, []);
});

test("resume during another login takes its place", async () => {
  const { world, client } = await online();
  world.server.sessions.set("h", { token: "h", user: "henderson" });
  const login = outcome(client.login("lineker", "surabaya"));
  const resumed = client.resume("h");
  assert.equal((await world.settle(resumed)).user, "henderson");
  assert.equal(await world.settle(login), "disconnected");
  await world.pass(1000);
  assert.equal(client.session?.user, "henderson");
});

test("a new epoch resets the ids, and everything is replayed", async () => {
  const { world, client, seen } = await online();
  for (const text of ["one", "two", "three"]) {
    world.server.post("henderson", text);
  }
  await world.until(() => seen.texts().length === 3);
  world.socket.break();
  world.server.restore("two");
  world.server.store("henderson", "new");
  await world.until(() => seen.texts().length === 4);
  assert.deepEqual(seen.of("reset", "state", "message").slice(4), ["offline", "connecting", "reset", "online", "message"]);
  assert.equal(seen.texts().at(-1), "new");
  assert.equal(client.session?.epoch, "two");
});

test("the same epoch resets nothing", async () => {
  const { world, client, seen } = await online();
  world.socket.break();
  await world.until(() => client.state === "offline");
  await world.until(() => client.state === "online");
  assert.deepEqual(seen.of("reset"), []);
});
