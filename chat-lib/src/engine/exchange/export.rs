//! All that a chat has of one user, as text (`docs/dump.md`, "The data of one user"). It shows the lines of a dump that concern
//! the user, cut down to what is theirs.

use std::borrow::Cow;
use std::io::Write;

use serde::Serialize;

use super::line::{self, Line, Seat};
use crate::engine::Chat;
use crate::error::Error;
use crate::store::{Record, SessionInfo};

/// A line that a dump has not.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Own<'a> {
    ChatUser { version: u32, user: &'a str },
    Session { opened: u64, last_used: u64, from: Option<String> },
    Conversation { with: &'a str, read: u64 },
    Room { name: &'a str, title: &'a str, open: bool, me: Seat<'a> },
    End { lines: u64 },
}

impl Chat {
    /// Writes all that the chat has of one user, a JSON object a line: the account without the password's hash, sessions without
    /// their tokens, whom the user has blocked, conversations and rooms with how far they were read, all messages that
    /// the user has sent, all direct ones that they were sent, and the keys that are remembered. Others may go on using the chat.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`]; [`Error::Io`] if `out` does not take it; [`Error::Storage`] if the machine fails.
    pub fn export_user(&self, user: &str, out: &mut dyn Write) -> Result<(), Error> {
        let mut sessions = {
            // It is not committed, as data that can only be read takes no commit that ends sessions.
            let batch = &mut *self.begin().batch;
            batch.account(user)?.ok_or(Error::NoSuchUser)?;
            batch.sessions_of(user, self.inner.config.clock.now())?
        };
        let mut lines = 0;
        write(&Own::ChatUser { version: VERSION, user }, out, &mut lines)?;
        self.inner.config.store.dump(&mut |record| {
            write_own(user, record, out, &mut lines)?;
            if let Record::Account(account) = record
                && account.profile.user().as_str() == user
            {
                sessions.drain(..).try_for_each(|session| write(&Own::of(&session), out, &mut lines))?;
            }
            Ok(())
        })?;
        let end = Own::End { lines };
        write(&end, out, &mut lines)
    }
}

impl Own<'_> {
    fn of(session: &SessionInfo) -> Self {
        let SessionInfo { opened, last_used, from, .. } = session;
        let from = from.map(|address| address.to_string());
        Self::Session { opened: opened.as_millis(), last_used: last_used.as_millis(), from }
    }
}

/// Writes what a record has of a user, if that is anything.
fn write_own(user: &str, record: Record<'_>, out: &mut dyn Write, lines: &mut u64) -> Result<(), Error> {
    match record {
        Record::Invitation(_) => Ok(()),
        Record::Account(account) if account.profile.user().as_str() != user => Ok(()),
        Record::Block { user: blocking, .. } if blocking != user => Ok(()),
        Record::Key { user: sender, .. } if sender != user => Ok(()),
        Record::Conversation(members) => {
            let Some(own) = members.iter().find(|member| member.user == user) else { return Ok(()) };
            let other = members.iter().find(|member| member.user != user).unwrap_or(own);
            write(&Own::Conversation { with: other.user, read: own.read.get() }, out, lines)
        }
        Record::Room { name, title, open, members, .. } => {
            let Some(own) = members.iter().find(|member| member.user == user) else { return Ok(()) };
            write(&Own::Room { name: name.as_str(), title, open, me: Seat::of(own) }, out, lines)
        }
        Record::Message { message, from_former_user, .. } => {
            let is_sent = message.from.user().as_str() == user && !from_former_user;
            if !is_sent && message.to != user {
                return Ok(());
            }
            let mut line = Line::of(record, false);
            // Only the sender knows a key.
            if let (Line::Message { key, .. }, false) = (&mut line, is_sent) {
                *key = None::<Cow<'_, str>>;
            }
            write(&line, out, lines)
        }
        _ => write(&Line::of(record, false), out, lines),
    }
}

fn write(line: &impl Serialize, out: &mut dyn Write, lines: &mut u64) -> Result<(), Error> {
    *lines += 1;
    line::write(line, out).map_err(Error::Io)
}

/// The version of the format.
const VERSION: u32 = 1;
