//! Rooms and who is in them.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Profile, RoomName};

/// A room, but for its members.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoomState {
    /// Its name.
    pub name: RoomName,
    /// Its title; may be empty.
    pub title: Arc<str>,
    /// Whether anyone may join it.
    pub open: bool,
    /// How many members it has.
    pub members: usize,
    /// How many of them are owners.
    pub owners: usize,
    /// How many users are invited and not members.
    pub invited: usize,
    /// How much of it is kept.
    pub keep: RoomKeep,
}

/// How much of a room is kept. What is `None` here is as in the whole chat, and what is set takes the place of the chat's limit
/// in this room alone, whether that keeps more or less: neither do its messages count for the chat's limit then.
///
/// Messages beyond a limit are dropped within an hour, or sooner if there are many, whether they were read or not. An engine
/// that has no limits of its own only remembers these.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RoomKeep {
    /// How long messages are kept, counted from when they were sent, in whole milliseconds; [`Duration::MAX`] for ever.
    pub age: Option<Duration>,
    /// How many of the latest messages are kept; [`u64::MAX`] for no limit.
    pub messages: Option<u64>,
    /// How many bytes the latest messages may take as they are stored; [`u64::MAX`] for no limit.
    pub bytes: Option<u64>,
}

impl RoomKeep {
    /// Whether something may be dropped because of it.
    pub(crate) fn is_limited(&self) -> bool {
        self.numbers().into_iter().flatten().any(|limit| limit < NO_LIMIT)
    }

    /// Age in milliseconds, messages and bytes as they are written, with [`NO_LIMIT`] for no limit.
    pub(crate) fn numbers(&self) -> [Option<u64>; 3] {
        let millis = |age: Duration| age.as_millis().try_into().unwrap_or(NO_LIMIT);
        [self.age.map(millis), self.messages, self.bytes].map(|limit| limit.map(|limit| limit.min(NO_LIMIT)))
    }

    /// What has these [`numbers`](Self::numbers).
    pub(crate) fn from_numbers([age, messages, bytes]: [Option<u64>; 3]) -> Self {
        let age = age.map(|age| if age < NO_LIMIT { Duration::from_millis(age) } else { Duration::MAX });
        let limit = |limit| if limit < NO_LIMIT { limit } else { u64::MAX };
        Self { age, messages: messages.map(limit), bytes: bytes.map(limit) }
    }
}

/// The greatest number that a database has.
const NO_LIMIT: u64 = i64::MAX.cast_unsigned();

/// What a user is in a room.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Standing {
    /// May join it.
    Invited,
    /// Is a member.
    Member,
    /// Is a member who owns it.
    Owner,
}

impl Standing {
    /// Whether it is a member's.
    pub fn is_member(self) -> bool {
        self != Self::Invited
    }
}

/// A user and what they are in a room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoomMember {
    /// The user.
    pub user: Arc<Profile>,
    /// What they are.
    pub standing: Standing,
}
