//! The command `inbox`: messages are read, then their cursors are moved, then they are a [`Delivery`] on its way to a
//! peer. Reading is part of the step if the store has the messages in memory, else it is the job [`ReadInbox`]. If
//! another reader was quicker meanwhile, it is done again.

use std::sync::Arc;

use super::budget::Share;
use super::event::Caller;
use super::step::Work;
use super::{Chat, Job, Step, Turn};
use crate::error::Error;
use crate::limits::REPLY_BYTES_SHORT;
use crate::model::{Inbox, Profile, SessionId};
use crate::store::{CursorMove, Unread};

/// An inbox that has to be read from the disk.
pub(super) struct ReadInbox {
    chat: Chat,
    user: Arc<Profile>,
    session: SessionId,
}

/// What [`ReadInbox`] gives.
pub(super) struct InboxRead {
    session: SessionId,
    delivery: Result<Box<Delivery>, Error>,
}

/// An inbox for a peer, and what marks its messages as read.
pub(crate) struct Delivery {
    chat: Chat,
    user: Arc<Profile>,
    inbox: Inbox,
    /// The places of its messages, in the order in which they are answered.
    order: Vec<usize>,
    moves: Vec<CursorMove>,
    _held: Share,
}

impl Chat {
    /// The first step of an `inbox`, which is the only one if the messages are in memory.
    pub(super) fn start_inbox(
        &self,
        user: Arc<Profile>,
        session: SessionId,
        caller: &Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        loop {
            match turn.batch.unread(user.user().as_str(), self.inbox_room())? {
                Unread::Messages { inbox, moves } => {
                    let delivery = Box::new(Delivery::new(self, &user, inbox, moves));
                    if delivery.take(turn)? {
                        return Ok(Step::Inbox(delivery));
                    }
                }
                Unread::TooLarge => return Err(Error::Busy),
                Unread::WouldBlock => return Ok(self.read_inbox(user, session, caller)),
            }
        }
    }

    /// The step after [`ReadInbox`].
    pub(super) fn finish_inbox(&self, read: InboxRead, caller: &Caller, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let InboxRead { session, delivery } = read;
        let delivery = delivery?;
        // It may have ended meanwhile, and the name may be another user's now.
        turn.batch.use_session(&session, turn.now, turn.now)?.ok_or(Error::NoSuchSession)?;
        match delivery.take(turn)? {
            true => Ok(Step::Inbox(delivery)),
            false => Ok(self.read_inbox(Arc::clone(&delivery.user), session, caller)),
        }
    }

    fn read_inbox(&self, user: Arc<Profile>, session: SessionId, caller: &Caller) -> Step {
        Step::Job(Job::new(caller, Work::Inbox(ReadInbox { chat: self.clone(), user, session })))
    }

    /// How much memory an inbox may take now. If nothing is held, any can be read.
    fn inbox_room(&self) -> usize {
        match self.inner.budget.used() {
            0 => usize::MAX,
            used => self.limits().answers_bytes.saturating_sub(used),
        }
    }

    /// How many bytes of answers may wait for a peer now.
    pub(crate) fn answer_room(&self) -> usize {
        let limits = self.limits();
        let room = limits.reply_bytes.max(1);
        if self.inner.budget.used() < limits.answers_bytes { room } else { room.min(REPLY_BYTES_SHORT) }
    }

    /// A share of what is held for answers.
    pub(crate) fn share(&self, bytes: usize) -> Share {
        self.inner.budget.share(bytes)
    }
}

impl ReadInbox {
    /// Reads it, and puts it in order: both take long if it is large.
    pub(super) fn run(self) -> InboxRead {
        let Self { chat, user, session } = self;
        let delivery = match chat.inner.config.store.read_unread(user.user().as_str(), chat.inbox_room()) {
            Ok(Unread::Messages { inbox, moves }) => Ok(Box::new(Delivery::new(&chat, &user, inbox, moves))),
            Ok(Unread::TooLarge | Unread::WouldBlock) => Err(Error::Busy),
            Err(problem) => Err(problem),
        };
        InboxRead { session, delivery }
    }
}

impl Delivery {
    fn new(chat: &Chat, user: &Arc<Profile>, inbox: Inbox, moves: Vec<CursorMove>) -> Self {
        let _held = chat.share(Inbox::footprint(inbox.len(), inbox.bytes()));
        let order = inbox.order_by_sender();
        Self { chat: chat.clone(), user: Arc::clone(user), inbox, order, moves, _held }
    }

    /// Marks its messages as read. `false` if another reader was quicker.
    fn take(&self, turn: &mut Turn<'_>) -> Result<bool, Error> {
        Ok(self.moves.is_empty() || turn.batch.take(self.user.user().as_str(), &self.moves)?)
    }

    pub(crate) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Takes out the [places](Inbox::order_by_sender) of its messages.
    pub(crate) fn take_order(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.order)
    }

    pub(crate) fn into_inbox(self) -> Inbox {
        self.inbox
    }

    /// Marks messages as unread again whose answers could not be sent, the last ones first. Those of a conversation that
    /// was read since are lost.
    pub(crate) fn put_back(deliveries: &[Box<Self>]) -> Result<(), Error> {
        let deliveries = || deliveries.iter().rev().filter(|delivery| !delivery.moves.is_empty());
        let Some(Self { chat, .. }) = deliveries().next().map(|delivery| &**delivery) else { return Ok(()) };
        let unread = chat.durably(|batch| {
            let put_back = deliveries().map(|delivery| batch.put_back(delivery.user.user().as_str(), &delivery.moves));
            put_back.collect::<Result<Vec<bool>, Error>>()
        })?;
        for (delivery, unread) in deliveries().zip(unread) {
            let (user, messages) = (delivery.user.user().as_str(), delivery.inbox.len());
            match unread {
                true => tracing::info!(user, messages, "the answer to an inbox could not be sent; unread again"),
                false => {
                    tracing::warn!(user, messages, "the answer to an inbox could not be sent; its messages are lost");
                }
            }
        }
        Ok(())
    }
}
