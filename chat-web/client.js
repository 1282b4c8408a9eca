// The chat client: one session over as many connections as it takes. It speaks protocol 2 (docs/protocol-2.md) over WebSocket, in
// browsers and in Node, and needs nothing else.

import { Connector, environment, socketUrl } from "./client/connection.js";
import { ChatError, cancelled, closed, disconnected, signedOut } from "./client/error.js";
import { Broadcast, Gate, Identity, Outbox, Subscription } from "./client/session.js";

/** @import { Link } from "./client/connection.js" */
/** @import { Call, Run, Sent, StateEvent } from "./client/protocol.js" */

// Types that users of the package import from here.
/** @typedef {import("./client/protocol.js").ChatEvent} ChatEvent */
/** @typedef {import("./client/protocol.js").Conversation} Conversation */
/** @typedef {import("./client/protocol.js").Member} Member */
/** @typedef {import("./client/protocol.js").Message} Message */
/** @typedef {import("./client/protocol.js").Methods} Methods */
/** @typedef {import("./client/protocol.js").Options} Options */
/** @typedef {import("./client/protocol.js").Room} Room */
/** @typedef {import("./client/protocol.js").ServerInfo} ServerInfo */
/** @typedef {import("./client/protocol.js").Session} Session */
/** @typedef {import("./client/protocol.js").State} State */
/** @typedef {import("./client/protocol.js").User} User */

export { ChatError };

/** Methods that this class has functions of its own for, since it has to know of them. */
const OWN_METHODS = new Set(["login", "register", "resume", "logout", "subscribe", "unsubscribe"]);
/** Methods whose `no_such_session` says nothing about the session of the client. */
const OTHER_SESSIONS = new Set(["login", "register", "session.end"]);
/** Names of events that only the client itself gives. */
const OWN_EVENTS = new Set(["state", "signedout", "reset"]);

/** How long a call that is `busy` is tried again if there are several servers: another one may take over. */
const BUSY_PATIENCE = 15_000;
const BUSY_PAUSE = 500;

/** A client of one server, or any of several of a chat. It connects at once, and again whenever the connection is lost, until it is closed. */
export class ChatClient {
  /** What the server said of itself when the client last connected. @type {ServerInfo | null} */
  server = null;

  #env;
  #connector;
  #outbox;
  #identity;
  /** @type {Broadcast<ChatEvent>} */
  #events = new Broadcast();
  #gate = new Gate();
  /** The link is open, and changes its session. */
  #isBusy = false;
  /** @type {Subscription | null} */
  #subscription = null;

  /**
   * @param {string | URL | (string | URL)[]} url such as `wss://chat.example/ws`; in a page, a path such as `/ws` will do
   * @param {Options} [options]
   */
  constructor(url, options = {}) {
    this.#env = environment(options);
    this.#outbox = new Outbox(this.#env.now, (error) => {
      if (error.code === "busy" && this.#connector.hasOthers) {
        this.#connector.giveUp();
        return true;
      }
      this.#refused(error, this.session);
    });
    this.#identity = new Identity({
      onBound: (link) => this.#ready(link),
      onFailed: (error) => this.#giveUp(error),
      onUnbound: () => this.#connector.connect(),
      onLost: (reason) => this.#signOut(reason),
      onReset: () => this.#reset(),
    });
    this.#connector = new Connector([url].flat().map((one) => socketUrl(one)), this.#env, {
      onOpen: (link) => this.#greet(link),
      onEvent: (name, params) => this.#receive(name, params),
      onDown: () => this.#linkDown(),
      onState: (event) => this.#stateChanged(event),
    });
    this.#connector.connect();
  }

  /** What the connection is doing. Changes come as events of the type `state`. @returns {State} */
  get state() {
    return this.#connector.state;
  }

  /** Who is logged in. It stays while the client is offline. */
  get session() {
    return this.#identity.session;
  }

  /** When the next attempt to connect is due, in milliseconds since 1970, while `state` is `offline`. */
  get retryAt() {
    return this.#connector.retryAt;
  }

  /**
   * Opens a session. If offline, it connects at once; without success, it is rejected with `disconnected`.
   *
   * @param {string} user
   * @param {string} password
   * @returns {Promise<Session>}
   */
  login(user, password) {
    return this.#logIn("login", { user, password });
  }

  /**
   * Creates an account and opens its first session, as `login` does.
   *
   * @param {{ user: string, password: string, name: string, invitation?: string }} account
   * @returns {Promise<Session>}
   */
  register(account) {
    return this.#logIn("register", account);
  }

  /**
   * Opens the session of a token; waits while offline. A token that opens none is refused with `no_such_session` or `banned`, and
   * the event `signedout` comes, too. A former session is forgotten, but not ended.
   *
   * @param {string} token
   * @returns {Promise<Session>}
   */
  resume(token) {
    if (this.state === "closed") {
      return Promise.reject(closed());
    }
    const isBound = this.session !== null;
    this.#forget(cancelled);
    const session = this.#identity.resume(token);
    if (this.#gate.link && !isBound) {
      this.#bind(this.#gate.link);
    } else if (this.#gate.link || this.#isBusy) {
      // If the token is refused, the link must not stay bound to another session.
      this.#connector.connect();
    }
    return session;
  }

  /**
   * Ends the session. The client forgets it at once, and tells the server as soon as there is a connection. Sends that wait are rejected
   * with `cancelled`.
   *
   * @returns {Promise<void>}
   */
  async logout() {
    const { token } = this.#identity;
    if (token === undefined || this.state === "closed") {
      return;
    }
    this.#identity.leave(token);
    this.#forget(cancelled);
    this.#events.emit({ type: "signedout", reason: "logout" });
    const { link } = this.#gate;
    if (link) {
      this.#beBusy();
      await new Promise((/** @type {(done: void) => void} */ resolve) => this.#identity.end(link, token, resolve));
    } else if (this.#isBusy) {
      this.#connector.connect();
    }
  }

  /**
   * Calls a method of the protocol; waits while connecting. It is rejected with `disconnected` while offline, or if the connection breaks
   * before the answer: `data.sent` tells whether the server may have carried it out.
   *
   * @template {keyof Methods} M
   * @param {M} method
   * @param {Methods[M][0]} [params]
   * @returns {Promise<Methods[M][1]>}
   */
  call(method, params) {
    if (OWN_METHODS.has(method)) {
      return Promise.reject(new TypeError(`call ${method}() instead`));
    }
    const { session } = this;
    const { token } = this.#identity;
    const until = this.#env.now() + BUSY_PATIENCE;
    /** @type {Run<Methods[M][1]>} */
    const run = (link, resolve, reject) =>
      link.request(method, params, (error, result) => {
        if (error?.code === "busy" && this.#connector.hasOthers && this.#env.now() < until) {
          this.#env.setTimeout(() => this.#whenReady(token, run).then(resolve, reject), BUSY_PAUSE);
        } else if (error) {
          if (!OTHER_SESSIONS.has(method)) {
            this.#refused(error, session);
          }
          reject(error);
        } else {
          resolve(result);
        }
      });
    return this.#whenReady(token, run);
  }

  /**
   * Sends a message to a user or room; waits while offline. It is repeated with its key until it is answered, so it is stored once.
   * Messages go out in the order of the calls.
   *
   * @param {string} to
   * @param {string} text
   * @param {{ key?: string }} [options] `key`: 1 to 64 bytes used for no other message; a random one if it is missing
   * @returns {Promise<Sent>}
   */
  send(to, text, { key = this.#env.newKey() } = {}) {
    const error = this.#whyNotSignedIn();
    if (error) {
      return Promise.reject(error);
    }
    return this.#outbox.add({ to, text, key });
  }

  /**
   * Has the server send events from now on, also after reconnects: no message is left out or repeated. Call `events` first.
   *
   * @param {number} [after] replay all messages after this id first; if it is missing, none
   * @returns {Promise<{ next: number }>}
   */
  subscribe(after) {
    const error = this.#whyNotSignedIn();
    if (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      const subscription = new Subscription(after, this.#subscription, { resolve, reject }, (error, isFirst) => {
        if (isFirst) {
          this.#subscription = null;
          this.#refused(error, this.session);
        } else {
          this.#giveUp(error);
        }
      });
      this.#subscription = subscription;
      if (this.#gate.link) {
        subscription.start(this.#gate.link);
      }
    });
  }

  /** Ends the subscription. @returns {Promise<void>} */
  async unsubscribe() {
    this.#subscription?.cancel(cancelled());
    this.#subscription = null;
    const { link } = this.#gate;
    if (link) {
      // If this is lost, the subscription is, too.
      await new Promise((resolve) => link.request("unsubscribe", undefined, resolve));
    }
  }

  /**
   * All events from now on, also those of the client itself. Each iterator keeps what was not taken yet; `return()` ends it.
   *
   * @returns {AsyncIterableIterator<ChatEvent>}
   */
  events() {
    const events = this.#events.listen();
    if (this.state === "closed") {
      this.#events.end();
    }
    return events;
  }

  /** Connects at once if offline, and else checks the connection: for a button, or when the page is online or visible again. */
  retryNow() {
    this.#connector.retryNow();
  }

  /** Closes the connection for good, and ends all iterators. The session lives on. */
  close() {
    if (this.state === "closed") {
      return;
    }
    this.#forget(closed, this.session);
    this.#connector.close();
    this.#events.end();
  }

  // Logging in

  /**
   * @param {"login" | "register"} method
   * @param {object} params
   * @returns {Promise<Session>}
   */
  #logIn(method, params) {
    if (this.state === "offline") {
      this.#connector.connect();
    }
    return this.#whenReady(undefined, (link, resolve, reject) => {
      this.#beBusy();
      link.request(method, params, (error, session) => {
        if (error) {
          reject(error);
        } else {
          this.#forget(cancelled, session);
          resolve(session);
        }
        if (error?.code !== "disconnected") {
          this.#ready(link);
        }
      });
    });
  }

  /** The first request of a link. @param {Link} link */
  #greet(link) {
    link.request("server", undefined, (error, server) => {
      if (error) {
        return this.#giveUp(error);
      }
      this.server = server;
      link.lineBytes = server.limits?.line_bytes ?? Infinity;
      this.#bind(link);
    });
  }

  /** @param {Link} link */
  #bind(link) {
    this.#beBusy();
    this.#identity.bind(link);
  }

  #reset() {
    this.#subscription?.reset();
    this.#events.emit({ type: "reset" });
  }

  /**
   * The session is over, or another one takes its place.
   *
   * @param {(sent: boolean) => ChatError} error what everything is rejected with that waits
   * @param {Session | null} [session]
   */
  #forget(error, session = null) {
    this.#identity.replace(session, error(false));
    this.#subscription?.cancel(error(false));
    this.#subscription = null;
    this.#outbox.clear(error);
  }

  /** @param {string} reason */
  #signOut(reason) {
    this.#forget(signedOut);
    this.#events.emit({ type: "signedout", reason });
  }

  /**
   * Looks whether a refusal means that the session has ended.
   *
   * @param {ChatError} error
   * @param {Session | null} session the one of the request
   */
  #refused(error, session) {
    if (error.code === "no_such_session" && session && session.token === this.session?.token) {
      this.#signOut(error.code);
    }
  }

  // The link

  /** The link takes requests: what has waited is sent. @param {Link} link */
  #ready(link) {
    this.#isBusy = false;
    this.#subscription?.start(link);
    this.#outbox.open(link);
    this.#connector.ready();
    this.#gate.open(link, this.session?.token);
  }

  /** The link changes its session: other requests have to wait. */
  #beBusy() {
    this.#isBusy = true;
    this.#outbox.close();
    this.#gate.close();
  }

  #linkDown() {
    this.#isBusy = false;
    this.#outbox.close();
    this.#gate.close();
  }

  /** @param {StateEvent} event */
  #stateChanged(event) {
    if (event.state === "offline" || event.state === "closed") {
      this.#gate.clear();
    }
    this.#events.emit(event);
  }

  /** A request without which the link is of no use was refused. Later, it may succeed. @param {ChatError} error */
  #giveUp(error) {
    if (error.code !== "disconnected") {
      this.#connector.giveUp();
    }
  }

  /**
   * @template T
   * @param {Call["token"]} token
   * @param {Run<T>} run
   * @returns {Promise<T>}
   */
  #whenReady(token, run) {
    if (this.state === "closed") {
      return Promise.reject(closed());
    }
    return this.#connector.link ? this.#gate.pass(token, run) : Promise.reject(disconnected(false));
  }

  #whyNotSignedIn() {
    if (this.state === "closed") {
      return closed();
    }
    return this.#identity.token === undefined ? signedOut() : null;
  }

  // Events

  /** @param {string} name @param {any} params */
  #receive(name, params) {
    if (name === "closed") {
      // When the server stops, it closes the connection, and nothing else is to be done.
      if (params.reason === "session_ended" && this.session) {
        this.#signOut("session_ended");
      }
      return;
    }
    const subscription = this.#subscription;
    if (!subscription || OWN_EVENTS.has(name) || (name === "message" && !subscription.accept(params.id))) {
      return;
    }
    if (name === "lagged" && this.#connector.link) {
      subscription.restart(this.#connector.link);
    }
    this.#events.emit({ ...params, type: name });
  }
}
