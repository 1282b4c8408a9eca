//! Who is told of what. After a commit, the hub reads the messages that the store has [committed](crate::store::Store::news), in
//! their order and whatever thread has committed them, and hands each to the [mailboxes](mailbox) of those who have subscribed
//! and are members; then come the [notices](super::notice) of the turn.
//!
//! The hub is locked while it reads the store and while it waits for [the rules' lock](Chat::lock_rules), so no thread may call it
//! within a turn, except for [`Chat::presence_of`].

mod audience;
pub(crate) mod mailbox;
mod presence;
mod stream;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::audience::Audience;
use self::mailbox::Posted;
pub(crate) use self::mailbox::{Intake, Mailbox};
use self::presence::Present;
pub(crate) use self::stream::EventStream;
use super::notice::{Noted, Notice};
use super::{Chat, Inner};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::limits::{SESSION_CHECK_MIN, SESSION_CHECKS};
use crate::model::{ConversationName, MessageId, UserName};
use crate::protocol::{Event, Presence};

/// What concerns all subscribers.
#[derive(Default)]
pub(super) struct Hub {
    /// How many mailboxes have a session bound, and how many of them have subscribed. Most chats are without any, and pay nothing.
    bound: AtomicUsize,
    subscribed: AtomicUsize,
    /// When the sessions of all mailboxes were to be looked at, in milliseconds.
    sessions_checked: AtomicU64,
    state: Mutex<State>,
    present: Mutex<Present>,
}

#[derive(Default)]
struct State {
    audience: Audience,
    /// All messages up to this one were handed out, if anybody has subscribed.
    published: MessageId,
    /// How many subscriptions have ended because they had lagged.
    lagged: u64,
}

/// What subscribers were told so far, and how many there are.
pub(super) struct Told {
    pub(super) online: u64,
    pub(super) subscribers: u64,
    pub(super) events: u64,
    pub(super) lagged: u64,
}

impl Chat {
    /// Tells whoever has to know of what was committed: messages, if there are some, and notices. The thread must have no turn.
    pub(super) fn publish(&self, has_messages: bool, notices: Vec<Noted>) {
        let Self { inner } = self;
        let hub = &inner.hub;
        if !has_messages && notices.is_empty() {
            return;
        }
        let is_heard = hub.subscribed.load(Ordering::SeqCst) > 0;
        if !is_heard && (notices.is_empty() || hub.bound.load(Ordering::SeqCst) == 0) {
            self.forget_room_changes(&notices);
            return;
        }
        let mut left = Vec::new();
        let mut state = hub.lock();
        if is_heard && let Err(problem) = self.publish_messages(&mut state) {
            let reason: &dyn std::error::Error = &problem;
            tracing::error!(reason, "messages could not be read for their subscribers, whose subscriptions end");
            state.audience.lag_all();
        }
        for noted in notices {
            match noted.notice {
                Notice::Unsubscribe { mailbox } => left.extend(self.end_subscription(&mut state, &mailbox)),
                Notice::Room { room, number } => {
                    let changes = self.lock_rules().upto(&room, number);
                    changes.into_iter().for_each(|changed| state.audience.tell_room_change(changed));
                }
                _ => state.audience.tell(noted),
            }
        }
        left.extend(self.end_lagged(&mut state));
        drop(state);
        self.announce_presence(left, None);
    }

    /// As [`publish`](Self::publish), after a commit of which nobody knows whether it has worked: there may be messages, sessions
    /// may have ended, and who has subscribed may be in other rooms.
    pub(super) fn publish_unknown(&self, has_messages: bool, notices: &[Noted]) {
        self.publish(has_messages, Vec::new());
        self.forget_room_changes(notices);
        let mut state = self.inner.hub.lock();
        for noted in notices {
            match &noted.notice {
                Notice::Room { .. } => state.audience.lag_all(),
                Notice::SessionsEnded { user } => state.audience.check_sessions_of(user),
                _ => {}
            }
        }
        let left = self.end_lagged(&mut state);
        drop(state);
        self.announce_presence(left, None);
    }

    /// Ends the subscriptions that have lagged. Returns the users whose last ones they were.
    fn end_lagged(&self, state: &mut State) -> Vec<UserName> {
        let lagged = state.audience.take_lagged();
        // They only change while the hub is locked, as it is.
        let subscribed = || self.inner.hub.subscribed.load(Ordering::SeqCst);
        let before = subscribed();
        let left = lagged.into_iter().filter_map(|mailbox| self.end_subscription(state, &mailbox)).collect();
        state.lagged += (before - subscribed()) as u64;
        left
    }

    /// Has a mailbox told when its session ends.
    pub(crate) fn bind(&self, mailbox: &Arc<Mailbox>) {
        let hub = &self.inner.hub;
        hub.bound.fetch_add(1, Ordering::SeqCst);
        hub.lock().audience.bind(mailbox);
        // It may have ended before this.
        mailbox.have_checked();
    }

    /// Ends what concerns a mailbox. The thread must have no turn.
    pub(crate) fn unbind(&self, mailbox: &Arc<Mailbox>) {
        let hub = &self.inner.hub;
        let mut state = hub.lock();
        let left = self.end_subscription(&mut state, mailbox);
        if state.audience.unbind(mailbox) {
            hub.bound.fetch_sub(1, Ordering::SeqCst);
        }
        drop(state);
        self.announce_presence(left.into_iter().collect(), None);
    }

    /// Subscribes a mailbox that is bound. With `after`, it takes no messages in yet: they are to be read from there. Returns where
    /// the messages begin that it will be told of, or where to read from. The thread must have no turn.
    pub(crate) fn subscribe(&self, mailbox: &Arc<Mailbox>, after: Option<MessageId>) -> Result<MessageId, Error> {
        let Self { inner } = self;
        let (hub, store) = (&inner.hub, &*inner.config.store);
        let mut state = hub.lock();
        let again = mailbox.is_subscribed();
        let was_there = self.end_subscription(&mut state, mailbox).is_some();
        if !state.audience.begin(mailbox) {
            // Its connection has gone.
            return Err(Error::NoSuchSession);
        }
        // In this order: whoever has committed before and seen nobody need not be waited for.
        if hub.subscribed.fetch_add(1, Ordering::SeqCst) == 0 {
            state.published = store.last_message();
        }
        mailbox.open_intake(if after.is_some() { Intake::AllButMessages } else { Intake::Everything });
        let came = hub.present().arrive(&mailbox.user);
        drop(state);
        // From here on, it is told of rooms that its user joins or leaves.
        let rooms = self.durably(|batch| batch.rooms_of(mailbox.user.as_str(), "", usize::MAX));
        let rooms = match rooms {
            Ok(rooms) => rooms,
            Err(problem) => {
                if again {
                    // The one before was replaced.
                    mailbox.lag();
                }
                self.unsubscribe(mailbox);
                return Err(problem);
            }
        };
        let rooms = rooms.into_iter().filter(|(_, standing)| standing.is_member()).map(|(room, _)| room.name);
        let mut state = hub.lock();
        state.audience.enter(mailbox, rooms);
        let last = store.last_message();
        drop(state);
        if came && !was_there {
            self.announce_presence(vec![mailbox.user.clone()], Some(mailbox));
        }
        Ok(after.map_or(last, |after| after.min(last)))
    }

    /// Ends a subscription that its owner takes for over. The thread must have no turn.
    pub(crate) fn unsubscribe(&self, mailbox: &Arc<Mailbox>) {
        let left = self.end_subscription(&mut self.inner.hub.lock(), mailbox);
        self.announce_presence(left.into_iter().collect(), None);
    }

    /// Whether the session of a mailbox has ended. If it has subscribed, it is used by that. The thread must have no turn.
    fn has_ended(&self, mailbox: &Mailbox) -> Result<bool, Error> {
        self.in_turn(|turn| Ok(turn.has_ended(mailbox)))
    }

    /// Has the owners of all mailboxes look now and then whether their sessions still live. Listening is a use of a session, and
    /// who only listens sends no commands. The thread must have no turn.
    pub(super) fn check_sessions(&self, now: Timestamp) {
        let hub = &self.inner.hub;
        let last = hub.sessions_checked.load(Ordering::Relaxed);
        let is_due = now.as_millis() < last || now.since(Timestamp::from_millis(last)) >= self.session_check_interval();
        let take =
            || hub.sessions_checked.compare_exchange(last, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed);
        if is_due && take().is_ok() && hub.bound.load(Ordering::SeqCst) > 0 {
            hub.lock().audience.have_sessions_checked();
        }
    }

    /// How often [`have_sessions_checked`](Self::have_sessions_checked) should be called, if nothing happens in the chat.
    pub(crate) fn session_check_interval(&self) -> Duration {
        (self.limits().session_idle / SESSION_CHECKS).max(SESSION_CHECK_MIN)
    }

    /// Has sessions looked at if it is time. Every turn does so, and this is one in which nothing happens.
    pub(crate) fn have_sessions_checked(&self) -> Result<(), Error> {
        self.durably(|_| Ok(()))
    }

    /// Whether a user is there. May be called within a turn.
    pub(super) fn presence_of(&self, user: &UserName) -> Presence {
        self.inner.hub.present().of(user)
    }

    /// Forgets what was published, and reads the epoch again, because the store has other content. The thread must have no turn.
    pub(super) fn refresh_store(&self) {
        self.inner.refresh_epoch();
        let last = self.inner.config.store.last_message();
        self.inner.hub.lock().published = last;
    }

    /// Ends all subscriptions, because what was missed cannot be told. The thread must have no turn.
    #[cfg(feature = "sqlite")]
    pub(super) fn lag_all(&self) {
        let mut state = self.inner.hub.lock();
        state.audience.lag_all();
        let left = self.end_lagged(&mut state);
        drop(state);
        self.announce_presence(left, None);
    }

    /// Tells the direct partners of each user, and the user's own subscribers but for `origin`, whether the user is there. The thread
    /// must have no turn.
    fn announce_presence(&self, mut users: Vec<UserName>, mut origin: Option<&Arc<Mailbox>>) {
        let hub = &self.inner.hub;
        while let Some(user) = users.pop() {
            let partners = match self.partners(&user) {
                Ok(partners) => partners,
                // The owner of the cluster, which is another server by now, tells them.
                Err(Error::Busy) => continue,
                Err(problem) => {
                    let reason: &dyn std::error::Error = &problem;
                    tracing::warn!(%user, reason, "nobody could be told whether this user is there");
                    continue;
                }
            };
            let mut state = hub.lock();
            // As it is now: another thread may have announced something newer.
            let presence = hub.present().of(&user);
            state.audience.tell_presence(&user, presence, &partners, origin.take());
            users.extend(self.end_lagged(&mut state));
        }
    }

    /// Whom a user has a direct conversation with, but for those who are not to know whether the user is there.
    fn partners(&self, user: &UserName) -> Result<Vec<UserName>, Error> {
        // It is not committed: it has changed nothing, and would wait for the disk because of what others have changed.
        let batch = &mut *self.begin().batch;
        let mut partners = Vec::new();
        for state in batch.conversations(user.as_str())? {
            let ConversationName::User(partner) = state.with else { continue };
            let hidden = batch.is_blocked(user.as_str(), partner.as_str())?
                || batch.is_blocked(partner.as_str(), user.as_str())?;
            if !hidden && partner != *user {
                partners.push(partner);
            }
        }
        Ok(partners)
    }

    /// Hands out all messages that were committed since the last time, and of changes of rooms what came before them.
    fn publish_messages(&self, state: &mut State) -> Result<(), Error> {
        let store = &*self.inner.config.store;
        loop {
            let news = store.news(state.published)?;
            for message in news.messages {
                if let ConversationName::Room(room) = &message.to {
                    let changes = self.lock_rules().before(room, message.id);
                    changes.into_iter().for_each(|changed| state.audience.tell_room_change(changed));
                }
                state.audience.tell_message(message);
            }
            if news.upto <= state.published {
                return Ok(());
            }
            state.published = news.upto;
            if state.published >= store.last_message() {
                return Ok(());
            }
        }
    }

    /// Tells all that have subscribed, and returns how many there are. The thread must have no turn.
    pub(super) fn tell_all(&self, event: Event) -> usize {
        let mut state = self.inner.hub.lock();
        let posted = Posted::new(&state.audience.held, event);
        let told = state.audience.tell_all(&posted);
        let left = self.end_lagged(&mut state);
        drop(state);
        self.announce_presence(left, None);
        told
    }

    /// Drops the changes of rooms among notices that nobody is told of.
    pub(super) fn forget_room_changes(&self, notices: &[Noted]) {
        for noted in notices {
            if let Notice::Room { room, number } = &noted.notice {
                self.lock_rules().forget(room, *number);
            }
        }
    }

    /// Ends a subscription, if there is one. Returns the user, if that was the last one.
    fn end_subscription(&self, state: &mut State, mailbox: &Arc<Mailbox>) -> Option<UserName> {
        let Inner { hub, config, .. } = &*self.inner;
        mailbox.close_intake();
        if !state.audience.end(mailbox) {
            return None;
        }
        hub.subscribed.fetch_sub(1, Ordering::SeqCst);
        hub.present().leave(&mailbox.user, config.clock.now()).then(|| mailbox.user.clone())
    }
}

impl Hub {
    pub(super) fn told(&self) -> Told {
        let (events, lagged) = {
            let state = self.lock();
            (state.audience.events(), state.lagged)
        };
        let subscribers = self.subscribed.load(Ordering::SeqCst) as u64;
        Told { online: self.present().users() as u64, subscribers, events, lagged }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never held while anything else is locked or read.
    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Config;
    use crate::limits::Limits;

    #[test]
    fn nothing_is_left_of_those_who_have_gone() {
        let limits = Limits { events_bytes: 2000, ..Limits::default() };
        let chat = Chat::new(Config { limits, ..Config::default() });
        chat.add_demo_users().unwrap();
        let sessions = ["messi", "henderson", "lineker"].map(|user| chat.open_session(user).unwrap());
        for round in 0..50_usize {
            let streams: Vec<_> = (0..6).map(|place| sessions[(round + place) % 3].events().unwrap()).collect();
            let owner = &sessions[round % 3];
            for (number, session) in sessions.iter().enumerate() {
                let room = format!("#{number}");
                owner.create_room(&room, "", true).unwrap();
                session.join_room(&room).unwrap();
                session.send(&room, "halo").unwrap();
                session.send(owner.user(), &"x".repeat(round * 20)).unwrap();
                session.leave_room(&room).ok();
            }
            drop(streams);
            (0..3).for_each(|number| owner.delete_room(&format!("#{number}")).unwrap());
        }
        let hub = &chat.inner.hub;
        assert!(hub.lock().audience.is_empty());
        assert!(hub.present().is_empty());
        assert!(chat.lock_rules().is_empty());
        assert_eq!((hub.bound.load(Ordering::SeqCst), hub.subscribed.load(Ordering::SeqCst)), (0, 0));
    }
}
