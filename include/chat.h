/*
 * libchat: a chat server that a program contains.
 *
 * Generated from chat-ffi/src; do not edit. The wire and its codes are in docs/protocol.md.
 *
 * What holds for all functions:
 *
 * - Failures. Every function that can fail returns a chat_status; CHAT_OK is 0. Out parameters come last and
 *   are written only with CHAT_OK. chat_last_error() has the details.
 * - Pointers. A pointer must be valid for what it is used for. NULL is found out: it gives
 *   CHAT_INVALID_ARGUMENT, except where it is allowed, which is said. Text is NUL-terminated UTF-8.
 * - Memory. What is passed is copied, and not kept unless that is said. What a function gives belongs to the caller
 *   or to a handle, which is said, and is freed by the function that is named there.
 * - Handles. A handle that was freed, or is of another kind, gives CHAT_INVALID_HANDLE. Handles are opaque: never
 *   dereference them.
 * - Threads. Every function can be called from any thread, and many at once, also with the same handle. What
 *   is an exception says so under "Thread". A handle that is const is only read.
 * - Bugs. A panic inside gives CHAT_INTERNAL, and a message on standard error; the program goes on. What ends
 *   it, as in any library: memory that runs out, and pthread_cancel() of a thread that waits in a call.
 * - fork(). In a child, its parent's handles give CHAT_INVALID_HANDLE: a child neither frees nor changes what is its
 *   parent's. It can open chats of its own. A directory, address or connection that the parent frees is free,
 *   though a child lives on. A child of a program with threads should do little but exec(), whatever it uses.
 * - Signals. The library changes no signal's disposition. Its threads take signals unless these were blocked when
 *   chat_open() or chat_server_start() was called.
 * - Descriptors. Those of the library are its own to close; a program that exec() starts does not inherit them.
 */

#ifndef CHAT_H
#define CHAT_H

#include <stddef.h>
#include <stdint.h>

/* The header's version as text. */
#define CHAT_VERSION "0.1.0"

/* The header's version as a number, to be compared with chat_version_number(). */
#define CHAT_VERSION_NUMBER \
    (CHAT_VERSION_MAJOR * 1000000u + CHAT_VERSION_MINOR * 1000u + CHAT_VERSION_PATCH)

/* Whether the library fits the header: chat_version_check() with the header's version. */
#define CHAT_VERSION_CHECK() chat_version_check(CHAT_VERSION_NUMBER)

/* Options as they are by default. */
#define CHAT_OPTIONS_INIT {sizeof(chat_options), NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/* What compilers are told of functions; may be defined before. */
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


// The header's version: a change of this one breaks programs.
#define CHAT_VERSION_MAJOR 0

// The header's version: additions. Before 1.0, a change of this one may break programs, too.
#define CHAT_VERSION_MINOR 1

// The header's version: corrections.
#define CHAT_VERSION_PATCH 0

// What became of a call. Numbers are permanent: a status keeps its number, and a number that is retired
// is listed here and never used again. Retired so far: none.
//
// From 10 on, a status stands for the code of the same name that refusals have on the wire and that
// docs/protocol.md explains: CHAT_NO_SUCH_USER for "no_such_user".
enum chat_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It was done.
    CHAT_OK = 0,
    // There is no more: the last message or user was given before. Not a failure.
    CHAT_END = 1,
    // An argument is NULL that must not be, is not UTF-8, or makes no sense. The caller's; nothing was done.
    CHAT_INVALID_ARGUMENT = 2,
    // A handle was freed before, is of another kind, is the parent's of a fork(), or never was one. The caller's;
    // nothing was done.
    CHAT_INVALID_HANDLE = 3,
    // A bug in libchat, which has not harmed the program. Please report it, with the message.
    CHAT_INTERNAL = 4,
    // The server runs still, so it cannot be freed. The caller's; nothing was done.
    CHAT_STILL_RUNNING = 5,
    // The library is not of the version that the header is of.
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
    // Too many failed logins; wait.
    CHAT_TOO_MANY_ATTEMPTS = 17,
    // The server takes no registrations.
    CHAT_REGISTRATION_CLOSED = 18,
    // Too many logins wait for their passwords to be checked, or too much is held for answers; try again later.
    CHAT_BUSY = 19,
    // The disk could not be read or written, or what it holds is damaged.
    CHAT_STORAGE = 20,
    // The system gave no randomness.
    CHAT_ENTROPY = 21,
    // A password could not be hashed, most likely for want of memory.
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
    // A word or a text that cannot travel in a request line; nothing was sent.
    CHAT_INVALID_REQUEST = 29,
    // The directory is in use, by another process or by this one.
    CHAT_DATA_IN_USE = 30,
    // The directory was written by a version with another format.
    CHAT_DATA_FORMAT = 31,
    // A dump was to be restored where there are users.
    CHAT_NOT_EMPTY = 32,
    // A line of a dump is not as it should be.
    CHAT_BAD_DUMP = 33,
    // A user with a public password was to be on a network.
    CHAT_PUBLIC_PASSWORD = 34,
    // The server refused with a code that has no status; chat_last_error() has it.
    CHAT_REFUSED = 35,
    // What came from the server is no answer.
    CHAT_BAD_REPLY = 36,
    // The server closed the connection before it answered.
    CHAT_DISCONNECTED = 37,
    // It did not happen in time.
    CHAT_TIMED_OUT = 38,
    // The address cannot be listened on.
    CHAT_LISTEN = 39,
    // Reading, writing or polling failed in another way.
    CHAT_IO = 40,
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

// How important a line of the log is.
enum chat_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Nothing is.
    CHAT_LOG_OFF = 0,
    // Something failed.
    CHAT_LOG_ERROR = 1,
    // Something may fail.
    CHAT_LOG_WARN = 2,
    // Connections, logins, logouts, refusals.
    CHAT_LOG_INFO = 3,
    // Also each send, inbox and list of users.
    CHAT_LOG_DEBUG = 4,
    // All there is.
    CHAT_LOG_TRACE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chat_log_level chat_log_level;
#else
typedef int32_t chat_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A chat: users, their sessions and their mailboxes.
typedef struct chat chat;

// A connection to a server, seen from the other side.
typedef struct chat_client chat_client;

// A byte stream of one peer, without I/O.
typedef struct chat_connection chat_connection;

// Messages that were taken out of a mailbox, to be gone through once.
typedef struct chat_inbox chat_inbox;

// A server in threads of its own.
typedef struct chat_server chat_server;

// Names of users, to be gone through once.
typedef struct chat_users chat_users;

// The details of a failure. All pointers are to NUL-terminated UTF-8.
typedef struct chat_error {
    // What the function returned.
    chat_status status;
    // The code of docs/protocol.md, "Refusals" or "Errors that never travel"; "" for a status of C alone.
    const char *code;
    // A sentence for people: what happened, through whose fault, and what to do. A server may have written it; what
    // a terminal would obey is escaped.
    const char *message;
} chat_error;

// Bytes that belong to the caller until chat_buffer_free(). There is a NUL behind them, which `len` does
// not count; text is UTF-8 and may hold NULs of its own only where that is said.
typedef struct chat_buffer {
    // The bytes. Never NULL before it is freed.
    uint8_t *data;
    // How many.
    size_t len;
    // The library's own.
    size_t capacity;
} chat_buffer;

// How a chat is opened. Begin with CHAT_OPTIONS_INIT, and set what should be otherwise: 0 and NULL stand for
// the defaults, which docs/settings.md lists. Later versions add fields at the end.
typedef struct chat_options {
    // sizeof(chat_options).
    size_t size;
    // Where to keep everything; made if it is not there. Any path, UTF-8 or not. NULL keeps it in memory.
    const char *directory;
    // When a change is safe from a power failure: a chat_sync. Ignored in memory.
    int32_t sync;
    // Whether anyone who can connect may create an account with `register`: 0 or 1.
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
    // opened. New ones drop them within an hour.
    uint64_t keep_read_seconds;
    // How long a session lasts without being used.
    uint64_t session_idle_seconds;
    // How many unread messages a mailbox holds.
    uint64_t mailbox_messages;
    // How many bytes the texts of a mailbox's unread messages may have together.
    uint64_t mailbox_bytes;
    // The longest request line, including its end.
    uint64_t line_bytes;
    // How many bytes of answers may wait for one peer before no more of its requests are read.
    uint64_t reply_bytes;
    // How many bytes may be held for the answers of all connections together before `inbox` is refused.
    uint64_t answers_bytes;
    // How long a line may take from its first byte to its end before the connection is closed.
    uint64_t line_time_millis;
    // How long answers may wait while the peer reads none of them before the connection is closed.
    uint64_t stall_time_millis;
    // How long a server that is stopping waits for peers to read their answers.
    uint64_t shutdown_grace_millis;
} chat_options;

// What opens a session. Anyone who has it can act as its user, so keep it secret.
typedef struct chat_token {
    // 36 characters, as on the wire, and a NUL.
    char text[37];
} chat_token;

// A message. All pointers are to NUL-terminated UTF-8.
typedef struct chat_message {
    // The sender's user name.
    const char *from;
    // The full name that the sender had when sending.
    const char *from_name;
    // The full name of the reader.
    const char *to_name;
    // The text as it was typed. It may hold NULs, so mind `text_len`, and what a terminal obeys: escape it before you
    // print it.
    const char *text;
    // How many bytes the text has.
    size_t text_len;
} chat_message;

// Takes a line of the log.
//
// - `user_data`: what chat_set_log() was given.
// - `level`: a chat_log_level.
// - `line`: the line, without a line end, a time or the level, and with everything escaped that a terminal would
//   obey; valid until the callback returns.
//
// It is called from any thread, from many at once, and maybe while the library holds locks: it must not call
// the library, and must return: no longjmp() and no exception may leave it.
typedef void (*chat_log_fn)(void *user_data, int32_t level, const char *line);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The name of a status, such as "CHAT_NO_SUCH_USER"; "CHAT_?" for a number that is none.
//
// - `status`: a chat_status, or any number.
//
// Memory: the library's, valid for ever. Thread: any.
const char *chat_status_name(int32_t status);

// A sentence for people about a status; what chat_last_error() says is more precise.
//
// - `status`: a chat_status, or any number.
//
// Memory: the library's, valid for ever. Thread: any.
const char *chat_status_sentence(int32_t status);

// The details of the last call that failed on this thread; NULL if none has.
//
// Memory: the library's, valid until the next call that fails on this thread, or its end. Calls that do
// not fail leave it as it is. Thread: any; each has its own.
const struct chat_error *chat_last_error(void);

// Frees a buffer and sets it to `{NULL, 0, 0}`.
//
// - `buffer`: a buffer that the library has filled, and no copy of it that was freed. NULL, and one that
//   was freed before, are left alone.
//
// Memory: what it held is gone. Thread: any, but one at a time for one buffer.
void chat_buffer_free(struct chat_buffer *buffer);

// The library's version as a number: 1,000,000 times major, plus 1,000 times minor, plus patch; 1002003 for
// 1.2.3. The header's is CHAT_VERSION_NUMBER.
//
// Memory: nothing is kept, and nothing given. Thread: any.
uint32_t chat_version_number(void);

// The library's version as text, such as "1.2.3". The header's is CHAT_VERSION.
//
// Memory: the library's, valid for ever. Thread: any.
const char *chat_version(void);

// Looks whether the library can do what the header says that it does. Programs call CHAT_VERSION_CHECK(),
// which passes the header's version.
//
// - `header`: the version of a header, as a number.
//
// Returns CHAT_OK; CHAT_WRONG_VERSION if the library is older than the header, or of another major
// version (before 1.0, of another minor version).
// Memory: nothing is kept, and nothing given. Thread: any.
CHAT_WARN_UNUSED
chat_status chat_version_check(uint32_t header);

// Opens a chat, in memory or in a directory.
//
// A program that keeps a chat in a directory should ignore SIGXFSZ: where the size of files is limited
// (`ulimit -f`), that signal ends the process when a file is full. With it ignored, calls give CHAT_STORAGE.
//
// - `options`: how; NULL for a chat in memory with the defaults.
// - `chat_out`: where the handle goes.
//
// Returns CHAT_OK; CHAT_INVALID_ARGUMENT for options that make no sense; CHAT_DATA_IN_USE,
// CHAT_DATA_FORMAT or CHAT_STORAGE if the directory cannot be had; CHAT_IO if the system has no thread left.
// Memory: the chat is to be closed with chat_close(). Thread: any.
//
CHAT_WARN_UNUSED
chat_status chat_open(const struct chat_options *options,
                      struct chat **chat_out)
CHAT_NONNULL(2);

// Does what a request line says, and gives the answer that the wire would give: a JSON object and
// CR LF CR LF, whatever the line holds.
//
// - `chat`: a chat.
// - `line`: the line, with its end or without; may be NULL if `len` is 0.
// - `len`: how many bytes it has.
// - `answer_out`: where the answer goes.
//
// Returns CHAT_OK, also if the answer is a refusal; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: the answer is to be freed with chat_buffer_free(). Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_answer(struct chat *chat,
                        const uint8_t *line,
                        size_t len,
                        struct chat_buffer *answer_out)
CHAT_NONNULL(1, 4);

// Closes a chat. Connections and servers that were made of it go on; its directory is free when the last
// of them is freed.
//
// - `chat`: a chat; NULL is left alone.
//
// Returns CHAT_OK or CHAT_INVALID_HANDLE.
// Memory: what it held is gone. Thread: any; it may wait for the disk.
chat_status chat_close(struct chat *chat);

// Adds a user with an empty mailbox. Takes tens of milliseconds, for the password is hashed.
//
// - `chat`: a chat.
// - `name`: the name to log in with.
// - `password`: the password; only a hash of it is kept.
// - `full_name`: the name that others are shown.
// - `country`: where the user is from; may be "".
//
// The rules for each are in docs/protocol.md, "Names".
//
// Returns CHAT_OK; CHAT_USER_EXISTS; CHAT_INVALID_USER_NAME, CHAT_INVALID_PASSWORD,
// CHAT_INVALID_FULL_NAME or CHAT_INVALID_COUNTRY; CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING;
// CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: nothing is kept of what is passed. Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_add_user(struct chat *chat,
                          const char *name,
                          const char *password,
                          const char *full_name,
                          const char *country)
CHAT_NONNULL(1, 2, 3, 4, 5);

// Gives a user another password, and ends the user's sessions.
//
// - `chat`: a chat.
// - `name`: whose.
// - `password`: the new one.
//
// Returns CHAT_OK; CHAT_NO_SUCH_USER or CHAT_INVALID_PASSWORD; CHAT_STORAGE, CHAT_ENTROPY or
// CHAT_HASHING; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: nothing is kept of what is passed. Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_set_password(struct chat *chat,
                              const char *name,
                              const char *password)
CHAT_NONNULL(1, 2, 3);

// Removes a user, with sessions and mailbox. What the user has sent to others stays.
//
// - `chat`: a chat.
// - `name`: whom.
//
// Returns CHAT_OK; CHAT_NO_SUCH_USER; CHAT_STORAGE; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: nothing is kept of what is passed. Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_remove_user(struct chat *chat,
                             const char *name)
CHAT_NONNULL(1, 2);

// Adds the users "messi", "henderson" and "lineker", all with the password "surabaya", for trying things
// out. As everybody knows it, no server starts with them on an address that is not loopback.
//
// - `chat`: a chat. Existing users are left unchanged.
//
// Returns CHAT_OK; CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING; CHAT_INVALID_ARGUMENT or
// CHAT_INVALID_HANDLE.
// Memory: nothing is kept, and nothing given. Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_add_demo_users(struct chat *chat)
CHAT_NONNULL(1);

// Logs in, which opens a session. Takes tens of milliseconds, for the password is checked.
//
// - `chat`: a chat.
// - `user`: the user name.
// - `password`: the password.
// - `token_out`: where the session's token goes.
//
// Returns CHAT_OK; CHAT_NO_SUCH_USER, CHAT_WRONG_PASSWORD or CHAT_TOO_MANY_ATTEMPTS; CHAT_BUSY if the
// password was changed meanwhile; CHAT_STORAGE, CHAT_ENTROPY or CHAT_HASHING; CHAT_INVALID_ARGUMENT or
// CHAT_INVALID_HANDLE.
// Memory: nothing is kept of what is passed. Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_login(struct chat *chat,
                       const char *user,
                       const char *password,
                       struct chat_token *token_out)
CHAT_NONNULL(1, 2, 3, 4);

// Puts a message into a mailbox. When it returns CHAT_OK, the message is safe.
//
// - `chat`: a chat.
// - `token`: the sender's session.
// - `to`: the recipient's user name.
// - `message`: what to say.
//
// Returns CHAT_OK; CHAT_NO_SUCH_SESSION, CHAT_NO_SUCH_RECIPIENT or CHAT_MAILBOX_FULL;
// CHAT_LINE_TOO_LONG for a message that is longer than a line may be; CHAT_STORAGE;
// CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: nothing is kept of what is passed. Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_send(struct chat *chat,
                      const struct chat_token *token,
                      const char *to,
                      const char *message)
CHAT_NONNULL(1, 2, 3, 4);

// Takes all unread messages out of a mailbox: nobody will get them again.
//
// - `chat`: a chat.
// - `token`: the reader's session.
// - `inbox_out`: where the messages go.
//
// Returns CHAT_OK, also if there are none; CHAT_NO_SUCH_SESSION; CHAT_STORAGE; CHAT_INVALID_ARGUMENT or
// CHAT_INVALID_HANDLE.
// Memory: the inbox is to be freed with chat_inbox_free(). Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_take_inbox(struct chat *chat,
                            const struct chat_token *token,
                            struct chat_inbox **inbox_out)
CHAT_NONNULL(1, 2, 3);

// Lists each user with a live session once, in order of login.
//
// - `chat`: a chat.
// - `token`: a session.
// - `users_out`: where the list goes.
//
// Returns CHAT_OK; CHAT_NO_SUCH_SESSION; CHAT_STORAGE; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: the list is to be freed with chat_users_free(). Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_active_users(struct chat *chat,
                              const struct chat_token *token,
                              struct chat_users **users_out)
CHAT_NONNULL(1, 2, 3);

// Ends a session, and no other.
//
// - `chat`: a chat.
// - `token`: the session.
//
// Returns CHAT_OK; CHAT_NO_SUCH_SESSION; CHAT_STORAGE; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: nothing is kept of what is passed. Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_logout(struct chat *chat,
                        const struct chat_token *token)
CHAT_NONNULL(1, 2);

// How many messages an inbox still has to give.
//
// - `inbox`: an inbox.
// - `count_out`: where the number goes.
//
// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: nothing is kept, and nothing given. Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_inbox_count(const struct chat_inbox *inbox,
                             size_t *count_out)
CHAT_NONNULL(1, 2);

// Gives the next message of an inbox, in order of arrival.
//
// - `inbox`: an inbox.
// - `message_out`: where the message goes.
//
// Returns CHAT_OK; CHAT_END if there is no more; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: what the message points to is the inbox's, and valid until the next call with it. Thread: any, one
// at a time for one inbox.
//
CHAT_WARN_UNUSED
chat_status chat_inbox_next(struct chat_inbox *inbox,
                            struct chat_message *message_out)
CHAT_NONNULL(1, 2);

// Frees an inbox. Messages that it has not given are gone.
//
// - `inbox`: an inbox; NULL is left alone.
//
// Returns CHAT_OK or CHAT_INVALID_HANDLE.
// Memory: what it held is gone. Thread: any.
chat_status chat_inbox_free(struct chat_inbox *inbox);

// Gives the next user of a list.
//
// - `users`: a list of users.
// - `name_out`: where the user name goes.
//
// Returns CHAT_OK; CHAT_END if there is no more; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: the name is the list's, and valid until the next call with it. Thread: any, one at a time for one
// list.
//
CHAT_WARN_UNUSED
chat_status chat_users_next(struct chat_users *users,
                            const char **name_out)
CHAT_NONNULL(1, 2);

// Frees a list of users.
//
// - `users`: a list of users; NULL is left alone.
//
// Returns CHAT_OK or CHAT_INVALID_HANDLE.
// Memory: what it held is gone. Thread: any.
chat_status chat_users_free(struct chat_users *users);

// Makes a connection: bytes that were received go in, bytes to send come out, by whatever means the program
// has.
//
// - `chat`: a chat.
// - `peer`: the peer's address, such as "192.0.2.7:50000", for the log and so that failed logins from one
//   address are counted together; NULL if there is none.
// - `connection_out`: where the handle goes.
//
// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: the connection is to be freed with chat_connection_free(). Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_connection_new(struct chat *chat,
                                const char *peer,
                                struct chat_connection **connection_out)
CHAT_NONNULL(1, 3);

// Takes bytes that were received, and answers the requests that end in them. How the bytes were cut into
// pieces makes no difference.
//
// - `connection`: a connection.
// - `bytes`: the bytes, which must not be the connection's own output; may be NULL if `len` is 0.
// - `len`: how many.
// - `taken_out`: where it goes how many were taken. All are, unless so much output waits that the limit
//   `reply_bytes` is reached: then send, and pass the rest again before anything newer. The last byte of a line
//   may be part of that rest though the answer has begun.
//
// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: nothing is kept but the beginning of a line whose end has not come. Thread: any, one at a time for
// one connection; it may wait for the disk, and for a password to be checked.
//
CHAT_WARN_UNUSED
chat_status chat_connection_receive(struct chat_connection *connection,
                                    const uint8_t *bytes,
                                    size_t len,
                                    size_t *taken_out)
CHAT_NONNULL(1, 4);

// Shows what is to be sent to the peer.
//
// - `connection`: a connection.
// - `data_out`: where the place of the bytes goes.
// - `len_out`: where their number goes; 0 if there is nothing to send, and then the place is none.
//
// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: the bytes are the connection's, and valid until the next call with it that is not this one.
// Thread: any, as long as no other call is made with the connection.
//
CHAT_WARN_UNUSED
chat_status chat_connection_output(const struct chat_connection *connection,
                                   const uint8_t **data_out,
                                   size_t *len_out)
CHAT_NONNULL(1, 2, 3);

// Takes note that the first bytes of the output were sent.
//
// - `connection`: a connection.
// - `len`: how many; no more than chat_connection_output() has shown.
//
// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: nothing is kept, and nothing given. Thread: any, one at a time for one connection.
//
CHAT_WARN_UNUSED
chat_status chat_connection_sent(struct chat_connection *connection,
                                 size_t len)
CHAT_NONNULL(1);

// Tells whether a line has begun whose end has not come. A peer that leaves it at that for long may be hung
// up on.
//
// - `connection`: a connection.
// - `mid_line_out`: where the answer goes: 1 or 0.
//
// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: nothing is kept, and nothing given. Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_connection_mid_line(const struct chat_connection *connection,
                                     int *mid_line_out)
CHAT_NONNULL(1, 2);

// Tells whether a connection is over because its peer speaks HTTP, as a browser that a web page misuses does: close it
// once its output is sent. What is received for it now is taken and passed over.
//
// - `connection`: a connection.
// - `over_out`: where the answer goes: 1 or 0.
//
// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: nothing is kept, and nothing given. Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_connection_is_over(const struct chat_connection *connection,
                                    int *over_out)
CHAT_NONNULL(1, 2);

// Frees a connection. Its sessions live on, and output that was not sent is gone; but an inbox of whose answer
// nothing was sent is unread again, unless its mailbox was read since.
//
// - `connection`: a connection; NULL is left alone.
//
// Returns CHAT_OK or CHAT_INVALID_HANDLE.
// Memory: what it held is gone. Thread: any; it may wait for the disk.
chat_status chat_connection_free(struct chat_connection *connection);

// Starts a server in threads of its own. It listens when this returns.
//
// - `chat`: a chat, which the server goes on using after it is closed.
// - `address`: where to listen, such as "127.0.0.1:8889"; port 0 takes a free one. What goes over it is not
//   encrypted.
// - `server_out`: where the handle goes.
//
// Returns CHAT_OK; CHAT_LISTEN; CHAT_PUBLIC_PASSWORD if the address is not loopback and there are demo
// users; CHAT_IO if it is no address, or the system has no thread or descriptor left (a thread that is refused
// later ends the server, and chat_server_join() gives CHAT_IO); CHAT_STORAGE;
// CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: the server is to be freed with chat_server_free(), after chat_server_stop() and
// chat_server_join(). Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_server_start(struct chat *chat,
                              const char *address,
                              struct chat_server **server_out)
CHAT_NONNULL(1, 2, 3);

// Gives the address that a server listens on, with the port that was really bound.
//
// - `server`: a server.
// - `address_out`: where the text goes, such as "127.0.0.1:40123".
//
// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: the text is to be freed with chat_buffer_free(). Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_server_address(const struct chat_server *server,
                                struct chat_buffer *address_out)
CHAT_NONNULL(1, 2);

// Gives the port that a server listens on.
//
// - `server`: a server.
// - `port_out`: where the port goes.
//
// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: nothing is kept, and nothing given. Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_server_port(const struct chat_server *server,
                             uint16_t *port_out)
CHAT_NONNULL(1, 2);

// Asks a server to stop, and does not wait until it has. It answers what it has read, gives peers a few
// seconds to take their answers, and closes.
//
// - `server`: a server; one that has stopped is left alone.
//
// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: nothing is kept, and nothing given. Thread: any, many at once.
//
chat_status chat_server_stop(struct chat_server *server)
CHAT_NONNULL(1);

// Waits until a server has stopped.
//
// - `server`: a server.
// - `timeout_ms`: how long to wait at most, in milliseconds.
//
// Returns CHAT_OK if it has stopped, now or before; CHAT_TIMED_OUT if it runs still; once, if it stopped
// because of a failure, that failure: CHAT_IO, or CHAT_INTERNAL; CHAT_INVALID_ARGUMENT or
// CHAT_INVALID_HANDLE.
// Memory: nothing is kept, and nothing given. Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_server_join(struct chat_server *server,
                             uint32_t timeout_ms)
CHAT_NONNULL(1);

// Frees a server that has stopped.
//
// - `server`: a server; NULL is left alone.
//
// Returns CHAT_OK; CHAT_STILL_RUNNING, and nothing is done, if it has not stopped; CHAT_INVALID_HANDLE.
// Memory: what it held is gone. Thread: any.
chat_status chat_server_free(struct chat_server *server);

// Connects to a server.
//
// - `address`: where it listens, such as "127.0.0.1:8889".
// - `timeout_ms`: how long to wait at most, in milliseconds, for a connection to each address that the name
//   has, and later for each piece of an answer; 0 for 30 s. Looking the name up takes what it takes.
// - `client_out`: where the handle goes.
//
// Returns CHAT_OK; CHAT_TIMED_OUT; CHAT_IO if nobody listens there or it is no address;
// CHAT_INVALID_ARGUMENT.
// Memory: the client is to be freed with chat_client_free(). Thread: any, many at once.
//
CHAT_WARN_UNUSED
chat_status chat_client_connect(const char *address,
                                uint32_t timeout_ms,
                                struct chat_client **client_out)
CHAT_NONNULL(1, 3);

// Logs in over the connection. A session is not bound to it, and works on any.
//
// - `client`: a client.
// - `user`: the user name.
// - `password`: the password.
// - `token_out`: where the session's token goes.
//
// Returns as chat_login(), or as all that follow: CHAT_INVALID_REQUEST for a word that cannot travel, and
// nothing was sent; CHAT_LINE_TOO_LONG or CHAT_BUSY; CHAT_REFUSED for a code without a status;
// CHAT_DISCONNECTED, CHAT_TIMED_OUT, CHAT_BAD_REPLY or CHAT_IO, after which the client is of no more use,
// and it is not known whether the request was done.
// Memory: nothing is kept of what is passed. Thread: any; calls with one client wait for each other.
//
CHAT_WARN_UNUSED
chat_status chat_client_login(struct chat_client *client,
                              const char *user,
                              const char *password,
                              struct chat_token *token_out)
CHAT_NONNULL(1, 2, 3, 4);

// Sends a message over the connection. When it returns CHAT_OK, the server has promised to keep it.
//
// - `client`: a client.
// - `token`: the sender's session.
// - `to`: the recipient's user name.
// - `message`: what to say; it may hold LF, but no CRLF.
//
// Returns as chat_send() and chat_client_login().
// Memory: nothing is kept of what is passed. Thread: any; calls with one client wait for each other.
//
CHAT_WARN_UNUSED
chat_status chat_client_send(struct chat_client *client,
                             const struct chat_token *token,
                             const char *to,
                             const char *message)
CHAT_NONNULL(1, 2, 3, 4);

// Takes all unread messages out over the connection. They come by sender, senders in order of their first
// message.
//
// - `client`: a client.
// - `token`: the reader's session.
// - `inbox_out`: where the messages go.
//
// Returns as chat_take_inbox() and chat_client_login().
// Memory: the inbox is to be freed with chat_inbox_free(). Thread: any; calls with one client wait for each
// other.
//
CHAT_WARN_UNUSED
chat_status chat_client_take_inbox(struct chat_client *client,
                                   const struct chat_token *token,
                                   struct chat_inbox **inbox_out)
CHAT_NONNULL(1, 2, 3);

// Lists each user with a live session once, in order of login, over the connection.
//
// - `client`: a client.
// - `token`: a session.
// - `users_out`: where the list goes.
//
// Returns as chat_active_users() and chat_client_login().
// Memory: the list is to be freed with chat_users_free(). Thread: any; calls with one client wait for each
// other.
//
CHAT_WARN_UNUSED
chat_status chat_client_active_users(struct chat_client *client,
                                     const struct chat_token *token,
                                     struct chat_users **users_out)
CHAT_NONNULL(1, 2, 3);

// Ends a session over the connection, and no other.
//
// - `client`: a client.
// - `token`: the session.
//
// Returns as chat_logout() and chat_client_login().
// Memory: nothing is kept of what is passed. Thread: any; calls with one client wait for each other.
//
CHAT_WARN_UNUSED
chat_status chat_client_logout(struct chat_client *client,
                               const struct chat_token *token)
CHAT_NONNULL(1, 2);

// Gives the client's file descriptor, for poll(). Between two calls it is readable once the server has
// closed the connection.
//
// - `client`: a client.
// - `fd_out`: where the descriptor goes.
//
// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
// Memory: the descriptor is the client's: it is not to be read, written or closed, and gone with the client.
// Thread: any; calls with one client wait for each other.
//
CHAT_WARN_UNUSED
chat_status chat_client_fd(const struct chat_client *client,
                           int *fd_out)
CHAT_NONNULL(1, 2);

// Closes the connection and frees the client. Its sessions live on.
//
// - `client`: a client; NULL is left alone.
//
// Returns CHAT_OK or CHAT_INVALID_HANDLE.
// Memory: what it held is gone. Thread: any.
chat_status chat_client_free(struct chat_client *client);

// Has what happens in all chats of the process told to a callback. No password, token or text is in it.
//
// - `level`: how important it must be, as a chat_log_level; CHAT_LOG_OFF to hear no more.
// - `callback`: who is told; NULL to hear no more.
// - `user_data`: passed to the callback; may be NULL.
//
// When it returns, the callback that was set before is not running and will not be called again.
//
// Memory: callback and `user_data` are kept until others are set.
//
// Returns CHAT_OK; CHAT_INVALID_ARGUMENT for a level that is none; CHAT_INTERNAL if the process has a log
// of Rust's already. Thread: any, but not from the callback.
chat_status chat_set_log(int32_t level,
                         chat_log_fn callback,
                         void *user_data);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CHAT_H */
