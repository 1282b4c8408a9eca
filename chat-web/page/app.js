// The page of somebody who is logged in: the list beside the open conversation, which the address names.

import { ConversationView, placeholder } from "./conversation.js";
import { accountDialog, newConversation, notify, onNotificationClick, personDialog, roomDialog, showUnread } from "./dialogs.js";
import { announce, h } from "./dom.js";
import { ListView } from "./list.js";
import { Model } from "./model.js";
import { errorText, words } from "./words.js";

/** @import { ChatClient } from "../client.js" */
/** @import { ChatEvent, Session } from "../client/protocol.js" */

const narrow = matchMedia("(max-width: 639px) and (pointer: coarse)");

export class App {
  root = h("div", { className: "app in" });
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
        announce(words.messageFrom(message.with.startsWith("#") ? message.with : message.name, words.newMessages));
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
    this.root.append(this.list.root, this.#blank.root);
    const { signal } = this.#closing;
    window.addEventListener("popstate", () => this.#route(true), { signal });
    window.addEventListener("focus", () => this.#view?.log.lookedAt(), { signal });
    document.addEventListener("visibilitychange", () => this.#view?.log.lookedAt(), { signal });
    onNotificationClick((name) => this.#open(name), signal);
    this.#route(false);
  }

  /** Begins once the client has the session. */
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
   * Changes the address, and shows what it names.
   * @param {string} name a conversation, or "" for the list alone
   * @param {boolean} [replace] instead of a new entry in the browser's history
   */
  #go(name, replace = false) {
    const address = name ? `#/${encodeURIComponent(name)}` : location.pathname;
    if (replace) history.replaceState(null, "", address);
    else history.pushState({ within: true }, "", address);
    this.#route(true);
  }

  /** @param {string} name */
  #open(name) {
    if (this.#view?.name !== name) this.#go(name);
    else this.#view.focus();
  }

  /** On narrow screens, from the conversation to the list. */
  #back() {
    this.#returnTo = this.#view?.name ?? "";
    if (history.state?.within) history.back();
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
    this.root.querySelector("main")?.replaceWith(this.#view?.root ?? this.#blank.root);
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
      else if (!this.#view.render()) this.#show(this.#view.name, false); // its data was replaced: begin anew
    };
    if (document.hidden) setTimeout(now, 0);
    else requestAnimationFrame(now);
  }
}

/** The conversation that the address names. */
function named() {
  try {
    return location.hash.startsWith("#/") ? decodeURIComponent(location.hash.slice(2)) : "";
  } catch {
    return ""; // not an address of ours
  }
}
