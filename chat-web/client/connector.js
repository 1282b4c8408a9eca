// Keeps a link to the server: connects, and connects again after a while when the link is down.

import { Backoff } from "./backoff.js";
import { Link } from "./link.js";

/** @import { Env } from "./env.js" */
/** @import { State, StateEvent } from "./protocol.js" */

/**
 * @typedef {object} Handlers
 * @property {(link: Link) => void} onOpen the link is open; `ready` is called when it can be used
 * @property {(name: string, params: any) => void} onEvent
 * @property {() => void} onDown the link is down, and all its requests were rejected; what follows, `onState` tells
 * @property {(event: StateEvent) => void} onState
 */

export class Connector {
  /** @type {State} */
  state = "connecting";
  /** When the next attempt is due, while `state` is `offline`. @type {number | undefined} */
  retryAt = undefined;
  /** @type {Link | null} */
  link = null;
  #url;
  #env;
  #handlers;
  #backoff;
  /** When the link was first ready; null if it was not. @type {number | null} */
  #readySince = null;
  /** @type {any} */
  #timer;

  /**
   * @param {string} url
   * @param {Env} env
   * @param {Handlers} handlers
   */
  constructor(url, env, handlers) {
    this.#url = url;
    this.#env = env;
    this.#handlers = handlers;
    this.#backoff = new Backoff(env.random);
  }

  /** Connects at once, and gives up the link that there is. */
  connect() {
    this.#leave();
    this.#change({ type: "state", state: "connecting" });
    this.#readySince = null;
    const link = new Link(this.#url, this.#env, {
      onOpen: () => this.#handlers.onOpen(link),
      onEvent: this.#handlers.onEvent,
      onDown: (code) => this.#wait(code),
    });
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
