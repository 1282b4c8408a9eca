//! Many real clients at once: every message that was answered `Message Sent` is read exactly once,
//! and in its sender's order, while two sessions of each user empty its inbox.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use chat_lib::limits::Limits;
use chat_lib::{Chat, Client, NewUser, Session};

use crate::support::{Running, demo_chat};

const READERS: [&str; 3] = ["messi", "henderson", "lineker"];
const SENDERS: usize = 12;
const EACH: usize = 300;

#[test]
fn each_message_once_and_in_order() {
    let (chat, _) = demo_chat(Limits::default());
    add_senders(&chat);
    let server = Running::new(chat);
    let sending = AtomicUsize::new(SENDERS);

    let mut streams: Vec<Vec<Read>> = thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (sending, address) = (&sending, server.address);
            scope.spawn(move || {
                let session = Client::connect(address).unwrap().login(&name(sender), "pw").unwrap();
                for number in 0..EACH {
                    let to = READERS[(sender + number) % READERS.len()];
                    session.send(to, &number.to_string()).unwrap();
                }
                sending.fetch_sub(1, Ordering::Release);
            });
        }
        let readers: Vec<_> = READERS
            .iter()
            .flat_map(|reader| [reader; 2])
            .map(|reader| {
                let (sending, address) = (&sending, server.address);
                scope.spawn(move || {
                    let session = Client::connect(address).unwrap().login(reader, "surabaya").unwrap();
                    let mut stream = Vec::new();
                    while sending.load(Ordering::Acquire) > 0 {
                        stream.extend(read(&session));
                    }
                    stream
                })
            })
            .collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    for reader in READERS {
        let session = Client::connect(server.address).unwrap().login(reader, "surabaya").unwrap();
        streams.push(read(&session));
    }
    check(&streams);
}

/// Reader, sender, number.
type Read = (String, String, usize);

fn read(session: &Session) -> Vec<Read> {
    let inbox = session.inbox().unwrap();
    inbox.iter().map(|m| (session.user().to_owned(), m.from.user().to_string(), m.body().parse().unwrap())).collect()
}

fn check(streams: &[Vec<Read>]) {
    let mut seen = BTreeSet::new();
    for stream in streams {
        let mut last = BTreeMap::new();
        for (reader, sender, number) in stream {
            assert!(last.insert(sender, number).is_none_or(|before| before < number), "{sender}'s order is lost");
            assert!(seen.insert((reader.as_str(), sender.as_str(), *number)), "{sender}'s {number} was read twice");
        }
    }
    let wanted: BTreeSet<_> = (0..SENDERS)
        .flat_map(|sender| {
            (0..EACH).map(move |number| (READERS[(sender + number) % READERS.len()], name(sender), number))
        })
        .collect();
    assert!(wanted.iter().all(|(reader, sender, number)| seen.contains(&(*reader, sender.as_str(), *number))));
    assert_eq!(seen.len(), wanted.len());
}

fn add_senders(chat: &Chat) {
    for sender in 0..SENDERS {
        let name = name(sender);
        chat.add_user(NewUser { name: &name, password: "pw", full_name: &name, country: "" }).unwrap();
    }
}

fn name(sender: usize) -> String {
    format!("sender{sender}")
}
