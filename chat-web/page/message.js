// One message of the log as an element, and the lines between messages.

import { avatar, bdi, h, hidden, icon } from "./dom.js";
import { daysAgo, hue, linkify } from "./text.js";
import { clock, dayName, fullTime, words } from "./words.js";

/** @import { Message } from "../client/protocol.js" */
/** @import { Pending } from "./store.js" */

/**
 * How a message is shown. `mark` is what became of one's own message.
 * @typedef {object} Look
 * @property {boolean} own
 * @property {boolean} first of a group
 * @property {boolean} last of a group
 * @property {boolean} room
 * @property {"" | "sent" | "read"} mark
 * @property {boolean} removable
 */

/**
 * @param {Message} message
 * @param {Look} look
 * @param {(message: Message) => void} remove
 */
export function messageElement(message, look, remove) {
  const { own, first, last, room } = look;
  const sender = own ? hidden(`${words.you}: `) : h("span", { className: first && room ? "sender" : "hidden" }, bdi(message.name));
  sender.style.setProperty("--hue", String(hue(message.from)));
  if (!own && room && first) sender.title = message.from;
  const time = h("time", { dateTime: new Date(message.time).toISOString(), title: fullTime(message.time) }, clock(message.time));
  const bubble = h("div", { className: "bubble" },
    sender,
    h("div", { className: "line" },
      message.deleted ? h("p", { className: "text gone" }, icon("trash"), words.deleted) : textElement(message.text),
      h("span", { className: "meta" }, time, own && !message.deleted && look.mark ? mark(look.mark) : null)));
  const it = h("article", { className: classes(own, first, last), tabIndex: -1 },
    !own && room ? (last ? avatar(message.from, message.name) : h("span", { className: "avatar-space" })) : null,
    bubble);
  if (look.removable)
    bubble.append(h("button", { type: "button", className: "icon-button remove", tabIndex: -1, "aria-label": words.remove, title: words.remove,
      onclick: () => remove(message) }, icon("trash")));
  it.dataset["id"] = String(message.id);
  return it;
}

/**
 * A message that the server has not taken yet: it waits, or was refused.
 * @param {Pending} pending
 * @param {boolean} first
 * @param {boolean} last
 * @param {(pending: Pending) => void} again
 * @param {(pending: Pending) => void} discard
 */
export function pendingElement(pending, first, last, again, discard) {
  const meta = h("span", { className: "meta" }, clock(pending.time),
    pending.error ? icon("alert") : icon("clock"), hidden(pending.error ? words.unsent : words.waiting));
  const it = h("article", { className: `${classes(true, first, last)} pending${pending.error ? " failed" : ""}`, tabIndex: -1 },
    h("div", { className: "bubble" }, hidden(`${words.you}: `), h("div", { className: "line" }, textElement(pending.text), meta)));
  if (pending.error)
    it.append(h("div", { className: "failure" }, h("p", {}, `${words.unsent}. ${pending.error}`),
      h("button", { type: "button", className: "link", onclick: () => again(pending) }, words.again),
      h("button", { type: "button", className: "link", onclick: () => discard(pending) }, words.discard)));
  return it;
}

/**
 * @param {boolean} own
 * @param {boolean} first
 * @param {boolean} last
 */
function classes(own, first, last) {
  return `message${own ? " own" : ""}${first ? " first" : ""}${last ? " last" : ""}`;
}

/** @param {string} text */
function textElement(text) {
  return h("p", { className: "text", dir: "auto" }, ...linkify(text).map(({ text, href }) =>
    href ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text) : text));
}

/** @param {"sent" | "read"} what */
function mark(what) {
  return h("span", { className: `mark ${what}`, title: words[what] }, icon(what === "read" ? "checks" : "check"), hidden(words[what]));
}

/** @param {number} time */
export function dayElement(time) {
  return h("div", { className: "day" }, h("span", {}, dayName(time, daysAgo(time, Date.now()))));
}

export function dividerElement() {
  return h("div", { className: "divider" }, h("span", {}, words.newMessages));
}
