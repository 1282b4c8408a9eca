/*
 * libchat: a chat server that a program contains.
 *
 * Generated from chat-ffi/src; do not edit. The codes are documented in docs/protocol.md, the
 * protocols there and in docs/protocol-2.md.
 *
 * Conventions for all functions:
 *
 * - Users and operators. A chat_session gives a user's access: its functions do what that user may do, in the same way on
 *   a chat in the process and on a server. A chat gives an operator's access: functions that take one may do anything.
 * - Failures. Every function that can fail returns a chat_status; CHAT_OK is 0. The statuses that are specific to a
 *   function are listed with it; each can also return CHAT_INVALID_ARGUMENT, CHAT_INVALID_HANDLE and CHAT_INTERNAL.
 *   Out parameters come last, and are written only on CHAT_OK. chat_last_error() has the details.
 * - Pointers. Pointers must be valid. A NULL that is not documented as allowed gives CHAT_INVALID_ARGUMENT. Text is
 *   NUL-terminated UTF-8.
 * - Memory. Arguments are copied, and not kept after the call. For what a function returns, "Memory" says who owns it,
 *   and which function frees it.
 * - Handles. A handle that was freed, or is of another kind, gives CHAT_INVALID_HANDLE. Handles are opaque: never
 *   dereference them.
 * - Threads. Every function can be called from any thread, and from several at once with the same handle, unless "Thread"
 *   says otherwise. Functions that take a handle as const only read it.
 * - Bugs. A panic in the library gives CHAT_INTERNAL and a message on standard error; the program continues. Running out
 *   of memory, and pthread_cancel() of a thread that is in a call, end the program.
 * - fork(). In a child, the parent's handles give CHAT_INVALID_HANDLE: a child can neither free nor change what belongs
 *   to its parent. It can open chats of its own. When the parent closes a directory, address or connection, it is
 *   released even if a child is still running. As always, a child of a program with threads should do little but exec().
 * - Signals. The library changes no signal disposition. Its threads receive signals unless these were blocked when
 *   chat_open() or chat_server_start() was called.
 * - Descriptors. Do not close the library's descriptors. They are not inherited through exec().
 */

#ifndef CHAT_H
#define CHAT_H

#include <stddef.h>
#include <stdint.h>

/* The header's version as text. */
#define CHAT_VERSION "0.1.0"

/* The header's version as a number; compare it with chat_version_number(). */
#define CHAT_VERSION_NUMBER \
    (CHAT_VERSION_MAJOR * 1000000u + CHAT_VERSION_MINOR * 1000u + CHAT_VERSION_PATCH)

/* Checks that the library is compatible with this header. */
#define CHAT_VERSION_CHECK() chat_version_check(CHAT_VERSION_NUMBER)

/* The default options. */
#define CHAT_OPTIONS_INIT {sizeof(chat_options), NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL}

/* The default options of a client. */
#define CHAT_CLIENT_OPTIONS_INIT {sizeof(chat_client_options), 0, NULL}

#define CHAT_SERVER_OPTIONS_INIT {sizeof(chat_server_options), NULL, NULL, 0, NULL, NULL, NULL, 0}

/* Function attributes; define them before including this header to override them. */
#if defined(__GNUC__) || defined(__clang__)
#ifndef CHAT_WARN_UNUSED
#define CHAT_WARN_UNUSED __attribute__((warn_unused_result))
#endif
#ifndef CHAT_NONNULL
#define CHAT_NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#endif
#else
#ifndef CHAT_WARN_UNUSED
#define CHAT_WARN_UNUSED
#endif
#ifndef CHAT_NONNULL
#define CHAT_NONNULL(...)
#endif
#endif


// The header's major version: incremented by incompatible changes.
#define CHAT_VERSION_MAJOR 0

// The header's minor version: incremented by additions and, before 1.0, by incompatible changes.
#define CHAT_VERSION_MINOR 1

// The header's patch version: incremented by corrections.
#define CHAT_VERSION_PATCH 0

// Greater than the id of every message, as 0 is less: where something ends at the last message.
#define CHAT_MAX_ID 9007199254740991

// The outcome of a call. Numbers are permanent: a status keeps its number, and a number that is retired is listed here
// and never used again. Retired so far: none.
//
// From 10 on, and below 0, a status stands for the code of the same name in docs/protocol.md, and is the number of that error
// in docs/protocol-2.md: CHAT_NO_SUCH_USER for "no_such_user". Those below 0 are the standard errors of JSON-RPC.
enum chat_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The call succeeded.
    CHAT_OK = 0,
    // The end of a list. Not a failure.
    CHAT_END = 1,
    // An argument is NULL that must not be, is not UTF-8, or is otherwise invalid. The caller's fault; nothing was done.
    CHAT_INVALID_ARGUMENT = 2,
    // A handle was freed, is of another kind, belongs to the parent of a fork(), or never was a handle. The caller's
    // fault; nothing was done.
    CHAT_INVALID_HANDLE = 3,
    // A bug in libchat. The program can go on. Please report it, with the message.
    CHAT_INTERNAL = 4,
    // The server is still running, so it cannot be freed. The caller's fault; nothing was done.
    CHAT_STILL_RUNNING = 5,
    // The library is not compatible with the header.
    CHAT_WRONG_VERSION = 6,
    // A login with a user name that no account has.
    CHAT_NO_SUCH_USER = 10,
    // A login with the wrong password.
    CHAT_WRONG_PASSWORD = 11,
    // A message to a user name that no account has.
    CHAT_NO_SUCH_RECIPIENT = 12,
    // A token that opens no session: never given out, logged out, or expired.
    CHAT_NO_SUCH_SESSION = 13,
    // Not a command, or a word is missing.
    CHAT_BAD_COMMAND = 14,
    // A line or a text is longer than the limit.
    CHAT_LINE_TOO_LONG = 15,
    // The recipient has too much unread.
    CHAT_MAILBOX_FULL = 16,
    // Too many failed logins; try again later.
    CHAT_TOO_MANY_ATTEMPTS = 17,
    // The server takes no registrations.
    CHAT_REGISTRATION_CLOSED = 18,
    // Too many passwords wait to be checked or inboxes to be read, or too much is held for answers; try again later.
    CHAT_BUSY = 19,
    // The disk could not be read or written, or the data is damaged.
    CHAT_STORAGE = 20,
    // The system provided no randomness.
    CHAT_ENTROPY = 21,
    // A password could not be hashed, most likely for lack of memory.
    CHAT_HASHING = 22,
    // The user name is taken.
    CHAT_USER_EXISTS = 23,
    // Not a user name.
    CHAT_INVALID_USER_NAME = 24,
    // Not a full name.
    CHAT_INVALID_FULL_NAME = 25,
    // Not a country.
    CHAT_INVALID_COUNTRY = 26,
    // Not a password.
    CHAT_INVALID_PASSWORD = 27,
    // Not a session token.
    CHAT_INVALID_TOKEN = 28,
    // A word or text that cannot be sent in a request line; nothing was sent.
    CHAT_INVALID_REQUEST = 29,
    // The directory is in use, by another process or by this one.
    CHAT_DATA_IN_USE = 30,
    // The directory was written by a version with another format.
    CHAT_DATA_FORMAT = 31,
    // A dump can only be restored into a chat without users.
    CHAT_NOT_EMPTY = 32,
    // A line of a dump is invalid.
    CHAT_BAD_DUMP = 33,
    // A demo user with the public password would become reachable from a network.
    CHAT_PUBLIC_PASSWORD = 34,
    // The server refused with a code that has no status; chat_last_error() has the code.
    CHAT_REFUSED = 35,
    // The server sent something that is not an answer.
    CHAT_BAD_REPLY = 36,
    // The server closed the connection before it answered.
    CHAT_DISCONNECTED = 37,
    // The time-out has passed.
    CHAT_TIMED_OUT = 38,
    // The address cannot be listened on.
    CHAT_LISTEN = 39,
    // Another failure of reading, writing or polling.
    CHAT_IO = 40,
    // A login of a user whom the operator has banned; the password was right.
    CHAT_BANNED = 41,
    // It is not known whether this was done. Look before trying again.
    CHAT_OUTCOME_UNKNOWN = 42,
    // Not the name of a room.
    CHAT_INVALID_ROOM_NAME = 43,
    // Not the title of a room.
    CHAT_INVALID_TITLE = 44,
    // Not the key of a message.
    CHAT_INVALID_KEY = 45,
    // The key was used for a message to another recipient; nothing was sent.
    CHAT_KEY_REUSED = 46,
    // A conversation that the user has no part in.
    CHAT_NO_SUCH_CONVERSATION = 47,
    // A room that does not exist, or that the user may not know of.
    CHAT_NO_SUCH_ROOM = 48,
    // A room of that name exists.
    CHAT_ROOM_EXISTS = 49,
    // The user, or the one whom the call names, is not a member of the room.
    CHAT_NOT_A_MEMBER = 50,
    // Only an owner of the room may do this.
    CHAT_NOT_AN_OWNER = 51,
    // The room would be left without an owner.
    CHAT_LAST_OWNER = 52,
    // The room has as many members as it may have.
    CHAT_ROOM_FULL = 53,
    // The user is in as many rooms as allowed.
    CHAT_TOO_MANY_ROOMS = 54,
    // The recipient has blocked the sender.
    CHAT_BLOCKED = 55,
    // A message that does not exist, or that the user cannot see.
    CHAT_NO_SUCH_MESSAGE = 56,
    // A message of somebody else.
    CHAT_NOT_YOUR_MESSAGE = 57,
    // The connection sends more requests than it may; try again later.
    CHAT_RATE_LIMITED = 58,
    // There are too many connections to the server, from this address, or of this user.
    CHAT_TOO_MANY_CONNECTIONS = 59,
    // The server takes registrations with an invitation only.
    CHAT_INVITATION_REQUIRED = 60,
    // An invitation that was never given out, was used or revoked, or has expired.
    CHAT_NO_SUCH_INVITATION = 61,
    // Connections would cross a network without encryption.
    CHAT_CLEARTEXT = 62,
    // A TLS certificate or its private key cannot be used.
    CHAT_BAD_CERTIFICATE = 63,
    // No encrypted connection came about that can be trusted: the server's certificate does not prove that it is the one that was
    // meant, or there is no TLS at that address. chat_last_error() says which.
    CHAT_TLS = 64,
    // The text is too long for so many recipients.
    CHAT_TOO_MANY_RECIPIENTS = 65,
    // The server could not read a line as JSON.
    CHAT_BAD_JSON = -32700,
    // A parameter of a request is missing, or has the wrong type.
    CHAT_BAD_PARAMETERS = -32602,
    // The server does not know this method; it is of another version.
    CHAT_NO_SUCH_METHOD = -32601,
    // The server could not read a line as a request.
    CHAT_BAD_REQUEST = -32600,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chat_status chat_status;
#else
typedef int32_t chat_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// When what was done is safe from a loss of power. A process that ends or crashes loses nothing, whichever
// it is.
enum chat_sync
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // When the call returns: nothing is lost.
    CHAT_SYNC_ALWAYS = 0,
    // Within a second: that second can be lost.
    CHAT_SYNC_EVERY_SECOND = 1,
    // When the system likes: half a minute or more can be lost.
    CHAT_SYNC_NEVER = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chat_sync chat_sync;
#else
typedef int32_t chat_sync;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Who may create an account with `register`.
enum chat_registration
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Nobody.
    CHAT_REGISTER_NOBODY = 0,
    // Anyone who can connect.
    CHAT_REGISTER_OPEN = 1,
    // Whoever has an invitation: chat_invite().
    CHAT_REGISTER_INVITE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chat_registration chat_registration;
#else
typedef int32_t chat_registration;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The level of a log line.
enum chat_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // No lines.
    CHAT_LOG_OFF = 0,
    // Something failed.
    CHAT_LOG_ERROR = 1,
    // Something may fail.
    CHAT_LOG_WARN = 2,
    // Connections, logins, logouts, refusals.
    CHAT_LOG_INFO = 3,
    // Also every send, inbox and list of users.
    CHAT_LOG_DEBUG = 4,
    // Everything.
    CHAT_LOG_TRACE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chat_log_level chat_log_level;
#else
typedef int32_t chat_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a chat_authenticate_fn decides.
enum chat_verdict
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // There is no such user, or the password is wrong: the login fails with CHAT_WRONG_PASSWORD.
    CHAT_LOGIN_REFUSED = 0,
    // The login succeeds, unless the user is banned in the chat.
    CHAT_LOGIN_ACCEPTED = 1,
    // It could not be decided: the login fails with CHAT_STORAGE.
    CHAT_LOGIN_FAILED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chat_verdict chat_verdict;
#else
typedef int32_t chat_verdict;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a user is in a room.
enum chat_standing
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Nothing.
    CHAT_OUTSIDE = 0,
    // Invited, and so allowed to join it.
    CHAT_INVITED = 1,
    // A member.
    CHAT_MEMBER = 2,
    // A member who owns it.
    CHAT_OWNER = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chat_standing chat_standing;
#else
typedef int32_t chat_standing;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What an event is. Numbers are permanent. Later versions may have more kinds: ignore those that you do not know.
enum chat_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Something that this version of the library cannot describe.
    CHAT_EVENT_OTHER = 0,
    // A message was sent, by somebody else or by the user: `message`, `with`, `id`.
    CHAT_EVENT_MESSAGE = 1,
    // `user` has read the direct conversation `with` up to the message `id`.
    CHAT_EVENT_READ = 2,
    // `user`, with whom one has a conversation, has come or gone: `online`, `last_seen`.
    CHAT_EVENT_PRESENCE = 3,
    // `user` is typing in the conversation `with`.
    CHAT_EVENT_TYPING = 4,
    // The room `with` has changed: `change`, which concerns `user` and was done by `by`.
    CHAT_EVENT_ROOM = 5,
    // The message `id` of the conversation `with` was deleted.
    CHAT_EVENT_DELETED = 6,
    // Events other than messages may have been missed, because this program has taken events too slowly, or the connection to
    // the server was lost. Messages are never missed: they go on after the last one.
    CHAT_EVENT_LAGGED = 7,
    // The session has ended: `reason`. There will be no more events.
    CHAT_EVENT_CLOSED = 8,
    // The operator has something to say to everybody who is there: `text`, `time`. It is not stored.
    CHAT_EVENT_ANNOUNCEMENT = 9,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chat_event_kind chat_event_kind;
#else
typedef int32_t chat_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What has changed in a room. Numbers are permanent, and later versions may have more.
enum chat_room_change
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Nothing, or something that this version of the library cannot describe.
    CHAT_ROOM_OTHER = 0,
    // The room was created.
    CHAT_ROOM_CREATED = 1,
    // A user has joined.
    CHAT_ROOM_JOINED = 2,
    // A member has left.
    CHAT_ROOM_LEFT = 3,
    // A user may join.
    CHAT_ROOM_INVITED = 4,
    // A member was removed, or an invitation taken back.
    CHAT_ROOM_REMOVED = 5,
    // The title, the owners, or who may join.
    CHAT_ROOM_SET = 6,
    // The room was deleted.
    CHAT_ROOM_DELETED = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chat_room_change chat_room_change;
#else
typedef int32_t chat_room_change;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why a session has ended. Numbers are permanent, and later versions may have more.
enum chat_close_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It has not, or for a reason that this version of the library cannot describe.
    CHAT_CLOSED_OTHER = 0,
    // It was ended, by a logout, from another session or by the operator; or it was not used for too long.
    CHAT_CLOSED_ENDED = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chat_close_reason chat_close_reason;
#else
typedef int32_t chat_close_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A chat in the process. It gives an operator's access: functions that take one may do anything.
typedef struct chat chat;

// A client's connection to a server.
typedef struct chat_client chat_client;

// A connection of one peer, without I/O.
typedef struct chat_connection chat_connection;

// A list of conversations, to be read once with chat_conversations_next().
typedef struct chat_conversations chat_conversations;

// What happens in a session's conversations, to be read with chat_events_next().
typedef struct chat_events chat_events;

// Messages of conversations, to be read once with chat_history_next().
typedef struct chat_history chat_history;

// Messages that were taken out of an inbox, to be read once with chat_inbox_next().
typedef struct chat_inbox chat_inbox;

// A list of invitations, to be read once with chat_invitations_next().
typedef struct chat_invitations chat_invitations;

// A list of rooms, to be read once with chat_rooms_next().
typedef struct chat_rooms chat_rooms;

// A server in threads of its own.
typedef struct chat_server chat_server;

// A user's session, on a chat in the process or on a server: its functions do what that user may do. There can be
// several handles to one session.
//
// Every function that uses the session fails with CHAT_NO_SUCH_SESSION once it has ended. In the process, it fails with
// CHAT_STORAGE if the disk does. Over a connection, calls with one client and its sessions wait for each other; they fail
// with CHAT_INVALID_REQUEST for a word that cannot be sent, and nothing was sent; with what the server refuses, or
// CHAT_REFUSED if that has no status; and with CHAT_DISCONNECTED, CHAT_TIMED_OUT, CHAT_BAD_REPLY or CHAT_IO, after
// which the client is of no more use, and whether the request was done is unknown.
typedef struct chat_session chat_session;

// A list of sessions, to be read once with chat_sessions_next().
typedef struct chat_sessions chat_sessions;

// A list of users, to be read once with chat_users_next().
typedef struct chat_users chat_users;

// The details of a failure. All pointers are to NUL-terminated UTF-8.
typedef struct chat_error {
    // The status that the function returned.
    chat_status status;
    // The code, as in docs/protocol.md, "Refusals" and "Errors that never travel"; "" for a status that only C has.
    const char *code;
    // A sentence for people: what happened, who is at fault, and what to do. A server may have written it; control
    // characters are escaped.
    const char *message;
} chat_error;

// Bytes that the caller owns, until chat_buffer_free(). They are followed by a NUL that `len` does not count. Text is
// UTF-8 without other NULs, unless documented otherwise.
typedef struct chat_buffer {
    // The bytes. Never NULL before it is freed.
    uint8_t *data;
    // Their number.
    size_t len;
    // For the library only.
    size_t capacity;
} chat_buffer;

// What a program knows of a user who logs in. Both texts are NUL-terminated UTF-8, and are "" when the callback is called.
// What is left "" stays as it is in the chat; a new account then has its user name as full name, and no country.
typedef struct chat_identity {
    // The name that others see.
    char full_name[257];
    // Where the user is from.
    char country[129];
} chat_identity;

// A callback that checks logins in place of the chat, for a program that has users and passwords already. The chat then
// does not look at the password hashes that it has itself. A user's first login creates their account, and later ones
// update its names. `register` is refused with CHAT_REGISTRATION_CLOSED.
//
// - `user_data`: the `authenticate_data` of the chat's options.
// - `user`: the user name.
// - `password`: the password as it was sent. One that contains a NUL is refused without a call.
// - `from`: the peer's IP address and port; NULL for a login in the process.
// - `identity`: may be filled in if the login is accepted.
//
// Returns a chat_verdict; any other number counts as CHAT_LOGIN_FAILED.
//
// Memory: the arguments are valid until it returns. It must not write past the ends of the texts in `identity`.
// Thread: it is called from several threads at once; for chat_login() and chat_answer() from the thread that called them, and
// for a login over a connection from a new one. The library holds no lock: it may use the chat, but must not close it,
// nor wait for a server to stop. It must return normally, without longjmp() or an exception.
// Time: a login over a connection is refused with CHAT_BUSY after 10 s. The call is then left alone, and may still be running
// when everything else of the chat is freed.
typedef int32_t (*chat_authenticate_fn)(void *user_data,
                                        const char *user,
                                        const char *password,
                                        const char *from,
                                        struct chat_identity *identity);

// How a chat is opened. Begin with CHAT_OPTIONS_INIT, and set what should be otherwise: 0 and NULL stand for
// the defaults, which docs/settings.md lists. Later versions add fields at the end.
typedef struct chat_options {
    // sizeof(chat_options).
    size_t size;
    // Where to keep everything; made if it is not there. Any path, UTF-8 or not. NULL keeps it in memory.
    const char *directory;
    // When a change is safe from a power failure: a chat_sync. Ignored in memory.
    int32_t sync;
    // Who may create an account with `register`: a chat_registration.
    int32_t registration;
    // What hashing a password with Argon2id costs: KiB of memory. This and the next two are set together;
    // the defaults are 19456, 2 and 1.
    uint32_t password_memory_kib;
    // How often that memory is passed over.
    uint32_t password_passes;
    // In how many lanes.
    uint32_t password_lanes;
    // How many logins of one user, or from one address, may fail before the next one has to wait.
    uint32_t failed_logins;
    // How long read messages are kept, counted from when they were sent; 0 is as when the directory was last
    // opened. New ones keep them.
    uint64_t keep_read_seconds;
    // How many messages are kept, in all conversations together; 0 for no limit.
    uint64_t keep_messages;
    // How many bytes of messages are kept on the disk; 0 for no limit.
    uint64_t keep_bytes;
    // How long a session lasts without being used. One that gets events is in use.
    uint64_t session_idle_seconds;
    // How many unread messages a mailbox holds.
    uint64_t mailbox_messages;
    // How many bytes the texts of a mailbox's unread messages may have together.
    uint64_t mailbox_bytes;
    // How many members a room has at most, invitations included.
    uint64_t room_members;
    // How many rooms a user can be a member of.
    uint64_t rooms_per_user;
    // The longest request line, including its end.
    uint64_t line_bytes;
    // How many bytes of answers may wait for one peer before no more of its requests are read.
    uint64_t reply_bytes;
    // How many bytes may be held for the answers of all connections together before `inbox` is refused.
    uint64_t answers_bytes;
    // How many bytes of events may wait for one subscriber before its subscription ends.
    uint64_t events_bytes;
    // How long a line may take from its first byte to its end before the connection is closed.
    uint64_t line_time_millis;
    // How long answers may wait while the peer reads none of them before the connection is closed.
    uint64_t stall_time_millis;
    // How long a server that is stopping waits for peers to read their answers.
    uint64_t shutdown_grace_millis;
    // How many connections a server has at once.
    uint64_t connections;
    // How many connections a server has at once from one address.
    uint64_t connections_per_address;
    // How many connections use sessions of one user at once.
    uint64_t connections_per_user;
    // How many requests a connection may send in a second for any length of time.
    uint32_t requests_per_second;
    // How many requests a connection may send at once.
    uint32_t requests_burst;
    // How long a connection may be open until it has logged in or used a session.
    uint64_t login_time_millis;
    // How long a connection may send nothing while it is not subscribed to events before it is closed.
    uint64_t idle_time_millis;
    // Whether the limits for each address and each user, and the rate of requests, apply to connections from this machine, too: 0
    // or 1.
    int32_t limit_loopback;
    // What checks logins in place of the chat; NULL for the passwords that the chat has.
    chat_authenticate_fn authenticate;
    // Passed to `authenticate`; may be NULL. It is used until the chat and all that was made of it are freed, and by calls
    // that are still running then.
    void *authenticate_data;
} chat_options;

// The token of a session. Anyone who has it can act as the session's user, so keep it secret.
typedef struct chat_token {
    // 36 characters, as in the protocol, and a NUL.
    char text[37];
} chat_token;

// A message that was sent.
typedef struct chat_sent {
    // Its number.
    uint64_t id;
    // When it was sent, in milliseconds since 1970 (UTC).
    uint64_t time;
} chat_sent;

// A message of a conversation. All pointers are to NUL-terminated UTF-8.
typedef struct chat_history_message {
    // Its number. Ids ascend in order of arrival over all conversations, and have gaps.
    uint64_t id;
    // When it was sent, in milliseconds since 1970 (UTC).
    uint64_t time;
    // The conversation: the other user's name, one's own for notes to oneself, or the name of a room, which begins with "#".
    const char *with;
    // The sender's user name.
    const char *from;
    // The sender's full name at the time of sending.
    const char *from_name;
    // The text as it was sent; "" if it was deleted. It may contain NULs, so use `text_len`, and control characters, so escape
    // it before you print it to a terminal.
    const char *text;
    // The length of the text in bytes.
    size_t text_len;
    // The key that it was sent with, which only its sender sees; otherwise NULL.
    const char *key;
    // Whether it was deleted: 0 or 1.
    int deleted;
} chat_history_message;

// Something that has happened. What a chat_event_kind does not mention is NULL or 0. All pointers are to NUL-terminated UTF-8.
typedef struct chat_event {
    // What it is: a chat_event_kind.
    int32_t kind;
    // What has changed in a room: a chat_room_change.
    int32_t change;
    // Why the session has ended: a chat_close_reason.
    int32_t reason;
    // Whether `user` is online: 0 or 1.
    int online;
    // When `user` was last online, in milliseconds since 1970 (UTC); 0 if that is not known.
    uint64_t last_seen;
    // A message's number.
    uint64_t id;
    // The conversation: the other user's name, one's own for notes to oneself, or the name of a room, which begins with "#".
    const char *with;
    // The user name of whoever it is about.
    const char *user;
    // The user name of whoever has done it.
    const char *by;
    // The message.
    struct chat_history_message message;
    // What the operator says.
    const char *text;
    // When it was said, in milliseconds since 1970 (UTC).
    uint64_t time;
} chat_event;

// A callback that tells a program's own loop to look again. It should only signal that: write to a pipe or an eventfd, post a
// semaphore, set a flag.
//
// - `user_data`: the pointer that was set with the callback.
//
// Thread: it is called from whichever thread makes something happen: one that uses the library, a thread of a server of the
// library, or the one that sets it. For one handle it is called from one thread at a time. The library may hold locks: it must
// not call the library, nor wait for a thread that might, and must return normally, without longjmp() or an exception.
typedef void (*chat_wake_fn)(void *user_data);

// A conversation of a user.
typedef struct chat_conversation {
    // The other user's name, one's own for notes to oneself, or the name of a room, which begins with "#".
    const char *with;
    // How many messages are unread.
    size_t unread;
    // The id of the last message that the user has read; 0 if none.
    uint64_t read;
    // The id of the last message that the other user has read; 0 if none, or if it is a room or notes to oneself.
    uint64_t read_by_other;
    // The last message. If the conversation has no message, its id is 0 and its pointers are NULL.
    struct chat_history_message last;
} chat_conversation;

// A message of an inbox. All pointers are to NUL-terminated UTF-8.
typedef struct chat_message {
    // The sender's user name; "nobody" in the inbox of a room that was taken over a connection.
    const char *from;
    // The sender's full name at the time of sending.
    const char *from_name;
    // The reader's full name; "" in the inbox of a room.
    const char *to_name;
    // The text as it was sent. It may contain NULs, so use `text_len`, and control characters, so escape it before you
    // print it to a terminal.
    const char *text;
    // The length of the text in bytes.
    size_t text_len;
} chat_message;

// An invitation.
typedef struct chat_invitation {
    // Its id, NUL-terminated, which is not its code: nobody can register with it.
    const char *id;
    // When it was created, in milliseconds since 1970 (UTC).
    uint64_t created;
    // When it ends unless it is used before, in milliseconds since 1970 (UTC).
    uint64_t expires;
} chat_invitation;

// A room. All pointers are to NUL-terminated UTF-8.
typedef struct chat_room {
    // Its name, which begins with "#".
    const char *name;
    // Its title; may be "".
    const char *title;
    // Whether anyone may join it: 0 or 1.
    int open;
    // How many members it has.
    size_t members;
    // What the session's user is in it: a chat_standing; CHAT_OUTSIDE in an operator's list.
    int32_t standing;
} chat_room;

// What a list says of a session. All pointers are to NUL-terminated text.
typedef struct chat_session_info {
    // The session's id, which is not its token and opens nothing.
    const char *id;
    // The name of its user.
    const char *user;
    // The IP address and port that the user logged in from, such as "192.0.2.1:40123"; NULL for a session that was opened
    // in the process.
    const char *from;
    // When it was opened, in milliseconds since 1970 (UTC).
    uint64_t opened;
    // When it was last used, in milliseconds since 1970 (UTC). After a restart this may be too early, by at most a 64th of
    // the time that a session lasts without being used.
    uint64_t last_used;
    // Whether it is the session that has asked for the list: 0 or 1; always 0 in an operator's list.
    int current;
} chat_session_info;

// A user. All pointers are to NUL-terminated UTF-8.
typedef struct chat_user {
    // The user name.
    const char *name;
    // The full name; "" in a list that has user names only.
    const char *full_name;
    // The country. Empty if the user has none, or if the list contains user names only.
    const char *country;
    // Whether the user is banned: 0 or 1; always 0 but in the list of chat_list_users().
    int banned;
    // Whether the user owns the room: 0 or 1; always 0 but in the lists of
    // chat_session_members() and chat_list_members().
    int owner;
    // Whether somebody receives events as the user: 0 or 1; -1 if that is not known. It is known only in the list of
    // chat_session_users(), of users with whom one has a conversation.
    int online;
    // When the user was last online, in milliseconds since 1970 (UTC); 0 if that is not known.
    uint64_t last_seen;
} chat_user;

// What a restore has brought.
typedef struct chat_restored {
    // How many users.
    uint64_t users;
    // How many of these users came without the hash of a password, and cannot log in until they get a password.
    uint64_t without_password;
    // How many messages.
    uint64_t messages;
} chat_restored;

// How a server listens. Begin with CHAT_SERVER_OPTIONS_INIT, and set what should be otherwise: 0 and NULL stand for the defaults.
// Later versions add fields at the end.
typedef struct chat_server_options {
    // sizeof(chat_server_options).
    size_t size;
    // A PEM file with the server's certificate, followed by those that lead to its issuer: connections are then encrypted with
    // TLS, those of browsers, too. Any path, UTF-8 or not. NULL is for clear text.
    const char *certificate_file;
    // A PEM file with the certificate's private key, not encrypted. Both files are set, or none.
    const char *key_file;
    // Whether to listen in clear text on an address that is not loopback, where others can read passwords: 0 or 1.
    int32_t allow_cleartext;
    // Where to serve browsers, such as "127.0.0.1:8080": the web page, and its WebSocket at /ws. Port 0 takes a free one;
    // chat_server_web_port() tells which. NULL is for no browsers, and the fields below are then NULL and 0.
    const char *web_address;
    // A folder whose files are served instead of the library's page; they are read when the server starts. Any path, UTF-8 or
    // not. "none" serves only the WebSocket. NULL is the library's page.
    const char *web_page;
    // Other sites whose pages may use the WebSocket, by their origins, such as "https://example.org". Pages from the server's
    // own address can always use it, as can programs other than browsers. NULL if there are no such sites.
    const char *const *web_origins;
    // The number of origins.
    size_t web_origins_count;
} chat_server_options;

// How a client connects. Begin with CHAT_CLIENT_OPTIONS_INIT, and set what should be otherwise: 0 and NULL stand for the defaults.
// Later versions add fields at the end.
typedef struct chat_client_options {
    // sizeof(chat_client_options).
    size_t size;
    // How long to wait at most, in milliseconds, for a connection to each address that the server's name has, and later for each
    // piece of an answer; 0 for 30 s. The name lookup is not limited. With several servers, it is also how long a call that fails is
    // tried again, and 0 stands for 15 s.
    uint64_t timeout_millis;
    // A PEM file with the certificates of the authorities to trust, for an encrypted connection. Any path, UTF-8 or not. NULL for
    // those that the system trusts.
    const char *ca_file;
} chat_client_options;

// A callback that receives log lines.
//
// - `user_data`: the pointer that was passed to chat_set_log().
// - `level`: a chat_log_level.
// - `line`: the line, without line end, time and level; control characters are escaped. Valid until the callback
//   returns.
//
// It is called from any thread, from several at once, and possibly while the library holds locks. It must not call the
// library, and must return normally, without longjmp() or an exception.
typedef void (*chat_log_fn)(void *user_data, int32_t level, const char *line);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The name of a status, such as "CHAT_NO_SUCH_USER"; "CHAT_?" for a number that is not a status.
//
// - `status`: a chat_status, or any number.
//
// Memory: it belongs to the library, and is always valid.
const char *chat_status_name(int32_t status);

// A sentence for people about a status; chat_last_error() is more precise.
//
// - `status`: a chat_status, or any number.
//
// Memory: it belongs to the library, and is always valid.
const char *chat_status_sentence(int32_t status);

// The details of the last call that failed on this thread; NULL if none has. Calls that succeed do not change them.
//
// Memory: they belong to the library, and are valid until the next call on this thread fails, or the thread ends.
const struct chat_error *chat_last_error(void);

// Frees a buffer and sets it to `{NULL, 0, 0}`.
//
// - `buffer`: a buffer that the library has filled. NULL, and a buffer that was freed already, do nothing; but do not
//   free two copies of one buffer.
//
// Thread: one at a time for one buffer.
void chat_buffer_free(struct chat_buffer *buffer);

// The library's version as a number: major * 1000000 + minor * 1000 + patch, so 1002003 for 1.2.3. The header's is
// CHAT_VERSION_NUMBER.
uint32_t chat_version_number(void);

// The library's version as text, such as "1.2.3". The header's is CHAT_VERSION.
//
// Memory: it belongs to the library, and is always valid.
const char *chat_version(void);

// Checks that the library is compatible with a header. Programs call CHAT_VERSION_CHECK(), which passes their header's
// version.
//
// - `header`: the header's version as a number.
//
// Fails with CHAT_WRONG_VERSION if the library is older than the header, or has another major version (before 1.0,
// another minor version).
CHAT_WARN_UNUSED
chat_status chat_version_check(uint32_t header);

// Opens a chat, in memory or in a directory.
//
// A program that keeps a chat in a directory should ignore SIGXFSZ. Where the size of files is limited (`ulimit -f`),
// that signal ends the process when a file is full; if it is ignored, calls fail with CHAT_STORAGE instead.
//
// - `options`: the options; NULL for a chat in memory with the defaults.
// - `chat_out`: receives the chat.
//
// Fails with CHAT_INVALID_ARGUMENT for invalid options; CHAT_DATA_IN_USE, CHAT_DATA_FORMAT or CHAT_STORAGE if the
// directory cannot be opened; CHAT_IO if the system cannot create a thread.
// Memory: close the chat with chat_close().
//
CHAT_WARN_UNUSED
chat_status chat_open(const struct chat_options *options,
                      struct chat **chat_out)
CHAT_NONNULL(2);

// Changes the settings while the chat is in use. Connections and sessions stay as they are; the new values hold from the
// next request on. A subscriber keeps the `events_bytes` and a connection the `limit_loopback` that it began with, and
// time limits that are running end no earlier than they would have.
//
// The chat keeps replaced settings, some hundred bytes each time that something changes.
//
// - `chat`: a chat.
// - `options`: the new settings, where 0 stands for the default and not for what was set before; NULL for the defaults
//   throughout. `directory`, `sync`, `keep_read_seconds`, `keep_messages`, `keep_bytes`, `authenticate` and `authenticate_data` are ignored.
//
// Fails with CHAT_INVALID_ARGUMENT for invalid options; nothing has changed then.
//
CHAT_WARN_UNUSED
chat_status chat_reload(struct chat *chat,
                        const struct chat_options *options)
CHAT_NONNULL(1);

// Executes a request line, and gives the answer as a server would send it: a JSON object and CR LF CR LF.
//
// - `chat`: a chat.
// - `line`: the line, with or without its end; may be NULL if `len` is 0.
// - `len`: the length of the line in bytes.
// - `answer_out`: receives the answer.
//
// An answer that is a refusal is not a failure of this function.
// Memory: free the answer with chat_buffer_free().
//
CHAT_WARN_UNUSED
chat_status chat_answer(struct chat *chat,
                        const uint8_t *line,
                        size_t len,
                        struct chat_buffer *answer_out)
CHAT_NONNULL(1, 4);

// Closes a chat. Its sessions, connections and servers keep working; its directory is in use until the last of them is
// freed. May wait for the disk.
//
// - `chat`: a chat; NULL does nothing.
chat_status chat_close(struct chat *chat);

// Logs in to a chat in the process. Takes tens of milliseconds, because the password is checked.
//
// - `chat`: a chat.
// - `user`: the user name.
// - `password`: the password.
// - `session_out`: receives the session.
//
// Fails with CHAT_NO_SUCH_USER, CHAT_WRONG_PASSWORD or CHAT_TOO_MANY_ATTEMPTS; CHAT_BUSY if the password was
// changed meanwhile; CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING.
// Memory: free the session with chat_session_free().
//
CHAT_WARN_UNUSED
chat_status chat_login(struct chat *chat,
                       const char *user,
                       const char *password,
                       struct chat_session **session_out)
CHAT_NONNULL(1, 2, 3, 4);

// Creates an account in a chat in the process, if it takes registrations, and opens the account's first session. Takes
// tens of milliseconds, because the password is hashed.
//
// - `chat`: a chat.
// - `user`: the name to log in with.
// - `password`: the password; only a hash of it is stored.
// - `full_name`: the name that others see.
// - `invitation`: the code of an invitation, where one is needed; NULL for none.
// - `session_out`: receives the session.
//
// Fails with CHAT_REGISTRATION_CLOSED, CHAT_INVITATION_REQUIRED, CHAT_NO_SUCH_INVITATION or CHAT_USER_EXISTS; CHAT_INVALID_USER_NAME, CHAT_INVALID_PASSWORD or
// CHAT_INVALID_FULL_NAME; CHAT_TOO_MANY_ATTEMPTS; CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING.
// Memory: free the session with chat_session_free().
//
CHAT_WARN_UNUSED
chat_status chat_register(struct chat *chat,
                          const char *user,
                          const char *password,
                          const char *full_name,
                          const char *invitation,
                          struct chat_session **session_out)
CHAT_NONNULL(1, 2, 3, 4, 6);

// Finds the live session that a token opens, in a chat in the process. This does not count as using it.
//
// - `chat`: a chat.
// - `token`: the token.
// - `session_out`: receives the session.
//
// Fails with CHAT_NO_SUCH_SESSION or CHAT_STORAGE.
// Memory: free the session with chat_session_free().
//
CHAT_WARN_UNUSED
chat_status chat_find_session(struct chat *chat,
                              const struct chat_token *token,
                              struct chat_session **session_out)
CHAT_NONNULL(1, 2, 3);

// Gives the name of a session's user.
//
// - `session`: a session.
// - `user_out`: receives the user name.
//
// Memory: the name belongs to the session, and is valid until the session is freed.
//
CHAT_WARN_UNUSED
chat_status chat_session_user(const struct chat_session *session,
                              const char **user_out)
CHAT_NONNULL(1, 2);

// Gives a session's token, which opens the session again, in another process or over another connection.
//
// - `session`: a session.
// - `token_out`: receives the token.
//
CHAT_WARN_UNUSED
chat_status chat_session_token(const struct chat_session *session,
                               struct chat_token *token_out)
CHAT_NONNULL(1, 2);

// Ends a session, and no other of the user's. The handle is still to be freed.
//
// - `session`: the session.
//
// Fails as every function of a session.
//
CHAT_WARN_UNUSED chat_status chat_session_logout(struct chat_session *session) CHAT_NONNULL(1);

// Frees a handle to a session. The session itself goes on: its token opens it again.
//
// - `session`: a session; NULL does nothing.
chat_status chat_session_free(struct chat_session *session);

// Sends a message. Once it returns CHAT_OK, the message is kept.
//
// - `session`: the sender's session.
// - `to`: the recipient's user name, or a room, which begins with "#".
// - `message`: the text.
// - `sent_out`: receives the message's number and time; may be NULL.
//
// Fails with CHAT_NO_SUCH_RECIPIENT, CHAT_BLOCKED or CHAT_MAILBOX_FULL; CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER;
// CHAT_LINE_TOO_LONG if the text is longer than a request line may be; or as every function of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_send(struct chat_session *session,
                              const char *to,
                              const char *message,
                              struct chat_sent *sent_out)
CHAT_NONNULL(1, 2, 3);

// As chat_session_send(), with a key of the program's: when it is not known whether a message was sent, because the connection
// was lost, sending it again with the same key does not store it twice.
//
// - `session`: the sender's session.
// - `to`: the recipient's user name, or a room, which begins with "#".
// - `message`: the text.
// - `key`: 1 to 64 bytes of any text. It is remembered for a day, and among the last 10,000 of the sender.
// - `sent_out`: receives the number and time of the message, or of the one that was sent with the key before; may be NULL.
//
// Fails with CHAT_KEY_REUSED if the key was used for another recipient; CHAT_INVALID_KEY; or as chat_session_send().
//
CHAT_WARN_UNUSED
chat_status chat_session_send_with_key(struct chat_session *session,
                                       const char *to,
                                       const char *message,
                                       const char *key,
                                       struct chat_sent *sent_out)
CHAT_NONNULL(1, 2, 3, 4);

// Sends one message to several users. All get it, or none; a user who is named twice gets it once.
//
// - `session`: the sender's session.
// - `to`: the recipients' user names.
// - `count`: their number.
// - `message`: the text; over a connection, it cannot contain CRLF.
//
// Fails with CHAT_NO_SUCH_RECIPIENT if one of them does not exist, or if the list is empty; CHAT_BLOCKED or CHAT_MAILBOX_FULL because
// of one of them; CHAT_TOO_MANY_RECIPIENTS; CHAT_LINE_TOO_LONG; or as every function of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_send_to_all(struct chat_session *session,
                                     const char *const *to,
                                     size_t count,
                                     const char *message)
CHAT_NONNULL(1, 4);

// Deletes a message that the user has sent, or one in a room that the user owns: from now on its text is empty, for everyone,
// and nobody has it unread.
//
// - `session`: a session.
// - `id`: the message.
//
// Fails with CHAT_NO_SUCH_MESSAGE if the user can see no such message, or if it was deleted already; CHAT_NOT_YOUR_MESSAGE; or
// as every function of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_delete(struct chat_session *session,
                                uint64_t id)
CHAT_NONNULL(1);

// Tells the other members of a conversation that the user is typing. It may be called with each key that is pressed: it is
// passed on at most every 3 s, and only in rooms of up to 100 members.
//
// - `session`: a session.
// - `with`: the other user's name, or the room.
//
// Fails with CHAT_NO_SUCH_CONVERSATION, CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER; or as every function of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_typing(struct chat_session *session,
                                const char *with)
CHAT_NONNULL(1, 2);

// Lists the users of the chat, in order of user name.
//
// - `session`: a session.
// - `after`: only users whose names come after this one, such as the last of the page before; "" for the first page.
// - `limit`: how many users at most; more than 1,000 means 1,000.
// - `users_out`: receives the list.
// - `more_out`: receives 1 if there are more, and 0 if not; may be NULL.
//
// Fails as every function of a session.
// Memory: free the list with chat_users_free().
//
CHAT_WARN_UNUSED
chat_status chat_session_users(struct chat_session *session,
                               const char *after,
                               size_t limit,
                               struct chat_users **users_out,
                               int *more_out)
CHAT_NONNULL(1, 2, 4);

// Lists each user with a live session once, in order of login. Only their names are given.
//
// - `session`: a session.
// - `users_out`: receives the list.
//
// Fails as every function of a session.
// Memory: free the list with chat_users_free().
//
CHAT_WARN_UNUSED
chat_status chat_session_active_users(struct chat_session *session,
                                      struct chat_users **users_out)
CHAT_NONNULL(1, 2);

// Takes no more direct messages from a user, and hides from them whether this user is there or types. Rooms stay as they are.
// Blocking a user twice is the same as once.
//
// - `session`: a session.
// - `user`: the user to block.
//
// Fails with CHAT_NO_SUCH_USER; or as every function of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_block(struct chat_session *session,
                               const char *user)
CHAT_NONNULL(1, 2);

// Takes direct messages from a user again.
//
// - `session`: a session.
// - `user`: the user to block no longer.
//
// Fails with CHAT_NO_SUCH_USER; or as every function of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_unblock(struct chat_session *session,
                                 const char *user)
CHAT_NONNULL(1, 2);

// Lists the users whom the user has blocked, in order of user name.
//
// - `session`: a session.
// - `users_out`: receives the list.
//
// Fails as every function of a session.
// Memory: free the list with chat_users_free().
//
CHAT_WARN_UNUSED
chat_status chat_session_blocks(struct chat_session *session,
                                struct chat_users **users_out)
CHAT_NONNULL(1, 2);

// Changes the user's full name, country, or both. Messages sent earlier keep the name they were sent under.
//
// - `session`: a session.
// - `full_name`: the new full name; NULL keeps the old one.
// - `country`: the new country; NULL keeps the old one.
//
// Fails with CHAT_INVALID_FULL_NAME or CHAT_INVALID_COUNTRY; or as every function of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_set_profile(struct chat_session *session,
                                     const char *full_name,
                                     const char *country)
CHAT_NONNULL(1);

// Changes the user's password, and ends the user's other sessions. Takes tens of milliseconds, because passwords are checked
// and hashed.
//
// - `session`: a session.
// - `old_password`: the password until now.
// - `new_password`: the new one.
//
// Fails with CHAT_WRONG_PASSWORD, also where the program checks logins and users have no passwords; CHAT_INVALID_PASSWORD;
// CHAT_TOO_MANY_ATTEMPTS; CHAT_BUSY if too many passwords wait to be checked, or it was changed meanwhile; or as every function
// of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_set_password(struct chat_session *session,
                                      const char *old_password,
                                      const char *new_password)
CHAT_NONNULL(1, 2, 3);

// Lists the user's live sessions, in order of login.
//
// - `session`: a session.
// - `sessions_out`: receives the list.
//
// Fails as every function of a session.
// Memory: free the list with chat_sessions_free().
//
CHAT_WARN_UNUSED
chat_status chat_session_sessions(struct chat_session *session,
                                  struct chat_sessions **sessions_out)
CHAT_NONNULL(1, 2);

// Ends one of the user's sessions.
//
// - `session`: a session, of the same user.
// - `id`: the id of the session to end, as chat_session_sessions() lists it.
//
// Fails with CHAT_NO_SUCH_SESSION if the user has no such session; or as every function of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_end_session(struct chat_session *session,
                                     const char *id)
CHAT_NONNULL(1, 2);

// Takes all unread direct messages out of the user's inbox: no later call returns them again. They stay in the history. In the
// process they come in order of arrival; over a connection by sender, senders in order of their first message.
//
// - `session`: the reader's session.
// - `inbox_out`: receives the messages; there may be none.
//
// Fails with CHAT_BUSY if a server holds too many answers that were not read; or as every function of a session.
// Memory: free the inbox with chat_inbox_free().
//
CHAT_WARN_UNUSED
chat_status chat_session_take_inbox(struct chat_session *session,
                                    struct chat_inbox **inbox_out)
CHAT_NONNULL(1, 2);

// Takes all unread messages of a room, in order of arrival: no later call returns them again. They stay in the history. Over a
// connection the full names of the senders are known, but not their user names.
//
// - `session`: the reader's session.
// - `room`: the room.
// - `inbox_out`: receives the messages; there may be none.
//
// Fails with CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER; CHAT_BUSY if a server holds too many answers that were not read; or as
// every function of a session.
// Memory: free the inbox with chat_inbox_free().
//
CHAT_WARN_UNUSED
chat_status chat_session_take_room_inbox(struct chat_session *session,
                                         const char *room,
                                         struct chat_inbox **inbox_out)
CHAT_NONNULL(1, 2, 3);

// Gives the last messages of a conversation before one of them. Reading them this way does not mark them as read.
//
// - `session`: a session.
// - `with`: the other user's name, or the room.
// - `before`: the id of the message; CHAT_MAX_ID for the end of the conversation.
// - `limit`: how many messages at most; more than 1,000 means 1,000.
// - `history_out`: receives the messages, in ascending order; there may be none.
// - `more_out`: receives 1 if there are older ones, and 0 if not; may be NULL.
//
// Fails with CHAT_NO_SUCH_CONVERSATION, CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER; or as every function of a session.
// Memory: free the list with chat_history_free().
//
CHAT_WARN_UNUSED
chat_status chat_session_history(struct chat_session *session,
                                 const char *with,
                                 uint64_t before,
                                 size_t limit,
                                 struct chat_history **history_out,
                                 int *more_out)
CHAT_NONNULL(1, 2, 5);

// Gives the first messages of a conversation after one of them. Reading them this way does not mark them as read.
//
// - `session`: a session.
// - `with`: the other user's name, or the room.
// - `after`: the id of the message; 0 for the beginning of the conversation.
// - `limit`: how many messages at most; more than 1,000 means 1,000.
// - `history_out`: receives the messages, in ascending order; there may be none.
// - `more_out`: receives 1 if there are later ones, and 0 if not; may be NULL.
//
// Fails with CHAT_NO_SUCH_CONVERSATION, CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER; or as every function of a session.
// Memory: free the list with chat_history_free().
//
CHAT_WARN_UNUSED
chat_status chat_session_history_after(struct chat_session *session,
                                       const char *with,
                                       uint64_t after,
                                       size_t limit,
                                       struct chat_history **history_out,
                                       int *more_out)
CHAT_NONNULL(1, 2, 5);

// Gives the first messages after `after` of all of the user's conversations. A program that remembers where the next page
// begins gets every message once.
//
// - `session`: a session.
// - `after`: the id of a message, or what `next_out` has received; 0 for all messages.
// - `limit`: how many messages at most; more than 1,000 means 1,000.
// - `history_out`: receives the messages, in ascending order; there may be none.
// - `next_out`: receives the `after` for the next page.
// - `more_out`: receives 1 if there are more, and 0 if not; may be NULL.
//
// Fails as every function of a session.
// Memory: free the list with chat_history_free().
//
CHAT_WARN_UNUSED
chat_status chat_session_sync(struct chat_session *session,
                              uint64_t after,
                              size_t limit,
                              struct chat_history **history_out,
                              uint64_t *next_out,
                              int *more_out)
CHAT_NONNULL(1, 4, 5);

// Marks a conversation as read up to a message. What was read once stays read.
//
// - `session`: a session.
// - `with`: the other user's name, or the room.
// - `upto`: the id of the message; CHAT_MAX_ID for the last one.
// - `unread_out`: receives how many messages of the conversation are unread then; may be NULL.
//
// Fails with CHAT_NO_SUCH_CONVERSATION, CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER; or as every function of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_read(struct chat_session *session,
                              const char *with,
                              uint64_t upto,
                              size_t *unread_out)
CHAT_NONNULL(1, 2);

// Lists the user's conversations, the one with the latest message first.
//
// - `session`: a session.
// - `before`: only conversations whose last messages are older than the one with this id; CHAT_MAX_ID for the first page.
// - `limit`: how many conversations at most; more than 1,000 means 1,000.
// - `conversations_out`: receives the list.
// - `more_out`: receives 1 if there are more, and 0 if not; may be NULL.
//
// Fails as every function of a session.
// Memory: free the list with chat_conversations_free().
//
CHAT_WARN_UNUSED
chat_status chat_session_conversations(struct chat_session *session,
                                       uint64_t before,
                                       size_t limit,
                                       struct chat_conversations **conversations_out,
                                       int *more_out)
CHAT_NONNULL(1, 4);

// Creates a room, whose owner and only member is the user.
//
// - `session`: a session.
// - `room`: its name, which begins with "#".
// - `title`: its title; may be "".
// - `open`: 1 if anyone may join it, 0 if only those may see and join it who were invited.
//
// Fails with CHAT_ROOM_EXISTS; CHAT_INVALID_ROOM_NAME or CHAT_INVALID_TITLE; CHAT_TOO_MANY_ROOMS; or as every function of a
// session.
//
CHAT_WARN_UNUSED
chat_status chat_session_create_room(struct chat_session *session,
                                     const char *room,
                                     const char *title,
                                     int open)
CHAT_NONNULL(1, 2, 3);

// Joins a room that is open or that the user was invited to. Joining a room twice is the same as once.
//
// - `session`: a session.
// - `room`: the room.
//
// Fails with CHAT_NO_SUCH_ROOM, also if the user may not know of it; CHAT_ROOM_FULL or CHAT_TOO_MANY_ROOMS; or as every
// function of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_join_room(struct chat_session *session,
                                   const char *room)
CHAT_NONNULL(1, 2);

// Leaves a room. The user cannot see its messages any more.
//
// - `session`: a session.
// - `room`: the room.
//
// Fails with CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER; CHAT_LAST_OWNER, who may delete it instead; or as every function of a
// session.
//
CHAT_WARN_UNUSED
chat_status chat_session_leave_room(struct chat_session *session,
                                    const char *room)
CHAT_NONNULL(1, 2);

// Deletes a room with all its messages. Only owners can do this.
//
// - `session`: a session.
// - `room`: the room.
//
// Fails with CHAT_NO_SUCH_ROOM, CHAT_NOT_A_MEMBER or CHAT_NOT_AN_OWNER; or as every function of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_delete_room(struct chat_session *session,
                                     const char *room)
CHAT_NONNULL(1, 2);

// Allows a user to join a room. Every member can do this in an open room, and the owners in another one.
//
// - `session`: a session.
// - `room`: the room.
// - `user`: the user to invite.
//
// Fails with CHAT_NO_SUCH_ROOM, CHAT_NOT_A_MEMBER or CHAT_NOT_AN_OWNER; CHAT_NO_SUCH_USER; CHAT_ROOM_FULL; or as every function
// of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_invite(struct chat_session *session,
                                const char *room,
                                const char *user)
CHAT_NONNULL(1, 2, 3);

// Removes a member from a room, or takes an invitation back. Only owners can do this.
//
// - `session`: a session.
// - `room`: the room.
// - `user`: the user to remove.
//
// Fails with CHAT_NO_SUCH_ROOM or CHAT_NOT_AN_OWNER; CHAT_NOT_A_MEMBER if one of the two users is not a member; CHAT_LAST_OWNER; or as
// every function of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_remove_from_room(struct chat_session *session,
                                          const char *room,
                                          const char *user)
CHAT_NONNULL(1, 2, 3);

// Changes a room. Only owners can do this.
//
// - `session`: a session.
// - `room`: the room.
// - `title`: the new title; NULL keeps the old one.
// - `open`: 1 if anyone may join it from now on, 0 if only those may who are invited; -1 keeps it as it is.
// - `owners`: the user names of all owners from now on, who must be members; NULL keeps the old ones.
// - `owners_count`: their number.
//
// Fails with CHAT_NO_SUCH_ROOM or CHAT_NOT_AN_OWNER; CHAT_INVALID_TITLE; CHAT_NOT_A_MEMBER if the user or one of the new owners
// is none; CHAT_LAST_OWNER if `owners` is not NULL but empty; or as every function of a session.
//
CHAT_WARN_UNUSED
chat_status chat_session_set_room(struct chat_session *session,
                                  const char *room,
                                  const char *title,
                                  int open,
                                  const char *const *owners,
                                  size_t owners_count)
CHAT_NONNULL(1, 2);

// Lists the members of a room that the user is in, in order of user name.
//
// - `session`: a session.
// - `room`: the room.
// - `after`: only members whose names come after this one, such as the last of the page before; "" for the first page.
// - `limit`: how many members at most; more than 1,000 means 1,000.
// - `members_out`: receives the list.
// - `more_out`: receives 1 if there are more, and 0 if not; may be NULL.
//
// Fails with CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER; or as every function of a session.
// Memory: free the list with chat_users_free().
//
CHAT_WARN_UNUSED
chat_status chat_session_members(struct chat_session *session,
                                 const char *room,
                                 const char *after,
                                 size_t limit,
                                 struct chat_users **members_out,
                                 int *more_out)
CHAT_NONNULL(1, 2, 3, 5);

// Lists the rooms that are open, or that the user is in or is invited to, in order of name.
//
// - `session`: a session.
// - `after`: only rooms whose names come after this one, such as the last of the page before; "" for the first page.
// - `limit`: how many rooms at most; more than 1,000 means 1,000.
// - `rooms_out`: receives the list.
// - `more_out`: receives 1 if there are more, and 0 if not; may be NULL.
//
// Fails as every function of a session.
// Memory: free the list with chat_rooms_free().
//
CHAT_WARN_UNUSED
chat_status chat_session_rooms(struct chat_session *session,
                               const char *after,
                               size_t limit,
                               struct chat_rooms **rooms_out,
                               int *more_out)
CHAT_NONNULL(1, 2, 4);

// Begins with a session's events: messages of all of the user's conversations from now on, also those that the user sends, and
// whatever else a chat_event_kind can be. The user is online while somebody has events.
//
// - `session`: a session. Over a connection, the events have a connection of their own, which is made again whenever it is lost.
// - `events_out`: receives the events.
//
// Fails with CHAT_IO if there is no descriptor left, or no server to connect to; or as every function of a session.
// Memory: free the events with chat_events_free(). They do not need the session's handle any more.
//
CHAT_WARN_UNUSED
chat_status chat_session_events(struct chat_session *session,
                                struct chat_events **events_out)
CHAT_NONNULL(1, 2);

// As chat_session_events(), with all messages after one of them first: a program that remembers the id of the last message that
// it has seen misses none, and sees none twice.
//
// - `session`: a session.
// - `after`: the id of the message; 0 for all messages.
// - `events_out`: receives the events.
//
// Fails as chat_session_events().
// Memory: free the events with chat_events_free(). They do not need the session's handle any more.
//
CHAT_WARN_UNUSED
chat_status chat_session_events_after(struct chat_session *session,
                                      uint64_t after,
                                      struct chat_events **events_out)
CHAT_NONNULL(1, 3);

// Returns the next event, waiting for one if necessary.
//
// - `events`: events of a session.
// - `timeout_ms`: how long to wait at most, in milliseconds; 0 not to wait, -1 to wait as long as it takes.
// - `event_out`: receives the event.
//
// Returns CHAT_TIMED_OUT if no event comes within that time, and CHAT_END if no more will come: after CHAT_EVENT_CLOSED,
// chat_events_stop(), or a failure.
// Fails with CHAT_BANNED, or whatever else a server refuses for good when the session is used over a new connection;
// CHAT_BAD_REPLY; CHAT_STORAGE. A connection that is lost is no failure.
// Memory: what the event points to belongs to `events`, and is valid until the next call of this function with it.
// Thread: one at a time for the same events.
//
CHAT_WARN_UNUSED
chat_status chat_events_next(struct chat_events *events,
                             int timeout_ms,
                             struct chat_event *event_out)
CHAT_NONNULL(1, 3);

// Gives a file descriptor for poll() or epoll: while it is readable, there may be events. Call chat_events_next() with no
// time-out then, until it returns CHAT_TIMED_OUT. There may be some before the first poll, too. A connection to a server that
// was lost is made again only within chat_events_next(), so over a connection call that every few seconds, too.
//
// - `events`: events of a session.
// - `fd_out`: receives the descriptor, which stays the same.
//
// Fails with CHAT_IO if the system has no descriptor left.
// Memory: the descriptor belongs to the events; do not read, write or close it.
// Thread: waits for chat_events_next() in another thread.
//
CHAT_WARN_UNUSED
chat_status chat_events_fd(struct chat_events *events,
                           int *fd_out)
CHAT_NONNULL(1, 2);

// Sets a callback that is called when there may be events, for a loop that cannot poll a descriptor. Let it only signal the
// loop, which then calls chat_events_next() with no time-out, until it returns CHAT_TIMED_OUT. It is called once at once.
//
// - `events`: events of a session on a chat in the process. Those that come over a connection call nothing: poll
//   chat_events_fd().
// - `wake`: the callback; NULL for none.
// - `user_data`: passed to the callback; may be NULL.
//
// Once it returns, the previous callback is not running and will not be called again.
//
// Fails with CHAT_INVALID_ARGUMENT if the events come over a connection.
// Memory: the callback and `user_data` are kept until others are set, or the events are freed.
//
CHAT_WARN_UNUSED
chat_status chat_events_set_waker(struct chat_events *events,
                                  chat_wake_fn wake,
                                  void *user_data)
CHAT_NONNULL(1);

// Gives the id of the last message that chat_events_next() has given, or of the one after which the events have begun: what
// chat_session_events_after() takes to go on from here.
//
// - `events`: events of a session.
// - `id_out`: receives the id.
//
// Thread: waits for chat_events_next() in another thread.
//
CHAT_WARN_UNUSED
chat_status chat_events_position(const struct chat_events *events,
                                 uint64_t *id_out)
CHAT_NONNULL(1, 2);

// Ends a session's events, from any thread: chat_events_next() returns CHAT_END, also where another thread waits in it. The
// session goes on.
//
// - `events`: events of a session; if they have ended already, nothing happens.
//
chat_status chat_events_stop(struct chat_events *events)
CHAT_NONNULL(1);

// Frees a session's events, and closes their connection if they have one. The session goes on. Where another thread reads
// events, call chat_events_stop() and wait until that thread is done, since what an event points to is freed, too.
//
// - `events`: events of a session; NULL does nothing.
chat_status chat_events_free(struct chat_events *events);

// Gives the next conversation of a list.
//
// - `conversations`: a list of conversations.
// - `conversation_out`: receives the conversation.
//
// Returns CHAT_END if there are no more.
// Memory: what the conversation points to belongs to the list, and is valid until the next call with it.
// Thread: one at a time for one list.
//
CHAT_WARN_UNUSED
chat_status chat_conversations_next(struct chat_conversations *conversations,
                                    struct chat_conversation *conversation_out)
CHAT_NONNULL(1, 2);

// Frees a list of conversations.
//
// - `conversations`: a list of conversations; NULL does nothing.
chat_status chat_conversations_free(struct chat_conversations *conversations);

// Gives the next message of a list, in ascending order of ids.
//
// - `history`: a list of messages.
// - `message_out`: receives the message.
//
// Returns CHAT_END if there are no more.
// Memory: what the message points to belongs to the list, and is valid until the next call with it.
// Thread: one at a time for one list.
//
CHAT_WARN_UNUSED
chat_status chat_history_next(struct chat_history *history,
                              struct chat_history_message *message_out)
CHAT_NONNULL(1, 2);

// Frees a list of messages.
//
// - `history`: a list of messages; NULL does nothing.
chat_status chat_history_free(struct chat_history *history);

// Tells how many messages of an inbox are still to come.
//
// - `inbox`: an inbox.
// - `count_out`: receives the number.
//
CHAT_WARN_UNUSED
chat_status chat_inbox_count(const struct chat_inbox *inbox,
                             size_t *count_out)
CHAT_NONNULL(1, 2);

// Gives the next message of an inbox.
//
// - `inbox`: an inbox.
// - `message_out`: receives the message.
//
// Returns CHAT_END if there are no more.
// Memory: what the message points to belongs to the inbox, and is valid until the next call with it.
// Thread: one at a time for one inbox.
//
CHAT_WARN_UNUSED
chat_status chat_inbox_next(struct chat_inbox *inbox,
                            struct chat_message *message_out)
CHAT_NONNULL(1, 2);

// Frees an inbox. Messages that it has not given are lost.
//
// - `inbox`: an inbox; NULL does nothing.
chat_status chat_inbox_free(struct chat_inbox *inbox);

// Gives the next invitation of a list.
//
// - `invitations`: a list of invitations.
// - `invitation_out`: receives the invitation.
//
// Returns CHAT_END if there are no more.
// Memory: what it points to belongs to the list, and is valid until the next call with it.
// Thread: one at a time for one list.
//
CHAT_WARN_UNUSED
chat_status chat_invitations_next(struct chat_invitations *invitations,
                                  struct chat_invitation *invitation_out)
CHAT_NONNULL(1, 2);

// Frees a list of invitations. The invitations themselves stay valid.
//
// - `invitations`: a list of invitations; NULL does nothing.
chat_status chat_invitations_free(struct chat_invitations *invitations);

// Gives the next room of a list.
//
// - `rooms`: a list of rooms.
// - `room_out`: receives the room.
//
// Returns CHAT_END if there are no more.
// Memory: what the room points to belongs to the list, and is valid until the next call with it.
// Thread: one at a time for one list.
//
CHAT_WARN_UNUSED
chat_status chat_rooms_next(struct chat_rooms *rooms,
                            struct chat_room *room_out)
CHAT_NONNULL(1, 2);

// Frees a list of rooms.
//
// - `rooms`: a list of rooms; NULL does nothing.
chat_status chat_rooms_free(struct chat_rooms *rooms);

// Gives the next session of a list.
//
// - `sessions`: a list of sessions.
// - `session_out`: receives the session.
//
// Returns CHAT_END if there are no more.
// Memory: what it points to belongs to the list, and is valid until the next call with it.
// Thread: one at a time for one list.
//
CHAT_WARN_UNUSED
chat_status chat_sessions_next(struct chat_sessions *sessions,
                               struct chat_session_info *session_out)
CHAT_NONNULL(1, 2);

// Frees a list of sessions. The sessions themselves go on.
//
// - `sessions`: a list of sessions; NULL does nothing.
chat_status chat_sessions_free(struct chat_sessions *sessions);

// Gives the next user of a list.
//
// - `users`: a list of users.
// - `user_out`: receives the user.
//
// Returns CHAT_END if there are no more.
// Memory: what the user points to belongs to the list, and is valid until the next call with it.
// Thread: one at a time for one list.
//
CHAT_WARN_UNUSED
chat_status chat_users_next(struct chat_users *users,
                            struct chat_user *user_out)
CHAT_NONNULL(1, 2);

// Frees a list of users.
//
// - `users`: a list of users; NULL does nothing.
chat_status chat_users_free(struct chat_users *users);

// Adds a user with an empty inbox. Takes tens of milliseconds, because the password is hashed.
//
// - `chat`: a chat.
// - `name`: the name to log in with.
// - `password`: the password; only a hash of it is stored.
// - `full_name`: the name that others see.
// - `country`: where the user is from; may be "".
//
// The rules for each are in docs/protocol.md, "Names".
//
// Fails with CHAT_USER_EXISTS; CHAT_INVALID_USER_NAME, CHAT_INVALID_PASSWORD, CHAT_INVALID_FULL_NAME or
// CHAT_INVALID_COUNTRY; CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING.
//
CHAT_WARN_UNUSED
chat_status chat_add_user(struct chat *chat,
                          const char *name,
                          const char *password,
                          const char *full_name,
                          const char *country)
CHAT_NONNULL(1, 2, 3, 4, 5);

// Adds the users "messi", "henderson" and "lineker", all with the password "surabaya", for trying things out.
// As the password is public, no server starts on an address other than loopback while they have it.
//
// - `chat`: a chat. Existing users are left unchanged.
//
// Fails with CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING.
//
CHAT_WARN_UNUSED
chat_status chat_add_demo_users(struct chat *chat)
CHAT_NONNULL(1);

// Lists all users, in order of user name.
//
// - `chat`: a chat.
// - `users_out`: receives the list.
//
// Fails with CHAT_STORAGE.
// Memory: free the list with chat_users_free().
//
CHAT_WARN_UNUSED
chat_status chat_list_users(struct chat *chat,
                            struct chat_users **users_out)
CHAT_NONNULL(1, 2);

// Changes a user's full name, country, or both. Messages sent earlier keep the name they were sent under.
//
// - `chat`: a chat.
// - `name`: the user to change.
// - `full_name`: the new full name; NULL keeps the old one.
// - `country`: the new country; NULL keeps the old one.
//
// Fails with CHAT_NO_SUCH_USER, CHAT_INVALID_FULL_NAME, CHAT_INVALID_COUNTRY or CHAT_STORAGE.
//
CHAT_WARN_UNUSED
chat_status chat_edit_user(struct chat *chat,
                           const char *name,
                           const char *full_name,
                           const char *country)
CHAT_NONNULL(1, 2);

// Changes a user's password, and ends all of the user's sessions.
//
// - `chat`: a chat.
// - `name`: the user to change.
// - `password`: the new password.
//
// Fails with CHAT_NO_SUCH_USER or CHAT_INVALID_PASSWORD; CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING.
//
CHAT_WARN_UNUSED
chat_status chat_set_password(struct chat *chat,
                              const char *name,
                              const char *password)
CHAT_NONNULL(1, 2, 3);

// Removes a user, with their sessions and inbox. Messages that they have sent to others stay.
//
// - `chat`: a chat.
// - `name`: the user to remove.
//
// Fails with CHAT_NO_SUCH_USER or CHAT_STORAGE.
//
CHAT_WARN_UNUSED
chat_status chat_remove_user(struct chat *chat,
                             const char *name)
CHAT_NONNULL(1, 2);

// Bans a user: ends their sessions, and refuses new ones. Others can still send to the user. Does nothing if the user is
// banned already.
//
// - `chat`: a chat.
// - `name`: the user to ban. Their logins fail with CHAT_BANNED if the password is right, and otherwise as before.
//
// Fails with CHAT_NO_SUCH_USER or CHAT_STORAGE.
//
CHAT_WARN_UNUSED
chat_status chat_ban_user(struct chat *chat,
                          const char *name)
CHAT_NONNULL(1, 2);

// Lets a banned user log in again. Does nothing if the user is not banned.
//
// - `chat`: a chat.
// - `name`: the user.
//
// Fails with CHAT_NO_SUCH_USER or CHAT_STORAGE.
//
CHAT_WARN_UNUSED
chat_status chat_unban_user(struct chat *chat,
                            const char *name)
CHAT_NONNULL(1, 2);

// Removes a user as chat_remove_user() does, and deletes all messages that they have sent. Others see these as deleted. The
// texts have left the disk when this returns, unless a dump is being made: then they do so within two minutes.
//
// - `chat`: a chat.
// - `name`: the user to erase.
// - `deleted_out`: receives how many messages were deleted; may be NULL.
//
// Fails with CHAT_NO_SUCH_USER or CHAT_STORAGE. The user may be banned then: call it again.
//
CHAT_WARN_UNUSED
chat_status chat_erase_user(struct chat *chat,
                            const char *name,
                            uint64_t *deleted_out)
CHAT_NONNULL(1, 2);

// Opens a session of a user without a password, for a program that has authenticated its user itself.
//
// - `chat`: a chat.
// - `user`: the user name.
// - `session_out`: receives the session.
//
// Fails with CHAT_NO_SUCH_USER, CHAT_BANNED, CHAT_STORAGE or CHAT_ENTROPY.
// Memory: free the session with chat_session_free().
//
CHAT_WARN_UNUSED
chat_status chat_open_session(struct chat *chat,
                              const char *user,
                              struct chat_session **session_out)
CHAT_NONNULL(1, 2, 3);

// Lists all live sessions, in order of login.
//
// - `chat`: a chat.
// - `sessions_out`: receives the list.
//
// Fails with CHAT_STORAGE.
// Memory: free the list with chat_sessions_free().
//
CHAT_WARN_UNUSED
chat_status chat_list_sessions(struct chat *chat,
                               struct chat_sessions **sessions_out)
CHAT_NONNULL(1, 2);

// Ends all sessions of a user, who may log in again.
//
// - `chat`: a chat.
// - `user`: the user name.
//
// Fails with CHAT_NO_SUCH_USER or CHAT_STORAGE.
//
CHAT_WARN_UNUSED
chat_status chat_end_sessions(struct chat *chat,
                              const char *user)
CHAT_NONNULL(1, 2);

// Takes all unread messages out of a user's inbox, without a session.
//
// - `chat`: a chat.
// - `user`: the user name.
// - `inbox_out`: receives the messages; empty if the user does not exist.
//
// Fails with CHAT_STORAGE.
// Memory: free the inbox with chat_inbox_free().
//
CHAT_WARN_UNUSED
chat_status chat_take_inbox_of(struct chat *chat,
                               const char *user,
                               struct chat_inbox **inbox_out)
CHAT_NONNULL(1, 2, 3);

// Checks that a server may listen on an address: demo users must not become reachable from a network.
// chat_server_start() does this itself; a program with a loop of its own calls it before it listens.
//
// - `chat`: a chat.
// - `address`: IP address and port, such as "0.0.0.0:8889".
//
// Fails with CHAT_PUBLIC_PASSWORD if the address is not loopback and a demo user still has the public password;
// CHAT_STORAGE.
//
CHAT_WARN_UNUSED
chat_status chat_may_listen(struct chat *chat,
                            const char *address)
CHAT_NONNULL(1, 2);

// Creates an invitation, with which one person can register within 7 days (chat_register()). It is needed where
// `registration` is CHAT_REGISTER_INVITE.
//
// - `chat`: a chat.
// - `code_out`: receives the code, 32 hexadecimal digits. The chat keeps only a digest of it, so this is the only time
//   that it is shown.
//
// Fails with CHAT_STORAGE or CHAT_ENTROPY.
// Memory: free the code with chat_buffer_free().
//
CHAT_WARN_UNUSED
chat_status chat_invite(struct chat *chat,
                        struct chat_buffer *code_out)
CHAT_NONNULL(1, 2);

// Lists the invitations that can still be used, in order of creation.
//
// - `chat`: a chat.
// - `invitations_out`: receives the list.
//
// Fails with CHAT_STORAGE.
// Memory: free the list with chat_invitations_free().
//
CHAT_WARN_UNUSED
chat_status chat_list_invitations(struct chat *chat,
                                  struct chat_invitations **invitations_out)
CHAT_NONNULL(1, 2);

// Revokes an invitation that was not used yet.
//
// - `chat`: a chat.
// - `id`: the id of the invitation, from chat_list_invitations().
//
// Fails with CHAT_NO_SUCH_INVITATION or CHAT_STORAGE.
//
CHAT_WARN_UNUSED
chat_status chat_revoke_invitation(struct chat *chat,
                                   const char *id)
CHAT_NONNULL(1, 2);

// Lists all rooms, in order of name.
//
// - `chat`: a chat.
// - `rooms_out`: receives the list.
//
// Fails with CHAT_STORAGE.
// Memory: free the list with chat_rooms_free().
//
CHAT_WARN_UNUSED
chat_status chat_list_rooms(struct chat *chat,
                            struct chat_rooms **rooms_out)
CHAT_NONNULL(1, 2);

// Lists the members of a room, in order of user name.
//
// - `chat`: a chat.
// - `room`: the room.
// - `members_out`: receives the list.
//
// Fails with CHAT_NO_SUCH_ROOM or CHAT_STORAGE.
// Memory: free the list with chat_users_free().
//
CHAT_WARN_UNUSED
chat_status chat_list_members(struct chat *chat,
                              const char *room,
                              struct chat_users **members_out)
CHAT_NONNULL(1, 2, 3);

// Sets how much of a room is kept, as "chat-server room set" does.
//
// - `chat`: a chat.
// - `room`: the room.
// - `limit`: "keep_for", "keep_messages" or "keep_bytes".
// - `value`: its value in text form, such as "90days", "1000" or "16MiB"; "default" for what holds for the whole chat.
//
// Fails with CHAT_NO_SUCH_ROOM, CHAT_STORAGE, or CHAT_INVALID_ARGUMENT for a limit or a value that there is not.
//
CHAT_WARN_UNUSED
chat_status chat_set_room_keep(struct chat *chat,
                               const char *room,
                               const char *limit,
                               const char *value)
CHAT_NONNULL(1, 2, 3, 4);

// Deletes a room with its messages. Its members are told, as if an owner had done it.
//
// - `chat`: a chat.
// - `room`: the room.
//
// Fails with CHAT_NO_SUCH_ROOM or CHAT_STORAGE.
//
CHAT_WARN_UNUSED
chat_status chat_delete_room(struct chat *chat,
                             const char *room)
CHAT_NONNULL(1, 2);

// Tells everybody who is there: each connection and each chat_events that has subscribed gets a CHAT_EVENT_ANNOUNCEMENT. It is
// not stored.
//
// - `chat`: a chat.
// - `said`: what to tell, at most 4,096 bytes, and not blank.
// - `told_out`: receives how many were told; may be NULL.
//
// Fails with CHAT_LINE_TOO_LONG or CHAT_BAD_PARAMETERS.
//
CHAT_WARN_UNUSED
chat_status chat_announce(struct chat *chat,
                          const char *said,
                          size_t *told_out)
CHAT_NONNULL(1, 2);

// Writes all users and messages as they are at one moment, as lines of JSON (docs/dump.md). Sessions are not
// included. The chat can be used meanwhile.
//
// - `chat`: a chat.
// - `fd`: a blocking file descriptor to write to.
// - `with_hashes`: 1 to include the hashes of passwords, 0 to leave them out.
//
// Fails with CHAT_IO if writing fails; CHAT_STORAGE. What was written until then is not a whole dump. SIGPIPE and SIGXFSZ
// are raised as by write().
// Memory: the descriptor is not closed.
//
CHAT_WARN_UNUSED
chat_status chat_dump(struct chat *chat,
                      int fd,
                      int with_hashes)
CHAT_NONNULL(1);

// Writes all that there is of one user, as lines of JSON (docs/dump.md, "The data of one user"): account, sessions, blocks,
// conversations, rooms, all messages that the user has sent, and all direct ones that they were sent. The chat can be used
// meanwhile.
//
// - `chat`: a chat.
// - `name`: the user.
// - `fd`: a blocking file descriptor to write to.
//
// Fails with CHAT_NO_SUCH_USER; CHAT_IO if writing fails; CHAT_STORAGE. SIGPIPE and SIGXFSZ are raised as by write().
// Memory: the descriptor is not closed.
//
CHAT_WARN_UNUSED
chat_status chat_export_user(struct chat *chat,
                             const char *name,
                             int fd)
CHAT_NONNULL(1, 2);

// Restores what chat_dump() has written, into a chat without users.
//
// - `chat`: a chat.
// - `fd`: a blocking file descriptor to read from, to its end.
// - `restored_out`: receives how much was restored.
//
// Fails with CHAT_NOT_EMPTY if there are users; CHAT_BAD_DUMP if a line is invalid or the end is missing; CHAT_IO if
// reading fails; CHAT_STORAGE. The chat is then as it was before. If the process dies meanwhile, the directory cannot
// be opened again.
// Memory: the descriptor is not closed.
//
CHAT_WARN_UNUSED
chat_status chat_restore(struct chat *chat,
                         int fd,
                         struct chat_restored *restored_out)
CHAT_NONNULL(1, 3);

// Reads all stored data and verifies that it is consistent. The chat can be used meanwhile.
//
// - `chat`: a chat.
//
// Fails with CHAT_STORAGE if something is damaged or cannot be read.
//
CHAT_WARN_UNUSED chat_status chat_check(struct chat *chat) CHAT_NONNULL(1);

// Tells whether a chat's directory could only be read when it was opened. Everything that would change something then
// fails with CHAT_STORAGE, also sending a message and logging in.
//
// - `chat`: a chat.
// - `read_only_out`: receives 0 or 1.
//
CHAT_WARN_UNUSED
chat_status chat_is_read_only(struct chat *chat,
                              int *read_only_out)
CHAT_NONNULL(1, 2);

// Writes what makes the next start quick, as closing does: for a process that exits while something made of the
// chat still uses it. The chat can be used meanwhile.
//
// - `chat`: a chat.
//
// Fails with CHAT_STORAGE.
//
CHAT_WARN_UNUSED
chat_status chat_tidy(struct chat *chat)
CHAT_NONNULL(1);

// Gives what the chat has counted, in the text format of Prometheus (version 0.0.4). Everything that this process does with the
// chat is counted, whether it came over a connection or not. No name of a user or room is in it, and nothing that a user wrote.
//
// - `chat`: a chat.
// - `metrics_out`: receives the text.
//
// Memory: free the text with chat_buffer_free().
//
CHAT_WARN_UNUSED
chat_status chat_metrics(struct chat *chat,
                         struct chat_buffer *metrics_out)
CHAT_NONNULL(1, 2);

// Checks that what is sent now could be stored, as far as can be told at little cost.
//
// - `chat`: a chat.
//
// Fails with CHAT_STORAGE if the last change could not be stored and storing does not work yet, or if the data can only be
// read.
//
CHAT_WARN_UNUSED
chat_status chat_check_writable(struct chat *chat)
CHAT_NONNULL(1);

// Creates a connection for one peer. It does no I/O: the program passes in the bytes that it has received, and sends the
// output.
//
// - `chat`: a chat.
// - `peer`: the peer's address, such as "192.0.2.7:50000", for the log and for counting failed logins by address; NULL
//   if it has no address.
// - `connection_out`: receives the connection.
//
// Memory: free the connection with chat_connection_free().
//
CHAT_WARN_UNUSED
chat_status chat_connection_new(struct chat *chat,
                                const char *peer,
                                struct chat_connection **connection_out)
CHAT_NONNULL(1, 3);

// Takes received bytes, and answers the requests that they complete. It makes no difference how the bytes are split into
// pieces. With no bytes at all, it does what chat_connection_wants_turn() tells of. May wait for the disk, and for a password to be checked.
//
// - `connection`: a connection.
// - `bytes`: the bytes, which must not be the connection's own output; may be NULL if `len` is 0.
// - `len`: their number.
// - `taken_out`: receives how many bytes were taken. If fewer than `len`, the pending output has reached the limit
//   `reply_bytes`: send it, then pass the rest again before any newer bytes. The last byte of a line may be part of the
//   rest although its answer has begun.
//
// Thread: one at a time for one connection.
//
CHAT_WARN_UNUSED
chat_status chat_connection_receive(struct chat_connection *connection,
                                    const uint8_t *bytes,
                                    size_t len,
                                    size_t *taken_out)
CHAT_NONNULL(1, 4);

// Gives the output that is to be sent to the peer.
//
// - `connection`: a connection.
// - `data_out`: receives a pointer to the bytes.
// - `len_out`: receives their number; if it is 0, the pointer must not be used.
//
// Memory: the bytes belong to the connection, and are valid until another function is called with it.
// Thread: not while another function is called with the connection.
//
CHAT_WARN_UNUSED
chat_status chat_connection_output(const struct chat_connection *connection,
                                   const uint8_t **data_out,
                                   size_t *len_out)
CHAT_NONNULL(1, 2, 3);

// Removes bytes that were sent from the beginning of the output.
//
// - `connection`: a connection.
// - `len`: how many bytes were sent; no more than chat_connection_output() has given.
//
// Thread: one at a time for one connection.
//
CHAT_WARN_UNUSED
chat_status chat_connection_sent(struct chat_connection *connection,
                                 size_t len)
CHAT_NONNULL(1);

// Tells whether a connection has something to do although nothing was received: chat_connection_receive() with no bytes then
// adds events to the output, for a peer that has subscribed to them. It can become so whenever the callback of
// chat_connection_set_waker() is called, and after chat_connection_sent().
//
// - `connection`: a connection.
// - `wants_turn_out`: receives 1 or 0.
//
CHAT_WARN_UNUSED
chat_status chat_connection_wants_turn(const struct chat_connection *connection,
                                       int *wants_turn_out)
CHAT_NONNULL(1, 2);

// Sets a callback that is called when a connection may want a turn (chat_connection_wants_turn()): somebody else has done
// something that its peer is to be told. It is called once at once.
//
// - `connection`: a connection.
// - `wake`: the callback; NULL for none.
// - `user_data`: passed to the callback; may be NULL.
//
// Once it returns, the previous callback is not running and will not be called again.
// Memory: the callback and `user_data` are kept until others are set, or the connection is freed.
//
CHAT_WARN_UNUSED
chat_status chat_connection_set_waker(struct chat_connection *connection,
                                      chat_wake_fn wake,
                                      void *user_data)
CHAT_NONNULL(1);

// Tells whether the peer has sent the beginning of a line, but not its end. The program may close a connection that stays
// in this state for long.
//
// - `connection`: a connection.
// - `mid_line_out`: receives 1 or 0.
//
CHAT_WARN_UNUSED
chat_status chat_connection_mid_line(const struct chat_connection *connection,
                                     int *mid_line_out)
CHAT_NONNULL(1, 2);

// Tells whether a connection is over, because its peer speaks HTTP, as a browser does that a malicious web page directs
// here, or goes on although it sends too many requests, or because it is not known whether its requests were done. Close it once its
// output is sent; further bytes are ignored.
//
// - `connection`: a connection.
// - `over_out`: receives 1 or 0.
//
CHAT_WARN_UNUSED
chat_status chat_connection_is_over(const struct chat_connection *connection,
                                    int *over_out)
CHAT_NONNULL(1, 2);

// Frees a connection. Sessions that were opened over it go on. Output that was not sent is lost, except that an inbox of
// whose answer nothing was sent is unread again, unless the inbox was read since. May wait for the disk.
//
// - `connection`: a connection; NULL does nothing.
chat_status chat_connection_free(struct chat_connection *connection);

// Starts a server in threads of its own. It is listening when this returns.
//
// - `chat`: a chat; closing it does not stop the server.
// - `address`: where to listen, such as "127.0.0.1:8889"; port 0 takes a free one.
// - `options`: the options; NULL for the defaults, with which connections are not encrypted.
// - `server_out`: receives the server.
//
// Fails with CHAT_LISTEN; CHAT_PUBLIC_PASSWORD if an address is not loopback and a demo user still has the public
// password; CHAT_CLEARTEXT if one is not loopback, connections would not be encrypted and `allow_cleartext` is 0;
// CHAT_BAD_CERTIFICATE if certificate or key cannot be read or do not belong together; CHAT_IO if an address is invalid, if the
// folder of `web_page` cannot be read, or if the system has no thread or descriptor left (if it refuses a thread later, the
// server ends, and chat_server_join() returns CHAT_IO); CHAT_STORAGE.
// Memory: free the server with chat_server_free(), after chat_server_stop() and chat_server_join().
//
CHAT_WARN_UNUSED
chat_status chat_server_start(struct chat *chat,
                              const char *address,
                              const struct chat_server_options *options,
                              struct chat_server **server_out)
CHAT_NONNULL(1, 2, 4);

// Reads the certificate and key files of a server again, when the certificate was renewed. Connections that are opened from
// then on get the new certificate; the others go on.
//
// - `server`: a server; if it listens in clear text, nothing happens.
//
// Fails with CHAT_BAD_CERTIFICATE if certificate or key cannot be read or do not belong together; the old ones stay in use.
//
CHAT_WARN_UNUSED
chat_status chat_server_reload_certificate(struct chat_server *server)
CHAT_NONNULL(1);

// Gives the address that a server listens on, with the actual port.
//
// - `server`: a server.
// - `address_out`: receives the text, such as "127.0.0.1:40123".
//
// Memory: free the text with chat_buffer_free().
//
CHAT_WARN_UNUSED
chat_status chat_server_address(const struct chat_server *server,
                                struct chat_buffer *address_out)
CHAT_NONNULL(1, 2);

// Gives the port that a server listens on.
//
// - `server`: a server.
// - `port_out`: receives the port.
//
CHAT_WARN_UNUSED
chat_status chat_server_port(const struct chat_server *server,
                             uint16_t *port_out)
CHAT_NONNULL(1, 2);

// Gives the address on which a server serves browsers, with the actual port. The page is at "http://" and that address, or at
// "https://" if the server has a certificate.
//
// - `server`: a server.
// - `address_out`: receives the text, such as "127.0.0.1:40123".
//
// Fails with CHAT_INVALID_ARGUMENT if the server was started without `web_address`.
// Memory: free the text with chat_buffer_free().
//
CHAT_WARN_UNUSED
chat_status chat_server_web_address(const struct chat_server *server,
                                    struct chat_buffer *address_out)
CHAT_NONNULL(1, 2);

// Gives the port on which a server serves browsers.
//
// - `server`: a server.
// - `port_out`: receives the port.
//
// Fails with CHAT_INVALID_ARGUMENT if the server was started without `web_address`.
//
CHAT_WARN_UNUSED
chat_status chat_server_web_port(const struct chat_server *server,
                                 uint16_t *port_out)
CHAT_NONNULL(1, 2);

// Asks a server to stop, without waiting for it. The server answers the requests that it has read, gives peers a few
// seconds to receive their answers, and closes.
//
// - `server`: a server; if it has stopped already, nothing happens.
//
chat_status chat_server_stop(struct chat_server *server)
CHAT_NONNULL(1);

// Waits until a server has stopped.
//
// - `server`: a server.
// - `timeout_ms`: how long to wait at most, in milliseconds.
//
// Returns CHAT_OK if it has stopped, and CHAT_TIMED_OUT if it is still running. If a failure has stopped it, the first
// call returns that: CHAT_IO or CHAT_INTERNAL.
//
CHAT_WARN_UNUSED
chat_status chat_server_join(struct chat_server *server,
                             uint32_t timeout_ms)
CHAT_NONNULL(1);

// Frees a server that has stopped.
//
// - `server`: a server; NULL does nothing.
//
// Fails with CHAT_STILL_RUNNING if it has not stopped; it is not freed then.
chat_status chat_server_free(struct chat_server *server);

// Connects to a server, or to any of several that serve the same chat.
//
// With several servers, the client goes on at another one when it loses its connection: the next call connects again, and the sessions
// and their events go on, without missing or repeating a message. Calls that only read are made again by themselves, and so are
// messages, each of which is sent with a key: the caller's, or else a random one. Other calls fail if it is not known
// whether they were done. What is refused with CHAT_BUSY, as while another server takes over, is tried again. All of that ends
// after the timeout of the options.
//
// - `address`: where it listens: "HOST:PORT", "chat://HOST", or "chats://HOST" for an encrypted connection to a server that
//   proves that it is the one that is meant. In the last two, :PORT may follow; otherwise the port is 8889, or 8890 if the
//   connection is encrypted. Commas separate several: "one:8889,two:8889". "chat://" and "chats://" also hold for those that
//   follow.
// - `options`: the options; NULL for the defaults.
// - `client_out`: receives the client.
//
// Fails with CHAT_TIMED_OUT; CHAT_IO if no server listens there, the address is invalid or the CA file cannot be read; CHAT_TLS
// if no encrypted connection came about that can be trusted; CHAT_INVALID_ARGUMENT for invalid options.
// Memory: free the client with chat_client_free().
//
CHAT_WARN_UNUSED
chat_status chat_client_connect(const char *address,
                                const struct chat_client_options *options,
                                struct chat_client **client_out)
CHAT_NONNULL(1, 3);

// Logs in over a connection.
//
// - `client`: a client.
// - `user`: the user name.
// - `password`: the password.
// - `session_out`: receives the session.
//
// Fails as chat_login(), with CHAT_BUSY also if too many logins wait for their passwords to be checked, or as every
// function of a session over a connection.
// Memory: free the session with chat_session_free().
//
CHAT_WARN_UNUSED
chat_status chat_client_login(struct chat_client *client,
                              const char *user,
                              const char *password,
                              struct chat_session **session_out)
CHAT_NONNULL(1, 2, 3, 4);

// Creates an account over a connection, if the server takes registrations, and opens the account's first session.
//
// - `client`: a client.
// - `user`: the name to log in with.
// - `password`: the password.
// - `full_name`: the name that others see.
// - `invitation`: the code of an invitation, where one is needed; NULL for none.
// - `session_out`: receives the session.
//
// Fails as chat_register(), with CHAT_BUSY, or as every function of a session over a connection.
// Memory: free the session with chat_session_free().
//
CHAT_WARN_UNUSED
chat_status chat_client_register(struct chat_client *client,
                                 const char *user,
                                 const char *password,
                                 const char *full_name,
                                 const char *invitation,
                                 struct chat_session **session_out)
CHAT_NONNULL(1, 2, 3, 4, 6);

// Gives the session that a token opens, to be used over a connection. The server is not asked: if there is no such
// session, its functions fail with CHAT_NO_SUCH_SESSION.
//
// - `client`: a client.
// - `user`: the name of the session's user.
// - `token`: the token.
// - `session_out`: receives the session.
//
// Fails with CHAT_NO_SUCH_SESSION if that cannot be a token.
// Memory: free the session with chat_session_free().
//
CHAT_WARN_UNUSED
chat_status chat_client_session(struct chat_client *client,
                                const char *user,
                                const struct chat_token *token,
                                struct chat_session **session_out)
CHAT_NONNULL(1, 2, 3, 4);

// Gives the client's file descriptor, for poll(). Between two requests it is readable once the server has closed the
// connection, and may be when a session that was used over it has ended, and at any time if the connection is encrypted. Waits
// for a request that is being made. With several servers, each call over the connection can replace it.
//
// - `client`: a client.
// - `fd_out`: receives the descriptor.
//
// Memory: the descriptor belongs to the connection; do not read, write or close it.
//
CHAT_WARN_UNUSED
chat_status chat_client_fd(const struct chat_client *client,
                           int *fd_out)
CHAT_NONNULL(1, 2);

// Frees a client. Its connection is closed once the sessions that were opened over it are freed, too.
//
// - `client`: a client; NULL does nothing.
chat_status chat_client_free(struct chat_client *client);

// Sets the callback for the log of all chats in the process. The log contains no passwords, tokens or texts.
//
// - `level`: the most detailed level to log, as a chat_log_level; CHAT_LOG_OFF to stop.
// - `callback`: the callback; NULL to stop.
// - `user_data`: passed to the callback; may be NULL.
//
// Once it returns, the previous callback is not running and will not be called again.
//
// Fails with CHAT_INTERNAL if Rust code in the process has set up a log of its own.
// Memory: the callback and `user_data` are kept until others are set.
// Thread: not from the callback.
chat_status chat_set_log(int32_t level,
                         chat_log_fn callback,
                         void *user_data);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CHAT_H */
