//! What is written reads back, whatever the values, and no bytes can make a reader panic.

use std::borrow::Cow;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;

use super::*;
use crate::clock::Timestamp;
use crate::limits::Limits;
use crate::model::{
    ConversationName, Framing, HistoryMessage, MessageId, MessageKey, Profile, RoomName, SessionToken, UserName,
};
use crate::protocol::{
    CloseReason, Command, ConversationView, List, Login, MemberView, Presence, Reply, RoomChange, RoomView, ServerInfo,
    SessionView, UserView,
};
use crate::store::{Position, Standing};

fn id() -> impl Strategy<Value = MessageId> {
    prop_oneof![0..10_u64, Just(MessageId::MAX.get()), 0..=MessageId::MAX.get()]
        .prop_map(|number| MessageId::new(number).unwrap())
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_millis)
}

fn user() -> impl Strategy<Value = UserName> {
    "[a-zA-Z0-9][a-zA-Z0-9._-]{0,31}".prop_map(|name| UserName::parse(&name).unwrap())
}

fn room() -> impl Strategy<Value = RoomName> {
    user().prop_map(|name| RoomName::parse(&format!("#{name}")).unwrap())
}

fn with() -> impl Strategy<Value = ConversationName> {
    prop_oneof![user().prop_map(ConversationName::User), room().prop_map(ConversationName::Room)]
}

fn profile() -> impl Strategy<Value = Arc<Profile>> {
    (user(), "\\P{Cc}{1,20}", "\\P{Cc}{0,8}")
        .prop_map(|(user, name, country)| Arc::new(Profile::kept(user, &name, &country).unwrap()))
}

/// As others see a sender and a session's user: without a country.
fn sender() -> impl Strategy<Value = Arc<Profile>> {
    profile().prop_map(|it| Arc::new(Profile::kept(it.user().clone(), it.full_name(), "").unwrap()))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC*", any::<String>(), "[\\x00-\\x7f]*"]
}

fn key() -> impl Strategy<Value = MessageKey> {
    any::<String>().prop_filter_map("a key", |key| MessageKey::parse(&key).ok())
}

fn message() -> impl Strategy<Value = HistoryMessage> {
    (id(), with(), sender(), time(), text(), option::of(key()), any::<bool>()).prop_map(
        |(id, with, from, time, text, key, deleted)| {
            let mut message = HistoryMessage::new(id, with, from, time, text);
            (message.key, message.deleted) = (key, deleted);
            message
        },
    )
}

fn list<T: std::fmt::Debug>(entry: impl Strategy<Value = T>) -> impl Strategy<Value = List<T>> {
    (vec(entry, 0..4), any::<bool>()).prop_map(|(entries, more)| List { entries, more })
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    let changes = [RoomChange::Created, RoomChange::Joined, RoomChange::Left, RoomChange::Invited];
    let changes = [&changes[..], &[RoomChange::Removed, RoomChange::Set, RoomChange::Deleted]].concat();
    prop_oneof![
        message().prop_map(Event::Message),
        (with(), user(), id()).prop_map(|(with, user, upto)| Event::Read { with, user, upto }),
        (user(), any::<bool>(), option::of(time())).prop_map(|(user, online, last_seen)| Event::Presence {
            user,
            online,
            last_seen
        }),
        (with(), user()).prop_map(|(with, user)| Event::Typing { with, user }),
        (room(), prop::sample::select(changes), user(), user()).prop_map(|(room, change, user, by)| Event::Room {
            room,
            change,
            user,
            by
        }),
        (with(), id()).prop_map(|(with, id)| Event::Deleted { with, id }),
        (text(), time()).prop_map(|(text, time)| Event::Announcement { text, time }),
        Just(Event::Lagged),
        Just(Event::Closed { reason: CloseReason::Ended }),
    ]
}

fn command() -> impl Strategy<Value = Command<'static>> {
    fn word() -> impl Strategy<Value = Cow<'static, str>> {
        text().prop_map(Cow::Owned)
    }
    let limit = || 1..=crate::limits::LIST_MAX;
    let token = any::<[u8; 16]>().prop_map(|bytes| {
        SessionToken::parse(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()).unwrap()
    });
    let position = prop_oneof![id().prop_map(Position::Before), id().prop_map(Position::After)];
    let names = option::of(vec(word(), 0..3));
    Union::new([
        prop::sample::select(vec![
            Command::Server,
            Command::Ping,
            Command::Logout,
            Command::Sessions,
            Command::Unsubscribe,
            Command::Blocks,
        ])
        .boxed(),
        (word(), word()).prop_map(|(user, password)| Command::Auth { user, password }).boxed(),
        token.prop_map(|token| Command::Resume { token }).boxed(),
        (word(), word(), word(), option::of(word()))
            .prop_map(|(user, password, full_name, invitation)| Command::Register {
                user,
                password,
                full_name,
                invitation,
            })
            .boxed(),
        (word(), word()).prop_map(|(old, new)| Command::SetPassword { old, new }).boxed(),
        (option::of(word()), option::of(word()))
            .prop_map(|(full_name, country)| Command::SetProfile { full_name, country })
            .boxed(),
        word().prop_map(|session| Command::EndSession { session }).boxed(),
        (word(), word(), option::of(word()))
            .prop_map(|(to, text, key)| Command::Send { to, text, framing: Framing::DEFAULT, key })
            .boxed(),
        (word(), position, limit())
            .prop_map(|(with, position, limit)| Command::History { with, position, limit })
            .boxed(),
        (id(), limit()).prop_map(|(after, limit)| Command::Sync { after, limit }).boxed(),
        (word(), id()).prop_map(|(with, upto)| Command::Read { with, upto }).boxed(),
        (id(), limit()).prop_map(|(before, limit)| Command::Conversations { before, limit }).boxed(),
        option::of(id()).prop_map(|after| Command::Subscribe { after }).boxed(),
        word().prop_map(|with| Command::Typing { with }).boxed(),
        id().prop_map(|id| Command::Delete { id }).boxed(),
        (word(), limit()).prop_map(|(after, limit)| Command::Users { after, limit }).boxed(),
        word().prop_map(|user| Command::Block { user }).boxed(),
        word().prop_map(|user| Command::Unblock { user }).boxed(),
        (word(), word(), any::<bool>())
            .prop_map(|(room, title, open)| Command::CreateRoom { room, title, open })
            .boxed(),
        word().prop_map(|room| Command::JoinRoom { room }).boxed(),
        word().prop_map(|room| Command::LeaveRoom { room }).boxed(),
        word().prop_map(|room| Command::DeleteRoom { room }).boxed(),
        (word(), word()).prop_map(|(room, user)| Command::InviteToRoom { room, user }).boxed(),
        (word(), word()).prop_map(|(room, user)| Command::RemoveFromRoom { room, user }).boxed(),
        (word(), option::of(word()), option::of(any::<bool>()), names)
            .prop_map(|(room, title, open, owners)| Command::SetRoom { room, title, open, owners })
            .boxed(),
        (word(), word(), limit()).prop_map(|(room, after, limit)| Command::Members { room, after, limit }).boxed(),
        (word(), limit()).prop_map(|(after, limit)| Command::Rooms { after, limit }).boxed(),
    ])
}

/// An answer that `command` may have.
fn reply_to(command: &Command<'static>) -> BoxedStrategy<Reply> {
    let login = (any::<[u8; 16]>(), sender(), any::<String>()).prop_map(|(bytes, user, epoch)| {
        let token = uuid::Builder::from_random_bytes(bytes).into_uuid().to_string();
        Login { token: SessionToken::parse(token).unwrap(), user, epoch: epoch.into() }
    });
    let presence = (any::<bool>(), option::of(time())).prop_map(|(online, last_seen)| Presence { online, last_seen });
    match command {
        Command::Server => (any::<String>(), 0..3_usize, any::<u32>())
            .prop_map(|(version, registration, failed_logins)| {
                use crate::model::Registration;
                let kinds = [Registration::Closed, Registration::Open, Registration::Invite];
                let registration = kinds[registration];
                let limits = Limits { failed_logins, ..Limits::default() };
                Reply::Server(Box::new(ServerInfo { version, registration, limits }))
            })
            .boxed(),
        Command::Auth { .. } | Command::Resume { .. } => login.prop_map(Reply::LoggedIn).boxed(),
        Command::Register { .. } => login.prop_map(Reply::Registered).boxed(),
        Command::Logout => Just(Reply::LoggedOut).boxed(),
        Command::Sessions => {
            let address = option::of(any::<std::net::SocketAddr>());
            let session = (any::<String>(), time(), time(), address, any::<bool>());
            let session = session.prop_map(|(session, opened, last_used, from, current)| SessionView {
                session,
                opened,
                last_used,
                from,
                current,
            });
            vec(session, 0..4).prop_map(Reply::Sessions).boxed()
        }
        Command::Send { .. } => (id(), time()).prop_map(|(id, time)| Reply::Sent { id, time }).boxed(),
        Command::History { .. } => list(message()).prop_map(Reply::History).boxed(),
        Command::Sync { .. } => (list(message()), id()).prop_map(|(list, next)| Reply::Sync(list, next)).boxed(),
        Command::Read { .. } => any::<usize>().prop_map(|unread| Reply::Read { unread }).boxed(),
        Command::Conversations { .. } => {
            let view = (with(), any::<usize>(), id(), option::of(message()), vec((user(), id()), 0..3));
            let view = view.prop_map(|(with, unread, read, last, members)| ConversationView {
                with,
                unread,
                read,
                last,
                members,
            });
            list(view).prop_map(Reply::Conversations).boxed()
        }
        Command::Subscribe { .. } => id().prop_map(|next| Reply::Subscribed { next }).boxed(),
        Command::Users { .. } => {
            let view = (profile(), option::of(presence)).prop_map(|(profile, presence)| UserView { profile, presence });
            list(view).prop_map(Reply::Users).boxed()
        }
        Command::Blocks => vec(profile(), 0..4).prop_map(Reply::Blocks).boxed(),
        Command::Members { .. } => {
            let view = (profile(), any::<bool>()).prop_map(|(profile, owner)| MemberView { profile, owner });
            list(view).prop_map(Reply::Members).boxed()
        }
        Command::Rooms { .. } => {
            let standing = prop::sample::select(vec![Standing::Invited, Standing::Member, Standing::Owner]);
            let view = (room(), any::<String>(), any::<bool>(), any::<usize>(), option::of(standing));
            let view = view.prop_map(|(room, title, open, members, standing)| RoomView {
                room,
                title,
                open,
                members,
                standing,
            });
            list(view).prop_map(Reply::Rooms).boxed()
        }
        Command::Unsubscribe => Just(Reply::Unsubscribed).boxed(),
        Command::CreateRoom { .. } => Just(Reply::RoomCreated).boxed(),
        Command::JoinRoom { .. } => Just(Reply::RoomJoined).boxed(),
        Command::LeaveRoom { .. } => Just(Reply::RoomLeft).boxed(),
        _ => Just(Reply::Done).boxed(),
    }
}

pub(super) fn command_and_reply() -> impl Strategy<Value = (Command<'static>, Reply)> {
    command().prop_flat_map(|command| (Just(command.clone()), reply_to(&command)))
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    assert_eq!(out.iter().position(|&byte| byte == b'\n'), Some(out.len() - 1), "it is one line");
    out
}

/// A request that is read in two passes, as if there were something unusual about it.
fn thorough(line: &[u8]) -> Call<'_> {
    super::request::parse_members(&Envelope::read(std::str::from_utf8(line).unwrap()).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn a_command_reads_back(command in command()) {
        let line = written(|out| write_request(7, &command, out).unwrap());
        let call = parse(&line).unwrap();
        prop_assert!(call.command == command, "{}", String::from_utf8_lossy(&line));
        prop_assert!(super::quick::parse(std::str::from_utf8(&line).unwrap()).unwrap() == call);
        prop_assert!(thorough(&line) == call);
        prop_assert!(call.id.is_some_and(|id| id.as_json() == "7"));
    }

    /// `Debug` shows every part of a reply but for texts, and what is written again every part.
    #[test]
    fn a_reply_reads_back((command, reply) in command_and_reply()) {
        let call = written(|out| write_request(7, &command, out).unwrap());
        let id = parse(&call).unwrap().id.unwrap();
        let line = written(|out| write_reply(&id, &reply, out));
        let Incoming::Answer { id: Some(7), result } = read(&line).unwrap() else { panic!() };
        let read = read_reply(&command, result).unwrap();
        prop_assert_eq!(format!("{read:?}"), format!("{reply:?}"));
        prop_assert_eq!(written(|out| write_reply(&id, &read, out)), line);
    }

    #[test]
    fn an_event_reads_back(event in event()) {
        let line = written(|out| write_event(&event, out));
        let Incoming::Event(read) = read(&line).unwrap() else { panic!() };
        prop_assert_eq!(read, event);
    }

    /// Bytes near what is right get further than bytes at random.
    #[test]
    fn no_bytes_make_a_reader_panic(
        (command, reply) in command_and_reply(),
        event in event(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        noise in vec(any::<u8>(), 0..64),
    ) {
        let lines = [
            written(|out| write_request(7, &command, out).unwrap()),
            written(|out| write_reply(&Id::NULL, &reply, out)),
            written(|out| write_event(&event, out)),
            noise,
        ];
        for mut line in lines {
            for (place, byte) in &changes {
                if !line.is_empty() {
                    let place = place.index(line.len());
                    line[place] = *byte;
                }
            }
            if let Some(quick) = std::str::from_utf8(&line).ok().and_then(super::quick::parse) {
                prop_assert!(quick == thorough(&line), "{}", String::from_utf8_lossy(&line));
            }
            drop(parse(&line).map(|call| written(|out| write_request(1, &call.command, out).unwrap())));
            if let Ok(Incoming::Answer { result, .. }) = read(&line) {
                drop(read_reply(&command, result));
            }
        }
    }
}
