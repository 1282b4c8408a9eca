use std::sync::Arc;

use super::*;
use crate::clock::Timestamp;
use crate::limits::Limits;
use crate::model::{
    ConversationName, Framing, HistoryMessage, MessageId, MessageKey, Profile, RoomName, SessionToken, UserName,
};
use crate::protocol::{
    CloseReason, Command, ConversationView, List, Login, MemberView, Presence, Reply, RoomChange, RoomView,
    SessionView, UserView,
};
use crate::store::{Position, Standing};

const TOKEN: &str = "609107b0-9f49-4d74-8195-f66446cd56e5";

fn request(method: &str, params: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\",\"params\":{params}}}\n").replace("$T", TOKEN)
}

fn id(number: u64) -> MessageId {
    MessageId::new(number).unwrap()
}

fn send<'a>(to: &'a str, text: &'a str, key: Option<&'a str>) -> Command<'a> {
    Command::Send { to: to.into(), text: text.into(), framing: Framing::DEFAULT, key: key.map(Into::into) }
}

/// The line that answers a request that is refused; empty if there is none.
fn refusal(line: &[u8]) -> String {
    let rejected = parse(line).unwrap_err();
    let mut out = Vec::new();
    if let Some(id) = &rejected.id {
        write_error(id, &rejected.error, &mut out);
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn requests_and_their_commands() {
    let room = || "#a".into();
    for (method, params, command) in [
        ("server", "{}", Command::Server),
        ("ping", r#"{"x":[{"y":null}]}"#, Command::Ping),
        (
            "login",
            r#"{"user":"messi","password":"a b"}"#,
            Command::Auth { user: "messi".into(), password: "a b".into() },
        ),
        ("resume", r#"{"token":"$T"}"#, Command::Resume { token: SessionToken::parse(TOKEN).unwrap() }),
        (
            "register",
            r#"{"name":"Ana","password":"x","user":"ana","color":5}"#,
            Command::Register { user: "ana".into(), password: "x".into(), full_name: "Ana".into(), invitation: None },
        ),
        (
            "register",
            r#"{"name":"Ana","password":"x","user":"ana","invitation":"609107b0"}"#,
            Command::Register {
                user: "ana".into(),
                password: "x".into(),
                full_name: "Ana".into(),
                invitation: Some("609107b0".into()),
            },
        ),
        ("logout", "{}", Command::Logout),
        ("password", r#"{"old":"x","new":"y"}"#, Command::SetPassword { old: "x".into(), new: "y".into() }),
        ("profile", "{}", Command::SetProfile { full_name: None, country: None }),
        (
            "profile",
            r#"{"name":"Ana","country":""}"#,
            Command::SetProfile { full_name: Some("Ana".into()), country: Some("".into()) },
        ),
        ("sessions", "{}", Command::Sessions),
        ("session.end", r#"{"session":"ff"}"#, Command::EndSession { session: "ff".into() }),
        ("send", r#"{"to":"messi","text":"halo"}"#, send("messi", "halo", None)),
        ("send", r##"{"to":"#a","text":"","key":"k"}"##, send("#a", "", Some("k"))),
        ("send", r#"{"to":"messi","text":"x","key":null}"#, send("messi", "x", None)),
        ("send", r#"{"text":"\u00e9 \ud83d\ude80 \"\n\u0000","to":"\u006d"}"#, send("m", "é 🚀 \"\n\0", None)),
        ("send", r#"{"to":"a","to":"b","text":"x","limit":"y"}"#, send("b", "x", None)),
        (
            "history",
            r#"{"with":"messi"}"#,
            Command::History { with: "messi".into(), position: Position::Before(MessageId::MAX), limit: 100 },
        ),
        (
            "history",
            r#"{"with":"messi","before":7,"after":null,"limit":1001}"#,
            Command::History { with: "messi".into(), position: Position::Before(id(7)), limit: 1000 },
        ),
        (
            "history",
            r#"{"with":"messi","after":0,"limit":18446744073709551615}"#,
            Command::History { with: "messi".into(), position: Position::After(id(0)), limit: 1000 },
        ),
        ("sync", r#"{"after":9007199254740991,"limit":1}"#, Command::Sync { after: MessageId::MAX, limit: 1 }),
        ("read", r#"{"with":"messi","upto":5}"#, Command::Read { with: "messi".into(), upto: id(5) }),
        ("conversations", "{}", Command::Conversations { before: MessageId::MAX, limit: 100 }),
        ("conversations", r#"{"before":5}"#, Command::Conversations { before: id(5), limit: 100 }),
        ("subscribe", "{}", Command::Subscribe { after: None }),
        ("subscribe", r#"{"after":0}"#, Command::Subscribe { after: Some(id(0)) }),
        ("unsubscribe", "{}", Command::Unsubscribe),
        ("typing", r#"{"with":"messi"}"#, Command::Typing { with: "messi".into() }),
        ("delete", r#"{"id":5}"#, Command::Delete { id: id(5) }),
        ("users", "{}", Command::Users { after: "".into(), limit: 100 }),
        ("users", r#"{"after":"m","limit":2}"#, Command::Users { after: "m".into(), limit: 2 }),
        ("blocks", "{}", Command::Blocks),
        ("block", r#"{"user":"messi"}"#, Command::Block { user: "messi".into() }),
        ("unblock", r#"{"user":"messi"}"#, Command::Unblock { user: "messi".into() }),
        ("room.create", r##"{"room":"#a"}"##, Command::CreateRoom { room: room(), title: "".into(), open: true }),
        (
            "room.create",
            r##"{"room":"#a","title":"A","open":false}"##,
            Command::CreateRoom { room: room(), title: "A".into(), open: false },
        ),
        ("room.join", r##"{"room":"#a"}"##, Command::JoinRoom { room: room() }),
        ("room.leave", r##"{"room":"#a"}"##, Command::LeaveRoom { room: room() }),
        ("room.delete", r##"{"room":"#a"}"##, Command::DeleteRoom { room: room() }),
        ("room.invite", r##"{"room":"#a","user":"b"}"##, Command::InviteToRoom { room: room(), user: "b".into() }),
        ("room.remove", r##"{"room":"#a","user":"b"}"##, Command::RemoveFromRoom { room: room(), user: "b".into() }),
        ("room.set", r##"{"room":"#a"}"##, Command::SetRoom { room: room(), title: None, open: None, owners: None }),
        (
            "room.set",
            r##"{"room":"#a","title":"","open":true,"owners":["b","\u0063"]}"##,
            Command::SetRoom {
                room: room(),
                title: Some("".into()),
                open: Some(true),
                owners: Some(vec!["b".into(), "c".into()]),
            },
        ),
        ("room.members", r##"{"room":"#a"}"##, Command::Members { room: room(), after: "".into(), limit: 100 }),
        ("room.list", "{}", Command::Rooms { after: "".into(), limit: 100 }),
    ] {
        let line = request(method, params);
        let call = parse(line.as_bytes()).unwrap_or_else(|rejected| panic!("{line}: {:?}", rejected.error));
        assert!(call.command == command, "{line}");
        assert_eq!(call.id.unwrap().as_json(), "1");
        assert_eq!(command.name(), method);
        let mut out = Vec::new();
        write_request(1, &command, &mut out).unwrap();
        assert!(parse(&out).unwrap().command == command, "{}", String::from_utf8_lossy(&out));
    }
}

#[test]
fn members_come_in_any_order() {
    for line in [
        r#"{"params":{"with":"a"},"method":"typing","id":1,"jsonrpc":"2.0"}"#,
        r#"{"method":"block","params":{"user":"b","with":"a"},"method":"typing","id":1,"jsonrpc":"2.0"}"#,
        r#"{"jsonrpc":"2.0","params":5,"params":{"with":"a"},"id":2,"id":1,"method":"typ\u0069ng","more":[{}]}"#,
    ] {
        let call = parse(line.as_bytes()).unwrap();
        assert!(call.command == Command::Typing { with: "a".into() }, "{line}");
        assert_eq!(call.id.unwrap().as_json(), "1");
    }
}

#[test]
fn a_text_without_escapes_is_borrowed() {
    let line = request("send", r#"{"to":"messi","text":"halo"}"#);
    let Command::Send { to, text, .. } = parse(line.as_bytes()).unwrap().command else { panic!() };
    assert!(matches!((to, text), (std::borrow::Cow::Borrowed(_), std::borrow::Cow::Borrowed(_))));
}

#[test]
fn ids_come_back_as_they_came() {
    for text in ["1", "-0", "1.50", "1e400", "12345678901234567890123", "null", r#""""#, r#""\u0061 é""#, r#""\ud800""#]
    {
        let line = format!("{{\"id\": {text} ,\"method\":\"ping\",\"jsonrpc\":\"2.0\"}}");
        assert_eq!(parse(line.as_bytes()).unwrap().id.unwrap().as_json(), text);
    }
    assert!(parse(br#"{"method":"ping","jsonrpc":"2.0"}"#).unwrap().id.is_none());
    assert!(is_rpc(b"{") && is_rpc(b"[]") && !is_rpc(b" {") && !is_rpc(b""));
}

#[test]
fn lines_that_are_refused() {
    let answer = |id: &str, code: i32, message: &str, word: &str| {
        let message = message.replace('"', "\\\"");
        format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":{code},\"message\":\"{message}\",\"data\":{{\"code\":\"{word}\"}}}}}}\n"
        )
    };
    for (line, id, problem) in [
        ("{}", "null", r#""jsonrpc" must be "2.0""#),
        (r#"{"id":"a","jsonrpc":"1.0","method":"ping"}"#, r#""a""#, r#""jsonrpc" must be "2.0""#),
        (r#"{"id":2,"jsonrpc":2.0,"method":"ping"}"#, "2", r#""jsonrpc" must be "2.0""#),
        (r#"{"id":2,"jsonrpc":"2.0"}"#, "2", r#""method" must be a string"#),
        (r#"{"jsonrpc":"2.0","method":5}"#, "null", r#""method" must be a string"#),
        (r#"{"id":[],"jsonrpc":"2.0","method":"ping"}"#, "null", r#""id" must be a string, a number or null"#),
        (r#"{"id":true,"jsonrpc":"2.0","method":"ping"}"#, "null", r#""id" must be a string, a number or null"#),
        ("[]", "null", "batches are not supported; send one request per line"),
        ("[", "null", "batches are not supported; send one request per line"),
        ("5", "null", "it is not an object"),
    ] {
        let message = format!("this is not a JSON-RPC 2.0 request: {problem}");
        assert_eq!(refusal(line.as_bytes()), answer(id, -32600, &message, "bad_request"), "{line}");
    }
    for (method, params, problem) in [
        ("send", "[]", r#""params" must be an object"#),
        ("ping", "null", r#""params" must be an object"#),
        ("send", "{}", r#""to" is missing; it must be a string"#),
        ("send", r#"{"to":"a"}"#, r#""text" is missing; it must be a string"#),
        ("send", r#"{"to":5,"text":"x"}"#, r#""to" must be a string"#),
        ("send", r#"{"to":null,"text":"x"}"#, r#""to" must be a string"#),
        ("send", r#"{"to":"a","text":"x","key":1}"#, r#""key" must be a string"#),
        ("sync", r#"{"after":"1"}"#, r#""after" must be an integer from 0 to 9007199254740991"#),
        ("sync", r#"{"after":-1}"#, r#""after" must be an integer from 0 to 9007199254740991"#),
        ("sync", r#"{"after":1.0}"#, r#""after" must be an integer from 0 to 9007199254740991"#),
        ("sync", r#"{"after":9007199254740992}"#, r#""after" must be an integer from 0 to 9007199254740991"#),
        ("users", r#"{"limit":0}"#, r#""limit" must be an integer of at least 1"#),
        ("history", r#"{"with":"a","before":1,"after":1}"#, r#"give "before" or "after", not both"#),
        ("room.create", r##"{"room":"#a","open":"yes"}"##, r#""open" must be true or false"#),
        ("room.set", r##"{"room":"#a","owners":"b"}"##, r#""owners" must be an array of strings"#),
        ("room.set", r##"{"room":"#a","owners":[5]}"##, r#""owners" must be an array of strings"#),
    ] {
        let message = format!("invalid parameters: {problem}");
        let line = request(method, params);
        assert_eq!(refusal(line.as_bytes()), answer("1", -32602, &message, "bad_parameters"), "{line}");
        let notification = line.replace("\"id\":1,", "");
        assert_eq!(refusal(notification.as_bytes()), "");
    }
    for method in ["", "Send", "inbox", "sendgroup", "room"] {
        let line = request(method, "{}");
        assert_eq!(refusal(line.as_bytes()), answer("1", -32601, "there is no such method", "no_such_method"));
    }
    let line = request("resume", r#"{"token":"x"}"#);
    assert_eq!(refusal(line.as_bytes()), answer("1", 13, "there is no such session; log in again", "no_such_session"));
}

#[test]
fn lines_that_are_no_json() {
    let deep = request("ping", &"[".repeat(100_000));
    let two = request("ping", "{}").repeat(2);
    for line in [
        &b"{"[..],
        b"{\xff",
        b"",
        b"{}}",
        b"{\"id\":1,}",
        b"{\"a\":01}",
        b"{\"a\":\"\x01\"}",
        deep.as_bytes(),
        two.as_bytes(),
    ] {
        let answer = refusal(line);
        assert!(answer.starts_with("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"), "{answer}");
    }
    // The line's own members could be read.
    for (method, params) in [("send", r#"{"to":"a","text":"\ud800"}"#), ("history", r#"{"with":"a","after":1e400}"#)] {
        let line = request(method, params);
        let refused = |id| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":-32700,");
        assert!(refusal(line.as_bytes()).starts_with(&refused("1")), "{line}");
        let notification = line.replace("\"id\":1,", "");
        assert!(refusal(notification.as_bytes()).starts_with(&refused("null")), "{notification}");
    }
    // What nobody reads is not looked at closely, and takes no stack.
    let deep = request("ping", &format!("{{\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000)));
    assert!(parse(deep.as_bytes()).is_ok());
}

fn profile(user: &str, name: &str, country: &str) -> Arc<Profile> {
    Arc::new(Profile::new(UserName::parse(user).unwrap(), name, country).unwrap())
}

fn with(name: &str) -> ConversationName {
    ConversationName::parse(name).unwrap()
}

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn list<T>(entries: Vec<T>) -> List<T> {
    List { entries, more: true }
}

fn message() -> HistoryMessage {
    let from = profile("messi", "Lionel Messi", "Argentina");
    HistoryMessage::new(id(7), with("#a"), from, at(1), "é \"\n\0".to_owned())
}

#[test]
fn answers_to_the_byte() {
    let mut deleted = message();
    (deleted.text, deleted.deleted, deleted.key) = (String::new(), true, Some(MessageKey::parse("k").unwrap()));
    let (login, messi) = (
        Login {
            token: SessionToken::parse(TOKEN).unwrap(),
            user: profile("messi", "Lionel Messi", "Argentina"),
            epoch: "e".into(),
        },
        profile("messi", "Lionel Messi", "Argentina"),
    );
    let a_message = r##"{"id":7,"with":"#a","from":"messi","name":"Lionel Messi","text":"é \"\n\u0000","time":1}"##;
    let a_deleted =
        r##"{"id":7,"with":"#a","from":"messi","name":"Lionel Messi","text":"","time":1,"key":"k","deleted":true}"##;
    let opened = format!(r#"{{"token":"{TOKEN}","user":"messi","name":"Lionel Messi","epoch":"e"}}"#);
    for (reply, result) in [
        (Reply::Done, "{}"),
        (Reply::LoggedOut, "{}"),
        (Reply::RoomJoined, "{}"),
        (Reply::Sent { id: id(1), time: at(2) }, r#"{"id":1,"time":2}"#),
        (Reply::Read { unread: 3 }, r#"{"unread":3}"#),
        (Reply::Subscribed { next: id(3) }, r#"{"next":3}"#),
        (Reply::LoggedIn(login.clone()), &opened),
        (Reply::Registered(login), &opened),
        (
            Reply::History(list(vec![message(), deleted])),
            &format!(r#"{{"messages":[{a_message},{a_deleted}],"more":true}}"#),
        ),
        (
            Reply::Sync(List { entries: vec![message()], more: false }, id(9)),
            &format!(r#"{{"messages":[{a_message}],"more":false,"next":9}}"#),
        ),
        (
            Reply::Conversations(list(vec![
                ConversationView { with: with("#a"), unread: 1, read: id(2), last: Some(message()), members: vec![] },
                ConversationView {
                    with: with("messi"),
                    unread: 0,
                    read: id(0),
                    last: None,
                    members: vec![(user("messi"), id(4)), (user("ana"), id(0))],
                },
            ])),
            &format!(
                "{}{a_message}{}",
                r##"{"conversations":[{"with":"#a","unread":1,"read":2,"last":"##,
                r#"},{"with":"messi","unread":0,"read":0,"last":null,"members":[{"user":"messi","read":4},{"user":"ana","read":0}]}],"more":true}"#
            ),
        ),
        (
            Reply::Sessions(vec![
                SessionView {
                    session: "00ff".to_owned(),
                    opened: at(1),
                    last_used: at(2),
                    from: Some(([127, 0, 0, 1], 5).into()),
                    current: true,
                },
                SessionView { session: "01".to_owned(), opened: at(1), last_used: at(2), from: None, current: false },
            ]),
            r#"{"sessions":[{"session":"00ff","opened":1,"last_used":2,"from":"127.0.0.1:5","current":true},{"session":"01","opened":1,"last_used":2,"from":null,"current":false}],"more":false}"#,
        ),
        (
            Reply::Users(list(vec![
                UserView { profile: messi.clone(), presence: None },
                UserView { profile: messi.clone(), presence: Some(Presence { online: true, last_seen: None }) },
                UserView { profile: messi.clone(), presence: Some(Presence { online: false, last_seen: Some(at(5)) }) },
            ])),
            r#"{"users":[{"user":"messi","name":"Lionel Messi","country":"Argentina"},{"user":"messi","name":"Lionel Messi","country":"Argentina","online":true,"last_seen":null},{"user":"messi","name":"Lionel Messi","country":"Argentina","online":false,"last_seen":5}],"more":true}"#,
        ),
        (
            Reply::Blocks(vec![messi.clone()]),
            r#"{"users":[{"user":"messi","name":"Lionel Messi","country":"Argentina"}],"more":false}"#,
        ),
        (
            Reply::Members(list(vec![MemberView { profile: messi, owner: true }])),
            r#"{"members":[{"user":"messi","name":"Lionel Messi","country":"Argentina","owner":true}],"more":true}"#,
        ),
        (
            Reply::Rooms(list(vec![
                RoomView {
                    room: RoomName::parse("#a").unwrap(),
                    title: "A".to_owned(),
                    open: true,
                    members: 2,
                    standing: None,
                },
                RoomView {
                    room: RoomName::parse("#b").unwrap(),
                    title: String::new(),
                    open: false,
                    members: 1,
                    standing: Some(Standing::Owner),
                },
            ])),
            r##"{"rooms":[{"room":"#a","title":"A","open":true,"members":2},{"room":"#b","title":"","open":false,"members":1,"standing":"owner"}],"more":true}"##,
        ),
    ] {
        let mut out = Vec::new();
        write_reply(&parse(request("ping", "{}").as_bytes()).unwrap().id.unwrap(), &reply, &mut out);
        let expected = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{result}}}\n");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn events_to_the_byte() {
    for (event, method, params) in [
        (
            Event::Message(message()),
            "message",
            r##"{"id":7,"with":"#a","from":"messi","name":"Lionel Messi","text":"é \"\n\u0000","time":1}"##,
        ),
        (
            Event::Read { with: with("ana"), user: user("ana"), upto: id(3) },
            "read",
            r#"{"with":"ana","user":"ana","upto":3}"#,
        ),
        (
            Event::Presence { user: user("ana"), online: true, last_seen: None },
            "presence",
            r#"{"user":"ana","online":true,"last_seen":null}"#,
        ),
        (
            Event::Presence { user: user("ana"), online: false, last_seen: Some(at(4)) },
            "presence",
            r#"{"user":"ana","online":false,"last_seen":4}"#,
        ),
        (Event::Typing { with: with("#a"), user: user("ana") }, "typing", r##"{"with":"#a","user":"ana"}"##),
        (
            Event::Room {
                room: RoomName::parse("#a").unwrap(),
                change: RoomChange::Invited,
                user: user("ana"),
                by: user("messi"),
            },
            "room",
            r##"{"room":"#a","change":"invited","user":"ana","by":"messi"}"##,
        ),
        (Event::Deleted { with: with("#a"), id: id(5) }, "deleted", r##"{"with":"#a","id":5}"##),
        (
            Event::Announcement { text: "a \"b\"".to_owned(), time: at(4) },
            "announcement",
            r#"{"text":"a \"b\"","time":4}"#,
        ),
        (Event::Lagged, "lagged", "{}"),
        (Event::Closed { reason: CloseReason::Ended }, "closed", r#"{"reason":"session_ended"}"#),
        (Event::Closed { reason: CloseReason::ServerStopping }, "closed", r#"{"reason":"server_stopping"}"#),
    ] {
        let mut out = Vec::new();
        write_event(&event, &mut out);
        let expected = format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\",\"params\":{params}}}\n");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn refusals_read_back() {
    for error in [
        Error::LineTooLong { limit: 8 },
        Error::TooManyAttempts { wait: std::time::Duration::from_millis(1500) },
        Error::RateLimited { wait: std::time::Duration::from_millis(1) },
        Error::NoSuchUser,
        Error::BadParameters("x".to_owned()),
        Error::Refused { code: "news".to_owned(), message: "x".to_owned() },
    ] {
        let mut out = Vec::new();
        write_error(&Id::NULL, &error, &mut out);
        let Incoming::Refusal { id: None, error: read } = read(&out).unwrap() else { panic!() };
        assert_eq!(format!("{read:?}"), format!("{error:?}"));
    }
    let mut out = Vec::new();
    write_error(&Id::NULL, &Error::LineTooLong { limit: 8 }, &mut out);
    let expected = r#"{"jsonrpc":"2.0","id":null,"error":{"code":15,"message":"the line is longer than 8 bytes; send a shorter one","data":{"code":"line_too_long","limit_bytes":8}}}"#;
    assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
    // Other servers have no words.
    let other = br#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":5}"#;
    assert!(matches!(read(other), Ok(Incoming::Refusal { id: Some(5), error: Error::NoSuchMethod })));
    let other = br#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"x","data":{"code":"disconnected"}},"id":5}"#;
    let read = read(other);
    assert!(
        matches!(&read, Ok(Incoming::Refusal { error: Error::Refused { code, .. }, .. }) if code == "disconnected")
    );
}

#[test]
fn what_a_later_version_may_send() {
    for line in [
        r#"{"jsonrpc":"2.0","method":"reaction","params":{}}"#,
        r##"{"jsonrpc":"2.0","method":"room","params":{"room":"#a","change":"archived","user":"a","by":"a"}}"##,
    ] {
        assert!(matches!(read(line.as_bytes()), Ok(Incoming::UnknownEvent)), "{line}");
    }
    let line = r#"{"jsonrpc":"2.0","method":"closed","params":{"reason":"moved","to":"elsewhere"}}"#;
    assert!(matches!(read(line.as_bytes()), Ok(Incoming::Event(Event::Closed { reason: CloseReason::Ended }))));
    assert!(matches!(read_reply(&Command::Ping, r#"{"news":1}"#), Ok(Reply::Done)));
    let Reply::Server(info) =
        read_reply(&Command::Server, r#"{"version":"9","registration":true,"limits":{"line_bytes":8}}"#).unwrap()
    else {
        panic!()
    };
    assert_eq!(info.limits, Limits { line_bytes: 8, ..Limits::default() });
}

#[test]
fn nonsense_is_named_as_such() {
    for line in [
        "",
        "halo",
        "[]",
        "{}",
        r#"{"id":1,"result":{},"error":{"code":1,"message":""}}"#,
        r#"{"id":1,"error":{}}"#,
        r#"{"method":"message","params":{}}"#,
        r#"{"method":"typing","params":{"with":"a b","user":"a"}}"#,
    ] {
        assert!(matches!(read(line.as_bytes()), Err(Error::BadReply(_))), "{line}");
    }
    let send = send("a", "x", None);
    for result in ["", "[]", "{}", r#"{"id":9007199254740992,"time":1}"#, r#"{"id":"1","time":1}"#] {
        assert!(matches!(read_reply(&send, result), Err(Error::BadReply(_))), "{result}");
    }
    for command in [Command::Inbox, Command::ActiveUser, Command::RoomInbox { room: "#a".into() }] {
        let mut out = b"before".to_vec();
        assert!(matches!(write_request(1, &command, &mut out), Err(Error::InvalidRequest { .. })));
        assert_eq!(out, b"before");
    }
}
