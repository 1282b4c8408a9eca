//! Live chat over connections without I/O: what subscribers are told, when, and in which order.

mod listening;
mod model;
mod peer;
mod races;
mod rooms;
mod sessions;
mod stress;
mod subscriptions;
mod walk;

pub(crate) use self::peer::Peer;
