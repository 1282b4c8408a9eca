// The chat client: one session over as many connections as it takes. It speaks protocol 2 (docs/protocol-2.md) over WebSocket, in
// browsers and in Node, and needs nothing else.

import { ChatError } from "./client/error.js";

/** @import { ChatEvent, Methods, Options, ServerInfo, Session, State } from "./client/protocol.js" */

export { ChatError };

/**
 * A client of one server. It connects at once, and again whenever the connection is lost, until it is closed.
 */
export class ChatClient {
  /**
   * @param {string | URL} url such as `wss://chat.example/ws`; in a page, a path such as `/ws` will do
   * @param {Options} [options]
   */
  constructor(url, options = {}) {
    /** What the connection is doing; changes come as events of the type `state`. @type {State} */
    this.state = "connecting";
    /** When the next attempt to connect is due, while `state` is `offline`. @type {number | undefined} */
    this.retryAt = undefined;
    /** Who is logged in. It stays while the client is offline. @type {Session | null} */
    this.session = null;
    /** What the server said of itself when the client last connected. @type {ServerInfo | null} */
    this.server = null;
  }

  /**
   * Opens a session. A client that waits to reconnect tries at once; without a connection, this is rejected with `disconnected`.
   *
   * @param {string} user
   * @param {string} password
   * @returns {Promise<Session>}
   */
  async login(user, password) {
    throw new ChatError("closed", "not there yet");
  }

  /**
   * Creates an account and opens its first session.
   *
   * @param {{ user: string, password: string, name: string, invitation?: string }} account
   * @returns {Promise<Session>}
   */
  async register(account) {
    throw new ChatError("closed", "not there yet");
  }

  /**
   * Opens the session of a token. This waits while the client is offline. It is rejected with `no_such_session` or `banned` if the
   * token opens no session (any more).
   *
   * @param {string} token
   * @returns {Promise<Session>}
   */
  async resume(token) {
    throw new ChatError("closed", "not there yet");
  }

  /**
   * Ends the session. The client forgets it at once. Without a connection, the server is told when there is one again, as long as the
   * client lives. Sends that wait are rejected with `cancelled`.
   *
   * @returns {Promise<void>}
   */
  async logout() {}

  /**
   * Calls a method of the protocol. This waits for an attempt to connect that is under way. It is rejected with `disconnected` if there
   * is none, or if the connection breaks before the answer: `data.sent` then tells whether the server may have carried it out.
   *
   * @template {keyof Methods} M
   * @param {M} method
   * @param {Methods[M][0]} [params]
   * @returns {Promise<Methods[M][1]>}
   */
  async call(method, params) {
    throw new ChatError("closed", "not there yet");
  }

  /**
   * Sends a message to a user or room. This waits while the client is offline, and is repeated with the same key until it is answered,
   * so that the message is stored once. Messages are sent in the order of the calls.
   *
   * @param {string} to
   * @param {string} text
   * @param {{ key?: string }} [options] `key`: 1 to 64 bytes used for no other message; a random one if it is missing
   * @returns {Promise<{ id: number, time: number, key: string }>}
   */
  async send(to, text, { key } = {}) {
    throw new ChatError("closed", "not there yet");
  }

  /**
   * Has the server send events from now on, also after a reconnect, and then without a gap or a repeat in messages.
   *
   * @param {number} [after] replay all messages after this id first; if it is missing, none
   * @returns {Promise<{ next: number }>}
   */
  async subscribe(after) {
    throw new ChatError("closed", "not there yet");
  }

  /** Ends the subscription. @returns {Promise<void>} */
  async unsubscribe() {}

  /**
   * All events from now on, those of the client itself included. Each iterator gets all of them, and keeps what was not taken yet;
   * `return()` ends it, also from elsewhere.
   *
   * @returns {AsyncIterableIterator<ChatEvent>}
   */
  events() {
    throw new ChatError("closed", "not there yet");
  }

  /**
   * Connects at once if the client waits to reconnect, and makes sure that the connection still works if there is one: for a button, and
   * for when the browser is online or the page visible again.
   */
  retryNow() {}

  /** Closes the connection for good, and ends all iterators. The session lives on: `resume` opens it again with its token. */
  close() {}
}
