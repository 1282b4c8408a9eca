//! Inboxes on their way to a peer: how much memory they may take together, and what happens to one that never left.

use std::sync::Arc;

use super::{Chat, Share};
use crate::error::Error;
use crate::limits::REPLY_BYTES_SHORT;
use crate::model::{Inbox, Profile};
use crate::store::Taken;

/// An inbox that was taken for a peer.
pub(crate) struct Delivery {
    chat: Chat,
    user: Arc<Profile>,
    taken: Taken,
    _held: Share,
}

impl Delivery {
    pub(crate) fn inbox(&self) -> &Inbox {
        &self.taken.inbox
    }

    pub(crate) fn into_inbox(self) -> Inbox {
        self.taken.inbox
    }

    /// Puts the messages back whose answers could not be sent, the last ones first. Those of a mailbox that was read
    /// since are lost.
    pub(crate) fn put_back(deliveries: Vec<Self>) -> Result<(), Error> {
        let Some(chat) = deliveries.first().map(|delivery| delivery.chat.clone()) else { return Ok(()) };
        chat.durably(|| deliveries.into_iter().rev().try_for_each(Self::put_one_back))
    }

    fn put_one_back(self) -> Result<(), Error> {
        let Self { chat, user, taken, .. } = self;
        let (messages, user) = (taken.inbox.len(), user.user().as_str());
        match chat.config.store.put_back(user, taken)? {
            true => tracing::info!(user, messages, "the answer to an inbox could not be sent; unread again"),
            false if messages > 0 => {
                tracing::warn!(user, messages, "the answer to an inbox could not be sent; its messages are lost");
            }
            false => {}
        }
        Ok(())
    }
}

impl Chat {
    /// How many bytes of answers may wait for a peer now.
    pub(crate) fn answer_room(&self) -> usize {
        let limits = self.limits();
        let room = limits.reply_bytes.max(1);
        if self.budget.used() < limits.answers_bytes { room } else { room.min(REPLY_BYTES_SHORT) }
    }

    /// A share of what is held for answers.
    pub(crate) fn share(&self, bytes: usize) -> Share {
        self.budget.share(bytes)
    }

    pub(super) fn take_inbox(&self, user: Arc<Profile>) -> Result<Delivery, Error> {
        // If nothing is held, any inbox can be read.
        let most = match self.budget.used() {
            0 => usize::MAX,
            used => self.limits().answers_bytes.saturating_sub(used),
        };
        let taken = self.config.store.take_unread(user.user().as_str(), most)?.ok_or(Error::Busy)?;
        let held = self.share(Inbox::footprint(taken.inbox.len(), taken.inbox.bytes()));
        Ok(Delivery { chat: self.clone(), user, taken, _held: held })
    }
}
