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
     * The word of the error, such as `wrong_password`; see "Errors" in docs/protocol-2.md. The client's own words are
     *
     * - `disconnected`: there is no connection, or it broke before the answer. `data.sent` tells whether the server may have
     *   carried out the call;
     * - `cancelled`: the session has been replaced or logged out meanwhile;
     * - `closed`: the client was closed.
     */
    this.code = code;
    /** The number of the error; 0 for the client's own. */
    this.number = number;
    /** What the server adds, such as `wait_ms` for `too_many_attempts`. @type {Record<string, any>} */
    this.data = data;
  }
}
