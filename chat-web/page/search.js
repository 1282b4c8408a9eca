// Search in the messages of a conversation that are loaded, and in earlier ones by loading them.

import { h, iconButton } from "./dom.js";
import { words } from "./words.js";

/** @import { Conversation } from "./store.js" */

/**
 * @param {Conversation} conversation
 * @param {{ reveal: (id: number) => void, older: () => Promise<void>, close: () => void }} actions
 */
export function searchBar(conversation, { reveal, older, close }) {
  let at = 0; // id of the match that is shown
  const input = h("input", { type: "search", className: "input", "aria-label": words.searchField, placeholder: words.searchField, enterKeyHint: "search" });
  const count = h("span", { className: "count", "aria-live": "polite" });
  const up = iconButton("up", words.previous, () => move(-1));
  const down = iconButton("down", words.next, () => move(1));
  const more = h("button", { type: "button", className: "link", onclick: () => void loadMore() }, words.older);
  const root = h("search", { className: "search" }, h("div", { className: "search-row" }, input, count, up, down, iconButton("close", words.close, close)), more);

  const matches = () => {
    const wanted = input.value.trim().toLowerCase();
    return wanted ? conversation.messages.filter((message) => message.text.toLowerCase().includes(wanted)).map((message) => message.id) : [];
  };
  /** @param {number[]} found */
  const show = (found) => {
    const index = found.indexOf(at);
    count.textContent = input.value.trim() ? words.found(index < 0 ? 0 : found.length - index, found.length) : "";
    up.disabled = down.disabled = found.length < 2;
    more.hidden = !input.value.trim() || !conversation.more;
    reveal(at);
  };
  /** @param {number} step */
  const move = (step) => {
    const found = matches();
    const index = found.indexOf(at);
    at = found[(index + step + found.length) % found.length] ?? 0;
    show(found);
  };
  const search = () => {
    const found = matches();
    at = found.at(-1) ?? 0;
    show(found);
  };
  // Loads until there is a new match, or nothing more.
  const loadMore = async () => {
    const before = matches().length;
    more.disabled = true;
    try {
      while (conversation.more && matches().length === before && root.isConnected) await older();
      const found = matches();
      if (found.length > before) at = found[found.length - before - 1] ?? at;
      show(found);
    } catch {
      count.textContent = words.loadFailed;
    } finally {
      more.disabled = false;
    }
  };
  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") move(event.shiftKey ? 1 : -1);
    if (event.key === "Escape") close();
    if (event.key === "Enter" || event.key === "Escape") event.preventDefault();
  });
  show([]);
  return { root, input };
}
