// The subscription of a session, over all its links: it remembers the last message that came, so that the next link goes on after it.

import { cancelled } from "./error.js";

/** @import { ChatError } from "./error.js" */
/** @import { Link } from "./link.js" */

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
