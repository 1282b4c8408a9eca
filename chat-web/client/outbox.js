// The messages that were handed to `send` and not answered yet, in order. Each is repeated with its key until the server has answered.

import { disconnected } from "./error.js";

/** @import { ChatError } from "./error.js" */
/** @import { Link } from "./link.js" */

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
