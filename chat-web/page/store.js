// What the page knows: conversations with the part of their history that is loaded, users and rooms.
// It holds no connection and draws nothing; answers and events go in, and the views read it.

/** @import { Conversation as Listed, Message, Room } from "../client/protocol.js" */

/**
 * @typedef {{ key: string, to: string, text: string, time: number, error?: string }} Pending a message that the server has not taken yet
 * @typedef {{ message: Message, day: boolean, first: boolean, last: boolean }} Row a message, and whether it begins a day, begins or ends a group
 * @typedef {{ user: string, name: string, online?: boolean, last_seen?: number | null }} User
 */

/** Messages that a conversation keeps in memory while it is not open. */
const KEPT_CLOSED = 300;
/** Messages of one sender stand together if no more than this lies between them. */
const GROUP_MS = 5 * 60_000;
/** How long somebody counts as typing after the last sign of it. */
const TYPING_MS = 5_000;

export class Conversation {
  /** @param {string} name */
  constructor(name) {
    this.with = name;
    this.isRoom = name.startsWith("#");
    /** @type {Message[]} */
    this.messages = []; // ascending, without a gap up to the newest one, once `loaded`
    /** @type {Pending[]} */
    this.pending = [];
    this.loaded = false;
    /** @type {Promise<void> | null} */
    this.loading = null; // the page of history that is on its way
    /** @type {Promise<void> | null} */
    this.reaching = null; // a room that is being joined or made; messages wait for it
    this.more = true; // whether the server has messages before the first of `messages`
    this.unread = 0;
    this.read = 0;
    this.readByOther = 0;
    /** @type {Message | null} */
    this.last = null;
    this.touched = 0; // when it was opened or made here; an empty conversation is listed by it
    /** @type {Map<string, number>} */
    this.typing = new Map();
    this.draft = "";
  }

  /** @param {number} now */
  typists(now) {
    for (const [user, until] of this.typing) if (until <= now) this.typing.delete(user);
    return [...this.typing.keys()];
  }

  get order() {
    return Math.max(this.last?.time ?? 0, this.pending.at(-1)?.time ?? 0, this.touched);
  }

  /**
   * Forgets what lies far back, so that a long session does not grow without end.
   * @param {number} [keep]
   */
  trim(keep = KEPT_CLOSED) {
    if (this.messages.length <= 2 * keep) return;
    this.messages = this.messages.slice(-keep);
    this.more = true;
  }
}

export class Store {
  /** @param {string} me */
  constructor(me) {
    this.me = me;
    /** @type {Map<string, Conversation>} */
    this.conversations = new Map();
    /** @type {Map<string, User>} */
    this.users = new Map();
    /** @type {Map<string, Room>} */
    this.rooms = new Map();
    this.connected = false; // whether what is known of others is up to date
    this.listed = false; // whether the server has told the conversations
  }

  /** @param {string} name */
  conversation(name) {
    let it = this.conversations.get(name);
    if (!it) this.conversations.set(name, (it = new Conversation(name)));
    return it;
  }

  sorted() {
    return [...this.conversations.values()]
      .filter((it) => it.last || it.pending.length || it.touched || this.rooms.get(it.with)?.standing)
      .sort((a, b) => b.order - a.order || (a.with < b.with ? -1 : 1));
  }

  get unread() {
    let sum = 0;
    for (const it of this.conversations.values()) sum += it.unread;
    return sum;
  }

  /** @param {string} user */
  isOnline(user) {
    return this.connected && user !== this.me && !!this.users.get(user)?.online;
  }

  /** @param {string} user */
  name(user) {
    return this.users.get(user)?.name ?? user;
  }

  /** @param {Listed[]} list */
  takeConversations(list) {
    for (const entry of list) {
      const it = this.conversation(entry.with);
      it.unread = entry.unread;
      it.read = entry.read;
      if (entry.last && entry.last.id >= (it.last?.id ?? 0)) it.last = entry.last;
      if (entry.last && !this.users.has(entry.last.from)) this.#learnName(entry.last); // what is known is newer
      const other = entry.members?.find((member) => member.user === entry.with);
      if (other) it.readByOther = Math.max(it.readByOther, other.read);
    }
    this.listed = true;
  }

  /**
   * @param {Room[]} list
   * @param {boolean} more whether there are others
   */
  takeRooms(list, more) {
    this.rooms.clear();
    for (const room of list) {
      this.rooms.set(room.room, room);
      if (room.standing) this.conversation(room.room);
    }
    if (more) return;
    // Rooms that the user was removed from meanwhile.
    for (const [name, it] of this.conversations)
      if (it.isRoom && it.last && !it.reaching && !this.rooms.get(name)?.standing) this.conversations.delete(name);
  }

  /** @param {User[]} list */
  takeUsers(list) {
    for (const user of list) this.users.set(user.user, user);
  }

  /**
   * A page of history: `more` tells whether there is something before it.
   * @param {string} name
   * @param {Message[]} page
   * @param {boolean} more
   * @param {number} [before] what was first when it was asked for; otherwise there is a gap now
   */
  takeHistory(name, page, more, before) {
    const it = this.conversation(name);
    if (before && before !== it.messages[0]?.id) return;
    if (!it.messages.length || (page[0]?.id ?? Infinity) <= (it.messages[0]?.id ?? 0)) it.more = more;
    it.messages = merge(it.messages, page);
    it.loaded = true;
    const last = it.messages.at(-1);
    if (last && last.id >= (it.last?.id ?? 0)) it.last = last;
    for (const message of page) {
      if (message.key) this.settle(it, message.key);
      if (message.from !== this.me && !this.users.has(message.from)) this.#learnName(message);
    }
  }

  /**
   * A message that was sent just now or while the page was offline. Returns whether it was news.
   * @param {Message} message
   */
  takeMessage(message) {
    const it = this.conversation(message.with);
    if (message.key && message.from === this.me) this.settle(it, message.key);
    it.typing.delete(message.from);
    const fresh = message.id > (it.last?.id ?? 0);
    if (fresh) {
      it.last = message;
      this.#learnName(message);
      const foreign = message.from !== this.me || message.with === this.me;
      if (foreign && !message.deleted && message.id > it.read) it.unread++;
    }
    // What comes while the first page is on its way may be missing in it.
    if (it.loaded || it.loading) it.messages = merge(it.messages, [message]);
    return fresh;
  }

  /**
   * @param {string} name
   * @param {number} id
   */
  takeDeleted(name, id) {
    const it = this.conversations.get(name);
    if (!it) return;
    /** @param {Message} message */
    const gone = (message) => (message.id === id ? { ...message, text: "", deleted: true } : message);
    const known = it.messages.find((message) => message.id === id) ?? it.last;
    if (id > it.read && known?.id === id && known.from !== this.me && !known.deleted && it.unread) it.unread--;
    it.messages = it.messages.map(gone);
    if (it.last) it.last = gone(it.last);
  }

  /**
   * Someone has read up to `id`: the other member, or this user elsewhere. Returns false if the unread count
   * cannot be told from what is loaded.
   * @param {string} name
   * @param {string} user
   * @param {number} id
   */
  takeRead(name, user, id) {
    const it = this.conversation(name);
    if (user !== this.me) {
      it.readByOther = Math.max(it.readByOther, id);
      return true;
    }
    if (id <= it.read) return true;
    it.read = id;
    if (id >= (it.last?.id ?? 0)) it.unread = 0;
    else if ((it.messages[0]?.id ?? Infinity) <= id)
      it.unread = it.messages.filter((m) => m.id > id && !m.deleted && (m.from !== this.me || name === this.me)).length;
    else return false;
    return true;
  }

  /**
   * @param {string} name
   * @param {string} user
   * @param {number} now
   */
  takeTyping(name, user, now) {
    if (user !== this.me) this.conversation(name).typing.set(user, now + TYPING_MS);
  }

  /**
   * @param {string} user
   * @param {boolean} online
   * @param {number | null} lastSeen
   */
  takePresence(user, online, lastSeen) {
    const known = this.users.get(user) ?? { user, name: user };
    this.users.set(user, { ...known, online, last_seen: lastSeen });
  }

  /** @param {string} room */
  forgetRoom(room) {
    this.conversations.delete(room);
    const known = this.rooms.get(room);
    if (!known) return;
    delete known.standing;
    if (!known.open) this.rooms.delete(room);
  }

  /**
   * The server has the message with this key: it waits no longer.
   * @param {Conversation} it
   * @param {string} key
   */
  settle(it, key) {
    it.pending = it.pending.filter((pending) => pending.key !== key);
  }

  /** @param {Message} message */
  #learnName({ from, name }) {
    const known = this.users.get(from);
    if (known?.name !== name) this.users.set(from, { ...known, user: from, name });
  }
}

/**
 * Joins two ascending lists of messages, and may change the first; of two with one id, the newer version (from `page`) stays.
 * @param {Message[]} list
 * @param {Message[]} page
 * @returns {Message[]}
 */
export function merge(list, page) {
  if (!page.length) return list;
  const first = page[0]?.id ?? 0, last = page[page.length - 1]?.id ?? 0;
  if (!list.length || (list.at(-1)?.id ?? 0) < first) {
    list.push(...page); // in place: a replay of thousands of messages comes one by one
    return list;
  }
  if (last < (list[0]?.id ?? 0)) return [...page, ...list];
  const byId = new Map(list.map((message) => [message.id, message]));
  for (const message of page) byId.set(message.id, message);
  return [...byId.values()].sort((a, b) => a.id - b.id);
}

/**
 * @param {Message[]} messages
 * @param {number} id
 */
export function indexOf(messages, id) {
  let low = 0, high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.id ?? 0) < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * @param {number} a
 * @param {number} b
 */
export function sameDay(a, b) {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

/**
 * @param {number} time
 * @param {number} now
 */
export function daysAgo(time, now) {
  /** @param {number} t */
  const noon = (t) => new Date(t).setHours(12, 0, 0, 0);
  return Math.round((noon(now) - noon(time)) / 86_400_000);
}

/**
 * Where days and groups begin and end among messages `from` to `to`; the ones before and after count, too.
 * `divider` is the id after which the "new" line stands, which also ends a group.
 * @param {Message[]} messages
 * @param {number} from
 * @param {number} to
 * @param {number} [divider]
 * @returns {Row[]}
 */
export function rows(messages, from, to, divider = 0) {
  /**
   * @param {Message | undefined} a
   * @param {Message | undefined} b
   */
  const together = (a, b) =>
    !!a && !!b && a.from === b.from && b.time - a.time <= GROUP_MS && sameDay(a.time, b.time)
    && !(a.id <= divider && divider < b.id);
  return messages.slice(from, to).map((message, i) => {
    const before = messages[from + i - 1];
    return {
      message,
      day: !before || !sameDay(before.time, message.time),
      first: !together(before, message),
      last: !together(message, messages[from + i + 1]),
    };
  });
}

/**
 * Whether the user name says nothing that the full name does not. Full names can be chosen freely, and be anyone's.
 * @param {string} user
 * @param {string} name
 */
export function isNamedIn(user, name) {
  return name.toLowerCase().split(/\s+/).includes(user.toLowerCase());
}

/**
 * The name just before a name, so that a list which begins after it begins with the name.
 * @param {string} name
 */
export function justBefore(name) {
  const last = name.length - 1;
  return name.slice(0, last) + String.fromCharCode(Math.max(name.charCodeAt(last) - 1, 0)) + "\x7f";
}
