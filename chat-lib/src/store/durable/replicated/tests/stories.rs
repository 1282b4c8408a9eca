//! What has to be seen of servers that share a log, one story each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::servers::{Server, Servers};
use crate::conformance::{LogFault, TestLog};
use crate::connection::Connection;
use crate::engine::{Chat, Config};
use crate::error::Error;
use crate::outbox::Outbox;
use crate::store::{CommitError, Durable, Keep, Options, ReplicaError, ReplicatedLog, Replication, Store};

#[test]
fn an_owner_that_was_deposed_can_do_nothing() {
    let world = Servers::start(2);
    let (old, new) = (world.get(0), world.get(1));
    old.send("one").unwrap();
    new.take_over().unwrap();
    assert!(old.replica.is_owner(), "it does not know yet");
    // What it would read is not up to date any more.
    new.send("two").unwrap();
    assert!(matches!(old.texts(), Err(Error::Busy)));
    assert!(!old.replica.is_owner());
    assert!(matches!(old.send("three"), Err(Error::Busy)));
    old.catch_up().unwrap();
    old.take_over().unwrap();
    assert_eq!(old.texts().unwrap(), ["one", "two"]);
}

/// Clients of the other threads were told of a failure of the store, which they do not try again.
#[test]
fn whoever_was_in_the_middle_when_the_owner_changed_is_told_busy() {
    let directory = tempfile::tempdir().unwrap();
    let log = Arc::new(TestLog::new());
    let (store, replica) =
        Durable::replicated(directory.path(), log, Replication::default(), Options::default()).unwrap();
    replica.take_over().unwrap();
    let mut batch = store.begin();
    batch.account("messi").unwrap();
    replica.step_down();
    assert!(batch.account("messi").is_ok(), "its commit will tell");
    assert!(matches!(batch.commit(), Err(CommitError::Undone(Error::Busy))));
}

/// A machine had been suspended while it appended. It found the place taken, by what was trimmed since, and refused what it had appended.
#[test]
fn nobody_knows_whose_record_was_trimmed() {
    let directory = tempfile::tempdir().unwrap();
    let (log, is_late) = (TestLog::new(), Arc::new(AtomicBool::new(false)));
    let (others, late) = (log.another(), Arc::clone(&is_late));
    // The append is done and its answer lost; it is asked again only after others have appended and trimmed.
    let log = log.deciding(move |at, record| {
        if late.swap(false, Ordering::Relaxed) {
            others.append(at, record).unwrap();
            others.append(at + 1, b"another's").unwrap();
            others.trim(at + 1).unwrap();
        }
        None
    });
    let replication = Replication { takes_over: true, ..Replication::default() };
    let (store, _) = Durable::replicated(directory.path(), Arc::new(log), replication, Options::default()).unwrap();
    let chat = Chat::new(Config { store: Box::new(store), ..Config::default() });
    chat.add_demo_users().unwrap();
    let session = chat.open_session("messi").unwrap();
    is_late.store(true, Ordering::Relaxed);
    assert!(matches!(session.send("henderson", "halo"), Err(Error::OutcomeUnknown(_))));
}

#[test]
fn a_large_payload_counts_once_it_is_whole() {
    let world = Servers::start(2);
    let (old, new) = (world.get(0), world.get(1));
    // Each message is two records.
    let long = |letter: &str| letter.repeat(60_000);
    let session = old.chat.open_session("messi").unwrap();
    let all: Vec<String> = (0..12).map(|number| format!("u{number}")).collect();
    for user in &all {
        old.chat.add_user(crate::NewUser { name: user, password: "secret", full_name: user, country: "" }).unwrap();
    }
    let names: Vec<&str> = all.iter().map(String::as_str).collect();
    let before = old.replica.reached();
    session.send_to_all(&names, &long("a")).unwrap();
    assert!(old.replica.reached() >= before + 2, "it takes several records");
    // The first part finds its place, and the second is late.
    let session = old.chat.open_session("messi").unwrap();
    let received = |server: &Server| {
        let session = server.chat.open_session("u3").unwrap();
        session.inbox().unwrap().len()
    };
    for faults in [vec![], vec![LogFault::AnswerLost]] {
        old.log.fail(faults);
    }
    assert!(session.send_to_all(&names, &long("b")).is_err());
    new.catch_up().unwrap();
    new.take_over().unwrap();
    assert_eq!(received(new), 1, "a part of it is nothing");
    old.catch_up().unwrap();
    old.take_over().unwrap();
    old.chat.check().unwrap();
}

#[test]
fn records_that_the_log_has_lost_are_put_back() {
    let world = Servers::start(2);
    let (owner, other) = (world.get(0), world.get(1));
    (0..5).for_each(|number| _ = owner.send(&number.to_string()).unwrap());
    other.catch_up().unwrap();
    let last = world.log.last().unwrap();
    world.log.lose(4);
    other.take_over().unwrap();
    assert!(world.log.last().unwrap() > last);
    assert_eq!(other.texts().unwrap(), ["0", "1", "2", "3", "4"]);
    owner.replica.step_down();
    owner.take_over().unwrap();
    assert_eq!(owner.texts().unwrap(), ["0", "1", "2", "3", "4"]);
}

#[test]
fn nothing_is_put_back_into_a_log_that_went_on() {
    let world = Servers::start(2);
    let (owner, other) = (world.get(0), world.get(1));
    owner.send("one").unwrap();
    other.catch_up().unwrap();
    owner.send("two").unwrap();
    // Only the first one has what the log loses.
    world.log.lose((world.log.last().unwrap() - other.replica.reached()).try_into().unwrap());
    other.take_over().unwrap();
    other.send("three").unwrap();
    owner.replica.step_down();
    assert!(matches!(owner.take_over(), Err(ReplicaError::Diverged { .. })));
    assert_eq!(other.texts().unwrap(), ["one", "three"]);
}

#[test]
fn a_damaged_record_is_noticed_at_open() {
    let damage: [fn(&Servers, u64); 3] = [
        |world, at| world.log.drop_record(at),
        |world, at| world.log.damage(at, |record| record.last_mut().into_iter().for_each(|byte| *byte ^= 1)),
        |world, at| world.log.damage(at, |record| _ = record.pop()),
    ];
    for (number, damage) in damage.into_iter().enumerate() {
        for lag in 1..4 {
            let mut world = Servers::start(2);
            let owner = world.get(0);
            (0..5).for_each(|number| _ = owner.send(&number.to_string()).unwrap());
            world.get(1).catch_up().unwrap();
            let at = world.get(1).replica.reached() + lag;
            (5..9).for_each(|number| _ = owner.send(&number.to_string()).unwrap());
            damage(&world, at);
            drop(world.servers.pop());
            let opened = Server::open(world.directories.get(1).unwrap().path(), world.log.another());
            let outcome = opened.and_then(|server| server.take_over());
            assert!(
                matches!(outcome, Err(ReplicaError::Damaged { .. } | ReplicaError::Diverged { .. })),
                "damage {number} at {lag}: {outcome:?}"
            );
        }
    }
}

#[test]
fn a_new_server_begins_with_a_copy() {
    let world = Servers::start(1);
    let owner = world.get(0);
    (0..5).for_each(|number| _ = owner.send(&number.to_string()).unwrap());
    let directory = tempfile::tempdir().unwrap();
    let place = owner.replica.copy(&directory.path().join("chat.db")).unwrap();
    owner.send("5").unwrap();
    world.log.trim(place.at + 1).unwrap();
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(Server::open(empty.path(), world.log.another()), Err(ReplicaError::Foreign)));
    let new = Server::open(directory.path(), world.log.another()).unwrap();
    new.take_over().unwrap();
    assert_eq!(new.texts().unwrap(), ["0", "1", "2", "3", "4", "5"]);
}

/// Of a session that was logged out on one server, another one must not know any more, and what is deleted must leave its disk.
#[test]
fn what_ends_on_one_server_has_ended_on_all() {
    let world = Servers::start(2);
    let (old, new) = (world.get(0), world.get(1));
    let session = old.chat.open_session("messi").unwrap();
    let sent = session.send("henderson", "a secret that goes").unwrap();
    session.delete(sent.id).unwrap();
    let token = session.token();
    session.logout().unwrap();
    new.take_over().unwrap();
    assert!(matches!(new.chat.session(token), Err(Error::NoSuchSession)));
    new.chat.tidy().unwrap();
    old.catch_up().unwrap();
    for (number, directory) in world.directories.iter().enumerate() {
        for file in std::fs::read_dir(directory.path()).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            assert!(
                !bytes.windows(18).any(|part| part == b"a secret that goes"),
                "server {number}: {}",
                path.display()
            );
        }
    }
}

#[test]
fn what_a_cluster_keeps_is_not_opened_alone() {
    let mut world = Servers::start(1);
    drop(world.servers.pop());
    let directory = world.directories.first().unwrap().path();
    assert!(matches!(Chat::open(directory), Err(Error::Storage(_))));
    let look = Options { read_only: true, ..Options::default() };
    assert!(Durable::open(directory, look).is_ok(), "it can be looked at");
}

/// A server with an empty directory had founded the cluster before the one with the chat in it, whose data was then set aside.
#[test]
fn a_chat_does_not_give_way_to_an_empty_cluster() {
    let (log, filled, empty) = (TestLog::new(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    Chat::open(filled.path()).unwrap().add_demo_users().unwrap();
    drop(Server::open(filled.path(), log.another()).unwrap());
    Server::open(empty.path(), log.another()).unwrap().take_over().unwrap();
    assert!(matches!(Server::open(filled.path(), log.another()), Err(ReplicaError::Foreign)));
    // It can still found one of another name.
    let other = Server::open(filled.path(), TestLog::new()).unwrap();
    other.take_over().unwrap();
    assert_eq!(other.chat.users().unwrap().len(), 3);
}

/// A server that was started with the wrong name of its cluster tried for ever to put back what an empty log seemed to have lost.
#[test]
fn an_empty_log_is_not_filled_with_half_a_chat() {
    let mut world = Servers::start(1);
    let owner = world.get(0);
    let session = owner.chat.open_session("messi").unwrap();
    session.create_room("#long", "", true).unwrap();
    // More than is kept.
    (0..300).for_each(|_| _ = session.send("#long", &"a".repeat(60_000)).unwrap());
    drop(session);
    drop(world.servers.pop());
    let directory = world.directories.first().unwrap().path();
    assert!(matches!(Server::open(directory, TestLog::new()), Err(ReplicaError::Lost { .. })));
    assert!(Server::open(directory, world.log.another()).is_ok(), "the data stays what it is");
}

/// A read of an owner costs an append, and one that does nothing costs none.
#[test]
fn only_who_has_asked_waits_for_the_log() {
    let world = Servers::start(1);
    let owner = world.get(0);
    let before = world.log.last().unwrap();
    owner.chat.begin().commit().unwrap();
    assert_eq!(world.log.last().unwrap(), before);
    owner.chat.users().unwrap();
    assert_eq!(world.log.last().unwrap(), before + 1);
    owner.log.fail([LogFault::AnswerLost]);
    assert!(owner.chat.users().is_err());
    assert!(owner.replica.follow(Duration::ZERO).unwrap() >= before + 2);
}

/// Messages that another owner has dropped meanwhile had become unread again.
#[test]
fn what_another_owner_has_dropped_is_not_put_back() {
    let world = Servers::start(2);
    let (old, new) = (world.get(0), world.get(1));
    old.send("one").unwrap();
    let token = old.chat.open_session("henderson").unwrap().token();
    let (mut connection, mut out) = (Connection::new(old.chat.clone()), Outbox::new(&old.chat));
    let _ = connection.receive(format!("inbox {token}\r\n").as_bytes(), &mut out);
    assert!(String::from_utf8_lossy(out.output()).contains("one"));
    new.take_over().unwrap();
    new.chat.open_session("messi").unwrap().send("lineker", "two").unwrap();
    new.replica.core.compact(Instant::now(), Keep::default(), |_, _| false).unwrap();
    old.catch_up().unwrap();
    old.take_over().unwrap();
    out.abandon().unwrap();
    old.chat.check().unwrap();
    assert_eq!(old.chat.open_session("henderson").unwrap().inbox().unwrap().len(), 0);
}
