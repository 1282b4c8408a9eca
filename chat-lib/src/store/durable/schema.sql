-- Version 3. Every row is sealed with a CRC-32 of what it holds.

-- A user's names. Changing them makes a new row, for messages keep the names that they were sent under.
CREATE TABLE profile (
    id INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    full_name TEXT NOT NULL,
    country TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT;

-- "password" is a PHC string; NULL if nobody can log in.
CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    profile INTEGER NOT NULL,
    password TEXT,
    seal INTEGER NOT NULL
) STRICT;

-- Of each account: the last message that was read, and as of the message "head" how many are unread.
-- Messages behind "head" are found by reading the log from the group on that "summary" names as "accounted".
-- A message's address is the number of its row in "log", times 65,536, plus its place in that row.
CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY,
    cursor INTEGER NOT NULL,
    head INTEGER NOT NULL,
    unread INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    seal INTEGER NOT NULL
) STRICT;

-- In order of login. "id" is the SHA-256 of the token, which is kept nowhere. "until" is in milliseconds since 1970.
CREATE TABLE session (
    login INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    account INTEGER NOT NULL,
    until INTEGER NOT NULL,
    seal INTEGER NOT NULL
) STRICT;

-- Messages in order of arrival, those that came together packed into one row. "body" is, for each of
-- them in little endian: place (2 bytes), mailbox (4), profile (4), address of the message before it in
-- the same mailbox (8), length (4), text.
CREATE TABLE log (
    number INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    body BLOB NOT NULL,
    seal INTEGER NOT NULL
) STRICT;

-- What there is, so that rows that vanish are missed. The log has the row "last_group" or a later one; ids up to
-- "last_mailbox" and "last_profile" were given out. "whole" is 0 while a dump is being restored.
-- "keep_read" is how long messages are kept that were read, in milliseconds.
-- "retention_time" is the time that messages age by, in milliseconds since 1970; 0 if there was none yet.
CREATE TABLE summary (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    accounted INTEGER NOT NULL,
    last_group INTEGER NOT NULL,
    last_mailbox INTEGER NOT NULL,
    last_profile INTEGER NOT NULL,
    accounts INTEGER NOT NULL,
    profiles INTEGER NOT NULL,
    sessions INTEGER NOT NULL,
    whole INTEGER NOT NULL,
    retention_time INTEGER NOT NULL,
    keep_read INTEGER NOT NULL,
    seal INTEGER NOT NULL
) STRICT;
