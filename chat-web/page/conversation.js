// An open conversation: its heading, the log, search, who is typing, and the field for a new message.

import { avatar, bdi, confirmDialog, h, icon, iconButton, openDialog } from "./dom.js";
import { Log } from "./log.js";
import { ago, errorCode, errorText, words } from "./words.js";

/** @import { Message } from "../client/protocol.js" */
/** @import { Model } from "./model.js" */
/** @import { Conversation } from "./store.js" */

export class ConversationView {
  /** @type {ReturnType<typeof searchBar> | null} */
  #search = null;
  /** @type {ReturnType<typeof composer> | null} */
  #composer = null;
  #typingTimer = 0;
  #head = "";
  #foot = "";
  #refusal = "";
  #mayJoin = false;

  /**
   * @param {Model} model
   * @param {string} name
   * @param {{ back: () => void, about: () => void }} actions
   */
  constructor(model, name, actions) {
    this.model = model;
    this.name = name;
    this.actions = actions;
    this.conversation = model.store.conversation(name);
    this.avatar = h("span", { className: "head-avatar" });
    this.title = h("h2", { tabIndex: -1 });
    this.line = h("p", { className: "head-line" });
    this.typing = h("p", { className: "typing", "aria-live": "off" });
    this.searchButton = iconButton("search", words.search, () => this.#toggleSearch(), { "aria-expanded": "false" });
    this.about = iconButton(name.startsWith("#") ? "people" : "info", name.startsWith("#") ? words.showMembers : words.about,
      () => actions.about(), { hidden: name === model.me });
    this.log = new Log(this.conversation, model.me, {
      older: () => model.older(this.conversation),
      seen: (id) => model.markRead(this.conversation, id),
      remove: (message) => void this.#remove(message),
      again: (pending) => model.sendAgain(pending),
      discard: (pending) => model.discard(pending),
      removable: (message) => message.from === model.me || model.store.rooms.get(name)?.standing === "owner",
    });
    this.foot = h("div", { className: "foot" });
    this.root = h("section", { className: "conversation" },
      h("header", { className: "head" },
        iconButton("back", words.back, actions.back, { className: "icon-button back" }),
        this.avatar, h("div", { className: "head-names" }, this.title, this.line), this.searchButton, this.about),
      this.log.root, this.foot);
  }

  /** Loads and shows it. @param {boolean} focus whether the field for a message gets the focus */
  async open(focus) {
    this.log.hush();
    this.render();
    if (focus) this.focus();
    try {
      await this.model.open(this.name);
      this.#refusal = "";
    } catch (error) {
      const code = errorCode(error);
      // Without a connection, the page asks again when there is one. The invitation of somebody invited says it better.
      if (this.conversation.loaded || code === "disconnected") return;
      this.#refusal = errorText(error);
      this.#mayJoin = code === "not_a_member";
      this.render();
      return;
    }
    this.log.hush();
    this.render();
    this.log.toDivider();
  }

  focus() {
    (this.#composer?.input ?? this.title).focus();
  }

  close() {
    clearTimeout(this.#typingTimer);
    this.log.close();
  }

  render() {
    const { store } = this.model;
    // After a reset of the server's data, the conversation is another one.
    if (store.conversation(this.name) !== this.conversation) return false;
    const invited = store.rooms.get(this.name)?.standing === "invited";
    this.log.offline = !store.connected;
    this.log.barred = invited ? words.invitedTo(this.name) : this.#refusal;
    this.searchButton.hidden = !!this.log.barred;
    this.about.hidden = !!this.log.barred || this.name === this.model.me;
    this.#renderHead();
    this.#renderFoot(invited || this.#mayJoin);
    this.#renderTyping();
    this.log.render();
    return true;
  }

  #renderHead() {
    const { store, me } = this.model;
    const room = store.rooms.get(this.name), user = store.users.get(this.name);
    const own = this.name === me, online = store.isOnline(this.name);
    const title = own ? words.notes : this.conversation.isRoom ? this.name : (user?.name ?? this.name);
    let line = "";
    if (this.conversation.isRoom) line = room ? [words.members(room.members), room.title].filter(Boolean).join(" · ") : "";
    else if (!own) line = [title === this.name ? "" : this.name, online ? words.online : user?.last_seen ? words.lastSeen(ago(Date.now() - user.last_seen)) : ""].filter(Boolean).join(" · ");
    const all = JSON.stringify([title, line, online]);
    if (all === this.#head) return;
    this.#head = all;
    this.avatar.replaceChildren(avatar(this.name, own ? (user?.name ?? me) : title, online));
    this.title.replaceChildren(bdi(title));
    this.line.replaceChildren(bdi(line));
    this.line.title = line;
    this.title.title = title;
  }

  /** @param {boolean} mayJoin */
  #renderFoot(mayJoin) {
    const wanted = !this.log.barred ? "composer" : mayJoin ? "join" : "none";
    if (this.#foot === wanted) return;
    this.#foot = wanted;
    this.#composer = null;
    if (wanted === "none") this.foot.replaceChildren();
    else if (wanted === "join")
      this.foot.replaceChildren(h("div", { className: "actions center" },
        h("button", { type: "button", className: "button primary", onclick: () => void this.#join() }, words.join)));
    else {
      this.#composer = composer(this.conversation, {
        send: (text) => {
          this.model.send(this.conversation, text);
          this.log.toEnd();
        },
        typing: () => this.model.typing(this.conversation),
        limit: () => this.model.client.server?.limits["line_bytes"] ?? 65_536,
      });
      this.foot.replaceChildren(this.typing, this.#composer.root);
    }
  }

  async #join() {
    try {
      await this.model.reach(this.name, false);
      this.#refusal = "";
      this.#mayJoin = false;
      await this.open(true);
    } catch (error) {
      openDialog(this.name, () => [h("p", { role: "alert" }, errorText(error))], { className: "small" });
    }
  }

  #renderTyping() {
    const typists = this.conversation.typists(Date.now()).map((user) => this.model.store.name(user));
    const text = typists.length ? words.typing(typists) : "";
    if (this.typing.textContent !== text) this.typing.replaceChildren(text ? bdi(text) : "");
    clearTimeout(this.#typingTimer);
    if (typists.length) this.#typingTimer = window.setTimeout(() => this.#renderTyping(), 1_000);
  }

  /** @param {Message} message */
  async #remove(message) {
    if (!(await confirmDialog(words.removeQuestion, words.removeHint, words.removeButton))) return;
    try {
      await this.model.client.call("delete", { id: message.id });
      this.model.store.takeDeleted(this.name, message.id);
      this.render();
    } catch (error) {
      openDialog(words.remove, () => [h("p", { role: "alert" }, errorText(error))], { className: "small" });
    }
  }

  #toggleSearch() {
    if (this.#search) {
      this.#search.root.remove();
      this.#search = null;
      this.log.reveal(0);
      this.searchButton.focus();
    } else {
      this.#search = searchBar(this.conversation, {
        reveal: (id) => this.log.reveal(id),
        older: () => this.model.older(this.conversation),
        close: () => this.#toggleSearch(),
      });
      this.log.root.before(this.#search.root);
      this.#search.input.focus();
    }
    this.searchButton.setAttribute("aria-expanded", String(!!this.#search));
  }
}

export function placeholder() {
  const title = h("h2", {}), text = h("p", {});
  return {
    root: h("section", { className: "conversation placeholder" }, h("div", { className: "blank" }, icon("chat"), title, text)),
    /** @param {boolean} first whether there is no conversation at all */
    render: (first) => {
      const [name, line] = first ? [words.firstTitle, words.first] : [words.chooseTitle, words.choose];
      if (title.textContent === name) return;
      title.textContent = name;
      text.textContent = line;
    },
  };
}

/** Bytes of a request beside its text. */
const REQUEST_BYTES = 400;

/**
 * @param {Conversation} conversation
 * @param {{ send: (text: string) => void, typing: () => void, limit: () => number }} actions
 */
function composer(conversation, { send, typing, limit }) {
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
    const excess = new TextEncoder().encode(JSON.stringify(text)).length + REQUEST_BYTES - limit();
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

/**
 * @param {Conversation} conversation
 * @param {{ reveal: (id: number) => void, older: () => Promise<void>, close: () => void }} actions
 */
function searchBar(conversation, { reveal, older, close }) {
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
