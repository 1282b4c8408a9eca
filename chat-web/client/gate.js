// Has calls wait while there is no link that takes them: while it is connecting, or busy with a login.

import { cancelled, disconnected } from "./error.js";

/** @import { ChatError } from "./error.js" */
/** @import { Link } from "./link.js" */

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
