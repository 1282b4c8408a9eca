// Whatever is called in whatever order, and wherever the connection breaks: every promise is settled, no message is sent twice or as
// somebody else, and in the end client and server agree on who is logged in.

import assert from "node:assert/strict";
import { test } from "node:test";

import { World, outcome, randomFrom } from "./fake.js";

const USERS = ["messi", "henderson", "lineker"];

/** @param {number} seed */
async function anything(seed) {
  const random = randomFrom(seed);
  const pick = (/** @type {any[]} */ of) => of[Math.floor(random() * of.length)];
  const world = new World();
  const client = world.client({ random });
  const share = 0.1 * random();
  world.breaks = () => random() < share;
  let pending = 0;
  let count = 0;
  /** The last call of `resume`, until it is settled. @type {{ user: string } | null} */
  let resuming = null;
  /** Messages, with who was logged in when they were sent. @type {{ text: string, user: string | undefined, code: string | null, id?: number }[]} */
  const letters = [];
  /** @type {Set<string>} */
  const loggedOut = new Set();

  const follow = (/** @type {Promise<any>} */ promise) => {
    pending++;
    return outcome(promise).finally(() => pending--);
  };
  /** @type {(() => void)[]} */
  const actions = [
    () => {
      const user = pick(USERS);
      const password = random() < 0.8 ? "surabaya" : "wrong";
      follow(client.login(user, password));
    },
    () => {
      // A token that nothing else uses.
      const token = `t${++count}`;
      const user = pick(USERS);
      if (random() < 0.8) {
        world.server.sessions.set(token, { token, user });
      }
      const call = { user };
      resuming = call;
      follow(client.resume(token)).then(() => resuming === call && (resuming = null));
    },
    () => {
      const token = client.session?.token;
      token && loggedOut.add(token);
      follow(client.logout());
    },
    () => {
      const letter = { text: `${++count}`, user: client.session?.user ?? resuming?.user, code: /** @type {string | null} */ (null), id: 0 };
      letters.push(letter);
      const sent = client.send("pele", letter.text);
      sent.then(({ id }) => (letter.id = id)).catch(() => {});
      follow(sent).then((code) => (letter.code = code));
    },
    () => void follow(client.subscribe(pick([undefined, 0]))),
    () => void follow(client.unsubscribe()),
    () => void follow(client.call(pick(["users", "conversations", "typing"]))),
    () => client.retryNow(),
    () => world.socket.break(pick([1001, 1006, 1013])),
    () => (world.isReachable = random() < 0.7),
    () => world.server.event("lagged", {}),
    () => world.server.post("pele", "hi"),
    () => {
      world.server.event("closed", { reason: "session_ended" });
      world.server.endSessions();
    },
  ];
  for (let step = 0; step < 40; step++) {
    pick(actions)();
    await world.pass(pick([0, 0, 1, 3, 10, 2000]));
  }

  world.breaks = () => false;
  world.isReachable = true;
  await world.pass(300_000);
  assert.equal(pending, 0, "promises are left");
  assert.equal(client.state, "online");
  assert.equal(world.server.sockets.size, 1);
  assert.equal(world.socket.session?.token, client.session?.token);
  assert.ok(!client.session || world.server.sessions.has(client.session.token));
  for (const token of loggedOut) {
    assert.ok(!world.server.sessions.has(token), "a session was not logged out");
  }
  for (const { text, user, code, id } of letters) {
    const stored = world.server.messages.filter((message) => message.text === text);
    assert.ok(stored.length <= 1, "a message was sent twice");
    assert.ok(code !== "none" || stored[0]?.id === id, "a message was lost");
    assert.ok(stored.every(({ from }) => from === user), "a message was sent as somebody else");
  }
  client.close();
  await world.pass(1);
  assert.equal(world.timers, 0);
}

test("anything may be called at any time", async () => {
  for (let seed = 0; seed < 200; seed++) {
    try {
      await anything(seed);
    } catch (error) {
      throw new Error(`with seed ${seed}: ${/** @type {Error} */ (error).message}`, { cause: error });
    }
  }
});
