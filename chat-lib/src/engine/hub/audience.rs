//! The mailboxes that an event goes into: those of the two users of a direct conversation, or of the members of a room.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::mailbox::{Mailbox, Posted};
use crate::engine::Budget;
use crate::engine::notice::{Noted, Notice};
use crate::engine::room_changes::Changed;
use crate::model::{ConversationName, HistoryMessage, MessageId, RoomName, UserName};
use crate::protocol::{Event, Presence, RoomChange};
use crate::store::NewsMessage;

/// All mailboxes, by whom they belong to and what they hear.
#[derive(Default)]
pub(super) struct Audience {
    users: HashMap<UserName, Vec<Listener>>,
    /// The mailboxes that have subscribed, by the rooms that their users are in, each with the message after which it hears the room.
    rooms: HashMap<RoomName, Vec<(Arc<Mailbox>, MessageId)>>,
    deliveries: Deliveries,
    /// What the events in mailboxes take together.
    pub(super) held: Budget,
}

/// What became of the events that were posted.
#[derive(Default)]
struct Deliveries {
    /// How many were put into mailboxes.
    events: u64,
    /// Mailboxes whose subscriptions have ended because they were full.
    lagged: Vec<Arc<Mailbox>>,
}

impl Deliveries {
    fn post(&mut self, mailbox: &Arc<Mailbox>, posted: &Arc<Posted>) {
        match mailbox.post(posted) {
            true => self.events += 1,
            false => self.lagged.push(Arc::clone(mailbox)),
        }
    }
}

/// A mailbox to which a session is bound.
struct Listener {
    mailbox: Arc<Mailbox>,
    subscribed: bool,
    /// The rooms that have it in their lists.
    rooms: HashSet<RoomName>,
    /// Between [`Audience::begin`] and [`Audience::enter`], the rooms that its user has joined or left.
    changed: Option<HashSet<RoomName>>,
}

impl Audience {
    pub(super) fn bind(&mut self, mailbox: &Arc<Mailbox>) {
        let listener =
            Listener { mailbox: Arc::clone(mailbox), subscribed: false, rooms: HashSet::new(), changed: None };
        self.users.entry(mailbox.user.clone()).or_default().push(listener);
    }

    /// Forgets a mailbox whose subscription was ended. `false` if it is not known.
    pub(super) fn unbind(&mut self, mailbox: &Arc<Mailbox>) -> bool {
        let Some(listeners) = self.users.get_mut(&mailbox.user) else { return false };
        let before = listeners.len();
        listeners.retain(|listener| !Arc::ptr_eq(&listener.mailbox, mailbox));
        let found = listeners.len() < before;
        if listeners.is_empty() {
            self.users.remove(&mailbox.user);
        }
        found
    }

    /// Begins a subscription: the mailbox hears its user's direct conversations, and of rooms that the user joins. `false` if it
    /// is not known.
    pub(super) fn begin(&mut self, mailbox: &Arc<Mailbox>) -> bool {
        let Some(listener) = self.listener(mailbox) else { return false };
        listener.subscribed = true;
        listener.changed = Some(HashSet::new());
        true
    }

    /// Adds the rooms that the user was in when the subscription had begun.
    pub(super) fn enter(&mut self, mailbox: &Arc<Mailbox>, rooms: impl Iterator<Item = RoomName>) {
        let Some(listener) = self.listener(mailbox) else { return };
        let changed = listener.changed.take().unwrap_or_default();
        let rooms: Vec<_> =
            rooms.filter(|room| !changed.contains(room) && listener.rooms.insert(room.clone())).collect();
        for room in rooms {
            self.rooms.entry(room).or_default().push((Arc::clone(mailbox), MessageId::NONE));
        }
    }

    /// Ends a subscription. `false` if there is none.
    pub(super) fn end(&mut self, mailbox: &Arc<Mailbox>) -> bool {
        let Some(listener) = self.listener(mailbox).filter(|listener| listener.subscribed) else { return false };
        listener.subscribed = false;
        listener.changed = None;
        for room in std::mem::take(&mut listener.rooms) {
            self.leave(&room, |member| Arc::ptr_eq(member, mailbox));
        }
        true
    }

    /// Takes out the mailboxes whose subscriptions have ended because they were full.
    pub(super) fn take_lagged(&mut self) -> Vec<Arc<Mailbox>> {
        std::mem::take(&mut self.deliveries.lagged)
    }

    /// How many events were put into mailboxes.
    pub(super) fn events(&self) -> u64 {
        self.deliveries.events
    }

    /// Ends all subscriptions because of what cannot be told.
    pub(super) fn lag_all(&mut self) {
        for listener in self.users.values().flatten().filter(|listener| listener.subscribed) {
            listener.mailbox.lag();
            self.deliveries.lagged.push(Arc::clone(&listener.mailbox));
        }
    }

    /// Has the owners of all mailboxes look whether their sessions still live.
    pub(super) fn have_sessions_checked(&self) {
        self.users.values().flatten().for_each(|listener| listener.mailbox.have_checked());
    }

    /// Hands a message to whoever hears its conversation.
    pub(super) fn tell_message(&mut self, message: NewsMessage) {
        let NewsMessage { id, to, from, time, text, key, deleted } = message;
        let sender = from.user().clone();
        let held = self.held.clone();
        let view = |with: ConversationName, text: String, key| {
            let message =
                HistoryMessage { key, deleted, ..HistoryMessage::new(id, with, Arc::clone(&from), time, text) };
            Posted::new(&held, Event::Message(message))
        };
        match to {
            ConversationName::Room(room) => {
                let Some(members) = self.rooms.get(&room) else { return };
                // Only the sender sees the key.
                let own = key.map(|key| view(room.clone().into(), text.clone(), Some(key)));
                let posted = view(room.into(), text, None);
                for (mailbox, after) in members {
                    let own = own.as_ref().filter(|_| mailbox.user == sender);
                    if id > *after {
                        self.deliveries.post(mailbox, own.unwrap_or(&posted));
                    }
                }
            }
            ConversationName::User(reader) if reader == sender => {
                if self.hears(&reader) {
                    let posted = view(reader.clone().into(), text, key);
                    self.post(&reader, &posted, None);
                }
            }
            ConversationName::User(reader) => {
                let copy = self.hears(&sender).then(|| text.clone());
                if self.hears(&reader) {
                    let posted = view(sender.clone().into(), text, None);
                    self.post(&reader, &posted, None);
                }
                if let Some(text) = copy {
                    let posted = view(reader.into(), text, key);
                    self.post(&sender, &posted, None);
                }
            }
        }
    }

    /// Tells whoever has to know of something else.
    pub(super) fn tell(&mut self, noted: Noted) {
        let Noted { notice, origin } = noted;
        let origin = origin.as_ref();
        match notice {
            Notice::Read { user, with, upto } => {
                if let ConversationName::User(partner) = &with
                    && *partner != user
                {
                    let seen = Event::Read { with: user.clone().into(), user: user.clone(), upto };
                    self.post(partner, &Posted::new(&self.held, seen), origin);
                }
                let own = Event::Read { with, user: user.clone(), upto };
                self.post(&user, &Posted::new(&self.held, own), origin);
            }
            Notice::Typing { user, with } => match with {
                ConversationName::User(partner) => {
                    let event = Event::Typing { with: user.clone().into(), user };
                    self.post(&partner, &Posted::new(&self.held, event), origin);
                }
                ConversationName::Room(room) => {
                    let posted =
                        Posted::new(&self.held, Event::Typing { with: room.clone().into(), user: user.clone() });
                    // The user's own connections need not be told.
                    self.post_to_room(&room, &posted, |member| member.user != user);
                }
            },
            Notice::Deleted { user, with, id } => match with {
                ConversationName::Room(room) => {
                    let posted = Posted::new(&self.held, Event::Deleted { with: room.clone().into(), id });
                    self.post_to_room(&room, &posted, |_| true);
                }
                ConversationName::User(partner) => {
                    if partner != user {
                        let posted = Posted::new(&self.held, Event::Deleted { with: user.clone().into(), id });
                        self.post(&partner, &posted, None);
                    }
                    self.post(&user, &Posted::new(&self.held, Event::Deleted { with: partner.into(), id }), None);
                }
            },
            Notice::SessionsEnded { user } => self.check_sessions_of(&user),
            // They change who hears what, and are done by the hub.
            Notice::Room { .. } | Notice::Unsubscribe { .. } => {}
        }
    }

    /// Tells all mailboxes that have subscribed, and returns how many there are.
    pub(super) fn tell_all(&mut self, posted: &Arc<Posted>) -> usize {
        let mut told = 0;
        for Listener { mailbox, .. } in self.users.values().flatten().filter(|listener| listener.subscribed) {
            told += 1;
            self.deliveries.post(mailbox, posted);
        }
        told
    }

    /// Has the mailboxes of a user look whether their sessions still live.
    pub(super) fn check_sessions_of(&self, user: &UserName) {
        let listeners = self.users.get(user);
        listeners.into_iter().flatten().for_each(|listener| listener.mailbox.have_checked());
    }

    /// Tells whether a user is there: `partners`, and the user's own mailboxes, but not the one that `origin` is.
    pub(super) fn tell_presence(
        &mut self,
        user: &UserName,
        presence: Presence,
        partners: &[UserName],
        origin: Option<&Arc<Mailbox>>,
    ) {
        let Presence { online, last_seen } = presence;
        let posted = Posted::new(&self.held, Event::Presence { user: user.clone(), online, last_seen });
        for listener in partners.iter().chain([user]) {
            self.post(listener, &posted, origin);
        }
    }

    /// Tells of a change of a room, and takes it into account.
    pub(super) fn tell_room_change(&mut self, changed: Changed) {
        let Changed { room, change, user, by, since } = changed;
        let posted = Posted::new(&self.held, Event::Room { room: room.clone(), change, user: user.clone(), by });
        for listener in self.users.get_mut(&user).into_iter().flatten().filter(|listener| listener.subscribed) {
            match change {
                RoomChange::Created | RoomChange::Joined if listener.rooms.insert(room.clone()) => {
                    let member = (Arc::clone(&listener.mailbox), since);
                    self.rooms.entry(room.clone()).or_default().push(member);
                }
                // These are told, and are no members.
                _ if !listener.rooms.contains(&room) => {
                    listener.mailbox.post(&posted);
                }
                _ => {}
            }
            if let Some(changed) = &mut listener.changed {
                changed.insert(room.clone());
            }
        }
        self.post_to_room(&room, &posted, |_| true);
        match change {
            RoomChange::Left | RoomChange::Removed => {
                for listener in self.users.get_mut(&user).into_iter().flatten() {
                    listener.rooms.remove(&room);
                }
                self.leave(&room, |member| member.user == user);
            }
            RoomChange::Deleted => {
                for (mailbox, _) in self.rooms.remove(&room).unwrap_or_default() {
                    if let Some(listener) = self.listener(&mailbox) {
                        listener.rooms.remove(&room);
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes mailboxes off the list of a room.
    fn leave(&mut self, room: &RoomName, who: impl Fn(&Arc<Mailbox>) -> bool) {
        if let Some(members) = self.rooms.get_mut(room) {
            members.retain(|(member, _)| !who(member));
            if members.is_empty() {
                self.rooms.remove(room);
            }
        }
    }

    /// Puts an event into all mailboxes of a user that have subscribed, but not into that of its `origin`.
    fn post(&mut self, user: &UserName, posted: &Arc<Posted>, origin: Option<&Arc<Mailbox>>) {
        let listeners = self.users.get(user).into_iter().flatten().filter(|listener| listener.subscribed);
        for Listener { mailbox, .. } in listeners {
            if !origin.is_some_and(|origin| Arc::ptr_eq(origin, mailbox)) {
                self.deliveries.post(mailbox, posted);
            }
        }
    }

    fn post_to_room(&mut self, room: &RoomName, posted: &Arc<Posted>, hears: impl Fn(&Mailbox) -> bool) {
        let members = self.rooms.get(room).into_iter().flatten();
        for (mailbox, _) in members.filter(|(mailbox, _)| hears(mailbox)) {
            self.deliveries.post(mailbox, posted);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.rooms.is_empty() && self.deliveries.lagged.is_empty()
    }

    /// Whether a user has subscribed.
    fn hears(&self, user: &UserName) -> bool {
        self.users.get(user).is_some_and(|listeners| listeners.iter().any(|listener| listener.subscribed))
    }

    fn listener(&mut self, mailbox: &Arc<Mailbox>) -> Option<&mut Listener> {
        let listeners = self.users.get_mut(&mailbox.user)?;
        listeners.iter_mut().find(|listener| Arc::ptr_eq(&listener.mailbox, mailbox))
    }
}
