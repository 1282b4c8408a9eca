// What goes out and comes in over one link after another, without loss or repeats: the `Outbox` of messages to send, the `Subscription`
// to events, and the iterators that `Broadcast` gives them to.

import { cancelled, disconnected } from "./error.js";

/** @import { ChatError } from "./error.js" */
/** @import { Link } from "./connection.js" */

/** How many messages may be on their way at once. Over a link that breaks often, all of a long queue would be repeated each time, and
 * the link would break before the first answer. */
const IN_FLIGHT = 32;
/** A server remembers keys for 24 hours. A message that may have been stored before that must not be repeated. */
const KEY_LIFETIME = 23 * 60 * 60 * 1000;

/**
 * @typedef {object} Letter
 * @property {{ to: string, text: string, key: string }} params
 * @property {number | null} sentAt when it was first sent
 * @property {(result: { id: number, time: number, key: string }) => void} resolve
 * @property {(error: ChatError) => void} reject
 */

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
   * @param {(error: ChatError) => void} onRefusal called before the sender is told
   */
  constructor(now, onRefusal) {
    this.#now = now;
    this.#onRefusal = onRefusal;
  }

  /**
   * @param {Letter["params"]} params
   * @returns {Promise<{ id: number, time: number, key: string }>}
   */
  add(params) {
    return new Promise((resolve, reject) => {
      this.#waiting.add({ params, sentAt: null, resolve, reject });
      this.#send();
    });
  }

  /**
   * Sends over a link from now on: first, what was not answered.
   *
   * @param {Link} link
   */
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

  /**
   * Rejects everything.
   *
   * @param {(sent: boolean) => ChatError} error
   */
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
   * @param {{ id: number, time: number }} result
   */
  #answered(letter, error, result) {
    // Without an answer, the letter stays for the next link. It is no longer there if everything was rejected.
    if (error?.code === "disconnected" || !this.#inFlight.delete(letter)) {
      return;
    }
    if (error) {
      this.#onRefusal(error);
      letter.reject(error);
    } else {
      letter.resolve({ ...result, key: letter.params.key });
    }
    this.#send();
  }
}

/** @typedef {{ resolve: (value: { next: number }) => void, reject: (error: ChatError) => void }} Waiter */

export class Subscription {
  /** The link that was asked. @type {Link | null} */
  #link = null;
  /** The id to subscribe after; undefined until the first answer if nothing is to be replayed. @type {number | undefined} */
  #last;
  /** Who waits for the first answer. @type {Waiter | null} */
  #waiter;
  #onRefusal;

  /**
   * @param {number | undefined} after
   * @param {Subscription | null} former the one that this one replaces
   * @param {Waiter} waiter
   * @param {(error: ChatError, isFirst: boolean) => void} onRefusal `isFirst`: the waiter has been told; nothing was lost
   */
  constructor(after, former, waiter, onRefusal) {
    former?.cancel(cancelled());
    this.#last = after ?? (former ? former.#last : undefined);
    this.#waiter = waiter;
    this.#onRefusal = onRefusal;
  }

  /**
   * Asks a link, unless it was asked already.
   *
   * @param {Link} link
   */
  start(link) {
    if (link !== this.#link) {
      this.restart(link);
    }
  }

  /**
   * Asks a link, also if it was asked before.
   *
   * @param {Link} link
   */
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

  /**
   * Whether a message is new. Ids ascend, so one that does not was there before.
   *
   * @param {number} id
   */
  accept(id) {
    // Before the first answer, messages are those of the subscription that this one replaces.
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
    // A subscription without `after` that was not answered yet has seen nothing, and replays nothing.
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
   * Ends the iterator. Unlike that of an async generator, this does not wait for a `next()` under way: it ends that, too.
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
