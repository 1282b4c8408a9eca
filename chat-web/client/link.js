// One connection: a WebSocket with requests and their answers, which come in the same order, and events between them. It notices when
// the peer has gone silent. It knows nothing of sessions, and is not used again once it is down.

import { ChatError, disconnected } from "./error.js";

/** @import { Env } from "./env.js" */
/** @import { Socket } from "./protocol.js" */

/** @typedef {(error: ChatError | null, result?: any) => void} Done */

/** How long connecting may take. */
const CONNECT_TIMEOUT = 15_000;
/** After this time without a frame, the link sends a `ping`; and after as much without an answer, it is down. Proxies often close
 * connections that are silent for 60 s. */
const SILENCE = 25_000;
/** The same for an answer when `check` asks for it. */
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
   * @param {{ onOpen: () => void, onEvent: (name: string, params: any) => void, onDown: (code: number) => void }} handlers
   */
  constructor(url, env, { onOpen, onEvent, onDown }) {
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
    this.#timer = env.setTimeout(() => this.#fail(CLOSE_ABNORMAL), CONNECT_TIMEOUT);
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
    const text = JSON.stringify({ jsonrpc: "2.0", id, method, params });
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
    // A browser can take minutes to tell that a silent peer did not confirm the close. Nothing of that matters any more; but an error
    // without a handler would end a Node process.
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {};
    socket.close();

    const pending = [...this.#pending.values()];
    this.#pending.clear();
    // Something between us and the server takes less than the server. The largest request must not be repeated for ever.
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

/**
 * Whether a text is longer than so many bytes of UTF-8.
 *
 * @param {string} text
 * @param {number} limit
 */
function isLonger(text, limit) {
  return text.length * 3 > limit && new TextEncoder().encode(text).length > limit;
}

/** @param {number} [limit] */
function tooLong(limit) {
  return new ChatError("line_too_long", "the request is too long", 15, limit === undefined ? {} : { limit_bytes: limit });
}
