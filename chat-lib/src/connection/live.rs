//! The session that protocol 2 binds to a connection, and its subscription: where the replay of messages is, and what is written
//! of the events that come. It relies on the [hub](crate::engine::Hub) for who is told what.

use std::sync::Arc;
use std::task::Waker;

use crate::engine::{Chat, Intake, Job, Mailbox, Turn};
#[cfg(feature = "server")]
use crate::error::Error;
use crate::limits::{EVENTS_UNSENT_BYTES, REPLAY_MESSAGES};
use crate::model::MessageId;
use crate::outbox::Outbox;
use crate::protocol::{CloseReason, Event, rpc};
use crate::store::SyncPage;

/// A session that is bound to a connection.
pub(super) struct Live {
    mailbox: Arc<Mailbox>,
    /// The hub knows it.
    bound: bool,
    progress: Progress,
    /// What `progress` was when everything was committed.
    committed: Progress,
    /// The hub has taken on a subscription whose answer is not committed.
    subscribing: bool,
    /// The session has ended, as far as the turn that is not committed yet can tell.
    ended: bool,
}

/// How far a subscription has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Progress {
    /// There is none.
    Unsubscribed,
    /// Messages are read from the store, after this one.
    Replay(MessageId),
    /// Messages come as they are committed. This was the last one that was written.
    Live(MessageId),
    /// Another server has told up to this message, and the hub is still to take the subscription on: now, if it `is_due`.
    #[cfg(feature = "server")]
    Restoring { after: MessageId, is_due: bool },
}

impl Live {
    /// Binds a session, once its turn is committed.
    pub(super) fn new(mailbox: Arc<Mailbox>) -> Self {
        let (progress, committed) = (Progress::Unsubscribed, Progress::Unsubscribed);
        Self { mailbox, bound: false, progress, committed, subscribing: false, ended: false }
    }

    /// As [`new`](Self::new), for a session that another server had bound, and the subscription that it had told up to `after`.
    /// The hub must know the mailbox.
    #[cfg(feature = "server")]
    pub(super) fn restore(mailbox: Arc<Mailbox>, after: Option<MessageId>) -> Self {
        let progress = after.map_or(Progress::Unsubscribed, |after| Progress::Restoring { after, is_due: true });
        Self { bound: true, progress, committed: progress, ..Self::new(mailbox) }
    }

    pub(super) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Begins a subscription that the hub has taken on.
    pub(super) fn subscribed(&mut self, next: MessageId) {
        self.subscribing = true;
        self.progress = match self.mailbox.intake() {
            Intake::AllButMessages => Progress::Replay(next),
            _ => Progress::Live(next),
        };
    }

    pub(super) fn unsubscribed(&mut self) {
        self.progress = Progress::Unsubscribed;
    }

    /// Looks whether the session still lives, if there is reason to doubt it. `false` if it has ended.
    pub(super) fn check(&mut self, turn: &mut Turn<'_>) -> bool {
        if self.mailbox.take_check() {
            self.ended |= turn.has_ended(&self.mailbox);
            if !self.ended {
                self.mailbox.go_on();
            }
        }
        !self.ended
    }

    /// Whether the connection should have a turn, although it has received nothing. `room` is how many bytes may wait.
    pub(super) fn needs_turn(&self, room: usize, out: &Outbox) -> bool {
        self.mailbox.needs_check() || self.is_replay_due(room, out)
    }

    fn is_replay_due(&self, room: usize, out: &Outbox) -> bool {
        let reads = match self.progress {
            Progress::Replay(_) => true,
            #[cfg(feature = "server")]
            Progress::Restoring { is_due, .. } => is_due,
            Progress::Unsubscribed | Progress::Live(_) => false,
        };
        reads && !self.ended && out.len() < room.min(EVENTS_UNSENT_BYTES)
    }

    /// The job that reads the next page of the replay, if there is room for it.
    pub(super) fn replay(&self, chat: &Chat, room: usize, out: &Outbox) -> Option<Job> {
        match self.progress {
            Progress::Replay(after) if self.is_replay_due(room, out) => {
                Some(chat.replay(&self.mailbox.user, after, REPLAY_MESSAGES))
            }
            #[cfg(feature = "server")]
            Progress::Restoring { after, .. } if self.is_replay_due(room, out) => {
                Some(chat.resubscribe(&self.mailbox, after))
            }
            _ => None,
        }
    }

    /// Appends a page of the replay.
    pub(super) fn write_page(&mut self, page: SyncPage, out: &mut Outbox) {
        let SyncPage { messages, next, more, .. } = page;
        if self.mailbox.intake() == Intake::Nothing {
            // It has lagged meanwhile, and is told so if it was not yet.
            self.progress = Progress::Unsubscribed;
            return;
        }
        for message in messages {
            rpc::write_event(&Event::Message(message), out.buffer());
        }
        let replay_goes_on = self.mailbox.page_read(more);
        self.progress = if replay_goes_on { Progress::Replay(next) } else { Progress::Live(next) };
    }

    /// Goes on after the hub was to take on a subscription that another server had. If it could not, that is
    /// [tried again](Self::retry) if the store was only busy; otherwise, the peer is told that it has lagged.
    #[cfg(feature = "server")]
    pub(super) fn restored(&mut self, outcome: Result<MessageId, &Error>, out: &mut Outbox) {
        let Progress::Restoring { after, .. } = self.progress else { return };
        self.progress = match outcome {
            Ok(next) => Progress::Replay(next),
            Err(Error::Busy) => Progress::Restoring { after, is_due: false },
            Err(_) => {
                rpc::write_event(&Event::Lagged, out.buffer());
                Progress::Unsubscribed
            }
        };
        self.committed = self.progress;
    }

    /// Whether a subscription could not be taken on, which is to be tried again later.
    #[cfg(feature = "server")]
    pub(super) fn wants_retry(&self) -> bool {
        matches!(self.progress, Progress::Restoring { is_due: false, .. })
    }

    #[cfg(feature = "server")]
    pub(super) fn is_restoring(&self) -> bool {
        matches!(self.progress, Progress::Restoring { .. })
    }

    #[cfg(feature = "server")]
    pub(super) fn retry(&mut self) {
        if let Progress::Restoring { is_due, .. } = &mut self.progress {
            *is_due = true;
        }
    }

    /// The last message that a subscriber was told of, as far as it is committed; `None` if there is no subscription.
    #[cfg(feature = "server")]
    pub(super) fn told_upto(&self) -> Option<MessageId> {
        match self.committed {
            Progress::Unsubscribed => None,
            Progress::Replay(last) | Progress::Live(last) | Progress::Restoring { after: last, .. } => Some(last),
        }
    }

    /// Whether nothing waits for a commit.
    #[cfg(feature = "server")]
    pub(super) fn is_settled(&self) -> bool {
        self.bound && !self.subscribing && self.progress == self.committed
    }

    /// Gives the replay up, because it could not be read. The peer is told that it has lagged.
    pub(super) fn fail_replay(&self) {
        self.mailbox.lag();
    }

    /// Does what had to wait until the turn was committed, whose answers are released. Returns `false` if the session has ended and
    /// is bound no longer.
    pub(super) fn commit(&mut self, chat: &Chat, waker: Option<&Waker>, out: &mut Outbox) -> bool {
        (self.committed, self.subscribing) = (self.progress, false);
        if !self.bound {
            self.bound = true;
            chat.bind(&self.mailbox);
            waker.into_iter().for_each(|waker| self.mailbox.set_waker(waker.clone()));
        }
        if !self.ended || !out.is_between_answers() {
            return true;
        }
        // What was committed before the session ended is told, as far as there is room.
        self.deliver(usize::MAX, out);
        rpc::write_event(&Event::Closed { reason: CloseReason::Ended }, out.buffer());
        out.release();
        false
    }

    /// Undoes what was done in a turn whose commit has failed. The thread must have no turn.
    pub(super) fn roll_back(&mut self, chat: &Chat) {
        if std::mem::take(&mut self.subscribing) {
            // The answer says that there is none, and the one before was replaced by it.
            if self.committed != Progress::Unsubscribed {
                self.mailbox.lag();
            }
            chat.unsubscribe(&self.mailbox);
        }
        self.progress = self.committed;
        if std::mem::take(&mut self.ended) {
            self.mailbox.have_checked();
        }
    }

    /// Appends the events that have come, as far as there is room. Nothing that waits for a commit may be in `out`.
    pub(super) fn deliver(&mut self, room: usize, out: &mut Outbox) {
        if !self.mailbox.is_ready() {
            return;
        }
        let room = room.min(EVENTS_UNSENT_BYTES);
        let progress = &mut self.progress;
        let lagged = self.mailbox.drain(|posted| {
            let Progress::Live(last) = progress else { return false };
            if out.len() >= room {
                return false;
            }
            if let Some(message) = posted.message() {
                if message <= *last {
                    return true;
                }
                *last = message;
            }
            out.buffer().extend_from_slice(posted.line());
            true
        });
        if lagged {
            self.progress = Progress::Unsubscribed;
            rpc::write_event(&Event::Lagged, out.buffer());
        }
        self.committed = self.progress;
        out.release();
    }

    /// Ends the subscription, if there is one, because the server stops.
    #[cfg(feature = "server")]
    pub(super) fn say_goodbye(&mut self, out: &mut Outbox) {
        // All that has come: the events that wait are bounded, and there will be no more.
        self.deliver(usize::MAX, out);
        if self.is_subscribed() {
            self.progress = Progress::Unsubscribed;
            self.committed = self.progress;
            rpc::write_event(&Event::Closed { reason: CloseReason::ServerStopping }, out.buffer());
            out.release();
        }
    }

    /// Whether events wait that could be delivered.
    pub(super) fn is_ready(&self) -> bool {
        let is_certain = !self.ended && !self.mailbox.needs_check();
        matches!(self.progress, Progress::Live(_)) && is_certain && self.mailbox.is_ready()
    }

    /// Has `waker` called when an event has come.
    pub(super) fn set_waker(&self, waker: &Waker) {
        self.mailbox.set_waker(waker.clone());
    }

    #[cfg(feature = "server")]
    pub(super) fn is_subscribed(&self) -> bool {
        self.progress != Progress::Unsubscribed
    }

    /// Whether the hub knows it.
    pub(super) fn is_bound(&self) -> bool {
        self.bound
    }
}

#[cfg(test)]
mod tests {
    use crate::connection::Connection;
    use crate::engine::Chat;
    use crate::outbox::Outbox;

    /// A message had come after it was in doubt whether the session still lived: a server tried to deliver it for ever, and served
    /// nobody else.
    #[test]
    fn what_may_not_be_delivered_is_not_ready() {
        let chat = Chat::memory();
        chat.add_demo_users().unwrap();
        let (messi, henderson) = (chat.open_session("messi").unwrap(), chat.open_session("henderson").unwrap());
        let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
        for request in [
            format!(r#"{{"jsonrpc":"2.0","method":"resume","params":{{"token":"{}"}}}}"#, messi.token()),
            r#"{"jsonrpc":"2.0","method":"subscribe"}"#.to_owned(),
            String::new(),
        ] {
            let _ = connection.receive(format!("{request}\n").as_bytes(), &mut out);
        }
        out.take();
        let elsewhere = chat.open_session("messi").unwrap();
        elsewhere.logout().unwrap();
        henderson.send("messi", "halo").unwrap();
        connection.deliver(&mut out);
        assert!(out.is_empty() && !connection.has_events(&out) && connection.needs_turn(&out));
        let _ = connection.receive(b"", &mut out);
        assert!(String::from_utf8(out.take()).unwrap().contains("halo"));
    }
}
