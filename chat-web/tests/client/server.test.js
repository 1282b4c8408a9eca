// The client against a real server, through a proxy that breaks connections at random. It starts the program that
// CHAT_SERVER names, or uses a server with the users of `--demo`:
//
//     CHAT_WEB_URL=ws://127.0.0.1:8080/ws node --test tests/client/server.test.js

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, test } from "node:test";

import WebSocket from "ws";

import { ChatClient } from "../../client.js";
import { Server } from "../browser/support.js";
import { collect, randomFrom } from "./fake.js";

const server = process.env.CHAT_SERVER ? await new Server().start() : undefined;
const address = server ? `ws://${server.web}/ws` : process.env.CHAT_WEB_URL;
const skip = !address && "neither CHAT_SERVER nor CHAT_WEB_URL is set";
after(() => server?.close());

/**
 * A proxy that breaks each of its connections after so many bytes.
 *
 * @param {URL} target
 * @param {() => number} lifetime
 */
async function breakingProxy(target, lifetime) {
  let connections = 0;
  const proxy = net.createServer((near) => {
    connections++;
    const far = net.connect(Number(target.port), target.hostname);
    let left = lifetime();
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on("data", (/** @type {any} */ data) => {
        // What was on its way before the connection broke has come, however much is in a packet.
        to.write(data.subarray(0, Math.max(0, left)));
        left -= data.length;
        if (left < 0) {
          to.end(() => near.destroy());
          from.destroy();
        }
      });
      from.on("close", () => to.end());
      from.on("error", () => to.end());
    }
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const { port } = /** @type {net.AddressInfo} */ (proxy.address());
  return { url: `ws://127.0.0.1:${port}${target.pathname}`, connections: () => connections, close: () => proxy.close() };
}

/**
 * The next event of a type.
 *
 * @param {AsyncIterableIterator<any>} events
 * @param {(event: any) => boolean} isWanted
 */
async function next(events, isWanted) {
  for (;;) {
    const { value, done } = await events.next();
    if (done || isWanted(value)) {
      return value;
    }
  }
}

test("two people talk over connections that break", { skip, timeout: 60_000 }, async (t) => {
  const random = randomFrom(14);
  // Logging in is not repeated, so the first connection of each has to live that long.
  let spared = 2;
  const proxy = await breakingProxy(new URL(address ?? ""), () => (spared-- > 0 ? 6_000 : 1_000 + 40_000 * random()));
  /** @type {ChatClient[]} */
  const clients = [];
  t.after(() => {
    clients.forEach((client) => client.close());
    proxy.close();
  });

  // No wait is long here.
  const soon = (/** @type {() => void} */ callback, /** @type {number} */ ms) => setTimeout(callback, ms / 50);
  const options = { WebSocket, setTimeout: soon, random: () => 0 };
  const run = Math.random().toString(36).slice(2);
  const count = 300;
  /** @type {{ user: string, client: ChatClient, events: AsyncIterableIterator<any> }[]} */
  const people = [];
  for (const user of ["messi", "henderson"]) {
    const client = new ChatClient(proxy.url, options);
    clients.push(client);
    const events = client.events();
    await client.login(user, "surabaya");
    await client.subscribe();
    people.push({ user, client, events });
  }
  const talks = people.map(async ({ user, client, events }, index) => {
    const own = Array.from({ length: count }, (_, number) => `${run} ${user} ${number}`);
    const sent = Promise.all(own.map((text) => client.send(people[1 - index].user, text)));
    /** @type {any[]} */
    const messages = [];
    while (messages.length < 2 * count) {
      messages.push(await next(events, ({ type, text }) => type === "message" && text.startsWith(run)));
    }
    const ids = (await sent).map(({ id }) => id);
    assert.deepEqual(messages.filter(({ from }) => from === user).map(({ id }) => id), ids);
    return { own, ids, seen: messages.map(({ text }) => text) };
  });
  const [messi, henderson] = await Promise.all(talks);
  assert.deepEqual(messi.seen, henderson.seen);
  for (const { own, ids } of [messi, henderson]) {
    assert.deepEqual(messi.seen.filter((text) => own.includes(text)), own);
    assert.deepEqual(ids, [...ids].sort((a, b) => a - b));
  }
  assert.equal(messi.seen.length, 2 * count);
  assert.ok(proxy.connections() > 6, `${proxy.connections()} connections`);
});

test("logout ends the session on the server", { skip, timeout: 60_000 }, async (t) => {
  const client = new ChatClient(address ?? "", { WebSocket });
  t.after(() => client.close());
  const seen = collect(client);
  const { token } = await client.login("lineker", "surabaya");
  await client.logout();
  assert.deepEqual(seen.of("signedout"), ["signedout: logout"]);
  await assert.rejects(client.resume(token), { code: "no_such_session" });
  // The `closed` of the session that was logged out does not end the new one.
  const session = await client.login("lineker", "surabaya");
  await client.call("conversations");
  assert.equal(client.session, session);
  assert.deepEqual(seen.of("signedout"), ["signedout: logout", "signedout: no_such_session"]);
});
