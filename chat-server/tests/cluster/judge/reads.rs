//! What those are told who read and listen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Case, Rule, Verdict};
use crate::history::{Conversation, Inbox, Message, Name, Outcome, Read, Time, User};

/// How long a request that nobody waits for any more may still be under way to the owner. Much longer than it takes, as what is sent then
/// cannot be told from what is lost.
const UNDER_WAY: Duration = Duration::from_secs(20);

/// Each page has all that must be seen when it was asked for.
pub(super) fn stale(case: &Case<'_>, verdict: &mut Verdict) {
    // By id, with the earliest moment from which on this or any later one must be seen.
    let mut ids: Vec<(u64, Time, Time)> = case.known.iter().map(|(id, known)| (*id, *known, *known)).collect();
    let mut earliest = Time::MAX;
    for (_, known, from_here) in ids.iter_mut().rev() {
        earliest = earliest.min(*known);
        *from_here = earliest;
    }
    for read in &case.history.reads {
        let found: BTreeSet<u64> = read.messages.iter().map(|message| message.id).collect();
        let start = ids.partition_point(|(id, ..)| *id <= read.range.0);
        let range =
            ids.iter().skip(start).take_while(|(id, _, from_here)| *id <= read.range.1 && *from_here < read.began);
        let missing =
            range.filter(|(id, known, _)| *known < read.began && is_of(case, read, *id) && !found.contains(id));
        for (id, known, _) in missing {
            let Read { user, conversation, range, began, ended, .. } = read;
            let read = format!("user {user} read {conversation:?} {range:?} from {began:?} to {ended:?}");
            verdict.add(Rule::StaleRead, format!("{read} without {id}, which was known at {known:?}"));
        }
        let ascending = read.messages.iter().zip(read.messages.iter().skip(1)).all(|(one, next)| one.id < next.id);
        let inside = read.messages.iter().all(|message| {
            let in_range = read.range.0 < message.id && message.id <= read.range.1;
            in_range
                && message.conversation.is_seen_by(read.user)
                && read.conversation.is_none_or(|of| of == message.conversation)
        });
        if !ascending || !inside {
            verdict.add(Rule::Sent, format!("a page that is none: {read:?}"));
        }
    }
}

fn is_of(case: &Case<'_>, read: &Read, id: u64) -> bool {
    case.last.get(&id).is_some_and(|message| {
        message.conversation.is_seen_by(read.user) && read.conversation.is_none_or(|of| of == message.conversation)
    })
}

/// Each direct message is in one inbox of its recipient.
pub(super) fn inboxes(case: &Case<'_>, verdict: &mut Verdict) {
    let mut by_user = BTreeMap::<User, Vec<&Inbox>>::new();
    for inbox in &case.history.inboxes {
        by_user.entry(inbox.user).or_default().push(inbox);
    }
    for (user, inboxes) in by_user {
        let mut found = BTreeMap::<Name, Time>::new();
        for (inbox, name) in
            inboxes.iter().flat_map(|inbox| inbox.messages.iter().flatten().map(move |name| (inbox, name)))
        {
            if let Some(before) = found.insert(*name, inbox.ended) {
                verdict
                    .add(Rule::Inbox, format!("user {user} got {name} at {before:?}, and again at {:?}", inbox.ended));
            }
            if !case.places.contains_key(name) {
                verdict.add(Rule::Vanished, format!("user {user} got {name} at {:?}", inbox.ended));
            }
        }
        let to_user = |message: &&Message| message.conversation == Conversation::direct(user, message.from);
        for message in case.last.values().filter(|message| to_user(message) && message.from != user) {
            let Some(requests) = case.requests.get(&message.name) else { continue };
            let sent = requests.iter().map(|send| send.began).min();
            let acknowledged = requests.iter().filter(|send| matches!(send.outcome, Outcome::Acknowledged(_)));
            let (Some(sent), Some(known)) = (sent, acknowledged.map(|send| send.ended).min()) else { continue };
            let next = inboxes.iter().find(|inbox| inbox.messages.is_some() && inbox.began > known);
            let Some(next) = next else { continue };
            // An inbox whose answer was lost may have taken it.
            let may_have = |inbox: &Inbox| inbox.began < next.ended && inbox.ended + UNDER_WAY > sent;
            let was_lost = inboxes.iter().any(|inbox| inbox.messages.is_none() && may_have(inbox));
            let at = found.get(&message.name);
            if at.is_none_or(|at| *at > next.ended) && !was_lost {
                let began = next.began;
                verdict.add(
                    Rule::Inbox,
                    format!("user {user} got {message:?} at {at:?}, not {began:?}; known at {known:?}"),
                );
            }
        }
    }
}

/// Each subscriber was told all that it may see, in order.
pub(super) fn subscribers(case: &Case<'_>, verdict: &mut Verdict) {
    for subscriber in &case.history.subscribers {
        let user = subscriber.user;
        for ((_, one), (at, next)) in subscriber.heard.iter().zip(subscriber.heard.iter().skip(1)) {
            if one.id >= next.id {
                verdict.add(Rule::Subscriber, format!("user {user} was told {next:?} after {one:?} at {at:?}"));
            }
        }
        let heard: BTreeSet<u64> = subscriber.heard.iter().map(|(_, message)| message.id).collect();
        let missed =
            case.last.values().filter(|message| message.conversation.is_seen_by(user) && !heard.contains(&message.id));
        missed.for_each(|message| verdict.add(Rule::Subscriber, format!("user {user} was never told {message:?}")));
        let foreign = subscriber.heard.iter().filter(|(_, message)| !message.conversation.is_seen_by(user));
        foreign.for_each(|(_, message)| verdict.add(Rule::Subscriber, format!("user {user} was told {message:?}")));
    }
}
