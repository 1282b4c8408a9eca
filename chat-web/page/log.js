// The log of a conversation. Only a window of the loaded messages is in the document; it moves as the reader scrolls,
// and what the reader looks at stays where it is on the screen.

import { avatar, bdi, h, hidden, hue, icon, iconButton, linkify } from "./dom.js";
import { daysAgo, indexOf, rows, sameDay } from "./store.js";
import { clock, dayName, fullTime, words } from "./words.js";

/** @import { Message } from "../client/protocol.js" */
/** @import { Conversation, Pending } from "./store.js" */

/**
 * @typedef {object} Actions
 * @property {() => Promise<void>} older
 * @property {(id: number) => void} seen
 * @property {(message: Message) => void} remove
 * @property {(pending: Pending) => void} again
 * @property {(pending: Pending) => void} discard
 * @property {(message: Message) => boolean} removable
 */

/** Messages that are in the document at most, and how many the window moves by. */
const WINDOW = 240, STEP = 80;
/** Messages that stay loaded, at least, while the log follows new ones. */
const KEPT_PINNED = 3_000;
/** This close to an end, in pixels, more is shown. */
const NEAR = 900;
/** This close to the end, in pixels, the log follows new messages. */
const PINNED = 48;

export class Log {
  #first = 0; // id of the first message of the window
  #last = Infinity; // id of the last one; infinite while the window reaches to the end
  #pinned = true;
  /** @type {Map<string, { element: HTMLElement, look: string, of: object }>} what is in the document, by its key */
  #shown = new Map();
  #divider = 0;
  #found = 0;
  #failed = false;
  offline = false;
  /** Why there is nothing to read, if that is so. */
  barred = "";
  #quiet = 0;

  /**
   * @param {Conversation} conversation
   * @param {string} me
   * @param {Actions} actions
   */
  constructor(conversation, me, actions) {
    this.conversation = conversation;
    this.me = me;
    this.actions = actions;
    this.element = h("div", { className: "log", role: "log", "aria-label": words.messages, tabIndex: 0, onkeydown: (/** @type {KeyboardEvent} */ e) => this.#key(e) });
    this.jump = iconButton("down", words.latest, () => this.toEnd(), { className: "icon-button jump", hidden: true });
    this.root = h("div", { className: "log-frame" }, this.element, this.jump);
    this.element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.element.addEventListener("focusin", (event) => this.#focused(event));
    this.resizing = new ResizeObserver(() => this.#pinned && this.#scrollDown());
    this.resizing.observe(this.element);
    if (conversation.unread && conversation.read) this.#divider = conversation.read;
  }

  close() {
    this.resizing.disconnect();
  }

  toEnd() {
    this.#pinned = true;
    this.#last = Infinity;
    this.#first = 0;
    this.#found = 0;
    this.render();
    this.#scrollDown();
  }

  /** @param {number} id 0 to mark none */
  reveal(id) {
    this.#found = id;
    const { messages } = this.conversation;
    if (id && !this.#shown.has(String(id))) {
      const at = indexOf(messages, id);
      this.#window(at - WINDOW / 2, at + WINDOW / 2);
    }
    if (id) this.#pinned = false;
    this.render();
    const found = this.#shown.get(String(id))?.element;
    found?.scrollIntoView({ block: "center" });
    this.#pinned = this.#atEnd();
  }

  render() {
    const it = this.conversation;
    if (this.#pinned) it.trim(KEPT_PINNED);
    const { messages } = it;
    if (this.#last === Infinity && (this.#pinned || !this.#first)) this.#window(messages.length - WINDOW / 2, messages.length);
    const anchor = this.#pinned ? null : this.#anchor();
    const from = indexOf(messages, this.#first);
    // While the reader is further up, new messages do not pile up in the document.
    if (this.#last === Infinity && !this.#pinned && messages.length - from > 2 * WINDOW) this.#window(from, from + WINDOW);
    const to = this.#last === Infinity ? messages.length : indexOf(messages, this.#last + 1);
    /** @type {HTMLElement[]} */
    const elements = [];
    /** @type {Set<string>} */
    const used = new Set();
    /**
     * @param {string} key
     * @param {object} of
     * @param {string} look
     * @param {() => HTMLElement} make
     */
    const show = (key, of, look, make) => {
      used.add(key);
      let entry = this.#shown.get(key);
      if (!entry || entry.of !== of || entry.look !== look) {
        const element = make();
        if (entry?.element.contains(document.activeElement)) queueMicrotask(() => element.focus({ preventScroll: true }));
        this.#shown.set(key, (entry = { element, look, of }));
      }
      elements.push(entry.element);
      return entry.element;
    };
    show("top", this, `${it.loaded} ${from > 0 || it.more} ${this.#failed} ${messages.length + it.pending.length > 0} ${this.barred} ${this.offline}`, () => this.#top(from > 0 || it.more));
    const today = new Date().toDateString();
    for (const { message, day, first, last } of rows(messages, from, to, this.#divider)) {
      if (day) show(`day ${message.id}`, this, `${message.time} ${today}`, () => dayElement(message.time));
      const own = message.from === this.me;
      if (!own && this.#divider && message.id > this.#divider && this.#isFirstNew(message.id)) show("divider", this, "", dividerElement);
      const look = { own, first, room: it.isRoom, removable: !message.deleted && this.actions.removable(message) };
      const element = show(String(message.id), this, Object.values(look).join() + message.deleted, () => messageElement(message, look, this.actions.remove));
      // What changes later changes in place: a screen reader would take a new element for a new message.
      element.classList.toggle("last", last);
      element.classList.toggle("found", message.id === this.#found);
      setMark(element, message.id <= it.readByOther && it.with !== this.me ? "read" : "sent");
    }
    if (this.#last === Infinity)
      it.pending.forEach((pending, i) => {
        const before = messages.at(-1);
        if (i === 0 && (!before || !sameDay(before.time, pending.time)))
          show("day pending", this, `${pending.time} ${today}`, () => dayElement(pending.time));
        const first = i === 0 && before?.from !== this.me;
        show(pending.key, pending, `${first} ${pending.error}`, () => pendingElement(pending, first, this.actions.again, this.actions.discard))
          .classList.toggle("last", i === it.pending.length - 1);
      });
    for (const [key, { element }] of this.#shown) {
      if (used.has(key)) continue;
      this.#shown.delete(key);
      if (element.classList.contains("pending")) this.hush(); // it was read out when it was written
    }
    this.#arrange(elements);
    if (anchor) this.#restore(anchor);
    else if (this.#pinned) this.#scrollDown();
    this.jump.hidden = this.#atEnd() || !it.loaded;
    this.#fill();
  }

  /** Whether the line of new messages stands before this message, if that is known. @param {number} id */
  #isFirstNew(id) {
    const { messages, more } = this.conversation;
    const before = messages[indexOf(messages, id) - 1];
    return before ? before.id <= this.#divider : !more;
  }

  /** Puts the elements into the log in this order, and touches only what is out of place. @param {HTMLElement[]} elements */
  #arrange(elements) {
    const keep = new Set(elements);
    for (const child of [...this.element.children]) if (!keep.has(/** @type {HTMLElement} */ (child))) child.remove();
    let at = this.element.firstElementChild;
    for (const element of elements) {
      if (element === at) at = at.nextElementSibling;
      else this.element.insertBefore(element, at);
    }
  }

  /** @param {boolean} more */
  #top(more) {
    const it = this.conversation;
    if (this.barred) return h("div", { className: "top empty" }, h("p", {}, this.barred));
    if (this.#failed)
      return h("div", { className: "top" }, h("p", {}, words.loadFailed), h("button", { type: "button", className: "link", onclick: () => this.#older() }, words.retry));
    if ((!it.loaded || more) && this.offline) return h("div", { className: "top" }, h("p", {}, words.loadLater));
    if (!it.loaded || more) return h("div", { className: "top" }, h("p", { className: "loading" }, words.loadingMessages));
    if (it.messages.length + it.pending.length) return h("div", { className: "top" }, h("p", {}, words.beginning));
    return h("div", { className: "top empty" }, h("p", {}, it.isRoom ? words.emptyRoom : it.with === this.me ? words.emptyNotes : words.emptyDirect));
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  #window(from, to) {
    const { messages } = this.conversation;
    this.#first = messages[Math.max(0, from)]?.id ?? 0;
    this.#last = to >= messages.length ? Infinity : messages[to - 1]?.id ?? Infinity;
  }

  #scrolled() {
    this.#pinned = this.#last === Infinity && this.#atEnd();
    this.jump.hidden = this.#atEnd();
    this.#fill();
    this.tellSeen();
  }

  /** Shows more where the reader comes near an end of the window, and takes away as much at the other end. */
  #fill() {
    const log = this.element, it = this.conversation, { messages } = it;
    if (!it.loaded || !log.clientHeight) return;
    const from = indexOf(messages, this.#first);
    const to = this.#last === Infinity ? messages.length : indexOf(messages, this.#last + 1);
    const below = log.scrollHeight - log.scrollTop - log.clientHeight;
    if (log.scrollTop < NEAR && from > 0 && !this.#pinned) {
      this.hush();
      this.#window(from - STEP, Math.min(to, from - STEP + WINDOW));
      this.render();
    } else if (log.scrollTop < NEAR && from === 0 && it.more && !it.loading && !this.#failed && !this.offline) {
      this.#older();
    } else if (below < NEAR && to < messages.length) {
      this.hush();
      this.#window(Math.max(from, to + STEP - WINDOW), to + STEP);
      this.render();
    }
  }

  #older() {
    this.#failed = false;
    this.hush();
    this.actions.older().catch(() => (this.#failed = true)).then(() => this.render());
  }

  /** Tells the browser not to read out what comes now: it is history. */
  hush() {
    this.element.setAttribute("aria-live", "off");
    clearTimeout(this.#quiet);
    this.#quiet = window.setTimeout(() => this.element.removeAttribute("aria-live"), 800);
  }

  #anchor() {
    const top = this.element.getBoundingClientRect().top;
    for (const child of this.element.children) {
      const box = child.getBoundingClientRect();
      if (box.bottom > top && child instanceof HTMLElement && child.dataset["id"]) return { element: child, id: child.dataset["id"], top: box.top };
    }
    return null;
  }

  /** @param {{ element: HTMLElement, id: string, top: number }} anchor */
  #restore({ element, id, top }) {
    const now = element.isConnected ? element : this.#shown.get(id)?.element;
    if (now) this.element.scrollTop += now.getBoundingClientRect().top - top;
  }

  #atEnd() {
    const log = this.element;
    return log.scrollHeight - log.scrollTop - log.clientHeight < PINNED;
  }

  #scrollDown() {
    this.element.scrollTop = this.element.scrollHeight;
    this.tellSeen();
  }

  /** Shows the beginning of what is unread, if it is among what is loaded. */
  toDivider() {
    const divider = this.#shown.get("divider")?.element;
    if (!divider) return;
    this.#pinned = false;
    divider.scrollIntoView({ block: "start" });
    this.#pinned = this.#atEnd();
  }

  tellSeen() {
    if (document.hidden || !document.hasFocus() || !this.element.clientHeight) return;
    const { messages } = this.conversation;
    if (this.#last === Infinity && this.#atEnd()) {
      const last = messages.at(-1);
      if (last) this.actions.seen(last.id);
      return;
    }
    const bottom = this.element.getBoundingClientRect().bottom;
    for (let child = this.element.lastElementChild; child; child = child.previousElementSibling) {
      const id = Number(/** @type {HTMLElement} */ (child).dataset["id"]);
      if (id && child.getBoundingClientRect().bottom <= bottom + 4) return this.actions.seen(id);
    }
  }

  /** Up and Down go from message to message; the buttons of the one with the focus can be reached by Tab. @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const target = event.target instanceof Element ? event.target.closest("article") : null;
    if (event.key === "Delete" && target) return /** @type {HTMLElement | null} */ (target.querySelector(".remove"))?.click();
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = [...this.element.querySelectorAll("article")];
    const next = target ? all[all.indexOf(target) + step] : this.#lastInView(all);
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  /** @param {HTMLElement[]} all */
  #lastInView(all) {
    const bottom = this.element.getBoundingClientRect().bottom;
    return all.findLast((element) => element.getBoundingClientRect().bottom <= bottom + 4) ?? all.at(-1);
  }

  /** @param {FocusEvent} event */
  #focused(event) {
    for (const button of this.element.querySelectorAll(".remove[tabindex='0']")) /** @type {HTMLElement} */ (button).tabIndex = -1;
    const article = event.target instanceof Element ? event.target.closest("article") : null;
    const button = article?.querySelector(".remove");
    if (button instanceof HTMLElement) button.tabIndex = 0;
  }
}

/**
 * How a message is shown.
 * @typedef {object} Look
 * @property {boolean} own
 * @property {boolean} first of a group
 * @property {boolean} room
 * @property {boolean} removable
 */

/**
 * @param {Message} message
 * @param {Look} look
 * @param {(message: Message) => void} remove
 */
function messageElement(message, look, remove) {
  const { own, first, room } = look;
  const sender = own ? hidden(`${words.you}: `) : h("span", { className: first && room ? "sender" : "hidden" }, bdi(message.name));
  sender.style.setProperty("--hue", String(hue(message.from)));
  if (!own && room && first) sender.title = message.from;
  const time = h("time", { dateTime: new Date(message.time).toISOString(), title: fullTime(message.time) }, clock(message.time));
  const bubble = h("div", { className: "bubble" },
    sender,
    h("div", { className: "line" },
      message.deleted ? h("p", { className: "text gone" }, icon("trash"), words.deleted) : textElement(message.text),
      h("span", { className: "meta" }, time, own && !message.deleted ? h("span", { className: "mark", role: "img" }, icon("check")) : null)));
  const it = h("article", { className: `message${own ? " own" : ""}${first ? " first" : ""}`, tabIndex: -1 },
    !own && room ? avatar(message.from, message.name) : null,
    bubble);
  if (look.removable)
    bubble.append(h("button", { type: "button", className: "icon-button remove", tabIndex: -1, "aria-label": words.remove, title: words.remove,
      onclick: () => remove(message) }, icon("trash")));
  it.dataset["id"] = String(message.id);
  return it;
}

/**
 * @param {Pending} pending
 * @param {boolean} first
 * @param {(pending: Pending) => void} again
 * @param {(pending: Pending) => void} discard
 */
function pendingElement(pending, first, again, discard) {
  const meta = h("span", { className: "meta" }, clock(pending.time),
    pending.error ? icon("alert") : icon("clock"), hidden(pending.error ? words.unsent : words.waiting));
  const it = h("article", { className: `message own pending${first ? " first" : ""}${pending.error ? " failed" : ""}`, tabIndex: -1 },
    h("div", { className: "bubble" }, hidden(`${words.you}: `), h("div", { className: "line" }, textElement(pending.text), meta)));
  if (pending.error)
    it.append(h("div", { className: "failure" }, h("p", {}, `${words.unsent}. ${pending.error}`),
      h("button", { type: "button", className: "link", onclick: () => again(pending) }, words.again),
      h("button", { type: "button", className: "link", onclick: () => discard(pending) }, words.discard)));
  return it;
}

/** @param {string} text */
function textElement(text) {
  return h("p", { className: "text", dir: "auto" }, ...linkify(text).map(({ text, href }) =>
    href ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text) : text));
}

/**
 * What became of one's own message.
 * @param {HTMLElement} element
 * @param {"sent" | "read"} what
 */
function setMark(element, what) {
  const mark = element.querySelector(".mark");
  if (!mark || mark.classList.contains(what)) return;
  mark.className = `mark ${what}`;
  mark.setAttribute("aria-label", words[what]);
  mark.querySelector("use")?.setAttribute("href", what === "read" ? "#i-checks" : "#i-check");
}

/** @param {number} time */
function dayElement(time) {
  return h("div", { className: "day" }, h("span", {}, dayName(time, daysAgo(time, Date.now()))));
}

function dividerElement() {
  return h("div", { className: "divider" }, h("span", {}, words.newMessages));
}
