//! Many threads at once: who joins and leaves a room hears what was said in between, all of it, in order and once.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use chat_lib::model::{ConversationName, MessageId};
use chat_lib::protocol::{Event, RoomChange};
use chat_lib::store::{Durable, Options};
use chat_lib::{Chat, Config, NewUser, Session};
use tempfile::TempDir;

use crate::support::cheap;

const MEMBERS: usize = 4;
const TALKERS: usize = 2;

fn chat(durable: Option<&Path>) -> Chat {
    let mut config = Config { password_cost: cheap(), ..Config::default() };
    if let Some(path) = durable {
        config.store = Box::new(Durable::open(path, Options::default()).unwrap());
    }
    let chat = Chat::new(config);
    for number in 0..MEMBERS + TALKERS {
        let name = format!("u{number}");
        chat.add_user(NewUser { name: &name, password: "x", full_name: &name, country: "" }).unwrap();
    }
    chat
}

/// From the last message before a joining to one before the leaving.
type Stay = (MessageId, MessageId);

/// Joins and leaves, and says something last.
fn come_and_go(session: &Session, said: &Mutex<BTreeSet<MessageId>>, rounds: usize) -> Vec<Stay> {
    let stay = |_| {
        session.join_room("#a").unwrap();
        let list = session.conversations(MessageId::MAX, 10).unwrap().entries;
        let since = list.iter().find(|view| view.with.as_str() == "#a").unwrap().read;
        let last = session.send("#a", "bye").unwrap().id;
        said.lock().unwrap().insert(last);
        session.leave_room("#a").unwrap();
        (since, last)
    };
    (0..rounds).map(stay).collect()
}

fn run(durable: Option<&Path>, rounds: usize) {
    let chat = chat(durable);
    let said = Mutex::new(BTreeSet::new());
    let session = |number: usize| chat.open_session(&format!("u{number}")).unwrap();
    session(MEMBERS).create_room("#a", "", true).unwrap();
    session(MEMBERS + 1).join_room("#a").unwrap();
    let working = AtomicUsize::new(MEMBERS);
    thread::scope(|scope| {
        for number in 0..TALKERS {
            let talker = session(MEMBERS + number);
            let (said, working) = (&said, &working);
            scope.spawn(move || {
                while working.load(Ordering::SeqCst) > 0 {
                    let id = talker.send("#a", "halo").unwrap().id;
                    said.lock().unwrap().insert(id);
                }
            });
        }
        let members = (0..MEMBERS).map(|number| {
            let (said, working, session) = (&said, &working, session(number));
            scope.spawn(move || {
                let mut events = session.events().unwrap();
                let stays = thread::scope(|scope| {
                    let member = scope.spawn(|| come_and_go(&session, said, rounds));
                    let mut told = Vec::new();
                    let (mut left, mut inside) = (0, false);
                    while left < rounds {
                        match events.next_timeout(Duration::from_secs(60)).unwrap().expect("an event") {
                            Event::Message(message) if message.with != ConversationName::parse("#a").unwrap() => {}
                            Event::Message(message) => {
                                assert!(inside, "{} was told outside of the room", message.id);
                                told.push(message.id);
                            }
                            Event::Room { change, user, .. } if user.as_str() == session.user() => {
                                inside = change == RoomChange::Joined;
                                left += usize::from(!inside);
                            }
                            Event::Lagged => panic!("the queue is too short"),
                            _ => {}
                        }
                    }
                    (member.join().unwrap(), told)
                });
                working.fetch_sub(1, Ordering::SeqCst);
                stays
            })
        });
        let members: Vec<_> = members.collect();
        let members: Vec<_> = members.into_iter().map(|member| member.join().unwrap()).collect();
        let said = said.lock().unwrap();
        for (stays, told) in members {
            assert!(told.is_sorted_by(|a, b| a < b), "in order and once");
            let told: BTreeSet<_> = told.into_iter().collect();
            let during = |(since, last): &Stay| said.range(since.next().unwrap()..=*last).copied().collect::<Vec<_>>();
            let wanted: BTreeSet<_> = stays.iter().flat_map(during).collect();
            let lost: Vec<_> = wanted.difference(&told).collect();
            assert!(lost.is_empty(), "lost: {lost:?}");
            // After the last word, others may have said something before the member was gone.
            for id in told.difference(&wanted) {
                let stay = stays.partition_point(|(since, _)| since < id);
                let next = stays.get(stay).map_or(MessageId::MAX, |(since, _)| *since);
                assert!(*id <= next && stay > 0, "{id} was said before the joining");
            }
        }
    });
}

#[test]
fn members_come_and_go_in_memory() {
    run(None, 1000);
}

#[test]
fn members_come_and_go_on_a_disk() {
    let directory = TempDir::new().unwrap();
    run(Some(&directory.path().join("data")), 200);
}
