//! Invitations: who may register with one, how often and how long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use chat_lib::clock::ManualClock;
use chat_lib::limits::INVITATION_TIME;
use chat_lib::model::{InvitationCode, InvitationId, MessageId, Registration};
use chat_lib::store::{CommitError, Durable, Memory, Options, Position, Store};
use chat_lib::{Chat, Client, Config, Error, Session};

use crate::faulty::{Fault, Faulty};
use crate::support::{Running, cheap};

fn chat(store: Box<dyn Store>) -> (Chat, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let (registration, password_cost) = (Registration::Invite, cheap());
    let chat =
        Chat::new(Config { store, registration, password_cost, clock: Box::new(clock.clone()), ..Config::default() });
    (chat, clock)
}

fn in_memory() -> (Chat, Arc<ManualClock>) {
    chat(Box::new(Memory::new()))
}

fn register(chat: &Chat, user: &str, code: &str) -> Result<Session, Error> {
    chat.register(user, "secret", user, Some(code))
}

fn code(outcome: Result<Session, Error>) -> String {
    outcome.map_or_else(|refusal| refusal.code().to_owned(), |_| "registered".to_owned())
}

fn users(chat: &Chat) -> usize {
    chat.users().unwrap().len()
}

#[test]
fn an_invitation_lets_one_person_register_once() {
    let (chat, _) = in_memory();
    assert_eq!(code(chat.register("ana", "secret", "Ana", None)), "invitation_required");
    let invitation = chat.invite().unwrap().to_string();
    assert_eq!(chat.invitations().unwrap().len(), 1);
    for wrong in ["", "x", &"0".repeat(32), &invitation[1..], &format!("{invitation} ")] {
        assert_eq!(code(register(&chat, "ana", wrong)), "no_such_invitation", "{wrong:?}");
    }
    for (user, refusal) in [("-", "invalid_user_name"), ("#ana", "invalid_user_name")] {
        assert_eq!(code(register(&chat, user, &invitation)), refusal);
    }
    let ana = register(&chat, "ana", &invitation).unwrap();
    ana.send("ana", "I am in").unwrap();
    assert!(chat.invitations().unwrap().is_empty());
    assert_eq!(code(register(&chat, "eva", &invitation)), "no_such_invitation");

    let second = chat.invite().unwrap().to_string();
    assert_eq!(code(register(&chat, "ana", &second)), "user_exists");
    assert_eq!(code(register(&chat, "eva", &second.to_uppercase())), "registered", "a refusal has not spent it");
    assert_eq!(users(&chat), 2);
}

#[test]
fn an_invitation_expires_and_can_be_revoked() {
    let (chat, clock) = in_memory();
    let first = chat.invite().unwrap();
    clock.advance(INVITATION_TIME - Duration::from_millis(1));
    let (second, third) = (chat.invite().unwrap(), chat.invite().unwrap());
    assert_eq!(code(register(&chat, "ana", &first.to_string())), "registered");
    chat.revoke_invitation(&second.id()).unwrap();
    assert_eq!(code(register(&chat, "eva", &second.to_string())), "no_such_invitation");
    assert!(matches!(chat.revoke_invitation(&second.id()), Err(Error::NoSuchInvitation)));
    assert_eq!(chat.invitations().unwrap().iter().map(|it| it.id).collect::<Vec<_>>(), [third.id()]);
    clock.advance(INVITATION_TIME);
    assert!(chat.invitations().unwrap().is_empty());
    assert_eq!(code(register(&chat, "eva", &third.to_string())), "no_such_invitation");
}

#[test]
fn an_invitation_is_spent_only_where_one_is_needed() {
    for (registration, wanted) in [(Registration::Open, "registered"), (Registration::Closed, "registration_closed")] {
        let chat = Chat::new(Config { registration, password_cost: cheap(), ..Config::default() });
        let invitation = chat.invite().unwrap().to_string();
        assert_eq!(code(register(&chat, "ana", &invitation)), wanted);
        assert_eq!(chat.invitations().unwrap().len(), 1);
    }
}

/// All of them have found the invitation valid before the first one uses it up.
#[test]
fn of_many_who_race_for_an_invitation_one_wins() {
    let (chat, _) = in_memory();
    let invitation = chat.invite().unwrap().to_string();
    let start = Barrier::new(8);
    let outcomes: Vec<String> = thread::scope(|scope| {
        let race = |number: usize| {
            let (chat, invitation, start) = (&chat, &invitation, &start);
            scope.spawn(move || {
                start.wait();
                code(register(chat, &format!("racer{number}"), invitation))
            })
        };
        let racers: Vec<_> = (0..8).map(race).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let won = outcomes.iter().filter(|outcome| *outcome == "registered").count();
    let lost = outcomes.iter().filter(|outcome| *outcome == "no_such_invitation").count();
    assert_eq!((won, lost, users(&chat)), (1, 7, 1), "{outcomes:?}");
}

/// Commits fail while it is set.
#[derive(Clone, Default)]
struct Full(Arc<AtomicBool>);

impl Fault for Full {
    fn commit(&self) -> Result<(), CommitError> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(CommitError::Undone(Error::Storage("the disk is full".into()))),
            false => Ok(()),
        }
    }
}

#[test]
fn a_registration_that_cannot_be_stored_is_refused() {
    let full = Full::default();
    let (chat, _) = chat(Box::new(Faulty { store: Arc::default(), fault: full.clone() }));
    let invitation = chat.invite().unwrap().to_string();
    full.0.store(true, Ordering::Relaxed);
    assert_eq!(code(register(&chat, "ana", &invitation)), "storage");
    assert!(matches!(chat.invite(), Err(Error::Storage(_))));
}

#[test]
fn invitations_outlive_a_restart_and_a_dump() {
    let directory = tempfile::tempdir().unwrap();
    let open = || chat(Box::new(Durable::open(directory.path(), Options::default()).unwrap())).0;
    let (used, left) = {
        let chat = open();
        let (used, left) = (chat.invite().unwrap(), chat.invite().unwrap());
        assert_eq!(code(register(&chat, "ana", &used.to_string())), "registered");
        (used, left)
    };
    let on_disk = std::fs::read(directory.path().join("chat.db")).unwrap();
    for code in [used, left] {
        let text = code.to_string();
        let bytes = u128::from_str_radix(&text, 16).unwrap().to_be_bytes();
        assert!(!on_disk.windows(16).any(|it| it == bytes), "the code is on the disk");
        assert!(!on_disk.windows(32).any(|it| it == text.as_bytes()), "the code is on the disk");
    }
    let reopened = open();
    let (copy, _) = in_memory();
    let mut dump = Vec::new();
    reopened.dump(true, &mut dump).unwrap();
    copy.restore(&mut &*dump).unwrap();
    let mut again = Vec::new();
    copy.dump(true, &mut again).unwrap();
    assert_eq!(String::from_utf8(dump).unwrap(), String::from_utf8(again).unwrap());
    for chat in [reopened, copy] {
        assert_eq!(code(register(&chat, "eva", &used.to_string())), "no_such_invitation");
        assert_eq!(code(register(&chat, "eva", &left.to_string())), "registered");
    }
}

#[test]
fn the_data_of_a_user_has_no_invitations() {
    let (chat, _) = in_memory();
    register(&chat, "ana", &chat.invite().unwrap().to_string()).unwrap();
    let id = chat.invite().unwrap().id().to_string();
    let (mut export, mut dump) = (Vec::new(), Vec::new());
    chat.export_user("ana", &mut export).unwrap();
    chat.dump(true, &mut dump).unwrap();
    let has_id = |text: Vec<u8>| String::from_utf8(text).unwrap().contains(&id);
    assert_eq!((has_id(export), has_id(dump)), (false, true));
}

#[test]
fn a_restore_that_fails_leaves_no_invitation() {
    let dump = format!(
        "{}\n{}\nnonsense\n",
        r#"{"chat_dump":{"version":5,"hashes":true}}"#,
        format_args!(r#"{{"invitation":{{"id":"{}","created":0,"expires":9}}}}"#, InvitationId::from_bytes([7; 32])),
    );
    let (chat, _) = in_memory();
    assert!(matches!(chat.restore(&mut dump.as_bytes()), Err(Error::BadDump { line: 3, .. })));
    assert!(chat.invitations().unwrap().is_empty());
}

#[test]
fn a_client_registers_with_an_invitation() {
    let (chat, _) = in_memory();
    let server = Running::new(chat.clone());
    let client = Client::connect(server.address).unwrap();
    assert_eq!(code(client.register("ana", "secret", "Ana Lima", None)), "invitation_required");
    let never = InvitationCode::parse(&"0".repeat(32)).unwrap().to_string();
    assert_eq!(code(client.register("ana", "secret", "Ana Lima", Some(&never))), "no_such_invitation");
    let invitation = chat.invite().unwrap().to_string();
    let ana = client.register("ana", "secret", "Ana Lima", Some(&invitation)).unwrap();
    ana.send("ana", "I am in").unwrap();
    // The server has bound another session than the client knows of.
    let next = chat.invite().unwrap().to_string();
    let eva = client.register("eva", "secret", "Eva", Some(&next)).unwrap();
    assert_eq!(ana.history("ana", Position::Before(MessageId::MAX), 9).unwrap().messages.len(), 1);
    assert!(eva.conversations(MessageId::MAX, 9).unwrap().entries.is_empty());
    assert_eq!(code(client.register("ida", "secret", "Ida", Some(&invitation))), "no_such_invitation");
    // Protocol 1 has no word for an invitation.
    let refused = String::from_utf8(chat.answer(b"register eva secret Eva")).unwrap();
    assert!(refused.contains("\"code\": \"invitation_required\""), "{refused}");
}
