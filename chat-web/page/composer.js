// The field for a new message: Enter sends, Shift+Enter breaks the line, and it grows with its text.

import { h, icon } from "./dom.js";
import { wireBytes } from "./text.js";
import { words } from "./words.js";

/** @import { Conversation } from "./store.js" */

/** Bytes of a request beside its text. */
const REQUEST_BYTES = 400;

/**
 * @param {Conversation} conversation
 * @param {{ send: (text: string) => void, typing: () => void, limit: () => number }} actions
 */
export function composer(conversation, { send, typing, limit }) {
  const problem = h("p", { className: "composer-error", role: "alert" });
  const input = h("textarea", { rows: 1, "aria-label": words.message, placeholder: words.message, dir: "auto", enterKeyHint: "send", autocomplete: "off" });
  const button = h("button", { type: "submit", className: "send", "aria-label": words.send, title: words.send }, icon("send"));
  const root = h("form", { className: "composer" }, problem, h("div", { className: "composer-row" }, input, button));

  const resize = () => {
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight + 2}px`; // the border
    button.disabled = !input.value.trim();
  };
  const submit = () => {
    const text = input.value.trim();
    if (!text) return;
    const excess = wireBytes(text) + REQUEST_BYTES - limit();
    if (excess > 0) {
      problem.textContent = words.tooLong(excess);
      return;
    }
    send(text);
    input.value = conversation.draft = "";
    resize();
    input.focus();
  };
  input.addEventListener("input", () => {
    conversation.draft = input.value;
    problem.textContent = "";
    resize();
    if (input.value.trim()) typing();
  });
  input.addEventListener("keydown", (event) => {
    // While an input method composes, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    submit();
  });
  root.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  input.value = conversation.draft;
  button.disabled = !input.value.trim();
  requestAnimationFrame(resize); // it has a width only once it is in the document
  return { root, input };
}
