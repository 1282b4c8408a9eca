//! Rooms: conversations of many users. Their names begin with `#`. An open room can be joined by anyone; other rooms can only be
//! seen and joined by users who were invited.

use super::{Session, unexpected};
use crate::error::Error;
use crate::protocol::{Command, List, MemberView, Reply, RoomView};

/// What [`Session::set_room`] changes; what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoomUpdate<'a> {
    /// The title.
    pub title: Option<&'a str>,
    /// Whether anyone may join.
    pub open: Option<bool>,
    /// The user names of all owners from now on, who must be members.
    pub owners: Option<&'a [&'a str]>,
}

impl Session {
    /// Creates a room, whose owner and only member is the user. `title` may be empty. Anyone may join it if it is `open`.
    ///
    /// ```
    /// use chat_lib::Chat;
    /// use chat_lib::model::MessageId;
    /// use chat_lib::store::Position;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let (messi, lineker) = (chat.login("messi", "surabaya")?, chat.login("lineker", "surabaya")?);
    /// messi.create_room("#bench", "The bench", true)?;
    /// lineker.join_room("#bench")?;
    /// messi.send("#bench", "halo")?;
    /// let page = lineker.history("#bench", Position::Before(MessageId::MAX), 10)?;
    /// assert_eq!(page.messages[0].text, "halo");
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::RoomExists`]; [`Error::InvalidRoomName`] or [`Error::InvalidTitle`]; [`Error::TooManyRooms`]; or as for every
    /// method.
    pub fn create_room(&self, room: &str, title: &str, open: bool) -> Result<(), Error> {
        self.perform(Command::CreateRoom { room: room.into(), title: title.into(), open })
    }

    /// Joins a room that is open or that the user was invited to. Joining a room twice is the same as once.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRoom`], also if the user may not know of it; [`Error::RoomFull`] or [`Error::TooManyRooms`]; or as for every
    /// method.
    pub fn join_room(&self, room: &str) -> Result<(), Error> {
        self.perform(Command::JoinRoom { room: room.into() })
    }

    /// Leaves a room. The user cannot see its messages any more.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRoom`] or [`Error::NotAMember`]; [`Error::LastOwner`], who may [delete](Self::delete_room) it instead; or as
    /// for every method.
    pub fn leave_room(&self, room: &str) -> Result<(), Error> {
        self.perform(Command::LeaveRoom { room: room.into() })
    }

    /// Deletes a room with all its messages.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRoom`], [`Error::NotAMember`] or [`Error::NotAnOwner`]; or as for every method.
    pub fn delete_room(&self, room: &str) -> Result<(), Error> {
        self.perform(Command::DeleteRoom { room: room.into() })
    }

    /// Allows a user to join a room. Every member can do this in an open room, and the owners in another one.
    ///
    /// ```
    /// use chat_lib::{Chat, Error};
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let (messi, lineker) = (chat.login("messi", "surabaya")?, chat.login("lineker", "surabaya")?);
    /// messi.create_room("#board", "", false)?;
    /// assert!(matches!(lineker.join_room("#board"), Err(Error::NoSuchRoom)));
    /// messi.invite("#board", "lineker")?;
    /// lineker.join_room("#board")?;
    /// assert_eq!(messi.members("#board", "", 100)?.entries.len(), 2);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRoom`], [`Error::NotAMember`] or [`Error::NotAnOwner`]; [`Error::NoSuchUser`]; [`Error::RoomFull`]; or as for
    /// every method.
    pub fn invite(&self, room: &str, user: &str) -> Result<(), Error> {
        self.perform(Command::InviteToRoom { room: room.into(), user: user.into() })
    }

    /// Removes a member from a room, or takes an invitation back. Only owners can do this.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRoom`] or [`Error::NotAnOwner`]; [`Error::NotAMember`] if one of the two users is not a member;
    /// [`Error::LastOwner`]; or as for every method.
    pub fn remove_from_room(&self, room: &str, user: &str) -> Result<(), Error> {
        self.perform(Command::RemoveFromRoom { room: room.into(), user: user.into() })
    }

    /// Changes a room. Only owners can do this.
    ///
    /// ```
    /// use chat_lib::{Chat, RoomUpdate};
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let (messi, lineker) = (chat.login("messi", "surabaya")?, chat.login("lineker", "surabaya")?);
    /// messi.create_room("#bench", "", true)?;
    /// lineker.join_room("#bench")?;
    /// let owners = Some(&["lineker", "messi"][..]);
    /// messi.set_room("#bench", RoomUpdate { title: Some("The bench"), owners, ..RoomUpdate::default() })?;
    /// messi.leave_room("#bench")?;
    /// assert_eq!(lineker.rooms("", 100)?.entries[0].title, "The bench");
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRoom`] or [`Error::NotAnOwner`]; [`Error::InvalidTitle`]; [`Error::NotAMember`] if the user or one of the new
    /// owners is none; [`Error::LastOwner`] if there are to be no owners; or as for every method.
    pub fn set_room(&self, room: &str, update: RoomUpdate<'_>) -> Result<(), Error> {
        let RoomUpdate { title, open, owners } = update;
        let owners = owners.map(|owners| owners.iter().map(|owner| (*owner).into()).collect());
        self.perform(Command::SetRoom { room: room.into(), title: title.map(Into::into), open, owners })
    }

    /// The members of a room that the user is in, in order of user name: at most `limit`, which are at most
    /// [`LIST_MAX`](crate::limits::LIST_MAX), whose names come after `after`. The empty name comes before all.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRoom`] or [`Error::NotAMember`]; or as for every method.
    pub fn members(&self, room: &str, after: &str, limit: usize) -> Result<List<MemberView>, Error> {
        let command = Command::Members { room: room.into(), after: after.into(), limit };
        let Reply::Members(list) = self.execute(command)? else { unexpected() };
        Ok(list)
    }

    /// The rooms that are open, or that the user is in or is invited to, in order of name: at most `limit`, which are at most
    /// [`LIST_MAX`](crate::limits::LIST_MAX), whose names come after `after`. The empty name comes before all.
    ///
    /// # Errors
    ///
    /// As for every method.
    pub fn rooms(&self, after: &str, limit: usize) -> Result<List<RoomView>, Error> {
        let Reply::Rooms(list) = self.execute(Command::Rooms { after: after.into(), limit })? else { unexpected() };
        Ok(list)
    }
}
