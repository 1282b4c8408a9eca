//! Whether a [`History`] could be that of one chat that loses nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::history::{History, Message, Name, Outcome, Send, Time};

mod messages;
mod reads;
mod sessions;
#[cfg(test)]
mod tests;

/// What a history breaks.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Rule {
    /// What was acknowledged is there once.
    AcknowledgedOnce,
    /// What was refused is not there.
    RefusedNever,
    /// What nobody knows is there once at most.
    UnknownAtMostOnce,
    /// Nothing is there that nobody sent, and it is where it was sent to.
    Sent,
    /// What a client may be refused with while a machine dies.
    Refusal,
    /// A repetition under the same key is told the same.
    Key,
    /// An id is of one message for ever.
    IdReused,
    /// Ids ascend in the order in which messages were acknowledged, and were sent over one connection.
    Order,
    /// A read has all that was acknowledged, or that anybody has read, before it began.
    StaleRead,
    /// What anybody has seen is there at the end.
    Vanished,
    /// Messages are in one inbox, and in the first one after they were acknowledged.
    Inbox,
    /// A subscriber is told of every message once, in order.
    Subscriber,
    /// A token is good for nothing after its logout.
    DeadSession,
    /// A token is good until its logout.
    LostSession,
    /// It is the same chat all the time.
    Epoch,
}

/// A rule that is broken, and how.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    what: String,
}

/// How it is broken.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// All that is wrong with a history; nothing, if all is well.
pub(crate) fn judge(history: &History) -> Vec<Violation> {
    let case = Case::new(history);
    let mut verdict = Verdict(Vec::new());
    messages::ids(&case, &mut verdict);
    messages::outcomes(&case, &mut verdict);
    messages::order(&case, &mut verdict);
    reads::stale(&case, &mut verdict);
    reads::inboxes(&case, &mut verdict);
    reads::subscribers(&case, &mut verdict);
    sessions::sessions(history, &mut verdict);
    verdict.0
}

/// What is found.
struct Verdict(Vec<Violation>);

impl Verdict {
    fn add(&mut self, rule: Rule, what: String) {
        self.0.push(Violation { rule, what });
    }
}

/// A history with what all rules need of it.
struct Case<'a> {
    history: &'a History,
    /// What was read at the end.
    last: BTreeMap<u64, Message>,
    /// The same by name. More than one id is too many.
    places: BTreeMap<Name, BTreeSet<u64>>,
    /// The requests for each message, in order.
    requests: BTreeMap<Name, Vec<&'a Send>>,
    /// From when on everybody must see a message: it was acknowledged, or somebody has seen it.
    known: BTreeMap<u64, Time>,
}

impl<'a> Case<'a> {
    fn new(history: &'a History) -> Self {
        let read_last = history.reads.iter().filter(|read| read.last).flat_map(|read| &read.messages);
        let last: BTreeMap<u64, Message> = read_last.map(|message| (message.id, *message)).collect();
        let mut places = BTreeMap::<Name, BTreeSet<u64>>::new();
        for message in last.values() {
            places.entry(message.name).or_default().insert(message.id);
        }
        let mut requests = BTreeMap::<Name, Vec<&Send>>::new();
        for send in &history.sends {
            requests.entry(send.name).or_default().push(send);
        }
        requests.values_mut().for_each(|requests| requests.sort_by_key(|send| send.began));
        let mut case = Self { history, last, places, requests, known: BTreeMap::new() };
        case.known = case.known();
        case
    }

    fn known(&self) -> BTreeMap<u64, Time> {
        let acknowledged = self.acknowledged().filter_map(|send| Some((self.id(send)?, send.ended)));
        let mut known = BTreeMap::<u64, Time>::new();
        for (id, time) in acknowledged.chain(self.seen().map(|(time, message)| (message.id, time))) {
            known.entry(id).and_modify(|first| *first = time.min(*first)).or_insert(time);
        }
        known
    }

    /// All messages that anybody was shown with their ids, and when.
    fn seen(&self) -> impl Iterator<Item = (Time, &Message)> {
        let read = self.history.reads.iter();
        let read = read.flat_map(|read| read.messages.iter().map(|message| (read.ended, message)));
        let heard = self.history.subscribers.iter().flat_map(|subscriber| &subscriber.heard);
        read.chain(heard.map(|(time, message)| (*time, message)))
    }

    fn acknowledged(&self) -> impl Iterator<Item = &'a Send> + use<'a> {
        self.history.sends.iter().filter(|send| matches!(send.outcome, Outcome::Acknowledged(_)))
    }

    /// The id that a request was told, or that its message has.
    fn id(&self, send: &Send) -> Option<u64> {
        let place = || self.places.get(&send.name)?.first().copied();
        if let Outcome::Acknowledged(Some(id)) = send.outcome { Some(id) } else { place() }
    }
}
