//! Rooms and who is in them.

use std::sync::Arc;

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
}

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
