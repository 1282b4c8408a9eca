// When to connect again: after a time that doubles with each attempt, and differs from client to client, so that they do not all come
// back at once after a restart of the server.

/** The longest time of the first attempt and of all. Half of it is random. */
const FIRST = 1_000;
const LONGEST = 30_000;
/** After a connection that lasted as long, attempts are counted anew. */
const STABLE = 10_000;
/** Close codes with which a server asks for patience: refused (1008), and try again later (1013). The first attempt waits for 4 s. */
const NOT_SO_FAST = new Set([1008, 1013]);
const PATIENT_ATTEMPT = 3;

export class Backoff {
  #random;
  #attempt = 0;

  /** @param {() => number} random */
  constructor(random) {
    this.#random = random;
  }

  /**
   * The time to wait in ms.
   *
   * @param {number} lasted how long the connection was up in ms, 0 if it never was
   * @param {number | undefined} code why it was closed, if it was not by the client
   */
  next(lasted, code) {
    if (lasted >= STABLE) {
      this.#attempt = 0;
    }
    if (code !== undefined && NOT_SO_FAST.has(code)) {
      this.#attempt = Math.max(this.#attempt, PATIENT_ATTEMPT);
    }
    const longest = Math.min(LONGEST, FIRST * 2 ** this.#attempt++);
    return Math.round((longest * (1 + this.#random())) / 2);
  }
}
