-- What finds the rows of one user without reading all. They hold nothing of their own: a database without them is the same data.
CREATE INDEX IF NOT EXISTS profile_user ON profile (user);
CREATE INDEX IF NOT EXISTS account_profile ON account (profile);
CREATE INDEX IF NOT EXISTS stream_reader ON stream (reader);
CREATE INDEX IF NOT EXISTS stream_writer ON stream (writer);
CREATE INDEX IF NOT EXISTS stream_notes ON stream (id) WHERE writer = reader;
