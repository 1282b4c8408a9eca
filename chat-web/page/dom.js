// Making elements. Texts only ever become text nodes, so that nothing a peer wrote turns into markup.

import { hue, initials } from "./text.js";
import { words } from "./words.js";

/** @typedef {Node | string | null | undefined | false} Child */

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

const announcer = h("div", { className: "hidden", "aria-live": "polite" });

/** Has a screen reader say something that is shown elsewhere. @param {string} text */
export function announce(text) {
  if (!announcer.isConnected) document.body.append(announcer);
  announcer.replaceChildren(h("p", {}, bdi(text)));
}
