// What the client takes from its surroundings: the WebSocket, the clock, timers and randomness. Tests pass their own.

/** @import { Options } from "./protocol.js" */

/** @typedef {Required<Options>} Env */

/**
 * @param {Options} options
 * @returns {Env}
 */
export function environment({
  WebSocket = globalThis.WebSocket,
  now = () => Date.now(),
  random = () => Math.random(),
  newKey = randomKey,
  // Browsers refuse to call these as methods of another object.
  setTimeout = (callback, ms) => globalThis.setTimeout(callback, ms),
  clearTimeout = (timer) => globalThis.clearTimeout(timer),
}) {
  if (!WebSocket) {
    throw new TypeError("there is no global WebSocket: pass one, such as that of the package ws, as the option WebSocket");
  }
  return { WebSocket, now, random, newKey, setTimeout, clearTimeout };
}

/** 128 random bits. `crypto.randomUUID` would not do: it is missing in pages that come over plain HTTP. */
function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The address of the WebSocket: relative to the page if there is one, and with `ws` for `http`.
 *
 * @param {string | URL} url
 */
export function socketUrl(url) {
  const absolute = new URL(url, globalThis.location?.href);
  absolute.protocol = absolute.protocol.replace(/^http/, "ws");
  return absolute.href;
}
