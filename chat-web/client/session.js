// Which session a link is bound to: `Identity` knows the session, and binds links to it; while it does, the `Gate` has calls wait.

import { cancelled, disconnected } from "./error.js";

/** @import { ChatError } from "./error.js" */
/** @import { Link } from "./connection.js" */
/** @import { Session } from "./protocol.js" */

/**
 * @typedef {object} Handlers
 * @property {(link: Link) => void} onBound the link is bound to the session, if there is one
 * @property {(error: ChatError) => void} onFailed binding has failed, and may succeed later
 * @property {() => void} onUnbound a session that was logged out has ended: go on with a new link, over which nothing of it can come
 * @property {(reason: string) => void} onLost the server does not know the session any more
 * @property {() => void} onReset the server's data was replaced
 */

/** Refusals of a token that a later attempt does not change. */
const USELESS_TOKEN = new Set(["no_such_session", "banned", "bad_parameters"]);

export class Identity {
  /** @type {Session | null} */
  session = null;
  /** @type {{ token: string, resolve: (session: Session) => void, reject: (error: ChatError) => void } | null} */
  #resuming = null;
  /** Tokens that were logged out, and that the server has not confirmed yet. @type {Set<string>} */
  #loggedOut = new Set();
  #handlers;

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** The token of the session that there is or will be. */
  get token() {
    return this.session?.token ?? this.#resuming?.token;
  }

  /**
   * Takes on a session.
   *
   * @param {Session | null} session
   * @param {ChatError} error for a `resume` that waits
   */
  replace(session, error) {
    this.session = session;
    this.#resuming?.reject(error);
    this.#resuming = null;
  }

  /**
   * Has the next `bind` open the session of a token.
   *
   * @param {string} token
   * @returns {Promise<Session>}
   */
  resume(token) {
    return new Promise((resolve, reject) => (this.#resuming = { token, resolve, reject }));
  }

  /**
   * Has the next `bind` end the session of a token.
   *
   * @param {string} token
   */
  leave(token) {
    this.#loggedOut.add(token);
  }

  /** @param {Link} link */
  bind(link) {
    const [leaving] = this.#loggedOut;
    const resuming = this.#resuming;
    const token = leaving ?? this.token;
    if (token === undefined) {
      return this.#handlers.onBound(link);
    }
    link.request("resume", { token }, (error, session) => {
      if (error && !USELESS_TOKEN.has(error.code)) {
        return this.#handlers.onFailed(error);
      }
      if (leaving !== undefined) {
        return error ? this.#ended(leaving) : this.end(link, leaving);
      }
      this.#resuming = null;
      if (error) {
        resuming?.reject(error);
        this.#handlers.onLost(error.code);
      } else {
        const isReset = this.session !== null && this.session.epoch !== session.epoch;
        this.session = session;
        resuming?.resolve(session);
        if (isReset) {
          this.#handlers.onReset();
        }
      }
      this.#handlers.onBound(link);
    });
  }

  /**
   * Ends a session that is bound to the link.
   *
   * @param {Link} link
   * @param {string} token
   * @param {() => void} [done] called when the server has confirmed it, or the link is down
   */
  end(link, token, done) {
    link.request("logout", undefined, (error) => {
      if (error?.code !== "disconnected") {
        this.#ended(token);
      }
      done?.();
    });
  }

  /** @param {string} token */
  #ended(token) {
    this.#loggedOut.delete(token);
    this.#handlers.onUnbound();
  }
}

/** @typedef {{ token: string | undefined, run: (link: Link) => void, reject: (error: ChatError) => void }} Call */

export class Gate {
  /** The link, while it takes calls. @type {Link | null} */
  link = null;
  /** @type {Call[]} */
  #calls = [];

  /**
   * Runs a call, now or when the gate opens.
   *
   * @template T
   * @param {string | undefined} token the token that must be current then; if undefined, any will do, or none
   * @param {(link: Link, resolve: (value: T) => void, reject: (error: ChatError) => void) => void} run
   * @returns {Promise<T>}
   */
  pass(token, run) {
    return new Promise((resolve, reject) => {
      if (this.link) {
        run(this.link, resolve, reject);
      } else {
        this.#calls.push({ token, run: (link) => run(link, resolve, reject), reject });
      }
    });
  }

  /**
   * Runs the calls that wait, until one of them closes the gate.
   *
   * @param {Link} link
   * @param {string | undefined} current the token of the session
   */
  open(link, current) {
    this.link = link;
    while (this.link) {
      const call = this.#calls.shift();
      if (!call) {
        break;
      }
      if (call.token !== undefined && call.token !== current) {
        call.reject(cancelled());
      } else {
        call.run(link);
      }
    }
  }

  /** Has calls wait from now on. */
  close() {
    this.link = null;
  }

  /** There is no link that the calls could wait for. */
  clear() {
    for (const { reject } of this.#calls.splice(0)) {
      reject(disconnected(false));
    }
  }
}
