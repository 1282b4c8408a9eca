//! What becomes of messages that are sent.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Rule, Verdict};
use crate::history::{Message, Outcome, Send};

/// What a request may be refused with while nobody can do it.
const REFUSALS: [&str; 3] = ["busy", "storage", "too_many_connections"];

/// Each id is of one message, as long as anybody looks.
pub(super) fn ids(case: &Case<'_>, verdict: &mut Verdict) {
    let mut seen = BTreeMap::<u64, Message>::new();
    for (_, message) in case.seen() {
        let first = seen.entry(message.id).or_insert(*message);
        if first != message {
            verdict.add(Rule::IdReused, format!("{first:?} and {message:?}"));
        }
    }
    let vanished = seen.values().filter(|message| !case.last.contains_key(&message.id));
    vanished.for_each(|message| verdict.add(Rule::Vanished, format!("{message:?}")));
}

/// Each message is there as often as its requests were told.
pub(super) fn outcomes(case: &Case<'_>, verdict: &mut Verdict) {
    for (name, requests) in &case.requests {
        let places = case.places.get(name).map_or(0, BTreeSet::len);
        let is_acknowledged = |send: &&Send| matches!(send.outcome, Outcome::Acknowledged(_));
        let is_unknown = |send: &&Send| send.outcome == Outcome::Unknown;
        let (rule, good) = if requests.iter().any(is_acknowledged) {
            (Rule::AcknowledgedOnce, places == 1)
        } else if requests.iter().any(is_unknown) {
            (Rule::UnknownAtMostOnce, places <= 1)
        } else {
            (Rule::RefusedNever, places == 0)
        };
        if !good {
            verdict.add(rule, format!("{places} times: {requests:?}"));
        }
        let told: BTreeSet<u64> =
            requests.iter().filter(|send| is_acknowledged(send)).filter_map(|send| case.id(send)).collect();
        let have = case.places.get(name);
        if told.len() > 1 || have.is_some_and(|have| good && !told.is_subset(have)) {
            verdict.add(Rule::Key, format!("{have:?}, but {requests:?}"));
        }
    }
    let refused = case
        .history
        .sends
        .iter()
        .filter(|send| matches!(&send.outcome, Outcome::Refused(code) if !REFUSALS.contains(&code.as_str())));
    refused.for_each(|send| verdict.add(Rule::Refusal, format!("{send:?}")));
    for message in case.last.values() {
        let as_sent = |send: &&Send| (send.conversation, send.from) == (message.conversation, message.from);
        if !case.requests.get(&message.name).is_some_and(|requests| requests.iter().all(as_sent)) {
            verdict.add(Rule::Sent, format!("{message:?}"));
        }
    }
}

/// Ids ascend in the order in which messages were sent.
pub(super) fn order(case: &Case<'_>, verdict: &mut Verdict) {
    // Over all clients: what begins after an acknowledgement comes after it. Of a repetition, it is the first request that may have
    // been done, and the first acknowledgement that tells so.
    let mut acknowledged = Vec::new();
    let mut began = Vec::new();
    for (name, requests) in &case.requests {
        let ends =
            requests.iter().filter(|send| matches!(send.outcome, Outcome::Acknowledged(_))).map(|send| send.ended);
        let first = requests.iter().find(|send| !matches!(send.outcome, Outcome::Refused(_)));
        let id = case.places.get(name).and_then(BTreeSet::first);
        let (Some(first), Some(&id)) = (first, id) else { continue };
        began.push((first.began, id, first));
        acknowledged.extend(ends.min().map(|ended| (ended, id)));
    }
    acknowledged.sort_unstable();
    began.sort_unstable_by_key(|(began, id, _)| (*began, *id));
    let mut acknowledged = acknowledged.into_iter().peekable();
    let mut largest = 0;
    for (began, id, send) in began {
        while let Some((_, before)) = acknowledged.next_if(|(ended, _)| *ended < began) {
            largest = largest.max(before);
        }
        if id < largest {
            verdict.add(Rule::Order, format!("{id} began after {largest} was acknowledged: {send:?}"));
        }
    }
    // Over one connection: in the order in which they were written, for what was sent only there.
    let mut connections = BTreeMap::<(u16, u32), Vec<&Send>>::new();
    let only = case.requests.values().filter(|requests| requests.len() == 1).filter_map(|requests| requests.first());
    let is_there =
        |send: &&Send| matches!(send.outcome, Outcome::Acknowledged(_)) && case.places.contains_key(&send.name);
    for send in only.copied().filter(is_there) {
        connections.entry((send.name.sender, send.connection)).or_default().push(send);
    }
    for sends in connections.values_mut() {
        sends.sort_by_key(|send| send.name.number);
        for (one, next) in sends.iter().zip(sends.iter().skip(1)) {
            if case.id(one) >= case.id(next) {
                verdict.add(
                    Rule::Order,
                    format!("on one connection {:?} {one:?}, {:?} {next:?}", case.id(one), case.id(next)),
                );
            }
        }
    }
}
