// What a call is rejected with.

/** A refusal by the server, or by the client itself. */
export class ChatError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {number} [number]
   * @param {Record<string, any>} [data]
   */
  constructor(code, message, number = 0, data = {}) {
    super(message);
    this.name = "ChatError";
    /**
     * A word of the protocol such as `wrong_password`, or one of the client: `disconnected` (`data.sent`: the server may have carried
     * out the call), `cancelled` (the session was replaced or logged out), `closed`.
     */
    this.code = code;
    /** The number of the error; 0 for the client's own. */
    this.number = number;
    /** What the server adds, such as `wait_ms` for `too_many_attempts`. @type {Record<string, any>} */
    this.data = data;
  }

  /** The error of an answer. @param {any} error */
  static parse(error) {
    const { code, ...data } = error?.data ?? {};
    return new ChatError(String(code ?? "unknown"), String(error?.message), Number(error?.code), data);
  }
}

/** @param {boolean} sent whether the server may have carried out the call */
export function disconnected(sent) {
  return new ChatError("disconnected", sent ? "the connection broke before the answer" : "there is no connection", 0, { sent });
}

export function cancelled() {
  return new ChatError("cancelled", "the session was replaced or logged out");
}

/** @param {boolean} sent whether the server may have carried out the call */
export function closed(sent = false) {
  return new ChatError("closed", "the client is closed", 0, { sent });
}

export function signedOut() {
  return new ChatError("no_such_session", "nobody is logged in", 13);
}
