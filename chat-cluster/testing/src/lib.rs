//! Engines for the tests of a cluster: NATS and PostgreSQL servers that are started, killed, stopped and cut off.
