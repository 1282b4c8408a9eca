// The types of protocol 2 (docs/protocol-2.md): its methods, results and events; at the end, those that the modules of the client have in
// common. This module has no code, and nothing loads it at run time. A test compares it with docs/openrpc.json.

/** @import { Link } from "./connection.js" */
/** @import { ChatError } from "./error.js" */

/**
 * @typedef {object} Message
 * @property {number} id ascending over all conversations, with gaps
 * @property {string} with the conversation: the other member's user name, one's own for notes, or the name of a room
 * @property {string} from the sender's user name
 * @property {string} name the sender's full name when it was sent
 * @property {string} text empty if the message was deleted
 * @property {number} time milliseconds since 1970
 * @property {string} [key] the sender's key, shown to the sender only
 * @property {boolean} [deleted]
 */

/** @typedef {{ user: string, read: number }} Cursor How far a member has read a conversation. */

/**
 * @typedef {object} Conversation
 * @property {string} with
 * @property {number} unread
 * @property {number} read the user's own cursor
 * @property {Message | null} last
 * @property {Cursor[]} [members] of a direct conversation
 */

/**
 * @typedef {object} User
 * @property {string} user
 * @property {string} name
 * @property {string} country
 * @property {boolean} [online] of direct partners only
 * @property {number | null} [last_seen] of direct partners only
 */

/** @typedef {{ user: string, name: string, country: string, owner: boolean }} Member */

/**
 * @typedef {object} Room
 * @property {string} room its name, which begins with #
 * @property {string} title
 * @property {boolean} open whether anyone may join
 * @property {number} members how many there are
 * @property {"invited" | "member" | "owner"} [standing] the user's own
 */

/**
 * @typedef {object} SessionEntry
 * @property {string} session its name for `session.end`; not the token
 * @property {number} opened
 * @property {number} last_used
 * @property {string | null} from the address that the user logged in from
 * @property {boolean} current
 */

/** @typedef {{ user: string, name: string, token: string, epoch: string }} Session Keep the token like a password. */

/**
 * @typedef {object} ServerInfo
 * @property {string} version
 * @property {boolean} registration whether `register` works
 * @property {boolean} invitation whether `register` needs an invitation
 * @property {Record<string, number>} limits
 */

/** @typedef {Record<string, never>} Nothing */

/**
 * The parameters and the result of each method. TypeScript 7.0 would copy asterisks before the names into the declarations.
 *
 * @typedef {{
     "server": [Nothing, ServerInfo],
     "ping": [Nothing, Nothing],
     "login": [{ user: string, password: string }, Session],
     "resume": [{ token: string }, Session],
     "register": [{ user: string, password: string, name: string, invitation?: string }, Session],
     "logout": [Nothing, Nothing],
     "password": [{ old: string, new: string }, Nothing],
     "profile": [{ name?: string, country?: string }, Nothing],
     "sessions": [Nothing, { sessions: SessionEntry[], more: boolean }],
     "session.end": [{ session: string }, Nothing],
     "send": [{ to: string, text: string, key?: string }, { id: number, time: number }],
     "history": [{ with: string, before?: number, after?: number, limit?: number }, { messages: Message[], more: boolean }],
     "sync": [{ after: number, limit?: number }, { messages: Message[], more: boolean, next: number }],
     "read": [{ with: string, upto: number }, { unread: number }],
     "conversations": [{ before?: number, limit?: number }, { conversations: Conversation[], more: boolean }],
     "typing": [{ with: string }, Nothing],
     "delete": [{ id: number }, Nothing],
     "subscribe": [{ after?: number }, { next: number }],
     "unsubscribe": [Nothing, Nothing],
     "users": [{ after?: string, limit?: number }, { users: User[], more: boolean }],
     "blocks": [Nothing, { users: User[], more: boolean }],
     "block": [{ user: string }, Nothing],
     "unblock": [{ user: string }, Nothing],
     "room.create": [{ room: string, title?: string, open?: boolean }, Nothing],
     "room.join": [{ room: string }, Nothing],
     "room.leave": [{ room: string }, Nothing],
     "room.delete": [{ room: string }, Nothing],
     "room.invite": [{ room: string, user: string }, Nothing],
     "room.remove": [{ room: string, user: string }, Nothing],
     "room.set": [{ room: string, title?: string, open?: boolean, owners?: string[] }, Nothing],
     "room.members": [{ room: string, after?: string, limit?: number }, { members: Member[], more: boolean }],
     "room.list": [{ after?: string, limit?: number }, { rooms: Room[], more: boolean }],
 * }} Methods
 */

/**
 * An event of the server, with its name as `type`.
 *
 * @typedef {{ type: "message" } & Message} MessageEvent
 * @typedef {{ type: "read", with: string, user: string, upto: number }} ReadEvent
 * @typedef {{ type: "presence", user: string, online: boolean, last_seen: number | null }} PresenceEvent
 * @typedef {{ type: "typing", with: string, user: string }} TypingEvent
 * @typedef {{ type: "room", room: string, user: string, by: string,
 *   change: "created" | "joined" | "left" | "invited" | "removed" | "set" | "deleted" }} RoomEvent
 * @typedef {{ type: "deleted", with: string, id: number }} DeletedEvent
 * @typedef {{ type: "announcement", text: string, time: number }} AnnouncementEvent
 * @typedef {MessageEvent | ReadEvent | PresenceEvent | TypingEvent | RoomEvent | DeletedEvent | AnnouncementEvent} ServerEvent
 */

/** @typedef {"connecting" | "online" | "offline" | "closed"} State */

/**
 * What `events()` gives: the server's events, and those of the client itself.
 *
 * - `state`: the connection; for `offline`, `retryAt` is the time of the next attempt and `code` why the last one ended.
 *   After `online`, ask `conversations` again: only messages are replayed.
 * - `lagged`: events came faster than the server could pass them on. Messages are replayed; ask `conversations` for the rest.
 * - `signedout`: the session has ended; `session` is null. `reason` is `logout` after a call of that method, `session_ended` if the
 *   server ended it, `no_such_session` if the token opens none any more, and `banned`.
 * - `reset`: `epoch` has changed, so the server's data was replaced. Forget all ids and messages.
 *
 * @typedef {{ type: "state", state: State, retryAt?: number, code?: number }} StateEvent
 * @typedef {{ type: "lagged" }} LaggedEvent
 * @typedef {{ type: "signedout", reason: string }} SignedOutEvent
 * @typedef {{ type: "reset" }} ResetEvent
 * @typedef {ServerEvent | StateEvent | LaggedEvent | SignedOutEvent | ResetEvent} ChatEvent
 */

/**
 * The part of a WebSocket that the client uses. Browsers' and that of the package `ws` have it.
 *
 * @typedef {object} Socket
 * @property {(text: string) => void} send
 * @property {(code?: number, reason?: string) => void} close
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onmessage
 * @property {((event: any) => void) | null} onclose
 * @property {((event: any) => void) | null} onerror
 */

/**
 * What the client takes from its surroundings. All have defaults; tests replace them.
 *
 * @typedef {object} Options
 * @property {new (url: string) => Socket} [WebSocket] needed where there is no global one, as in Node 20
 * @property {() => number} [now] milliseconds since 1970
 * @property {() => number} [random] from 0 to 1, for the jitter of reconnects
 * @property {() => string} [newKey] a new key for a message
 * @property {(callback: () => void, ms: number) => any} [setTimeout]
 * @property {(timer: any) => void} [clearTimeout]
 */

// Types of the client's own.

/** @typedef {Required<Options>} Env */
/** @typedef {{ id: number, time: number, key: string }} Sent What `send` gives. */
/** @typedef {(error: ChatError | null, result?: any) => void} Done Called once, with the answer or why there is none. */

/**
 * What a link tells.
 *
 * @typedef {object} LinkHandlers
 * @property {() => void} onOpen
 * @property {(name: string, params: any) => void} onEvent
 * @property {(code: number) => void} onDown all requests were rejected
 */

/**
 * What a connector tells.
 *
 * @typedef {object} ConnectorHandlers
 * @property {(link: Link) => void} onOpen the link is open; `ready` is called when it can be used
 * @property {(name: string, params: any) => void} onEvent
 * @property {() => void} onDown the link is down, and all its requests were rejected; what follows, `onState` tells
 * @property {(event: StateEvent) => void} onState
 */

/**
 * What an identity tells.
 *
 * @typedef {object} IdentityHandlers
 * @property {(link: Link) => void} onBound the link is bound to the session, if there is one
 * @property {(error: ChatError) => void} onFailed binding has failed, and may succeed later
 * @property {() => void} onUnbound a session that was logged out has ended: go on with a new link, over which nothing of it can come
 * @property {(reason: string) => void} onLost the server does not know the session any more
 * @property {() => void} onReset the server's data was replaced
 */

/**
 * A message that was handed to `send`.
 *
 * @typedef {object} Letter
 * @property {{ to: string, text: string, key: string }} params
 * @property {number | null} sentAt when it was first sent
 * @property {(result: Sent) => void} resolve
 * @property {(error: ChatError) => void} reject
 */

/**
 * Who waits for something.
 *
 * @template T
 * @typedef {{ resolve: (value: T) => void, reject: (error: ChatError) => void }} Waiter
 */

/**
 * A call that waits for a link.
 *
 * @typedef {object} Call
 * @property {string | undefined} token the token that must be current when it runs; if undefined, any will do, or none
 * @property {(link: Link) => void} run
 * @property {(error: ChatError) => void} reject
 */

/**
 * @template T
 * @typedef {(link: Link, resolve: (value: T) => void, reject: (error: ChatError) => void) => void} Run
 */

export {};
