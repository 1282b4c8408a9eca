-- Version 6. Every row but those of "mark" is sealed with a CRC-32 of what it holds. Times are in milliseconds since 1970.

-- A user's names. Changing them makes a new row, because messages keep the names that they were sent under.
CREATE TABLE profile (
    id INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    full_name TEXT NOT NULL,
    country TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT;

-- "password" is a PHC string; NULL if nobody can log in with one. Messages up to "since" that were sent under the user name
-- are those of an account that was removed.
CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    profile INTEGER NOT NULL,
    password TEXT,
    banned INTEGER NOT NULL,
    since INTEGER NOT NULL,
    seal INTEGER NOT NULL
) STRICT;

-- A stream is what one account, "writer", sends to another, "reader": one direction of a direct conversation. "writer"
-- is NULL if that account was removed. "head" is the last message, "count" how many there were; "cursor" is the last one
-- that was read, and as of "head", "unread" messages lie after it, with "bytes" of text.
-- Messages after "head" are found by reading the log from the message on that "summary" has as "indexed".
CREATE TABLE stream (
    id INTEGER PRIMARY KEY,
    writer INTEGER,
    reader INTEGER NOT NULL,
    head INTEGER NOT NULL,
    count INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    unread INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    seal INTEGER NOT NULL
) STRICT;

-- A room is a stream, too, with a number that no stream has. "head" and "count" are as in "stream"; messages up to "gone"
-- were dropped. "keep_for" (in milliseconds), "keep_messages" and "keep_bytes" are the room's own limits: null where it has none, and
-- the greatest number for no limit.
CREATE TABLE room (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    open INTEGER NOT NULL,
    head INTEGER NOT NULL,
    count INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    keep_for INTEGER,
    keep_messages INTEGER,
    keep_bytes INTEGER,
    seal INTEGER NOT NULL
) STRICT;

-- Who is in a room. "standing" is 0 for somebody who is invited, 1 for a member and 2 for an owner, who can see the messages after
-- "since" and have read those up to "cursor". Of the "count" messages of the room, "base" are not unread; of the member's own
-- messages, that takes account of those up to "sent".
CREATE TABLE member (
    room INTEGER NOT NULL,
    account INTEGER NOT NULL,
    standing INTEGER NOT NULL,
    since INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    base INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (room, account)
) STRICT, WITHOUT ROWID;

-- "account" takes no direct messages from "blocked".
CREATE TABLE block (
    account INTEGER NOT NULL,
    blocked INTEGER NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (account, blocked)
) STRICT, WITHOUT ROWID;

-- Messages that were deleted while their texts are still in "log".
CREATE TABLE deleted (
    message INTEGER PRIMARY KEY,
    seal INTEGER NOT NULL
) STRICT;

-- Keys of messages, some at a time, so that no message is stored twice: those of messages up to the one that "summary" has as
-- "keyed". Later ones are found in the log. "number" is how many keys there were before, "time" that of the latest message. How
-- "body" is made is in src/store/index/keys.rs.
CREATE TABLE keys (
    number INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    body BLOB NOT NULL,
    seal INTEGER NOT NULL
) STRICT;

-- In order of login. "id" is the SHA-256 of the token, which is kept nowhere. "origin" is the address that the user logged
-- in from; NULL for a session that was opened by the program that contains the chat.
CREATE TABLE session (
    login INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    account INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    used INTEGER NOT NULL,
    until INTEGER NOT NULL,
    origin TEXT,
    seal INTEGER NOT NULL
) STRICT;

-- Invitations that were not used. "id" is the SHA-256 of the code, which is kept nowhere.
CREATE TABLE invitation (
    id BLOB PRIMARY KEY,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    seal INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Messages in order of arrival, those that came together packed into one block. "first" and "last" are the ids of the
-- first and the last message that were put into it. How "body" is made is in src/store/log/block.rs.
CREATE TABLE log (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    time INTEGER NOT NULL,
    body BLOB NOT NULL,
    seal INTEGER NOT NULL
) STRICT;

-- Every 64th message of a stream, to find the way forward: messages themselves only know the one before them. A mark
-- that is missing costs time and nothing else.
CREATE TABLE mark (
    stream INTEGER NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (stream, message)
) STRICT, WITHOUT ROWID;

-- What there is, so that missing rows are detected. The log has the message "last_message" or a later one; ids up to
-- "last_account", "last_stream" and "last_profile" were given out, "last_key" keys were written. "deletions" is
-- how many messages were deleted, and how often messages of a room were dropped. "restoring" is 1 while a dump is being restored.
-- "keep_read" is how long messages are kept that were read, in milliseconds; the greatest number is for ever.
-- "retention_time" is the time that messages age by; 0 if there was none yet.
CREATE TABLE summary (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch TEXT NOT NULL,
    indexed INTEGER NOT NULL,
    last_message INTEGER NOT NULL,
    last_account INTEGER NOT NULL,
    last_stream INTEGER NOT NULL,
    last_profile INTEGER NOT NULL,
    accounts INTEGER NOT NULL,
    streams INTEGER NOT NULL,
    profiles INTEGER NOT NULL,
    sessions INTEGER NOT NULL,
    invitations INTEGER NOT NULL,
    rooms INTEGER NOT NULL,
    members INTEGER NOT NULL,
    blocks INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    deletions INTEGER NOT NULL,
    key_rows INTEGER NOT NULL,
    last_key INTEGER NOT NULL,
    keyed INTEGER NOT NULL,
    restoring INTEGER NOT NULL,
    retention_time INTEGER NOT NULL,
    keep_read INTEGER NOT NULL,
    seal INTEGER NOT NULL
) STRICT;
