// Joins the client and the store: asks the server for what the page shows, takes its events, and keeps unsent messages
// in localStorage, so that a reload loses none.

import { ChatError } from "../client.js";
import { randomKey } from "../client/connection.js";
import { KEY_LIFETIME } from "../client/session.js";
import { Store, justBefore } from "./store.js";
import { errorCode, errorText, words } from "./words.js";

/** @import { ChatClient } from "../client.js" */
/** @import { ChatEvent, Message, RoomEvent, Session } from "../client/protocol.js" */
/** @import { Conversation, Pending } from "./store.js" */

/**
 * @typedef {object} Listener
 * @property {() => void} onchange something that is shown may have changed
 * @property {(message: Message) => void} onmessage a message of somebody else has come
 * @property {(name: string) => void} onforgotten the user is no longer in this room
 * @property {(event: RoomEvent) => void} oninvited
 */

const PAGE = 200;
const NEWS_MS = 120_000;
const BUSY_MS = 3_000;
/** The server passes it on every 3 s; what comes just too early would be lost until the next. */
const TYPING_EVERY_MS = 3_300;
/** How much of a conversation is read again after a reconnect, since deletions are not replayed. */
const RELOAD_PAGES = 3;

export class Model {
  /** @type {Map<string, number>} */
  #typed = new Map();
  /** @type {Set<string>} */
  #asked = new Set();
  #roomsTimer = 0;
  #wanted = false;
  /** @type {Promise<void> | null} */
  #starting = null;
  #started = false;
  #open = "";

  /**
   * @param {ChatClient} client
   * @param {Pick<Session, "user" | "name">} session
   * @param {Listener} listener
   */
  constructor(client, { user, name }, listener) {
    this.client = client;
    this.me = user;
    this.myName = name;
    this.listener = listener;
    this.store = new Store(user);
    this.store.takeUsers([{ user, name }]);
    this.#restoreOutbox();
  }

  /** Begins once the session is there, and again with the next connection if this one is lost meanwhile. */
  start() {
    this.#wanted = true;
    return (this.#starting ??= this.#begin().finally(() => (this.#starting = null)));
  }

  async #begin() {
    await this.client.subscribe();
    this.#started = this.store.connected = true;
    for (const it of this.store.conversations.values()) for (const pending of it.pending) if (!pending.error) void this.#dispatch(pending);
    await this.refresh();
  }

  /** Asks for all that is not replayed: at the start, and after a reconnect. */
  async refresh() {
    const { client, store } = this;
    const lists = await Promise.all([
      client.call("conversations", { limit: 1000 }), client.call("room.list", { limit: 1000 }), client.call("users", { limit: 1000 }),
    ]);
    if (store !== this.store) return;
    store.takeUsers(lists[2].users);
    store.takeRooms(lists[1].rooms, lists[1].more);
    store.takeConversations(lists[0].conversations);
    this.listener.onchange();
    for (const it of store.conversations.values()) if (!it.isRoom) this.#lookUp(it.with);
    for (let { conversations, more } = lists[0]; more; ) {
      const before = conversations.at(-1)?.last?.id;
      if (!before) break;
      ({ conversations, more } = await client.call("conversations", { limit: 1000, before }));
      store.takeConversations(conversations);
    }
    this.listener.onchange();
  }

  /** @param {ChatEvent} event */
  take(event) {
    const { store } = this;
    switch (event.type) {
      case "message": {
        const { type: _, ...message } = event;
        if (message.key && message.from === this.me) this.#forgetPending(message.key);
        const fresh = store.takeMessage(message);
        if (!store.conversation(message.with).isRoom) this.#lookUp(message.with);
        // What was sent long ago comes by the thousand after a reconnect: the unread counts tell of it.
        if (fresh && message.from !== this.me && Date.now() - message.time < NEWS_MS) this.listener.onmessage(message);
        break;
      }
      case "read":
        if (!store.takeRead(event.with, event.user, event.upto)) void this.refresh().catch(() => {});
        break;
      case "presence":
        store.takePresence(event.user, event.online, event.last_seen);
        break;
      case "typing":
        store.takeTyping(event.with, event.user, Date.now());
        break;
      case "deleted":
        store.takeDeleted(event.with, event.id);
        break;
      case "room":
        this.#takeRoom(event);
        break;
      case "state":
        store.connected = event.state === "online";
        if (event.state === "online" && this.#started) this.#afterReconnect();
        else if (event.state === "online" && this.#wanted) void this.start().then(() => this.#reload(this.#open)).catch(() => {});
        break;
      case "lagged":
        this.#afterReconnect();
        break;
      case "reset":
        this.store = new Store(this.me);
        this.store.connected = store.connected;
        this.store.takeUsers([{ user: this.me, name: this.myName }]);
        this.#restoreOutbox();
        this.#asked.clear();
        break;
      default:
        return;
    }
    this.listener.onchange();
  }

  #afterReconnect() {
    for (const it of this.store.conversations.values()) {
      if (it.with === this.#open) continue;
      it.loaded = false;
      it.messages = [];
    }
    this.#asked.clear();
    this.refresh().then(() => this.#reload(this.#open)).catch((error) => {
      // Without a connection, the next one does it. A server that is busy is asked again.
      if (error.code !== "disconnected" && this.client.session) setTimeout(() => this.store.connected && this.#afterReconnect(), BUSY_MS);
    });
  }

  /**
   * Reads a conversation again as far back as it was loaded, for the deletions that were missed.
   * @param {string} name
   */
  async #reload(name) {
    const it = this.store.conversations.get(name);
    if (!it) return;
    if (!it.loaded) return this.#load(it);
    const oldest = it.messages[0]?.id ?? 0;
    let before = Infinity;
    for (let page = 0; page < RELOAD_PAGES && before > oldest; page++) {
      const { messages, more } = await this.client.call("history", { with: name, limit: 1000, ...(page ? { before } : {}) });
      this.store.takeHistory(name, messages, more);
      before = messages[0]?.id ?? 0;
    }
    if (before > oldest) {
      it.messages = it.messages.filter((message) => message.id >= before);
      it.more = true;
    }
    this.listener.onchange();
  }

  /**
   * Makes a conversation the one that is read. Its newest messages are loaded if they are not there.
   * @param {string} name
   * @returns {Promise<void>}
   */
  async open(name) {
    if (this.#open !== name) this.store.conversations.get(this.#open)?.trim();
    this.#open = name;
    if (!name) return;
    const it = this.store.conversation(name);
    await it.reaching;
    if (!it.isRoom) this.#lookUp(name);
    if (!it.loaded) await this.#load(it);
  }

  /**
   * Loads the messages before the first loaded one. Returns at once if there are none.
   * @param {Conversation} it
   */
  async older(it) {
    if (it.loaded && it.more) await this.#load(it);
  }

  /** @param {Conversation} it */
  #load(it) {
    it.loading ??= (async () => {
      try {
        const before = it.loaded ? it.messages[0]?.id : undefined;
        const { messages, more } = await this.client.call("history", { with: it.with, limit: PAGE, ...(before ? { before } : {}) });
        this.store.takeHistory(it.with, messages, more, before);
      } catch (error) {
        if (!it.loaded) it.messages = [];
        throw error;
      } finally {
        it.loading = null;
        this.listener.onchange();
      }
    })();
    return it.loading;
  }

  /**
   * Opens a conversation with a user, or joins a room, or creates one. It can be opened at once;
   * messages to it wait until that is done. Rejects if it cannot be.
   * @param {string} name
   * @param {boolean} inviteOnly for a new room
   * @returns {Promise<void>}
   */
  reach(name, inviteOnly) {
    const it = this.store.conversation(name), before = it.touched;
    it.touched = Date.now();
    it.reaching ??= this.#reach(name, inviteOnly).catch((error) => {
      it.touched = before;
      throw error;
    }).finally(() => {
      it.reaching = null;
      this.listener.onchange();
    });
    return it.reaching;
  }

  /**
   * @param {string} name
   * @param {boolean} inviteOnly
   */
  async #reach(name, inviteOnly) {
    const { client, store } = this;
    if (!name.startsWith("#")) {
      if (!(await this.finds(name))) throw new ChatError("no_such_user", "there is no such user");
      return;
    }
    const standing = store.rooms.get(name)?.standing;
    if (standing === "member" || standing === "owner") return;
    const join = () => client.call("room.join", { room: name });
    try {
      await join();
    } catch (error) {
      if (errorCode(error) !== "no_such_room") throw error;
      try {
        await client.call("room.create", { room: name, open: !inviteOnly });
      } catch (error) {
        if (errorCode(error) !== "room_exists") throw error;
        // Somebody else has just made it, or it is invite-only.
        await join().catch((again) => { throw errorCode(again) === "no_such_room" ? error : again; });
      }
    }
    await this.refreshRooms();
  }

  /** @param {string} user */
  async finds(user) {
    if (this.store.users.has(user)) return true;
    const { users } = await this.client.call("users", { after: justBefore(user), limit: 1 });
    if (users[0]?.user !== user) return false;
    this.store.takeUsers(users);
    return true;
  }

  async refreshRooms() {
    const { rooms, more } = await this.client.call("room.list", { limit: 1000 });
    this.store.takeRooms(rooms, more);
    this.listener.onchange();
  }

  /** @param {RoomEvent} event */
  #takeRoom(event) {
    const { room, change, user } = event;
    const known = this.store.rooms.get(room);
    if (change === "deleted" || (user === this.me && (change === "left" || change === "removed"))) {
      this.store.forgetRoom(room);
      this.listener.onforgotten(room);
    } else if (user !== this.me && change !== "set") {
      // A large room comes and goes by the hundred: counting is enough.
      if (known && change === "joined") known.members++;
      if (known && change === "left") known.members--;
      if (change === "joined" || change === "left") return;
    } else if (change === "invited") this.listener.oninvited(event);
    clearTimeout(this.#roomsTimer);
    this.#roomsTimer = window.setTimeout(() => void this.refreshRooms().catch(() => {}), 200);
  }

  /** @param {string} user */
  #lookUp(user) {
    if (this.#asked.has(user) || this.store.users.get(user)?.online !== undefined || user === this.me) return;
    this.#asked.add(user);
    this.client.call("users", { after: justBefore(user), limit: 1 }).then(
      ({ users }) => {
        if (users[0]?.user !== user) return;
        this.store.takeUsers(users);
        // Nobody is a direct partner before the first message: ask again then.
        if (users[0].online === undefined) this.#asked.delete(user);
        this.listener.onchange();
      },
      () => this.#asked.delete(user));
  }

  /**
   * @param {Conversation} it
   * @param {number} id the last message that was seen
   */
  markRead(it, id) {
    if (id <= it.read || this.client.state !== "online") return;
    if (id >= (it.last?.id ?? 0) || it.unread) this.store.takeRead(it.with, this.me, id);
    it.read = id;
    this.client.call("read", { with: it.with, upto: id }).then(
      ({ unread }) => {
        if (it.read === id) it.unread = unread;
        this.listener.onchange();
      },
      () => {}); // lost with the connection: the unread count is asked for after the reconnect
    this.listener.onchange();
  }

  /** @param {Conversation} it */
  typing(it) {
    const now = Date.now();
    if (now - (this.#typed.get(it.with) ?? 0) < TYPING_EVERY_MS || this.client.state !== "online") return;
    this.#typed.set(it.with, now);
    this.client.call("typing", { with: it.with }).catch(() => {});
  }

  /**
   * @param {Conversation} it
   * @param {string} text
   */
  send(it, text) {
    const key = randomKey();
    const pending = { key, to: it.with, text, time: Date.now() };
    it.pending.push(pending);
    try {
      localStorage.setItem(this.#slot(key), JSON.stringify(pending));
    } catch {} // full or forbidden: it waits in memory only
    if (this.#started) void this.#dispatch(pending); // else it goes with those that waited before
    this.listener.onchange();
  }

  /** @param {Pending} pending */
  async #dispatch(pending) {
    const { key, to, text } = pending;
    delete pending.error;
    try {
      await this.store.conversation(to).reaching;
      const { id, time } = await this.client.send(to, text, { key });
      this.#forgetPending(key);
      this.store.settle(this.store.conversation(to), key);
      this.store.takeMessage({ id, time, key, text, with: to, from: this.me, name: this.myName });
      if (!to.startsWith("#")) this.#lookUp(to);
    } catch (error) {
      if (["cancelled", "closed"].includes(errorCode(error))) return; // the next login sends it
      pending.error = errorText(error);
    }
    this.listener.onchange();
  }

  /** @param {Pending} pending */
  sendAgain(pending) {
    void this.#dispatch(pending);
    this.listener.onchange();
  }

  /** @param {Pending} pending */
  discard(pending) {
    this.#forgetPending(pending.key);
    this.store.settle(this.store.conversation(pending.to), pending.key);
    this.listener.onchange();
  }

  get hasUnsent() {
    return [...this.store.conversations.values()].some((it) => it.pending.length);
  }

  clearOutbox() {
    for (const slot of this.#slots()) localStorage.removeItem(slot);
  }

  /** @param {string} key */
  #slot(key) {
    return `chat.unsent ${this.me} ${key}`;
  }

  #slots() {
    try {
      return Object.keys(localStorage).filter((slot) => slot.startsWith(this.#slot("")));
    } catch {
      return [];
    }
  }

  /** @param {string} key */
  #forgetPending(key) {
    try {
      localStorage.removeItem(this.#slot(key));
    } catch {}
  }

  #restoreOutbox() {
    /** @type {Pending[]} */
    const all = [];
    for (const slot of this.#slots()) {
      try {
        const { key, to, text, time } = JSON.parse(localStorage.getItem(slot) ?? "");
        if (typeof key === "string" && typeof to === "string" && typeof text === "string") all.push({ key, to, text, time: Number(time) || 0 });
      } catch {}
    }
    for (const pending of all.sort((a, b) => a.time - b.time)) {
      if (Date.now() - pending.time > KEY_LIFETIME) pending.error = words.old;
      this.store.conversation(pending.to).pending.push(pending);
    }
  }
}
