// The page of somebody who is logged in: the list beside the open conversation, which the address names.

import { ConversationView, placeholder } from "./conversation.js";
import { accountDialog, newConversation, notify, onNotificationClick, personDialog, roomDialog, showUnread } from "./dialogs.js";
import { announce, avatar, bdi, h, hidden, iconButton } from "./dom.js";
import { Model } from "./model.js";
import { daysAgo, isNamedIn } from "./store.js";
import { errorText, shortTime, words } from "./words.js";

/** @import { ChatClient } from "../client.js" */
/** @import { ChatEvent, Session } from "../client/protocol.js" */
/** @import { Conversation } from "./store.js" */

const narrow = matchMedia("(max-width: 639px) and (pointer: coarse)");

export class App {
  root = h("main", { className: "app in" });
  /** @type {ConversationView | null} */
  #view = null;
  #blank = placeholder();
  #drawing = false;
  #returnTo = "";
  #closing = new AbortController();

  /**
   * @param {ChatClient} client
   * @param {Session} session
   * @param {() => void} logOut
   */
  constructor(client, session, logOut) {
    const model = (this.model = new Model(client, session, {
      onchange: () => this.#draw(),
      onmessage: (message) => {
        if (!document.hidden && document.hasFocus() && this.#view?.name === message.with) return;
        announce(`${message.with.startsWith("#") ? message.with : message.name}: ${words.newMessages}`);
        void notify(message, (name) => this.#open(name));
      },
      onforgotten: (room) => this.#view?.name === room && this.#go("", true),
      oninvited: ({ room }) => announce(words.invitedTo(room)),
    }));
    this.list = new ListView(model, {
      open: (name) => this.#open(name),
      start: () => this.#begin(),
      account: () => accountDialog(model, () => {
        model.clearOutbox();
        history.replaceState(null, "", location.pathname);
        logOut();
      }),
    });
    this.root.append(h("h1", { className: "hidden" }, words.app), this.list.root, this.#blank.root);
    const { signal } = this.#closing;
    window.addEventListener("popstate", () => this.#route(true), { signal });
    window.addEventListener("focus", () => this.#view?.log.tellSeen(), { signal });
    document.addEventListener("visibilitychange", () => this.#view?.log.tellSeen(), { signal });
    onNotificationClick((name) => this.#open(name), signal);
    this.#route(false);
  }

  async start() {
    await this.model.start();
    await this.#view?.open(false);
  }

  /** @param {ChatEvent} event */
  take(event) {
    this.model.take(event);
  }

  close() {
    this.#closing.abort();
    this.#view?.close();
    showUnread(0);
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  }

  /**
   * Asks for whom or what to open, and opens it at once; if it turns out that it cannot be, asks again.
   * @param {string} [value]
   * @param {string} [problem]
   */
  #begin(value = "", problem = "") {
    newConversation(this.model, value, problem, (name, inviteOnly) => {
      const before = named();
      const reached = this.model.reach(name, inviteOnly);
      this.#open(name);
      reached.catch((error) => {
        if (this.#closing.signal.aborted) return;
        if (this.#view?.name === name) this.#go(before, true);
        this.#begin(name, errorText(error));
      });
    });
  }

  /**
   * @param {string} name a conversation, or "" for the list alone
   * @param {boolean} [replace] instead of a new entry in the browser's history
   */
  #go(name, replace = false) {
    const address = name ? `#/${encodeURIComponent(name)}` : location.pathname;
    if (replace) history.replaceState(null, "", address);
    else history.pushState({ fromList: !this.#view }, "", address);
    this.#route(true);
  }

  /** @param {string} name */
  #open(name) {
    if (this.#view?.name !== name) this.#go(name);
    else this.#view.focus();
  }

  #back() {
    this.#returnTo = this.#view?.name ?? "";
    if (history.state?.fromList) history.back();
    else this.#go("", true);
  }

  /** @param {boolean} focus */
  #route(focus) {
    const name = named();
    if ((this.#view?.name ?? "") !== name) this.#show(name, focus);
    this.#draw();
    if (!this.#view && this.#returnTo) this.list.focus(this.#returnTo);
    this.#returnTo = "";
  }

  /**
   * @param {string} name
   * @param {boolean} focus
   */
  #show(name, focus) {
    const { model } = this;
    this.#view?.close();
    this.#view = name ? new ConversationView(model, name, {
      back: () => this.#back(),
      about: () => (name.startsWith("#") ? roomDialog : personDialog)(model, name),
    }) : null;
    this.root.querySelector(".conversation")?.replaceWith(this.#view?.root ?? this.#blank.root);
    this.root.classList.toggle("open", !!this.#view);
    // On phones the keyboard would cover what one came to read.
    if (this.#view) void this.#view.open(focus && !narrow.matches);
    else void model.open("");
  }

  /** Draws at the next frame, however many changes come until then. A page in the background has no frames. */
  #draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    const now = () => {
      this.#drawing = false;
      if (this.#closing.signal.aborted) return;
      const { store } = this.model;
      showUnread(store.unread);
      this.list.render(this.#view?.name ?? "");
      if (!this.#view) this.#blank.render(store.listed && !store.sorted().length);
      else if (!this.#view.render()) this.#show(this.#view.name, false); // the data was replaced: start again
    };
    if (document.hidden) setTimeout(now, 0);
    else requestAnimationFrame(now);
  }
}

function named() {
  try {
    return location.hash.startsWith("#/") ? decodeURIComponent(location.hash.slice(2)) : "";
  } catch {
    return "";
  }
}

class ListView {
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
    this.root = h("nav", { className: "side" },
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
    const from = last.from === me ? words.you : it.isRoom ? last.name.split(" ")[0] : "";
    return { text: from ? `${from}: ${text}` : text, time: last.time };
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const buttons = [...this.list.querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const next = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (next === undefined || !buttons[next]) return;
    event.preventDefault();
    buttons[next].focus();
  }
}

/** @param {string} text */
function line(text) {
  return text.slice(0, 200).replace(/\s+/g, " ");
}
