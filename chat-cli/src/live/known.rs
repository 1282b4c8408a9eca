//! The users and rooms that the client knows: full names to show, and names to complete.

use std::collections::{BTreeMap, BTreeSet};

use chat_lib::{Error, Session, printable};

/// Users and rooms.
#[derive(Default)]
pub(crate) struct Known {
    /// Full names by user names.
    users: BTreeMap<String, String>,
    rooms: BTreeSet<String>,
}

impl Known {
    /// Asks for the first thousand of each, which is what anyone would look through.
    pub(super) fn ask(&mut self, session: &Session) -> Result<(), Error> {
        for user in session.users("", ASKED)?.entries {
            self.learn_user(user.profile.user().as_str(), user.profile.full_name());
        }
        self.rooms = session.rooms("", ASKED)?.entries.into_iter().map(|room| room.room.as_str().to_owned()).collect();
        Ok(())
    }

    pub(super) fn learn_user(&mut self, user: &str, full_name: &str) {
        if self.users.get(user).is_none_or(|known| known != full_name) {
            self.users.insert(user.to_owned(), full_name.to_owned());
        }
    }

    pub(super) fn learn_room(&mut self, room: &str) {
        self.rooms.insert(room.to_owned());
    }

    pub(super) fn forget_room(&mut self, room: &str) {
        self.rooms.remove(room);
    }

    /// The full name, to be shown; the user name if it is not known.
    pub(super) fn full_name(&self, user: &str) -> String {
        printable(self.users.get(user).map_or(user, String::as_str)).into_owned()
    }

    pub(super) fn users(&self) -> impl Iterator<Item = String> {
        self.users.keys().cloned()
    }

    pub(super) fn rooms(&self) -> impl Iterator<Item = String> {
        self.rooms.iter().cloned()
    }
}

/// How many names are asked for.
const ASKED: usize = 1000;
