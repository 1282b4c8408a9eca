//! What conversations are called: a direct one by the name of the other member, a room by its own name.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use super::UserName;
use super::account::is_presentable;
use crate::error::Error;
use crate::limits::ROOM_TITLE_BYTES;

/// The name of a room: `#` and then a name that follows the rule for user names. Clones share one allocation.
///
/// ```
/// use chat_lib::Error;
/// use chat_lib::model::RoomName;
///
/// assert_eq!(RoomName::parse("#lounge")?.as_str(), "#lounge");
/// assert!(matches!(RoomName::parse("lounge"), Err(Error::InvalidRoomName)));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RoomName(Arc<str>);

impl RoomName {
    /// Takes `name`, with its `#`, for the name of a room.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRoomName`] if it breaks the rule.
    pub fn parse(name: &str) -> Result<Self, Error> {
        let rest = name.strip_prefix('#').ok_or(Error::InvalidRoomName)?;
        UserName::parse(rest).map_err(|_| Error::InvalidRoomName)?;
        Ok(Self(name.into()))
    }

    /// The name as text, with its `#`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks the title of a room: empty, or such as a full name has to be.
///
/// # Errors
///
/// [`Error::InvalidTitle`].
pub(crate) fn check_title(title: &str) -> Result<(), Error> {
    match title.len() <= ROOM_TITLE_BYTES && (title.is_empty() || is_presentable(title)) {
        true => Ok(()),
        false => Err(Error::InvalidTitle),
    }
}

impl Borrow<str> for RoomName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A conversation as one of its members calls it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ConversationName {
    /// A direct conversation, by the other member's user name; notes to oneself by one's own.
    User(UserName),
    /// A room.
    Room(RoomName),
}

impl ConversationName {
    /// Takes `name` for the name of a room if it begins with `#`, else for a user name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRoomName`] or [`Error::InvalidUserName`].
    pub fn parse(name: &str) -> Result<Self, Error> {
        match name.starts_with('#') {
            true => RoomName::parse(name).map(Self::Room),
            false => UserName::parse(name).map(Self::User),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::User(user) => user.as_str(),
            Self::Room(room) => room.as_str(),
        }
    }
}

impl fmt::Display for ConversationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<UserName> for ConversationName {
    fn from(user: UserName) -> Self {
        Self::User(user)
    }
}

impl From<RoomName> for ConversationName {
    fn from(room: RoomName) -> Self {
        Self::Room(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_for_rooms_at_its_edges() {
        let (longest, too_long) = (format!("#{}", "a".repeat(32)), format!("#{}", "a".repeat(33)));
        for good in ["#a", "#0", "#a.b_c-d", &longest] {
            assert_eq!(RoomName::parse(good).unwrap().as_str(), good);
            assert!(matches!(ConversationName::parse(good), Ok(ConversationName::Room(_))));
        }
        for bad in ["", "#", "a", "##a", "#.a", "#a b", "#é", &too_long] {
            assert!(matches!(RoomName::parse(bad), Err(Error::InvalidRoomName)), "{bad:?}");
        }
        assert!(matches!(ConversationName::parse("a"), Ok(ConversationName::User(_))));
        assert!(matches!(ConversationName::parse("a b"), Err(Error::InvalidUserName)));
        assert!(matches!(ConversationName::parse("#a b"), Err(Error::InvalidRoomName)));
    }
}
