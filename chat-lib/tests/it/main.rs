//! The library as its callers see it. All tests are one binary, so that the library is linked to them once; those
//! that need the process to themselves are in `tests/process`.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice, clippy::unwrap_used)]

mod accounts;
mod api;
mod authenticator;
mod client;
mod conformance;
mod delivery;
mod dump;
mod events;
mod exactly_once;
mod failover;
mod failures;
mod faulty;
mod invitations;
mod limits;
mod live;
mod metrics;
mod model;
mod notices;
mod operator;
mod own_sessions;
mod people;
mod player;
mod properties;
mod proxy;
mod reading;
mod relay;
mod reload;
mod requester;
mod rooms;
mod sending;
mod server;
mod service;
mod session;
mod steps;
mod support;
mod tls;
mod transcripts;
#[cfg(feature = "web")]
mod web;
