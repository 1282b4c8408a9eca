// The messages that were handed to `send` and not answered yet, in order. Each is repeated with its key until the server has answered.

import { disconnected } from "./error.js";

/** @import { ChatError } from "./error.js" */
/** @import { Link } from "./link.js" */

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
  /** @type {Set<Letter>} */
  #letters = new Set();
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
   * @param {Link | null} link null while there is none, or it is not ready
   * @returns {Promise<{ id: number, time: number, key: string }>}
   */
  add(params, link) {
    return new Promise((resolve, reject) => {
      const letter = { params, sentAt: null, resolve, reject };
      this.#letters.add(letter);
      if (link) {
        this.#send(letter, link);
      }
    });
  }

  /**
   * Sends everything over a new link.
   *
   * @param {Link} link
   */
  flush(link) {
    for (const letter of this.#letters) {
      this.#send(letter, link);
    }
  }

  /** @param {(sent: boolean) => ChatError} error */
  clear(error) {
    const letters = [...this.#letters];
    this.#letters.clear();
    for (const { sentAt, reject } of letters) {
      reject(error(sentAt !== null));
    }
  }

  /**
   * @param {Letter} letter
   * @param {Link} link
   */
  #send(letter, link) {
    const { params, resolve, reject } = letter;
    letter.sentAt ??= this.#now();
    if (this.#now() - letter.sentAt > KEY_LIFETIME) {
      this.#letters.delete(letter);
      return reject(disconnected(true));
    }
    link.request("send", params, (error, result) => {
      if (error?.code === "disconnected" || !this.#letters.has(letter)) {
        return;
      }
      this.#letters.delete(letter);
      if (error) {
        this.#onRefusal(error);
        reject(error);
      } else {
        resolve({ ...result, key: params.key });
      }
    });
  }
}
