// The async iterators of `events()`.

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
