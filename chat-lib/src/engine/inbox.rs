//! The commands `inbox` and `inboxgroup`: messages are read, then their cursors are moved, then they are a [`Delivery`] on its way to a
//! peer. Reading is part of the step if they are direct messages that the store has in memory, else it is the job
//! [`ReadInbox`]. If another reader was quicker meanwhile, it is done again.

use super::budget::Share;
use super::commands::Asker;
use super::event::Caller;
use super::notice::Notice;
use super::rooms::find_member;
use super::step::Work;
use super::{Chat, Job, Step, Turn};
use crate::error::Error;
use crate::limits::REPLY_BYTES_SHORT;
use crate::model::{Inbox, Place, RoomName, UserName};
use crate::protocol::Reply;
use crate::store::{CursorMove, Unread};

/// An inbox that has to be read from the disk.
pub(super) struct ReadInbox {
    chat: Chat,
    asker: Asker,
    /// The room whose messages they are; `None` for direct messages.
    room: Option<RoomName>,
}

/// What [`ReadInbox`] gives.
pub(super) struct InboxRead {
    asker: Asker,
    delivery: Result<Box<Delivery>, Error>,
}

/// An inbox for a peer, and what marks its messages as read.
pub(crate) struct Delivery {
    chat: Chat,
    user: UserName,
    /// The room whose messages they are; `None` for direct messages.
    room: Option<RoomName>,
    inbox: Inbox,
    /// The places of its messages, in the order in which they are answered.
    order: Vec<Place>,
    moves: Vec<CursorMove>,
    _held: Share,
}

impl Chat {
    /// The first step of an `inbox`, which is the only one if the messages are in memory.
    pub(super) fn start_inbox(&self, asker: Asker, caller: &Caller, turn: &mut Turn<'_>) -> Result<Step, Error> {
        loop {
            match turn.batch.unread(asker.name(), self.inbox_room())? {
                Unread::Messages { inbox, moves } => {
                    let delivery = Box::new(Delivery::new(self, &asker, None, inbox, moves));
                    if delivery.take(turn)? {
                        return Ok(Step::Inbox(delivery));
                    }
                }
                Unread::TooLarge => return Err(Error::Busy),
                Unread::WouldBlock => return Ok(self.read_inbox(asker, None, caller)),
            }
        }
    }

    /// The first step of an `inboxgroup`.
    pub(super) fn start_room_inbox(
        &self,
        asker: Asker,
        room: &str,
        caller: &Caller,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let (room, _) = find_member(room, asker.user.user(), turn)?;
        Ok(self.read_inbox(asker, Some(room.name), caller))
    }

    /// The step after [`ReadInbox`].
    pub(super) fn finish_inbox(&self, read: InboxRead, caller: &Caller, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let InboxRead { asker, delivery } = read;
        let mut delivery = delivery?;
        asker.check(turn)?;
        if let Some(room) = &delivery.room {
            find_member(room.as_str(), asker.user.user(), turn)?;
        }
        match delivery.take(turn)? {
            true => Ok(Step::Inbox(delivery)),
            false => Ok(self.read_inbox(asker, delivery.room.take(), caller)),
        }
    }

    fn read_inbox(&self, asker: Asker, room: Option<RoomName>, caller: &Caller) -> Step {
        Step::Job(Job::new(caller, Work::Inbox(ReadInbox { chat: self.clone(), asker, room })))
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
        let Self { chat, asker, room } = self;
        let (store, max_bytes) = (&chat.inner.config.store, chat.inbox_room());
        let unread = match &room {
            Some(room) => store.read_unread_room(asker.name(), room.as_str(), max_bytes),
            None => store.read_unread(asker.name(), max_bytes),
        };
        let delivery = match unread {
            Ok(Unread::Messages { inbox, moves }) => Ok(Box::new(Delivery::new(&chat, &asker, room, inbox, moves))),
            Ok(Unread::TooLarge | Unread::WouldBlock) => Err(Error::Busy),
            Err(problem) => Err(problem),
        };
        InboxRead { asker, delivery }
    }
}

impl Delivery {
    fn new(chat: &Chat, asker: &Asker, room: Option<RoomName>, inbox: Inbox, moves: Vec<CursorMove>) -> Self {
        let _held = chat.share(Inbox::footprint(inbox.len(), inbox.bytes()));
        let order = if room.is_none() { inbox.order_by_sender() } else { inbox.order_of_arrival() };
        Self { chat: chat.clone(), user: asker.user.user().clone(), room, inbox, order, moves, _held }
    }

    /// Marks its messages as read. `false` if another reader was quicker.
    fn take(&self, turn: &mut Turn<'_>) -> Result<bool, Error> {
        Ok(self.moves.is_empty() || take(&self.user, &self.moves, turn)?)
    }

    pub(crate) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Whether it answers `inboxgroup`.
    pub(crate) fn is_of_room(&self) -> bool {
        self.room.is_some()
    }

    /// Takes out the places of its messages, in the order in which they are answered.
    pub(crate) fn take_order(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.order)
    }

    pub(super) fn into_reply(self) -> Reply {
        match self.room {
            Some(_) => Reply::RoomInbox(self.inbox),
            None => Reply::Inbox(self.inbox),
        }
    }

    /// Marks messages as unread again whose answers could not be sent, the last ones first. Those of a conversation that
    /// was read since are lost.
    pub(crate) fn put_back(deliveries: &[Box<Self>]) -> Result<(), Error> {
        let deliveries = || deliveries.iter().rev().filter(|delivery| !delivery.moves.is_empty());
        let Some(Self { chat, .. }) = deliveries().next().map(|delivery| &**delivery) else { return Ok(()) };
        let unread = chat.durably(|batch| {
            let put_back = deliveries().map(|delivery| batch.put_back(delivery.user.as_str(), &delivery.moves));
            put_back.collect::<Result<Vec<bool>, Error>>()
        })?;
        for (delivery, unread) in deliveries().zip(unread) {
            let (user, messages) = (delivery.user.as_str(), delivery.inbox.len());
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

/// Moves cursors of a user, and has others told. `false`, and nothing done, if another reader was quicker.
pub(super) fn take(user: &UserName, moves: &[CursorMove], turn: &mut Turn<'_>) -> Result<bool, Error> {
    if !turn.batch.take(user.as_str(), moves)? {
        return Ok(false);
    }
    for CursorMove { with, to, .. } in moves {
        // Nobody is there to be told of a conversation with a user who was removed.
        if let Some(with) = with {
            turn.post(Notice::Read { user: user.clone(), with: with.clone(), upto: *to });
        }
    }
    Ok(true)
}
