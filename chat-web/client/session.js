// What lasts over one link after another. `Identity` knows the session and binds links to it; meanwhile, the `Gate` has calls wait. The
// `Outbox` has the messages to send, the `Subscription` the events, and `Broadcast` their readers: nothing is lost or repeated.

import { cancelled, disconnected } from "./error.js";

/** @import { ChatError } from "./error.js" */
/** @import { Link } from "./connection.js" */
/** @import { Call, IdentityHandlers, Letter, Run, Sent, Session, Waiter } from "./protocol.js" */

/** Refusals of a token that are final. */
const USELESS_TOKEN = new Set(["no_such_session", "banned", "bad_parameters"]);

export class Identity {
  /** @type {Session | null} */
  session = null;
  /** @type {(Waiter<Session> & { token: string }) | null} */
  #resuming = null;
  /** Logged out, but the server has not confirmed it. @type {Set<string>} */
  #loggedOut = new Set();
  #handlers;

  /** @param {IdentityHandlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** The token of the session that there is or will be. */
  get token() {
    return this.session?.token ?? this.#resuming?.token;
  }

  /** Takes on a session. @param {Session | null} session @param {ChatError} error for a `resume` that waits */
  replace(session, error) {
    this.session = session;
    this.#resuming?.reject(error);
    this.#resuming = null;
  }

  /** Has the next `bind` open the session of a token. @param {string} token @returns {Promise<Session>} */
  resume(token) {
    return new Promise((resolve, reject) => (this.#resuming = { token, resolve, reject }));
  }

  /** Has the next `bind` end the session of a token. @param {string} token */
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

export class Gate {
  /** The link, while it takes calls. @type {Link | null} */
  link = null;
  /** @type {Call[]} */
  #calls = [];

  /**
   * Runs a call, now or when the gate opens.
   *
   * @template T
   * @param {Call["token"]} token
   * @param {Run<T>} run
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

/** How many messages may be on their way. Of a long queue, a link that breaks often would not bring back the first answer. */
const IN_FLIGHT = 32;
/** A server remembers keys for 24 hours. After that, a message must not be repeated. */
export const KEY_LIFETIME = 23 * 60 * 60 * 1000;

export class Outbox {
  /** Sent over the link, the oldest first. @type {Set<Letter>} */
  #inFlight = new Set();
  /** To be sent, the oldest first. @type {Set<Letter>} */
  #waiting = new Set();
  /** @type {Link | null} */
  #link = null;
  #now;
  #onRefusal;

  /**
   * @param {() => number} now
   * @param {(error: ChatError) => boolean | void} onRefusal called before the sender is told; true if another link is to be tried
   */
  constructor(now, onRefusal) {
    this.#now = now;
    this.#onRefusal = onRefusal;
  }

  /** @param {Letter["params"]} params @returns {Promise<Sent>} */
  add(params) {
    return new Promise((resolve, reject) => {
      this.#waiting.add({ params, sentAt: null, resolve, reject });
      this.#send();
    });
  }

  /** Sends over a link from now on: first, what was not answered. @param {Link} link */
  open(link) {
    this.#link = link;
    this.#waiting = new Set([...this.#inFlight, ...this.#waiting]);
    this.#inFlight.clear();
    this.#send();
  }

  /** Sends nothing more until a link is opened. */
  close() {
    this.#link = null;
  }

  /** Rejects everything. @param {(sent: boolean) => ChatError} error */
  clear(error) {
    const letters = [...this.#inFlight, ...this.#waiting];
    this.#inFlight.clear();
    this.#waiting.clear();
    for (const { sentAt, reject } of letters) {
      reject(error(sentAt !== null));
    }
  }

  #send() {
    for (const letter of this.#waiting) {
      if (!this.#link || this.#inFlight.size >= IN_FLIGHT) {
        return;
      }
      this.#waiting.delete(letter);
      letter.sentAt ??= this.#now();
      if (this.#now() - letter.sentAt > KEY_LIFETIME) {
        letter.reject(disconnected(true));
      } else {
        this.#inFlight.add(letter);
        this.#link.request("send", letter.params, (error, result) => this.#answered(letter, error, result));
      }
    }
  }

  /**
   * @param {Letter} letter
   * @param {ChatError | null} error
   * @param {any} result
   */
  #answered(letter, error, result) {
    // Without an answer, it stays for the next link. It is gone if everything was rejected.
    if (error?.code === "disconnected" || !this.#inFlight.has(letter) || (error && this.#onRefusal(error))) {
      return;
    }
    this.#inFlight.delete(letter);
    if (error) {
      letter.reject(error);
    } else {
      letter.resolve({ ...result, key: letter.params.key });
    }
    this.#send();
  }
}

export class Subscription {
  /** The link that was asked. @type {Link | null} */
  #link = null;
  /** The id to subscribe after; undefined if none is known yet. @type {number | undefined} */
  #last;
  /** Who waits for the first answer. @type {Waiter<{ next: number }> | null} */
  #waiter;
  #onRefusal;

  /**
   * @param {number | undefined} after
   * @param {Subscription | null} former the one that this one replaces
   * @param {Waiter<{ next: number }>} waiter
   * @param {(error: ChatError, isFirst: boolean) => void} onRefusal `isFirst`: the waiter has been told; nothing was lost
   */
  constructor(after, former, waiter, onRefusal) {
    former?.cancel(cancelled());
    this.#last = after ?? (former ? former.#last : undefined);
    this.#waiter = waiter;
    this.#onRefusal = onRefusal;
  }

  /** Asks a link, unless it was asked already. @param {Link} link */
  start(link) {
    if (link !== this.#link) {
      this.restart(link);
    }
  }

  /** Asks a link, also if it was asked before. @param {Link} link */
  restart(link) {
    this.#link = link;
    const params = this.#last === undefined ? {} : { after: this.#last };
    link.request("subscribe", params, (error, result) => {
      if (error?.code === "disconnected" || this.#link !== link) {
        return;
      }
      const waiter = this.#waiter;
      this.#waiter = null;
      if (error) {
        waiter?.reject(error);
        this.#onRefusal(error, waiter !== null);
      } else {
        this.#last = Math.max(this.#last ?? 0, result.next);
        waiter?.resolve({ next: result.next });
      }
    });
  }

  /** Whether a message is new. Ids ascend, so one that does not was there before. @param {number} id */
  accept(id) {
    // Before the first answer, messages are those of the former subscription.
    if (this.#waiter === null) {
      if (id <= /** @type {number} */ (this.#last)) {
        return false;
      }
      this.#last = id;
    }
    return true;
  }

  /** The server's data was replaced: ids start anew. */
  reset() {
    // If nothing was seen, nothing is replayed.
    if (this.#last !== undefined) {
      this.#last = 0;
    }
  }

  /** @param {ChatError} error */
  cancel(error) {
    this.#link = null;
    this.#waiter?.reject(error);
    this.#waiter = null;
  }
}

/**
 * All iterators that have not ended.
 *
 * @template T
 */
export class Broadcast {
  /** @type {Set<EventQueue<T>>} */
  #queues = new Set();

  /** A new iterator of everything that is emitted from now on. */
  listen() {
    /** @type {EventQueue<T>} */
    const queue = new EventQueue(() => this.#queues.delete(queue));
    this.#queues.add(queue);
    return queue;
  }

  /** @param {T} event */
  emit(event) {
    for (const queue of this.#queues) {
      queue.push(event);
    }
  }

  /** Ends all iterators. */
  end() {
    for (const queue of this.#queues) {
      queue.end();
    }
    this.#queues.clear();
  }
}

/**
 * One iterator: what was pushed and not taken waits in it.
 *
 * @template T
 * @implements {AsyncIterableIterator<T>}
 */
class EventQueue {
  /** @type {T[]} */
  #events = [];
  /** @type {((result: IteratorResult<T, undefined>) => void)[]} */
  #readers = [];
  #ended = false;
  #onEnd;

  /** @param {() => void} onEnd called when the reader ends the iterator */
  constructor(onEnd) {
    this.#onEnd = onEnd;
  }

  /** @param {T} event */
  push(event) {
    const reader = this.#readers.shift();
    if (reader) {
      reader({ value: event, done: false });
    } else {
      this.#events.push(event);
    }
  }

  /** No more events will come. Those that wait can still be taken. */
  end() {
    this.#ended = true;
    for (const reader of this.#readers.splice(0)) {
      reader({ value: undefined, done: true });
    }
  }

  /** @returns {Promise<IteratorResult<T, undefined>>} */
  next() {
    if (this.#events.length > 0) {
      return Promise.resolve({ value: /** @type {T} */ (this.#events.shift()), done: false });
    }
    if (this.#ended) {
      return Promise.resolve({ value: undefined, done: true });
    }
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  /**
   * Ends the iterator, and a `next()` that waits, for which an async generator would wait.
   *
   * @returns {Promise<IteratorResult<T, undefined>>}
   */
  return() {
    this.#events = [];
    this.end();
    this.#onEnd();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}
