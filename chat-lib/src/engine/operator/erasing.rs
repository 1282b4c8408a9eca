//! Erasing a user: the account, and the texts of all messages that they have sent.

use super::super::notice::Notice;
use super::{Chat, change, end_sessions};
use crate::error::Error;
use crate::limits::ERASED_AT_ONCE;
use crate::model::{Account, MessageId};
use crate::store::FoundMessage;

impl Chat {
    /// Removes a user as [`remove_user`](Self::remove_user) does, and deletes all messages that they have sent and that others
    /// could still read. These stay as deleted messages, with the user name as the only name and without a text. Names and texts have left
    /// the disk when this returns, unless a dump is being made: then they do so within two minutes.
    ///
    /// The user is banned first, so that nothing more is sent. If this fails, call it again.
    ///
    /// Returns how many messages were deleted.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`]; [`Error::Storage`] if the machine fails.
    pub fn erase_user(&self, user: &str) -> Result<u64, Error> {
        self.in_turn(|turn| {
            let user = change(&mut *turn.batch, user, |account| Ok(Account { banned: true, ..account.clone() }))?;
            end_sessions(&user, turn)
        })?;
        let store = &*self.inner.config.store;
        let (mut after, mut deleted, mut in_this_pass) = (MessageId::NONE, 0, 0);
        loop {
            let messages = store.find_sent(user, after, ERASED_AT_ONCE)?;
            let Some(last) = messages.last() else {
                // What was refused, because others have deleted many messages meanwhile, is found once more.
                if in_this_pass == 0 {
                    break;
                }
                (after, in_this_pass) = (MessageId::NONE, 0);
                continue;
            };
            after = last.id;
            let count = self.delete_all(messages)?;
            (deleted, in_this_pass) = (deleted + count, in_this_pass + count);
        }
        self.remove_account(user, true)?;
        store.tidy()?;
        Ok(deleted)
    }

    /// Deletes messages of one sender, and has others told. Returns how many there were.
    fn delete_all(&self, messages: Vec<FoundMessage>) -> Result<u64, Error> {
        self.in_turn(|turn| {
            let mut deleted = 0;
            for message in messages {
                if let (true, Some(user)) = (turn.batch.delete(&message)?, &message.from) {
                    deleted += 1;
                    turn.post(Notice::Deleted { user: user.clone(), with: message.with, id: message.id });
                }
            }
            Ok(deleted)
        })
    }
}
