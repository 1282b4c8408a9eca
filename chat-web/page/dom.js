// Making elements. Texts only ever become text nodes, and links those of safe schemes: nothing a peer wrote turns into markup.

import { words } from "./words.js";

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {{ text: string, href?: string }} Piece */

// Characters that reorder or hide others end a link, so that it cannot show another address than it opens.
const LINK = /(?:https?:\/\/|mailto:)[^\s<>"`{}|\\^\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+/gi;
const SCHEMES = new Set(["http:", "https:", "mailto:"]);
/** Links in a text; what would be further ones stays text. */
const LINKS = 200;

/**
 * Makes an element. Properties that the element has are set as such, functions named `onclick` and so on listen,
 * everything else becomes an attribute.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [properties]
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name in element && !name.startsWith("aria") && name !== "list") Reflect.set(element, name, value);
    else element.setAttribute(name, String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * An icon of the sprite in index.html, for decoration only: what it stands on has a label.
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * @param {string} name
 * @param {string} label
 * @param {(event: MouseEvent) => void} onclick
 * @param {Record<string, unknown>} [properties]
 */
export function iconButton(name, label, onclick, properties = {}) {
  return h("button", { type: "button", className: "icon-button", "aria-label": label, title: label, onclick, ...properties }, icon(name));
}

/**
 * @param {string} id user name or name of a room
 * @param {string} name
 * @param {boolean} [online]
 */
export function avatar(id, name, online) {
  const room = id.startsWith("#");
  const it = h("span", { className: room ? "avatar room" : "avatar", "aria-hidden": "true" }, room ? icon("hash") : initials(name));
  it.style.setProperty("--hue", String(hue(id)));
  if (online) it.append(h("span", { className: "dot" }));
  return it;
}

/** A name or text of somebody else, kept from changing the direction of what surrounds it. @param {string} text */
export const bdi = (text) => h("bdi", {}, text);

/** @param {string} text */
export const hidden = (text) => h("span", { className: "hidden" }, text);

let fields = 0;

/**
 * @param {string} label
 * @param {Record<string, unknown>} properties of the input
 * @param {string} [hint]
 */
export function field(label, properties, hint) {
  const id = `field-${++fields}`;
  const input = h("input", { id, className: "input", ...properties });
  const error = h("p", { className: "field-error", id: `${id}-error` });
  const note = hint ? h("p", { className: "hint", id: `${id}-hint` }, hint) : null;
  input.setAttribute("aria-describedby", note ? `${note.id} ${error.id}` : error.id);
  /** @param {string} text */
  const complain = (text) => {
    error.textContent = text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  input.addEventListener("input", () => complain(""));
  return { root: h("div", { className: "field" }, h("label", { htmlFor: id }, label), input, note, error), input, complain };
}

/**
 * Opens a modal dialog. Escape, the close button and a click beside it close it; the focus then goes back to where
 * it was, and the dialog leaves the document.
 * @param {string} title
 * @param {(close: () => void) => Child[]} content
 * @param {{ className?: string, onclose?: () => void }} [options]
 */
export function openDialog(title, content, { className = "", onclose } = {}) {
  const before = document.activeElement;
  const heading = h("h2", { id: `dialog-${++fields}` }, bdi(title));
  const dialog = h("dialog", { className, "aria-labelledby": heading.id });
  const close = () => dialog.close();
  dialog.append(
    h("div", { className: "dialog-head" }, heading, iconButton("close", words.close, close)),
    h("div", { className: "dialog-body" }, ...[...content(close)].filter((child) => !!child).map((child) => /** @type {Node | string} */ (child))),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    onclose?.();
    if (before instanceof HTMLElement && before.isConnected && document.activeElement === document.body) before.focus();
  });
  // Only a press that begins and ends beside the dialog closes it, not one that selects text and slips out.
  let outside = false;
  dialog.addEventListener("pointerdown", (event) => (outside = event.target === dialog));
  dialog.addEventListener("click", (event) => {
    if (outside && event.target === dialog) close();
  });
  document.body.append(dialog);
  dialog.showModal();
  const first = dialog.querySelector(".dialog-body [autofocus], .dialog-body input:not([type=checkbox]), .dialog-body button");
  if (first instanceof HTMLElement) first.focus();
  return dialog;
}

/**
 * @param {string} question
 * @param {string} hint
 * @param {string} yes
 * @returns {Promise<boolean>}
 */
export function confirmDialog(question, hint, yes) {
  return new Promise((resolve) => {
    let answer = false;
    openDialog(question, (close) => [
      hint && h("p", {}, hint),
      h("div", { className: "actions" },
        h("button", { type: "button", className: "button", onclick: close }, words.cancel),
        h("button", { type: "button", className: "button danger", onclick: () => ((answer = true), close()) }, yes)),
    ], { className: "small", onclose: () => resolve(answer) });
  });
}

/** @type {HTMLElement | null} */
let announcer = null;

/** Has a screen reader say something that is shown elsewhere. @param {string} text */
export function announce(text) {
  if (!announcer) document.body.append((announcer = h("div", { className: "hidden", "aria-live": "polite" })));
  announcer.replaceChildren(h("p", {}, bdi(text)));
}

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

/** @param {string} name */
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
