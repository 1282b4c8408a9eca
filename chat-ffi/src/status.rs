//! The statuses that functions return.

use std::ffi::{CStr, c_char};

/// The outcome of a call. Numbers are permanent: a status keeps its number, and a number that is retired is listed here
/// and never used again. Retired so far: none.
///
/// From 10 on, and below 0, a status stands for the code of the same name in docs/protocol.md, and is the number of that error
/// in docs/protocol-2.md: CHAT_NO_SUCH_USER for "no_such_user". Those below 0 are the standard errors of JSON-RPC.
#[repr(i32)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(non_camel_case_types)]
pub enum chat_status {
    /// The call succeeded.
    CHAT_OK = 0,
    /// The end of a list. Not a failure.
    CHAT_END = 1,
    /// An argument is NULL that must not be, is not UTF-8, or is otherwise invalid. The caller's fault; nothing was done.
    CHAT_INVALID_ARGUMENT = 2,
    /// A handle was freed, is of another kind, belongs to the parent of a fork(), or never was a handle. The caller's
    /// fault; nothing was done.
    CHAT_INVALID_HANDLE = 3,
    /// A bug in libchat. The program can go on. Please report it, with the message.
    CHAT_INTERNAL = 4,
    /// The server is still running, so it cannot be freed. The caller's fault; nothing was done.
    CHAT_STILL_RUNNING = 5,
    /// The library is not compatible with the header.
    CHAT_WRONG_VERSION = 6,
    /// A login with a user name that no account has.
    CHAT_NO_SUCH_USER = 10,
    /// A login with the wrong password.
    CHAT_WRONG_PASSWORD = 11,
    /// A message to a user name that no account has.
    CHAT_NO_SUCH_RECIPIENT = 12,
    /// A token that opens no session: never given out, logged out, or expired.
    CHAT_NO_SUCH_SESSION = 13,
    /// Not a command, or a word is missing.
    CHAT_BAD_COMMAND = 14,
    /// A line or a text is longer than the limit.
    CHAT_LINE_TOO_LONG = 15,
    /// The recipient has too much unread.
    CHAT_MAILBOX_FULL = 16,
    /// Too many failed logins; try again later.
    CHAT_TOO_MANY_ATTEMPTS = 17,
    /// The server takes no registrations.
    CHAT_REGISTRATION_CLOSED = 18,
    /// Too many passwords wait to be checked or inboxes to be read, or too much is held for answers; try again later.
    CHAT_BUSY = 19,
    /// The disk could not be read or written, or the data is damaged.
    CHAT_STORAGE = 20,
    /// The system provided no randomness.
    CHAT_ENTROPY = 21,
    /// A password could not be hashed, most likely for lack of memory.
    CHAT_HASHING = 22,
    /// The user name is taken.
    CHAT_USER_EXISTS = 23,
    /// Not a user name.
    CHAT_INVALID_USER_NAME = 24,
    /// Not a full name.
    CHAT_INVALID_FULL_NAME = 25,
    /// Not a country.
    CHAT_INVALID_COUNTRY = 26,
    /// Not a password.
    CHAT_INVALID_PASSWORD = 27,
    /// Not a session token.
    CHAT_INVALID_TOKEN = 28,
    /// A word or text that cannot be sent in a request line; nothing was sent.
    CHAT_INVALID_REQUEST = 29,
    /// The directory is in use, by another process or by this one.
    CHAT_DATA_IN_USE = 30,
    /// The directory was written by a version with another format.
    CHAT_DATA_FORMAT = 31,
    /// A dump can only be restored into a chat without users.
    CHAT_NOT_EMPTY = 32,
    /// A line of a dump is invalid.
    CHAT_BAD_DUMP = 33,
    /// A demo user with the public password would become reachable from a network.
    CHAT_PUBLIC_PASSWORD = 34,
    /// The server refused with a code that has no status; chat_last_error() has the code.
    CHAT_REFUSED = 35,
    /// The server sent something that is not an answer.
    CHAT_BAD_REPLY = 36,
    /// The server closed the connection before it answered.
    CHAT_DISCONNECTED = 37,
    /// The time-out has passed.
    CHAT_TIMED_OUT = 38,
    /// The address cannot be listened on.
    CHAT_LISTEN = 39,
    /// Another failure of reading, writing or polling.
    CHAT_IO = 40,
    /// A login of a user whom the operator has banned; the password was right.
    CHAT_BANNED = 41,
    /// It is not known whether this was done. Look before trying again.
    CHAT_OUTCOME_UNKNOWN = 42,
    /// Not the name of a room.
    CHAT_INVALID_ROOM_NAME = 43,
    /// Not the title of a room.
    CHAT_INVALID_TITLE = 44,
    /// Not the key of a message.
    CHAT_INVALID_KEY = 45,
    /// The key was used for a message to another recipient; nothing was sent.
    CHAT_KEY_REUSED = 46,
    /// A conversation that the user has no part in.
    CHAT_NO_SUCH_CONVERSATION = 47,
    /// A room that does not exist, or that the user may not know of.
    CHAT_NO_SUCH_ROOM = 48,
    /// A room of that name exists.
    CHAT_ROOM_EXISTS = 49,
    /// The user, or the one whom the call names, is not a member of the room.
    CHAT_NOT_A_MEMBER = 50,
    /// Only an owner of the room may do this.
    CHAT_NOT_AN_OWNER = 51,
    /// The room would be left without an owner.
    CHAT_LAST_OWNER = 52,
    /// The room has as many members as it may have.
    CHAT_ROOM_FULL = 53,
    /// The user is in as many rooms as allowed.
    CHAT_TOO_MANY_ROOMS = 54,
    /// The recipient has blocked the sender.
    CHAT_BLOCKED = 55,
    /// A message that does not exist, or that the user cannot see.
    CHAT_NO_SUCH_MESSAGE = 56,
    /// A message of somebody else.
    CHAT_NOT_YOUR_MESSAGE = 57,
    /// The connection sends more requests than it may; try again later.
    CHAT_RATE_LIMITED = 58,
    /// There are too many connections to the server, from this address, or of this user.
    CHAT_TOO_MANY_CONNECTIONS = 59,
    /// The server takes registrations with an invitation only.
    CHAT_INVITATION_REQUIRED = 60,
    /// An invitation that was never given out, was used or revoked, or has expired.
    CHAT_NO_SUCH_INVITATION = 61,
    /// Connections would cross a network without encryption.
    CHAT_CLEARTEXT = 62,
    /// A TLS certificate or its private key cannot be used.
    CHAT_BAD_CERTIFICATE = 63,
    /// No encrypted connection came about that can be trusted: the server's certificate does not prove that it is the one that was
    /// meant, or there is no TLS at that address. chat_last_error() says which.
    CHAT_TLS = 64,
    /// The text is too long for so many recipients.
    CHAT_TOO_MANY_RECIPIENTS = 65,
    /// The server could not read a line as JSON.
    CHAT_BAD_JSON = -32700,
    /// A parameter of a request is missing, or has the wrong type.
    CHAT_BAD_PARAMETERS = -32602,
    /// The server does not know this method; it is of another version.
    CHAT_NO_SUCH_METHOD = -32601,
    /// The server could not read a line as a request.
    CHAT_BAD_REQUEST = -32600,
}

/// The name of a status, such as "CHAT_NO_SUCH_USER"; "CHAT_?" for a number that is not a status.
///
/// - `status`: a chat_status, or any number.
///
/// Memory: it belongs to the library, and is always valid.
#[unsafe(no_mangle)]
pub extern "C" fn chat_status_name(status: i32) -> *const c_char {
    row(status).map_or(c"CHAT_?", |row| row.name).as_ptr()
}

/// A sentence for people about a status; chat_last_error() is more precise.
///
/// - `status`: a chat_status, or any number.
///
/// Memory: it belongs to the library, and is always valid.
#[unsafe(no_mangle)]
pub extern "C" fn chat_status_sentence(status: i32) -> *const c_char {
    row(status).map_or(c"there is no such status", |row| row.sentence).as_ptr()
}

impl chat_status {
    /// The status for a code of `docs/protocol.md`.
    pub(crate) fn of_code(code: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.code == code).map(|row| row.status)
    }

    /// Whether a server refuses with it.
    pub(crate) fn travels(self) -> bool {
        matches!(self as i32, 10..=27 | 41 | 43..=61 | ..0)
    }

    /// The code that it stands for; empty if it is a status of C alone.
    pub(crate) fn code(self) -> &'static str {
        row(self as i32).map_or("", |row| row.code)
    }
}

fn row(status: i32) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.status as i32 == status)
}

struct Row {
    status: chat_status,
    name: &'static CStr,
    code: &'static str,
    sentence: &'static CStr,
}

macro_rules! table {
    ($($status:ident $code:literal $sentence:literal)*) => {
        [$(Row {
            status: chat_status::$status,
            name: match CStr::from_bytes_with_nul(concat!(stringify!($status), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => c"",
            },
            code: $code,
            sentence: $sentence,
        }),*]
    };
}

static TABLE: [Row; 67] = table! {
    CHAT_OK "" c"the call succeeded"
    CHAT_END "" c"the end of the list"
    CHAT_INVALID_ARGUMENT "" c"an argument is NULL, not UTF-8, or otherwise invalid"
    CHAT_INVALID_HANDLE "" c"the handle was freed, is of another kind, or never was a handle"
    CHAT_INTERNAL "" c"a bug in libchat; please report it"
    CHAT_STILL_RUNNING "" c"the server is still running; stop and join it first"
    CHAT_WRONG_VERSION "" c"the library is not compatible with the header that the program was compiled with"
    CHAT_NO_SUCH_USER "no_such_user" c"there is no such user"
    CHAT_WRONG_PASSWORD "wrong_password" c"the password is wrong"
    CHAT_NO_SUCH_RECIPIENT "no_such_recipient" c"there is no such recipient"
    CHAT_NO_SUCH_SESSION "no_such_session" c"there is no such session; log in again"
    CHAT_BAD_COMMAND "bad_command" c"that is not a command, or a word is missing"
    CHAT_LINE_TOO_LONG "line_too_long" c"the line is too long; send a shorter one"
    CHAT_MAILBOX_FULL "mailbox_full" c"the recipient's inbox is full; it has room again when they read it"
    CHAT_TOO_MANY_ATTEMPTS "too_many_attempts" c"too many failed attempts; try again later"
    CHAT_REGISTRATION_CLOSED "registration_closed" c"this server takes no registrations; ask its operator for an account"
    CHAT_BUSY "busy" c"the server is busy; try again later"
    CHAT_STORAGE "storage" c"the disk could not be read or written, or the data is damaged"
    CHAT_ENTROPY "entropy" c"the system provided no randomness"
    CHAT_HASHING "hashing" c"the password could not be hashed"
    CHAT_USER_EXISTS "user_exists" c"that user name is taken"
    CHAT_INVALID_USER_NAME "invalid_user_name" c"that is not a user name"
    CHAT_INVALID_FULL_NAME "invalid_full_name" c"that is not a full name"
    CHAT_INVALID_COUNTRY "invalid_country" c"that is not a country"
    CHAT_INVALID_PASSWORD "invalid_password" c"that is not a password"
    CHAT_INVALID_TOKEN "invalid_token" c"that is not a session token"
    CHAT_INVALID_REQUEST "invalid_request" c"a word or text cannot be sent in a request line"
    CHAT_DATA_IN_USE "data_in_use" c"the directory is in use by another process, or by this one"
    CHAT_DATA_FORMAT "data_format" c"the data was written by a version with another format"
    CHAT_NOT_EMPTY "not_empty" c"there are users already; a dump is restored where there are none"
    CHAT_BAD_DUMP "bad_dump" c"a line of the dump is invalid"
    CHAT_PUBLIC_PASSWORD "public_password" c"a user has a public password, and the address is not loopback"
    CHAT_REFUSED "refused" c"the server refused"
    CHAT_BAD_REPLY "bad_reply" c"the server's answer makes no sense"
    CHAT_DISCONNECTED "disconnected" c"the server closed the connection"
    CHAT_TIMED_OUT "timed_out" c"the time-out has passed"
    CHAT_LISTEN "listen" c"the address cannot be listened on"
    CHAT_IO "io" c"reading, writing or polling failed"
    CHAT_BANNED "banned" c"this user is banned; ask the operator"
    CHAT_OUTCOME_UNKNOWN "outcome_unknown" c"it is not known whether this was done; look before you try again"
    CHAT_INVALID_ROOM_NAME "invalid_room_name" c"that is not a room name"
    CHAT_INVALID_TITLE "invalid_title" c"that is not a room title"
    CHAT_INVALID_KEY "invalid_key" c"that is not a message key"
    CHAT_KEY_REUSED "key_reused" c"this key was used for a message to another recipient; use a new one"
    CHAT_NO_SUCH_CONVERSATION "no_such_conversation" c"there is no such conversation"
    CHAT_NO_SUCH_ROOM "no_such_room" c"there is no such room"
    CHAT_ROOM_EXISTS "room_exists" c"that room name is taken"
    CHAT_NOT_A_MEMBER "not_a_member" c"not a member of this room"
    CHAT_NOT_AN_OWNER "not_an_owner" c"only an owner of the room can do this"
    CHAT_LAST_OWNER "last_owner" c"a room needs an owner; make another member an owner first, or delete the room"
    CHAT_ROOM_FULL "room_full" c"this room is full"
    CHAT_TOO_MANY_ROOMS "too_many_rooms" c"you are in too many rooms; leave one first"
    CHAT_BLOCKED "blocked" c"this user does not take messages from you"
    CHAT_NO_SUCH_MESSAGE "no_such_message" c"there is no such message"
    CHAT_NOT_YOUR_MESSAGE "not_your_message" c"only the sender, or an owner of the room, can delete a message"
    CHAT_RATE_LIMITED "rate_limited" c"too many requests; try again later"
    CHAT_TOO_MANY_CONNECTIONS "too_many_connections" c"there are too many connections; close some, or try again later"
    CHAT_INVITATION_REQUIRED "invitation_required" c"this server takes registrations with an invitation only; ask its operator for one"
    CHAT_NO_SUCH_INVITATION "no_such_invitation" c"there is no such invitation, or it was used or has expired"
    CHAT_CLEARTEXT "cleartext" c"connections would not be encrypted, and the address is not loopback"
    CHAT_BAD_CERTIFICATE "bad_certificate" c"the TLS certificate or its key cannot be used"
    CHAT_TLS "tls" c"no encrypted connection came about that can be trusted"
    CHAT_TOO_MANY_RECIPIENTS "too_many_recipients" c"this text is too long for so many recipients; send it to fewer at a time, or to a room"
    CHAT_BAD_JSON "bad_json" c"the line is not JSON"
    CHAT_BAD_PARAMETERS "bad_parameters" c"a parameter is missing, or has the wrong type"
    CHAT_NO_SUCH_METHOD "no_such_method" c"there is no such method"
    CHAT_BAD_REQUEST "bad_request" c"the line is not a JSON-RPC 2.0 request"
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The numbers of Rust's errors are those of C's statuses, and none lacks one.
    #[test]
    fn every_error_has_a_status() {
        let errors: BTreeSet<(&str, i32)> = chat_lib::Error::CODES.iter().copied().collect();
        let rows = TABLE.iter().filter(|row| !row.code.is_empty());
        let statuses: BTreeSet<(&str, i32)> = rows.map(|row| (row.code, row.status as i32)).collect();
        assert_eq!(statuses, errors);
    }

    #[test]
    fn every_status_has_a_row() {
        let declared = include_str!("status.rs").split("pub enum chat_status").nth(1).unwrap();
        let declared = declared.split("\n}\n").next().unwrap();
        let numbers: Vec<(&str, i32)> = declared
            .lines()
            .filter_map(|line| line.trim().strip_suffix(',')?.split_once(" = "))
            .map(|(name, number)| (name, number.parse().unwrap()))
            .collect();
        let rows: Vec<(&str, i32)> = TABLE.iter().map(|row| (row.name.to_str().unwrap(), row.status as i32)).collect();
        assert_eq!(rows, numbers);
        assert!(TABLE.iter().all(|row| !row.sentence.is_empty()));
    }
}
