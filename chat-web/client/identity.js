// Who the client is: the session that it has, the token that it is to resume, and those that were logged out while the server could
// not be told. It binds links to the session.

/** @import { ChatError } from "./error.js" */
/** @import { Link } from "./link.js" */
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
