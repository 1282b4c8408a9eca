//! The limits that `server` tells: those that a client of protocol 2 can meet, by name and in the unit that the name ends with.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits::{self, Limits};

/// Limits on the wire. A member that another version does not send has this version's default.
#[derive(Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Caps {
    connections: usize,
    connections_per_address: usize,
    connections_per_user: usize,
    requests_per_second: u32,
    requests_burst: u32,
    login_seconds: u64,
    idle_seconds: u64,
    line_bytes: usize,
    line_seconds: u64,
    reply_bytes: usize,
    stall_seconds: u64,
    events_bytes: usize,
    session_idle_seconds: u64,
    mailbox_messages: usize,
    mailbox_bytes: usize,
    room_members: usize,
    rooms_per_user: usize,
    failed_logins: u32,
    user_name_chars: usize,
    full_name_bytes: usize,
    country_bytes: usize,
    password_bytes: usize,
    key_bytes: usize,
    keys: usize,
    key_seconds: u64,
    title_bytes: usize,
    typing_members: usize,
    typing_seconds: u64,
    list_default: usize,
    list_max: usize,
}

impl From<&Limits> for Caps {
    fn from(set: &Limits) -> Self {
        Self {
            connections: set.connections,
            connections_per_address: set.connections_per_address,
            connections_per_user: set.connections_per_user,
            requests_per_second: set.requests_per_second,
            requests_burst: set.requests_burst,
            login_seconds: set.login_time.as_secs(),
            idle_seconds: set.idle_time.as_secs(),
            line_bytes: set.line_bytes,
            line_seconds: set.line_time.as_secs(),
            reply_bytes: set.reply_bytes,
            stall_seconds: set.stall_time.as_secs(),
            events_bytes: set.events_bytes,
            session_idle_seconds: set.session_idle.as_secs(),
            mailbox_messages: set.mailbox_messages,
            mailbox_bytes: set.mailbox_bytes,
            room_members: set.room_members,
            rooms_per_user: set.rooms_per_user,
            failed_logins: set.failed_logins,
            user_name_chars: limits::USER_NAME_CHARS,
            full_name_bytes: limits::FULL_NAME_BYTES,
            country_bytes: limits::COUNTRY_BYTES,
            password_bytes: limits::PASSWORD_BYTES,
            key_bytes: limits::MESSAGE_KEY_BYTES,
            keys: limits::KEYS_PER_USER,
            key_seconds: limits::KEY_AGE.as_secs(),
            title_bytes: limits::ROOM_TITLE_BYTES,
            typing_members: limits::TYPING_MEMBERS,
            typing_seconds: limits::TYPING_INTERVAL.as_secs(),
            list_default: limits::LIST_DEFAULT,
            list_max: limits::LIST_MAX,
        }
    }
}

impl Default for Caps {
    fn default() -> Self {
        Self::from(&Limits::default())
    }
}

impl From<Caps> for Limits {
    fn from(caps: Caps) -> Self {
        Self {
            connections: caps.connections,
            connections_per_address: caps.connections_per_address,
            connections_per_user: caps.connections_per_user,
            requests_per_second: caps.requests_per_second,
            requests_burst: caps.requests_burst,
            login_time: Duration::from_secs(caps.login_seconds),
            idle_time: Duration::from_secs(caps.idle_seconds),
            line_bytes: caps.line_bytes,
            line_time: Duration::from_secs(caps.line_seconds),
            reply_bytes: caps.reply_bytes,
            stall_time: Duration::from_secs(caps.stall_seconds),
            events_bytes: caps.events_bytes,
            session_idle: Duration::from_secs(caps.session_idle_seconds),
            mailbox_messages: caps.mailbox_messages,
            mailbox_bytes: caps.mailbox_bytes,
            room_members: caps.room_members,
            rooms_per_user: caps.rooms_per_user,
            failed_logins: caps.failed_logins,
            ..Self::default()
        }
    }
}
