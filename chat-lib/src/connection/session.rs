//! The session of a connection, and its events: binding and unbinding it as replies say, and delivering what comes.

use std::sync::Arc;
use std::task::Waker;

use super::live::Live;
use super::{Connection, Pending};
use crate::engine::{Job, Mailbox, Turn};
use crate::outbox::Outbox;
use crate::protocol::{CloseReason, Event, Reply, rpc};

impl Connection {
    /// Does for the connection what a reply of protocol 2 says.
    pub(super) fn follow(&mut self, reply: &Reply, turn: &mut Turn<'_>, out: &mut Outbox) {
        match (reply, &mut self.live) {
            (Reply::LoggedIn(login) | Reply::Registered(login), _) => {
                let capacity = self.chat.limits().events_bytes;
                let mailbox = Mailbox::new(login.user.user().clone(), login.token.id(), capacity);
                self.origin.bound = Some(Arc::clone(&mailbox));
                turn.origin = self.origin.bound.clone();
                self.replace(Some(Box::new(Live::new(mailbox))));
            }
            (Reply::LoggedOut, _) => {
                self.origin.bound = None;
                turn.origin = None;
                rpc::write_event(&Event::Closed { reason: CloseReason::Ended }, out.buffer());
                self.replace(None);
            }
            (Reply::Subscribed { next }, Some(live)) => live.subscribed(*next),
            (Reply::Unsubscribed, Some(live)) => live.unsubscribed(),
            _ => {}
        }
    }

    fn replace(&mut self, live: Option<Box<Live>>) {
        let before = std::mem::replace(&mut self.live, live);
        // Of those that the turn has bound itself, the hub knows nothing.
        if let Some(before) = before.filter(|before| before.is_bound()) {
            self.replaced = Some(before);
        }
    }

    /// Has `waker` called when the connection should have a turn, although nothing was received: an event has come, or the
    /// session has ended. Call [`receive`](Self::receive) or [`step`](Self::step) then, without bytes; it may be called from any
    /// thread, and must do no more than wake: others wait meanwhile, and calling the chat would wait for ever. Without a waker,
    /// events wait for the next turn.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use std::task::Wake;
    ///
    /// use chat_lib::{Chat, Connection, Outbox};
    ///
    /// #[derive(Default)]
    /// struct Flag(AtomicBool);
    ///
    /// impl Wake for Flag {
    ///     fn wake(self: Arc<Self>) {
    ///         self.0.store(true, Ordering::Release);
    ///     }
    /// }
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let (flag, mut out) = (Arc::new(Flag::default()), Outbox::new(&chat));
    /// let mut connection = Connection::new(chat.clone());
    /// connection.set_waker(Arc::clone(&flag).into());
    /// for request in [
    ///     r#"{"jsonrpc":"2.0","id":1,"method":"login","params":{"user":"messi","password":"surabaya"}}"#,
    ///     r#"{"jsonrpc":"2.0","id":2,"method":"subscribe"}"#,
    /// ] {
    ///     let line = format!("{request}\n");
    ///     assert_eq!(connection.receive(line.as_bytes(), &mut out), line.len());
    /// }
    /// out.take();
    ///
    /// chat.login("henderson", "surabaya")?.send("messi", "halo")?;
    /// assert!(flag.0.swap(false, Ordering::Acquire));
    /// assert_eq!(connection.receive(b"", &mut out), 0);
    /// assert!(out.output().starts_with(br#"{"jsonrpc":"2.0","method":"message","params":{"#));
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    pub fn set_waker(&mut self, waker: Waker) {
        if let Some(live) = &self.live {
            live.set_waker(&waker);
        }
        self.waker = Some(waker);
    }

    /// Whether [`receive`](Self::receive) or [`step`](Self::step) would do something without bytes: messages are to be read for a
    /// subscription, events wait and there is room for them in `out`, or it is time to look whether the session still lives. It may
    /// become so when the waker is called, and when something was sent from `out`.
    pub fn wants_turn(&self, out: &Outbox) -> bool {
        self.needs_turn(out) || self.has_events(out)
    }

    /// Whether it needs a turn, although nothing was received.
    pub(crate) fn needs_turn(&self, out: &Outbox) -> bool {
        let live = self.live.as_ref().filter(|_| !self.is_over() && self.pending == Pending::Nothing);
        let room = if self.is_leaving { 0 } else { self.chat.answer_room() };
        live.is_some_and(|live| live.needs_turn(room, out))
    }

    /// Whether events wait, and nothing that has to be sent before them.
    pub(crate) fn has_events(&self, out: &Outbox) -> bool {
        !self.is_over() && out.is_empty() && self.live.as_ref().is_some_and(|live| live.is_ready())
    }

    /// Whether somebody has to call it when an event comes, and it does not know whom.
    #[cfg(feature = "server")]
    pub(crate) fn lacks_waker(&self) -> bool {
        self.waker.is_none() && self.live.is_some()
    }

    pub(super) fn commit_live(&mut self, out: &mut Outbox) {
        if let Some(before) = self.replaced.take() {
            self.chat.unbind(before.mailbox());
        }
        if let Some(live) = &mut self.live
            && !live.commit(&self.chat, self.waker.as_ref(), out)
        {
            self.chat.unbind(live.mailbox());
            self.live = None;
        }
    }

    /// Appends events that have come, as far as there is room; they can be sent at once. The thread must have no turn.
    pub(crate) fn deliver(&mut self, out: &mut Outbox) {
        if let Some(live) = &mut self.live
            && self.over.is_none()
            && out.is_between_answers()
        {
            live.deliver(self.chat.answer_room(), out);
        }
    }

    /// Reads on for the subscription, if its turn has come.
    pub(super) fn replay(&mut self, room: usize, out: &Outbox) -> Option<Job> {
        let job = self.live.as_ref().filter(|_| !self.is_leaving)?.replay(&self.chat, room, out)?;
        self.pending = Pending::Page;
        Some(job)
    }

    /// Prepares for the server's end: nothing more is replayed.
    #[cfg(feature = "server")]
    pub(crate) fn leave(&mut self) {
        self.is_leaving = true;
    }

    /// Tells a subscriber that the server stops, after the events that have come. The thread must have no turn.
    #[cfg(feature = "server")]
    pub(crate) fn say_goodbye(&mut self, out: &mut Outbox) {
        if self.over.is_some() || !out.is_between_answers() {
            return;
        }
        if let Some(live) = &mut self.live {
            live.say_goodbye(out);
        } else if self.is_subscribed() {
            rpc::write_event(&Event::Closed { reason: CloseReason::ServerStopping }, out.buffer());
            out.release();
            self.away = None;
        }
    }
}
