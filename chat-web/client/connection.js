// One link to the server after another. A `Link` is one WebSocket, with requests and their answers, which come in the same order, and
// events between them. It notices when the peer has gone silent. A `Connector` makes a new one when it is down, after a time that
// `Backoff` tells. What they need of their surroundings is in `environment`. Nothing here knows of sessions.

import { ChatError, disconnected } from "./error.js";

/** @import { ConnectorHandlers, Done, Env, LinkHandlers, Options, Socket, State, StateEvent } from "./protocol.js" */

export class Connector {
  /** @type {State} */
  state = "connecting";
  /** When the next attempt is due, while `state` is `offline`. @type {number | undefined} */
  retryAt = undefined;
  /** @type {Link | null} */
  link = null;
  #urls;
  /** Which is next. Clients begin anywhere. */
  #next;
  #env;
  #handlers;
  #backoff;
  /** When the link was first ready; null if it was not. @type {number | null} */
  #readySince = null;
  /** @type {any} */
  #timer;

  /**
   * @param {string[]} urls of servers of the same chat
   * @param {Env} env
   * @param {ConnectorHandlers} handlers
   */
  constructor(urls, env, handlers) {
    this.#urls = urls;
    this.#next = urls.length > 1 ? Math.floor(env.random() * urls.length) : 0;
    this.#env = env;
    this.#handlers = handlers;
    this.#backoff = new Backoff(env.random, urls.length);
  }

  /** Whether there are other servers. */
  get hasOthers() {
    return this.#urls.length > 1;
  }

  /** Connects at once, to the next server, and gives up the link that there is. */
  connect() {
    this.#leave();
    this.#change({ type: "state", state: "connecting" });
    this.#readySince = null;
    const url = /** @type {string} */ (this.#urls[this.#next++ % this.#urls.length]);
    const handlers = {
      onOpen: () => this.#handlers.onOpen(link),
      onEvent: this.#handlers.onEvent,
      onDown: (/** @type {number} */ code) => this.#wait(code),
    };
    const link = new Link(url, this.#env, handlers, this.hasOthers ? CHECK_TIMEOUT : CONNECT_TIMEOUT);
    this.link = link;
  }

  /** The link can be used. */
  ready() {
    this.#readySince ??= this.#env.now();
    this.#change({ type: "state", state: "online" });
  }

  /** Gives up the link, and connects again after a while. */
  giveUp() {
    this.#leave();
    this.#wait(undefined);
  }

  retryNow() {
    if (this.state === "offline") {
      this.connect();
    } else {
      this.link?.check();
    }
  }

  close() {
    this.#leave();
    this.#change({ type: "state", state: "closed" });
  }

  #leave() {
    this.#env.clearTimeout(this.#timer);
    const link = this.link;
    this.link = null;
    if (link) {
      link.close();
      this.#handlers.onDown();
    }
  }

  /** @param {number | undefined} code why the link was closed */
  #wait(code) {
    const wasUp = this.link !== null;
    const now = this.#env.now();
    const delay = this.#backoff.next(this.#readySince === null ? 0 : now - this.#readySince, code);
    this.#readySince = null;
    this.link = null;
    if (wasUp) {
      this.#handlers.onDown();
    }
    this.#timer = this.#env.setTimeout(() => this.connect(), delay);
    this.#change({ type: "state", state: "offline", retryAt: now + delay, code });
  }

  /** @param {StateEvent} event */
  #change(event) {
    if (event.state !== this.state || event.state === "offline") {
      this.state = event.state;
      this.retryAt = event.retryAt;
      this.#handlers.onState(event);
    }
  }
}

/** The longest time of the first attempt and of all. Half of it is random. */
const FIRST = 1_000;
const LONGEST = 30_000;
/** After a connection that lasted as long, attempts are counted anew. */
const STABLE = 10_000;
/** Close codes that ask for patience: refused, and try again later. The first attempt waits for 4 s. */
const NOT_SO_FAST = new Set([1008, 1013]);
const PATIENT_ATTEMPT = 3;

export class Backoff {
  #random;
  #servers;
  #attempt = 0;

  /** @param {() => number} random @param {number} [servers] which are tried before waits double */
  constructor(random, servers = 1) {
    this.#random = random;
    this.#servers = servers;
  }

  /**
   * The time to wait in ms.
   *
   * @param {number} lasted how long the connection was up
   * @param {number | undefined} code why it was closed
   */
  next(lasted, code) {
    if (lasted >= STABLE) {
      this.#attempt = 0;
    }
    if (code !== undefined && NOT_SO_FAST.has(code)) {
      this.#attempt = Math.max(this.#attempt, PATIENT_ATTEMPT * this.#servers);
    }
    const longest = Math.min(LONGEST, FIRST * 2 ** Math.floor(this.#attempt++ / this.#servers));
    return Math.round((longest * (1 + this.#random())) / 2);
  }
}

/** How long connecting may take. */
const CONNECT_TIMEOUT = 15_000;
/** After this time without a frame comes a `ping`; after as much without an answer, the link is down. Proxies often give it 60 s. */
const SILENCE = 25_000;
/** The same for an answer when `check` asks for it, and to connect if there are other servers. */
const CHECK_TIMEOUT = 5_000;

/** Close codes of WebSocket (RFC 6455). */
const CLOSE_NORMAL = 1000;
const CLOSE_PROTOCOL_ERROR = 1002;
const CLOSE_ABNORMAL = 1006;
const CLOSE_TOO_LARGE = 1009;

export class Link {
  /** The largest request in bytes that the server takes, its line end included; known once it has told. */
  lineBytes = Infinity;
  #env;
  #onOpen;
  #onEvent;
  #onDown;
  /** @type {Socket} */
  #socket;
  /** Requests without an answer, the oldest first. @type {Map<number, { length: number, done: Done }>} */
  #pending = new Map();
  #lastId = 0;
  #isOpen = false;
  #isDown = false;
  /** The time of the last frame; or of the request since which an answer is due. */
  #heard;
  #patience = SILENCE;
  /** @type {any} */
  #timer;

  /**
   * @param {string} url
   * @param {Env} env
   * @param {LinkHandlers} handlers
   * @param {number} timeout how long connecting may take
   */
  constructor(url, env, { onOpen, onEvent, onDown }, timeout) {
    this.#env = env;
    this.#onOpen = onOpen;
    this.#onEvent = onEvent;
    this.#onDown = onDown;
    this.#heard = env.now();
    this.#socket = new env.WebSocket(url);
    this.#socket.onopen = () => this.#open();
    this.#socket.onmessage = (event) => this.#receive(event.data);
    this.#socket.onclose = (event) => this.#fail(event.code ?? CLOSE_ABNORMAL);
    // `close` follows, and tells more.
    this.#socket.onerror = () => {};
    this.#timer = env.setTimeout(() => this.#fail(CLOSE_ABNORMAL), timeout);
  }

  /**
   * Sends a request. `done` is called once: with the answer, or with `disconnected` when the link goes down.
   *
   * @param {string} method
   * @param {object | undefined} params
   * @param {Done} done
   */
  request(method, params, done) {
    if (this.#isDown) {
      return done(disconnected(false));
    }
    const id = ++this.#lastId;
    let text;
    try {
      text = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    } catch (/** @type {any} */ error) {
      return done(error); // it is no JSON
    }
    if (isLonger(text, this.lineBytes - 1)) {
      return done(tooLong(this.lineBytes));
    }
    if (this.#pending.size === 0) {
      this.#heard = this.#env.now();
    }
    this.#pending.set(id, { length: text.length, done });
    this.#socket.send(text);
  }

  /** Has the server answer soon, or the link go down. */
  check() {
    if (this.#isOpen && !this.#isDown) {
      this.#patience = CHECK_TIMEOUT;
      this.#heard = this.#env.now();
      this.request("ping", undefined, () => {});
      this.#watch(CHECK_TIMEOUT);
    }
  }

  /** Closes the connection. `onDown` is not called. */
  close() {
    this.#onDown = () => {};
    this.#fail(CLOSE_NORMAL);
  }

  #open() {
    this.#isOpen = true;
    this.#heard = this.#env.now();
    this.#watch(SILENCE);
    this.#onOpen();
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#heard = this.#env.now();
    this.#patience = SILENCE;
    const frame = parse(data);
    if (typeof frame?.method === "string") {
      this.#onEvent(frame.method, frame.params ?? {});
    } else if (frame && (frame.result !== undefined || frame.error)) {
      this.#answer(frame);
    } else {
      this.#fail(CLOSE_PROTOCOL_ERROR);
    }
  }

  /** @param {any} frame */
  #answer({ id, result, error }) {
    const [oldest] = this.#pending.keys();
    // A request whose id the server could not read is answered in its turn, with null.
    if (oldest === undefined || (id !== null && id !== oldest)) {
      return this.#fail(CLOSE_PROTOCOL_ERROR);
    }
    const { done } = /** @type {{ done: Done }} */ (this.#pending.get(oldest));
    this.#pending.delete(oldest);
    if (error) {
      done(ChatError.parse(error));
    } else {
      done(null, result);
    }
  }

  /** @param {number} ms */
  #watch(ms) {
    this.#env.clearTimeout(this.#timer);
    this.#timer = this.#env.setTimeout(() => this.#look(), ms);
  }

  #look() {
    // A clock that was set back must not have the link wait for hours.
    this.#heard = Math.min(this.#heard, this.#env.now());
    const silence = this.#env.now() - this.#heard;
    if (silence < this.#patience) {
      return this.#watch(this.#patience - silence);
    }
    if (this.#pending.size > 0) {
      return this.#fail(CLOSE_ABNORMAL);
    }
    this.request("ping", undefined, () => {});
    this.#watch(this.#patience);
  }

  /** @param {number} code */
  #fail(code) {
    if (this.#isDown) {
      return;
    }
    this.#isDown = true;
    this.#env.clearTimeout(this.#timer);
    // A close that the peer does not confirm can take minutes.
    const socket = this.#socket;
    // Its `onerror` stays: an error without a handler would end a Node process.
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();

    const pending = [...this.#pending.values()];
    this.#pending.clear();
    // A proxy takes less than the server. The largest request must not be repeated for ever.
    const culprit = code === CLOSE_TOO_LARGE ? Math.max(...pending.map(({ length }) => length)) : Infinity;
    for (const { length, done } of pending) {
      done(length >= culprit ? tooLong() : disconnected(true));
    }
    this.#onDown(code);
  }
}

/** @param {unknown} data */
function parse(data) {
  try {
    return typeof data === "string" ? JSON.parse(data) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a text is longer than so many bytes of UTF-8. @param {string} text @param {number} limit */
function isLonger(text, limit) {
  return text.length * 3 > limit && new TextEncoder().encode(text).length > limit;
}

/** @param {number} [limit] */
function tooLong(limit) {
  return new ChatError("line_too_long", "the request is too long", 15, limit === undefined ? {} : { limit_bytes: limit });
}

/** @param {Options} options @returns {Env} */
export function environment({
  WebSocket = globalThis.WebSocket,
  now = () => Date.now(),
  random = () => Math.random(),
  newKey = randomKey,
  // Browsers refuse to call these as methods of another object.
  setTimeout = (callback, ms) => globalThis.setTimeout(callback, ms),
  clearTimeout = (timer) => globalThis.clearTimeout(timer),
}) {
  if (!WebSocket) {
    throw new TypeError("there is no global WebSocket: pass one, such as that of the package ws, as the option WebSocket");
  }
  return { WebSocket, now, random, newKey, setTimeout, clearTimeout };
}

/** 128 random bits. `crypto.randomUUID` would not do: it is missing in pages that come over plain HTTP. */
export function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The address of the WebSocket: relative to the page if there is one, and with `ws` for `http`.
 *
 * @param {string | URL} url
 */
export function socketUrl(url) {
  const absolute = new URL(url, globalThis.location?.href);
  absolute.protocol = absolute.protocol.replace(/^http/, "ws");
  return absolute.href;
}
