-- What a database has in addition that is the view of a shared log (version 107 = 100 + 7).

-- The last record of the log that is in this database, and its hash.
CREATE TABLE replica (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT;

-- The last records as they are in the log, in case that the log loses them. They seal themselves.
CREATE TABLE kept (
    at INTEGER PRIMARY KEY,
    record BLOB NOT NULL
) STRICT;
