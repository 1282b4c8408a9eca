// What a text, a name or a time looks like, as pure functions: links in a text, initials and
// colours of names, days, and which messages stand together as one group.

/** @import { Message } from "../client/protocol.js" */

/**
 * @typedef {{ text: string, href?: string }} Piece
 * @typedef {{ message: Message, day: boolean, first: boolean, last: boolean }} Row
 */

// Characters that reorder or hide others end a link, so that it cannot show another address than it opens.
const LINK = /(?:https?:\/\/|mailto:)[^\s<>"`{}|\\^\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+/gi;
const SCHEMES = new Set(["http:", "https:", "mailto:"]);
/** Links in a text; what would be further ones stays text. */
const LINKS = 200;
/** Messages of one sender stand together if no more than this lies between them. */
const GROUP_MS = 5 * 60_000;

/**
 * @param {string} text
 * @returns {Piece[]}
 */
export function linkify(text) {
  /** @type {Piece[]} */
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    if (pieces.length > 2 * LINKS) break;
    const link = trimmed(match[0]);
    const href = address(link);
    const at = match.index;
    if (!href || (at > 0 && /[\p{L}\p{N}]/u.test(text[at - 1] ?? ""))) continue;
    if (at > end) pieces.push({ text: text.slice(end, at) });
    pieces.push({ text: link, href });
    end = at + link.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

/**
 * A link without the punctuation of the sentence around it; a closing bracket stays if it was opened in the link.
 * @param {string} link
 */
function trimmed(link) {
  // Counted once: a link of thousands of brackets should cost nobody anything.
  const unopened = { ")": link.split(")").length - link.split("(").length, "]": link.split("]").length - link.split("[").length };
  let end = link.length;
  for (; end > 0; end--) {
    const last = link[end - 1] ?? "";
    if ((last === ")" || last === "]") && unopened[last] > 0) unopened[last]--;
    else if (!/[.,;:!?'*_~]/.test(last)) break;
  }
  return link.slice(0, end);
}

/**
 * The address a link opens, or null if it should stay text: other schemes, and user names in front of the host,
 * which make one site look like another.
 * @param {string} link
 */
function address(link) {
  try {
    const url = new URL(link);
    const empty = url.protocol === "mailto:" ? !url.pathname.includes("@") : !url.hostname;
    return SCHEMES.has(url.protocol) && !url.username && !empty ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * @param {string} name
 */
export function initials(name) {
  const words = name.split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0] ?? name];
  return letters.map((word) => (word?.match(/[\p{L}\p{N}]\p{M}*/u) ?? [firstGlyph(word)])[0].toLocaleUpperCase()).join("");
}

/** @param {string | undefined} word */
function firstGlyph(word) {
  return [...(word ?? "")][0] ?? "?";
}

/**
 * A hue in degrees that is always the same for a user. Steps of 15 keep the colours of different users apart.
 * @param {string} user
 */
export function hue(user) {
  let hash = 2166136261;
  for (let i = 0; i < user.length; i++) hash = Math.imul(hash ^ user.charCodeAt(i), 16777619);
  return (((hash >>> 8) ^ hash) >>> 0) % 24 * 15;
}

/**
 * Whether the user name says nothing that the full name does not. Full names can be chosen freely, and be anyone's.
 * @param {string} user
 * @param {string} name
 */
export function isNamedIn(user, name) {
  return name.toLowerCase().split(/\s+/).includes(user.toLowerCase());
}

/**
 * @param {number} a
 * @param {number} b
 */
export function sameDay(a, b) {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

/**
 * @param {number} time
 * @param {number} now
 */
export function daysAgo(time, now) {
  /** @param {number} t */
  const noon = (t) => new Date(t).setHours(12, 0, 0, 0);
  return Math.round((noon(now) - noon(time)) / 86_400_000);
}

/**
 * Where days and groups begin and end among messages `from` to `to`; the ones before and after count, too.
 * `divider` is the id after which the "new" line stands, which also ends a group.
 * @param {Message[]} messages
 * @param {number} from
 * @param {number} to
 * @param {number} [divider]
 * @returns {Row[]}
 */
export function rows(messages, from, to, divider = 0) {
  /**
   * @param {Message | undefined} a
   * @param {Message | undefined} b
   */
  const together = (a, b) =>
    !!a && !!b && a.from === b.from && b.time - a.time <= GROUP_MS && sameDay(a.time, b.time)
    && !(a.id <= divider && divider < b.id);
  return messages.slice(from, to).map((message, i) => {
    const before = messages[from + i - 1];
    return {
      message,
      day: !before || !sameDay(before.time, message.time),
      first: !together(before, message),
      last: !together(message, messages[from + i + 1]),
    };
  });
}

/**
 * @param {string} text
 */
export function wireBytes(text) {
  return new TextEncoder().encode(JSON.stringify(text)).length;
}

/**
 * The name just before a name, so that a list which begins after it begins with the name.
 * @param {string} name
 */
export function justBefore(name) {
  const last = name.length - 1;
  return name.slice(0, last) + String.fromCharCode(Math.max(name.charCodeAt(last) - 1, 0)) + "\x7f";
}
