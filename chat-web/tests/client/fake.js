// A world for the client without a network: a clock that only moves when told, and a server that keeps messages as the real one
// does. Frames take a millisecond, and each of them can be the one at which the connection breaks.

import { ChatClient } from "../../client.js";

/** @import { ChatEvent, Message, Options } from "../../client/protocol.js" */

/** Random numbers from a seed (mulberry32). @param {number} seed */
export function randomFrom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class World {
  time = 1_000_000;
  /** How wrong the client's clock is. */
  skew = 0;
  /** Frames that came through so far. */
  frames = 0;
  /** Whether the connection breaks instead of passing on the next frame. @type {() => boolean} */
  breaks = () => false;
  /** Whether connections can be made. */
  isReachable = true;
  /** The servers that are gone, by their URLs. @type {Set<string>} */
  gone = new Set();
  /** What sockets were made, the last one last. @type {FakeSocket[]} */
  sockets = [];
  server = new FakeServer();
  /** @type {{ at: number, callback: () => void }[]} */
  #timers = [];

  /** @param {Options} [options] @param {string | string[]} [url] @returns {ChatClient} */
  client(options = {}, url = "ws://fake/ws") {
    const world = this;
    let keys = 0;
    return new ChatClient(url, {
      WebSocket: class extends FakeSocket {
        /** @param {string} url */
        constructor(url) {
          super(url, world);
        }
      },
      now: () => this.time + this.skew,
      random: () => 0,
      newKey: () => `key ${++keys}`,
      setTimeout: (callback, ms) => this.after(ms, callback),
      clearTimeout: (timer) => this.cancel(timer),
      ...options,
    });
  }

  /** @returns {FakeSocket} */
  get socket() {
    return /** @type {FakeSocket} */ (this.sockets.at(-1));
  }

  /** @param {number} ms @param {() => void} callback */
  after(ms, callback) {
    const timer = { at: this.time + ms, callback };
    this.#timers.push(timer);
    return timer;
  }

  /** @param {any} timer */
  cancel(timer) {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }

  get timers() {
    return this.#timers.length;
  }

  /**
   * Lets time pass until something is the case, at most a day.
   *
   * @param {() => unknown} condition
   */
  async until(condition) {
    const end = this.time + 86_400_000;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (condition()) {
        return;
      }
      const next = this.#next();
      if (!next || next.at > end) {
        throw new Error(next ? "it did not happen in a day" : "nothing happens any more");
      }
      this.#run(next);
    }
  }

  /** @param {number} ms */
  async pass(ms) {
    const end = this.time + ms;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = this.#next();
      if (!next || next.at > end) {
        this.time = end;
        return;
      }
      this.#run(next);
    }
  }

  /**
   * Lets time pass until a promise is settled.
   *
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>}
   */
  async settle(promise) {
    let isSettled = false;
    promise.catch(() => {}).finally(() => (isSettled = true));
    await this.until(() => isSettled);
    return promise;
  }

  /** The code that a promise is rejected with. @param {Promise<any>} promise @returns {Promise<string>} */
  async refusal(promise) {
    return this.settle(outcome(promise));
  }

  #next() {
    return this.#timers.reduce((/** @type {any} */ first, timer) => (first && first.at <= timer.at ? first : timer), undefined);
  }

  /** @param {{ at: number, callback: () => void }} timer */
  #run(timer) {
    this.cancel(timer);
    this.time = Math.max(this.time, timer.at);
    timer.callback();
  }
}

/** The code that a promise is rejected with, or `none`. @param {Promise<any>} promise @returns {Promise<string>} */
export function outcome(promise) {
  return promise.then(
    () => "none",
    (error) => error.code ?? error.name,
  );
}

class FakeSocket {
  /** @type {((event: any) => void) | null} */
  onopen = null;
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {((event: any) => void) | null} */
  onclose = null;
  /** @type {((event: any) => void) | null} */
  onerror = null;
  isUp = true;
  /** The client has closed it, and the server does not know yet. */
  isClosing = false;
  /** The requests that came to the server. @type {any[]} */
  requests = [];
  /** What the server knows of the connection. @type {{ token: string, user: string } | null} */
  session = null;
  isSubscribed = false;

  /** @param {string} url @param {World} world */
  constructor(url, world) {
    this.url = url;
    this.world = world;
    world.sockets.push(this);
    world.after(1, () => {
      if (this.isUp && world.isReachable && !world.gone.has(url)) {
        world.server.sockets.add(this);
        this.onopen?.({});
      } else {
        this.break();
      }
    });
  }

  /** @param {string} text */
  send(text) {
    this.#pass(() => {
      const request = JSON.parse(text);
      this.requests.push(request);
      this.world.server.receive(this, request);
    });
  }

  /** @param {object} frame */
  deliver(frame) {
    this.#pass(() => this.onmessage?.({ data: JSON.stringify(frame) }), true);
  }

  close() {
    // What is on its way to the client still comes, as it does in browsers.
    this.isClosing = this.isUp;
    this.break(1000);
  }

  /** Breaks the connection: what is on its way is lost. @param {number} [code] */
  break(code = 1006) {
    this.isUp = false;
    this.world.server.sockets.delete(this);
    this.world.after(1, () => {
      this.onerror?.({});
      this.onclose?.({ code });
    });
  }

  /** @param {() => void} arrive @param {boolean} [toClient] */
  #pass(arrive, toClient = false) {
    this.world.after(1, () => {
      if (this.isUp && this.world.breaks()) {
        this.break();
      } else if (this.isUp || (toClient && this.isClosing)) {
        this.world.frames++;
        arrive();
      }
    });
  }
}

/** Knows one conversation, between whoever is logged in and everyone else. */
class FakeServer {
  epoch = "one";
  /** @type {Message[]} */
  messages = [];
  /** @type {Set<FakeSocket>} */
  sockets = new Set();
  /** @type {Map<string, { token: string, user: string }>} */
  sessions = new Map();
  limits = { line_bytes: 1000 };
  /** Answers a request in place of the server: a result, an error by its word, `null` for silence; or undefined to leave it. */
  answer = (/** @type {string} */ method, /** @type {any} */ params) => /** @type {any} */ (undefined);
  /** Ids have gaps, as real ones do. */
  #lastId = 0;
  #logins = 0;

  /** @param {FakeSocket} socket @param {any} request */
  receive(socket, { id, method, params }) {
    const answer = this.answer(method, params);
    const result = answer === undefined ? this.#result(socket, method, params) : answer;
    if (result === null) {
      return;
    }
    if (typeof result === "string") {
      return socket.deliver({ jsonrpc: "2.0", id, error: { code: 1, message: result, data: { code: result } } });
    }
    socket.deliver({ jsonrpc: "2.0", id, result });
    this.#after(socket, method, params);
  }

  /** @param {string} name @param {object} params */
  event(name, params) {
    for (const socket of this.sockets) {
      if (socket.isSubscribed || name === "closed") {
        socket.deliver({ jsonrpc: "2.0", method: name, params });
      }
    }
  }

  /** Somebody sends a message. @param {string} from @param {string} text @param {string} [key] */
  store(from, text, key) {
    this.#lastId += 1 + (this.#lastId % 3);
    const message = { id: this.#lastId, with: "other", from, name: from, text, time: 0, ...(key && { key }) };
    this.messages.push(message);
    return message;
  }

  /** Somebody sends a message, and everybody is told. @param {string} from @param {string} text */
  post(from, text) {
    this.event("message", this.store(from, text));
  }

  /** Ends all sessions. */
  endSessions() {
    this.sessions.clear();
    this.sockets.forEach((socket) => (socket.session = null));
  }

  /** Replaces the data by that of a backup without messages. @param {string} epoch */
  restore(epoch) {
    this.epoch = epoch;
    this.messages = [];
    this.#lastId = 0;
  }

  /** @param {FakeSocket} socket @param {string} method @param {any} params @returns {any} */
  #result(socket, method, params) {
    switch (method) {
      case "server":
        return { version: "2", registration: true, invitation: false, limits: this.limits };
      case "ping":
        return {};
      case "login":
      case "register": {
        if (params.password !== "surabaya") {
          return "wrong_password";
        }
        const session = { token: `token ${++this.#logins}`, user: params.user };
        this.sessions.set(session.token, session);
        return this.#bind(socket, session);
      }
      case "resume": {
        const session = this.sessions.get(params.token);
        return session ? this.#bind(socket, session) : "no_such_session";
      }
    }
    if (!socket.session || !this.sessions.has(socket.session.token)) {
      return "no_such_session";
    }
    switch (method) {
      case "send":
        return this.#send(socket.session.user, params);
      case "subscribe":
        return { next: params?.after ?? this.#lastId };
      case "conversations":
        return { conversations: [], more: false };
      case "typing":
      case "unsubscribe":
      case "logout":
        return {};
    }
    return "no_such_method";
  }

  /** What comes after the answer. @param {FakeSocket} socket @param {string} method @param {any} params */
  #after(socket, method, params) {
    if (method === "logout") {
      this.sessions.delete(/** @type {any} */ (socket.session).token);
      socket.session = null;
      socket.isSubscribed = false;
      socket.deliver({ jsonrpc: "2.0", method: "closed", params: { reason: "session_ended" } });
    } else if (method === "subscribe") {
      socket.isSubscribed = true;
      for (const message of this.messages.filter(({ id }) => id > (params?.after ?? Infinity))) {
        socket.deliver({ jsonrpc: "2.0", method: "message", params: message });
      }
    } else if (method === "unsubscribe") {
      socket.isSubscribed = false;
    } else if (this.#isNew) {
      this.#isNew = false;
      this.event("message", /** @type {Message} */ (this.messages.at(-1)));
    }
  }

  #isNew = false;

  /** @param {string} from @param {any} params */
  #send(from, { text, key }) {
    const former = this.messages.find((message) => message.key === key && key !== undefined);
    this.#isNew = !former;
    const { id, time } = former ?? this.store(from, text, key);
    return { id, time };
  }

  /** @param {FakeSocket} socket @param {{ token: string, user: string }} session */
  #bind(socket, session) {
    socket.session = session;
    socket.isSubscribed = false;
    return { ...session, name: session.user, epoch: this.epoch };
  }
}

/**
 * Collects what an iterator gives.
 *
 * @param {ChatClient} client
 */
export function collect(client) {
  /** @type {ChatEvent[]} */
  const events = [];
  const iterator = client.events();
  const done = (async () => {
    for await (const event of iterator) {
      events.push(event);
    }
  })();
  return {
    events,
    iterator,
    done,
    /** The texts of the messages. */
    texts: () => events.flatMap((event) => (event.type === "message" ? [event.text] : [])),
    /** The events of some types, as text. @param {string[]} types */
    of: (...types) =>
      events.flatMap((event) => {
        if (!types.includes(event.type)) {
          return [];
        }
        return [event.type === "state" ? event.state : event.type === "signedout" ? `signedout: ${event.reason}` : event.type];
      }),
  };
}
