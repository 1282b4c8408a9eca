-- Version 4. Every row but those of "mark" is sealed with a CRC-32 of what it holds. Times are in milliseconds since 1970.

-- A user's names. Changing them makes a new row, because messages keep the names that they were sent under.
CREATE TABLE profile (
    id INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    full_name TEXT NOT NULL,
    country TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT;

-- "password" is a PHC string; NULL if nobody can log in with one.
CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    profile INTEGER NOT NULL,
    password TEXT,
    banned INTEGER NOT NULL,
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
-- "last_account", "last_stream" and "last_profile" were given out. "restoring" is 1 while a dump is being restored.
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
    restoring INTEGER NOT NULL,
    retention_time INTEGER NOT NULL,
    keep_read INTEGER NOT NULL,
    seal INTEGER NOT NULL
) STRICT;
