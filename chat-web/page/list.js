// The list of conversations, and the frame around it.

import { avatar, bdi, h, hidden, iconButton } from "./dom.js";
import { daysAgo, isNamedIn } from "./text.js";
import { shortTime, words } from "./words.js";

/** @import { Model } from "./model.js" */
/** @import { Conversation } from "./store.js" */

export class ListView {
  /** @type {Map<string, { element: HTMLElement, look: string }>} */
  #shown = new Map();

  /**
   * @param {Model} model
   * @param {{ open: (name: string) => void, start: () => void, account: () => void }} actions
   */
  constructor(model, { open, start, account }) {
    this.model = model;
    this.open = open;
    this.list = h("ul", { className: "list", role: "list", "aria-label": words.conversations });
    this.empty = h("li", { className: "list-empty", hidden: true },
      h("p", { className: "list-empty-title" }, words.noConversations), h("p", {}, words.noConversationsHint));
    const me = h("button", { type: "button", className: "me", onclick: account },
      avatar(model.me, model.myName), hidden(`${words.account}: `), h("span", { className: "me-name" }, bdi(model.myName)));
    this.root = h("nav", { className: "side", "aria-label": words.conversations },
      h("header", { className: "side-head" }, me, iconButton("plus", words.newConversation, start, { className: "icon-button start" })),
      h("div", { className: "side-body" }, this.list));
    this.list.append(this.empty);
    this.list.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {string} name the conversation whose entry gets the focus */
  focus(name) {
    this.#shown.get(name)?.element.querySelector("button")?.focus();
  }

  /** @param {string} current the conversation that is open */
  render(current) {
    const { store } = this.model;
    const all = store.sorted();
    this.empty.hidden = all.length > 0 || !store.listed;
    this.list.setAttribute("aria-busy", String(!store.listed));
    const names = new Set(all.map((it) => it.with));
    for (const [name, { element }] of this.#shown)
      if (!names.has(name)) {
        element.remove();
        this.#shown.delete(name);
      }
    let at = this.list.firstElementChild;
    for (const it of all) {
      const element = this.#item(it, it.with === current);
      if (element === at) at = at.nextElementSibling;
      else if (element.nextElementSibling !== at || !element.isConnected) {
        // Moving an element takes the focus from what is in it.
        const focused = element.contains(document.activeElement) ? document.activeElement : null;
        this.list.insertBefore(element, at);
        if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
      }
    }
  }

  /**
   * @param {Conversation} it
   * @param {boolean} current
   */
  #item(it, current) {
    const { store, me } = this.model;
    const own = it.with === me, user = store.users.get(it.with), room = store.rooms.get(it.with);
    const name = own ? words.notes : it.isRoom ? it.with : (user?.name ?? it.with);
    const invited = room?.standing === "invited", online = store.isOnline(it.with);
    const { text, time } = this.#preview(it, current, invited);
    const when = time ? shortTime(time, daysAgo(time, Date.now())) : "";
    const handle = !own && !it.isRoom && !isNamedIn(it.with, name) && name !== it.with ? it.with : "";
    const look = JSON.stringify([name, text, when, it.unread, current, invited, online, handle]);
    let entry = this.#shown.get(it.with);
    if (!entry) this.#shown.set(it.with, (entry = { element: h("li", { className: "entry" }), look: "" }));
    if (entry.look !== look) {
      const focused = entry.element.contains(document.activeElement);
      const badge = it.unread ? h("span", { className: "badge" }, h("span", { "aria-hidden": "true" }, it.unread > 999 ? "999+" : String(it.unread)), hidden(words.unread(it.unread))) : null;
      const button = h("button", { type: "button", className: it.unread ? "entry-button unread" : "entry-button", "aria-current": current ? "true" : undefined, onclick: () => this.open(it.with) },
        avatar(it.with, own ? this.model.myName : name, online),
        h("span", { className: "entry-name" }, bdi(name), handle ? h("small", {}, ` ${handle}`) : null),
        h("span", { className: "entry-time" }, when),
        h("span", { className: "entry-text" }, bdi(text)),
        invited ? h("span", { className: "badge invite" }, words.invited) : badge);
      entry.element.replaceChildren(button);
      entry.look = look;
      if (focused) button.focus({ preventScroll: true });
    }
    return entry.element;
  }

  /**
   * @param {Conversation} it
   * @param {boolean} current
   * @param {boolean} invited
   */
  #preview(it, current, invited) {
    const { store, me } = this.model;
    const pending = it.pending.at(-1);
    if (invited) return { text: words.invitedHint, time: 0 };
    if (it.draft.trim() && !current) return { text: `${words.draft}: ${line(it.draft)}`, time: it.last?.time ?? 0 };
    if (pending) return { text: `${pending.error ? words.unsent : words.waiting}: ${line(pending.text)}`, time: pending.time };
    const last = it.last;
    if (!last) return { text: store.rooms.get(it.with)?.title || words.newRoom, time: 0 };
    const text = last.deleted ? words.deleted : line(last.text);
    if (it.with === me) return { text, time: last.time };
    const from = last.from === me ? words.you : it.isRoom ? last.name : "";
    return { text: from ? `${from}: ${text}` : text, time: last.time };
  }

  /** Up and Down, Home and End go through the list. @param {KeyboardEvent} event */
  #key(event) {
    const buttons = [...this.list.querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const next = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (next === undefined || !buttons[next]) return;
    event.preventDefault();
    buttons[next].focus();
  }
}

/** The beginning of a text on one line. @param {string} text */
function line(text) {
  return text.slice(0, 200).replace(/\s+/g, " ");
}
