//! What an operator can do with rooms, of which they need not be a member.

use super::super::room_changes::Changed;
use super::Chat;
use crate::error::Error;
use crate::model::MessageId;
use crate::protocol::RoomChange;
use crate::store::{RoomKeep, RoomMember, RoomState, Standing};

impl Chat {
    /// All rooms, in order of name.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the machine fails.
    pub fn rooms(&self) -> Result<Vec<RoomState>, Error> {
        self.durably(|batch| batch.rooms("", usize::MAX))
    }

    /// The members of a room and those who are invited, in order of user name.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRoom`]; [`Error::Storage`] if the machine fails.
    pub fn room_members(&self, room: &str) -> Result<Vec<RoomMember>, Error> {
        self.durably(|batch| {
            batch.room(room)?.ok_or(Error::NoSuchRoom)?;
            batch.members(room, "", usize::MAX)
        })
    }

    /// Sets how much of a room is kept, in place of what the whole chat keeps. Its members are not told.
    ///
    /// ```
    /// use chat_lib::Chat;
    /// use chat_lib::store::RoomKeep;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// chat.login("messi", "surabaya")?.create_room("#alerts", "", true)?;
    /// let keep = RoomKeep { messages: Some(1000), ..RoomKeep::default() };
    /// chat.set_room_keep("#alerts", keep)?;
    /// assert_eq!(chat.rooms()?[0].keep, keep);
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRoom`]; [`Error::Storage`] if the machine fails.
    pub fn set_room_keep(&self, room: &str, keep: RoomKeep) -> Result<(), Error> {
        self.durably(|batch| if batch.set_room_keep(room, keep)? { Ok(()) } else { Err(Error::NoSuchRoom) })
    }

    /// Deletes a room with its messages. Its members are told, as if an owner had done it.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRoom`]; [`Error::Storage`] if the machine fails.
    pub fn delete_room(&self, room: &str) -> Result<(), Error> {
        self.in_turn(|turn| {
            let mut changes = self.lock_rules();
            let state = turn.batch.room(room)?.ok_or(Error::NoSuchRoom)?;
            let members = turn.batch.members(room, "", usize::MAX)?;
            turn.batch.remove_room(room)?;
            let owner = members.iter().find(|member| member.standing == Standing::Owner);
            // A room that was restored may have none, and then there is nobody to be told.
            if let Some(owner) = owner.or(members.first()) {
                let (user, since) = (owner.user.user().clone(), MessageId::MAX);
                let by = user.clone();
                let changed = Changed { room: state.name, change: RoomChange::Deleted, user, by, since };
                turn.post_room_change(changed, &mut changes);
            }
            Ok(())
        })
    }
}
