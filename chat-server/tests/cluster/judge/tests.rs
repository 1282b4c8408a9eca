//! Histories that each break one rule.

use super::{Rule, judge};
use crate::history::{Conversation, History, Inbox, Message, Name, Outcome, Read, Send, Session, Subscriber, Time};

/// Two users; the first one has sent three messages to the other, and one to the room. All take one second, one after another.
const DIRECT: Conversation = Conversation::Direct(0, 1);

fn at(seconds: u64) -> Time {
    Time::from_secs(seconds)
}

fn name(number: u32) -> Name {
    Name { sender: 7, number }
}

fn send(number: u32, conversation: Conversation, outcome: Outcome) -> Send {
    let began = at(10 * u64::from(number));
    Send { name: name(number), conversation, from: 0, connection: 0, began, ended: began + at(1), outcome }
}

fn message(id: u64, number: u32, conversation: Conversation) -> Message {
    Message { id, conversation, from: 0, name: name(number) }
}

fn read(began: u64, range: (u64, u64), messages: Vec<Message>) -> Read {
    let (began, ended) = (at(began), at(began + 1));
    Read { user: 1, conversation: None, range, began, ended, messages, last: false }
}

/// A history without a fault, in which everything occurs.
fn good() -> History {
    let messages = [message(1, 1, DIRECT), message(2, 2, Conversation::Room), message(5, 4, DIRECT)];
    let sends = vec![
        send(1, DIRECT, Outcome::Acknowledged(Some(1))),
        send(2, Conversation::Room, Outcome::Acknowledged(None)),
        send(3, DIRECT, Outcome::Refused("busy".to_owned())),
        send(4, DIRECT, Outcome::Unknown),
        send(5, DIRECT, Outcome::Unknown),
    ];
    let reads = vec![
        read(15, (0, u64::MAX), messages[..1].to_vec()),
        Read { last: true, ..read(100, (0, u64::MAX), messages.to_vec()) },
        read(101, (1, u64::MAX), messages[1..].to_vec()),
    ];
    let inboxes = vec![
        Inbox { user: 1, began: at(16), ended: at(17), messages: Some(vec![name(1)]) },
        Inbox { user: 1, began: at(90), ended: at(91), messages: Some(vec![name(4)]) },
    ];
    let uses = vec![(at(1), at(2), true), (at(4), at(6), true), (at(7), at(8), false)];
    let sessions = vec![Session { logout_began: Some(at(3)), logged_out: Some(at(5)), uses }];
    let heard = messages.iter().map(|message| (at(95), *message)).collect();
    let subscribers = vec![Subscriber { user: 1, heard }];
    History { sends, reads, inboxes, sessions, subscribers, epochs: ["e".to_owned()].into() }
}

/// Only that rule is broken by a history that differs in that way from the good one.
fn broken(rule: Rule, change: impl FnOnce(&mut History)) {
    let mut history = good();
    change(&mut history);
    let violations = judge(&history);
    assert!(!violations.is_empty(), "{rule:?} is not noticed");
    assert!(violations.iter().all(|violation| violation.rule == rule), "{rule:?}: {violations:#?}");
}

/// Adds a message to all that is read from the 95th second on.
fn add(history: &mut History, message: Message) {
    for read in history.reads.iter_mut().filter(|read| read.began > at(95)) {
        read.messages.push(message);
        read.messages.sort_by_key(|message| message.id);
    }
    let heard = &mut history.subscribers[0].heard;
    heard.push((at(95), message));
    heard.sort_by_key(|(_, message)| message.id);
}

fn remove(history: &mut History, id: u64) {
    history.reads.iter_mut().for_each(|read| read.messages.retain(|message| message.id != id));
    history.subscribers[0].heard.retain(|(_, message)| message.id != id);
}

#[test]
fn a_good_history_breaks_nothing() {
    let violations = judge(&good());
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn an_acknowledged_message_that_is_lost() {
    broken(Rule::AcknowledgedOnce, |history| remove(history, 2));
}

#[test]
fn an_acknowledged_message_that_is_there_twice() {
    broken(Rule::AcknowledgedOnce, |history| add(history, message(6, 2, Conversation::Room)));
}

#[test]
fn a_refused_message_that_is_there() {
    broken(Rule::RefusedNever, |history| {
        add(history, message(6, 3, DIRECT));
        // The inbox is not what is tested.
        history.inboxes.clear();
    });
}

#[test]
fn an_unknown_message_that_is_there_twice() {
    broken(Rule::UnknownAtMostOnce, |history| add(history, message(6, 4, DIRECT)));
}

#[test]
fn a_message_that_nobody_has_sent() {
    broken(Rule::Sent, |history| add(history, message(6, 9, DIRECT)));
}

#[test]
fn a_message_that_is_in_another_conversation() {
    broken(Rule::Sent, |history| {
        history.sends[3].conversation = Conversation::Room;
    });
}

#[test]
fn a_page_that_is_not_in_order() {
    broken(Rule::Sent, |history| history.reads[2].messages.reverse());
}

#[test]
fn a_refusal_for_no_reason() {
    broken(Rule::Refusal, |history| history.sends[2].outcome = Outcome::Refused("no_such_recipient".to_owned()));
}

#[test]
fn a_repetition_that_is_told_something_else() {
    broken(Rule::Key, |history| {
        let repetition = Send { began: at(12), ended: at(13), ..send(1, DIRECT, Outcome::Acknowledged(Some(3))) };
        history.sends.push(repetition);
    });
}

#[test]
fn an_id_that_is_not_the_messages() {
    broken(Rule::Key, |history| history.sends[0].outcome = Outcome::Acknowledged(Some(0)));
}

#[test]
fn an_id_that_is_used_again() {
    broken(Rule::IdReused, |history| history.reads[0].messages[0] = message(1, 5, DIRECT));
}

#[test]
fn what_was_acknowledged_first_has_the_larger_id() {
    broken(Rule::Order, |history| {
        let other = Send {
            name: Name { sender: 8, number: 1 },
            connection: 1,
            ..send(9, Conversation::Room, Outcome::Acknowledged(Some(4)))
        };
        let place = Message { name: other.name, ..message(4, 9, Conversation::Room) };
        add(history, place);
        history.sends.push(other);
        // Seen before the other was sent.
        history.sends[3].outcome = Outcome::Acknowledged(Some(5));
    });
}

#[test]
fn the_order_of_one_connection_is_not_kept() {
    broken(Rule::Order, |history| {
        // Both were under way at the same time.
        history.sends[1] = Send { began: at(10), ended: at(11), ..history.sends[1].clone() };
        history.sends[0].name = name(2);
        history.sends[1].name = name(1);
        let rename = |message: &mut Message| {
            message.name = match message.name.number {
                1 => name(2),
                2 => name(1),
                _ => message.name,
            };
        };
        history.reads.iter_mut().flat_map(|read| &mut read.messages).for_each(rename);
        history.subscribers[0].heard.iter_mut().for_each(|(_, message)| rename(message));
        history.inboxes[0].messages = Some(vec![name(2)]);
        history.reads.remove(0);
    });
}

#[test]
fn a_read_without_what_was_acknowledged() {
    broken(Rule::StaleRead, |history| history.reads[0].messages.clear());
}

#[test]
fn a_read_without_what_another_read_had() {
    broken(Rule::StaleRead, |history| {
        history.reads[2].messages.retain(|message| message.id != 5);
    });
}

#[test]
fn what_was_read_and_is_not_there_at_the_end() {
    broken(Rule::Vanished, |history| history.reads[0].messages.push(message(3, 5, DIRECT)));
}

#[test]
fn a_message_that_no_inbox_had() {
    broken(Rule::Inbox, |history| history.inboxes[0].messages = Some(Vec::new()));
}

#[test]
fn a_message_that_came_one_inbox_late() {
    broken(Rule::Inbox, |history| {
        history.inboxes[0].messages = Some(Vec::new());
        history.inboxes[1].messages = Some(vec![name(1), name(4)]);
    });
}

#[test]
fn a_message_that_two_inboxes_had() {
    broken(Rule::Inbox, |history| history.inboxes[1].messages = Some(vec![name(1), name(4)]));
}

#[test]
fn an_inbox_whose_answer_was_lost_may_have_had_it() {
    let mut history = good();
    history.inboxes[0].messages = None;
    assert!(judge(&history).is_empty());
}

#[test]
fn an_inbox_with_what_is_not_there() {
    broken(Rule::Vanished, |history| history.inboxes[1].messages = Some(vec![name(4), name(5)]));
}

#[test]
fn a_subscriber_that_was_told_twice() {
    broken(Rule::Subscriber, |history| {
        let heard = &mut history.subscribers[0].heard;
        heard.insert(1, heard[0]);
    });
}

#[test]
fn a_subscriber_that_was_not_told() {
    broken(Rule::Subscriber, |history| {
        history.subscribers[0].heard.remove(1);
    });
}

#[test]
fn a_token_that_works_after_its_logout() {
    broken(Rule::DeadSession, |history| history.sessions[0].uses[2].2 = true);
}

#[test]
fn a_token_that_does_not_work_before_its_logout() {
    broken(Rule::LostSession, |history| history.sessions[0].uses[0].2 = false);
}

#[test]
fn another_chat() {
    broken(Rule::Epoch, |history| {
        history.epochs.insert("f".to_owned());
    });
}

#[test]
fn texts_are_told_apart() {
    for number in [1, 16] {
        let text = name(number).text();
        assert_eq!(Name::parse(&text), Some(name(number)));
        assert_eq!(Name::parse(&text[1..]), None);
        assert_eq!(Name::parse(&format!("{text}x")), None);
    }
}
