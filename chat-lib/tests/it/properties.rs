//! Rules that hold for every input: how bytes are cut makes no difference, no bytes do harm, and
//! the answers are those of a small model of the protocol.

use std::time::Duration;

use chat_lib::limits::Limits;
use chat_lib::protocol::{Command, Frames};
use chat_lib::{Connection, NewUser, Outbox};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::Model;
use crate::support::{demo_chat, tokens};

/// A few bytes, so that generated lines go over it now and then.
const LINE_BYTES: usize = 100;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn chunks_make_no_difference(lines in vec(line(), 0..30), cuts in vec(1_usize..40, 1..50)) {
        let bytes: Vec<u8> = lines.concat();
        let whole = answers(&[&bytes[..]], usize::MAX);
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        for size in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, more) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = more;
        }
        prop_assert_eq!(&answers(&pieces, usize::MAX), &whole);
        // A caller that empties `out` when it is full, and hands in again what was not taken.
        prop_assert_eq!(&answers(&pieces, 1), &whole);
        prop_assert_eq!(&answers(&[&bytes[..]], 80), &whole);
    }

    #[test]
    fn any_bytes_are_answered_line_by_line(bytes in vec(prop_oneof![4 => any::<u8>(), 1 => Just(b'\r'), 1 => Just(b'\n')], 0..2000)) {
        let lines = ended_lines(&bytes);
        let out = answers(&[&bytes[..]], usize::MAX);
        let mut text = &*String::from_utf8(out).unwrap();
        let mut found = 0;
        while !text.is_empty() {
            let is_rpc = text.starts_with("{\"jsonrpc\"");
            let (answer, rest) = text.split_once(if is_rpc { "\n" } else { "\r\n\r\n" }).unwrap();
            let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
            let is_whole = if is_rpc { answer["error"].is_object() } else { answer["status"].is_string() };
            prop_assert!(is_whole);
            text = rest;
            found += 1;
        }
        let unended = bytes.len() - lines.last().unwrap_or(&0);
        prop_assert_eq!(found, lines.len() + usize::from(unended >= LINE_BYTES));
    }

    #[test]
    fn answers_are_the_models(steps in vec(step(), 0..60)) {
        let limits = Limits {
            line_bytes: LINE_BYTES,
            session_idle: Duration::from_secs(100),
            failed_logins: u32::MAX,
            ..Limits::default()
        };
        let (chat, clock) = demo_chat(limits);
        let mut model = Model::new(LINE_BYTES, 100, tokens().map(|token| token.to_string()));
        for step in &steps {
            match step {
                Step::Line(line) => {
                    let answer = String::from_utf8(chat.answer(line)).unwrap();
                    if matches!(line.first(), Some(b'{' | b'[')) {
                        // The model knows protocol 1.
                        let is_rpc = answer.starts_with("{\"jsonrpc\"");
                        prop_assert!(is_rpc);
                        continue;
                    }
                    prop_assert_eq!(answer, model.answer(line), "to {}", line.escape_ascii());
                }
                Step::Wait(seconds) => {
                    clock.advance(Duration::from_secs(*seconds));
                    model.now += seconds;
                }
            }
        }
    }
}

#[test]
fn debug_shows_no_secrets() {
    let (chat, _) = demo_chat(Limits::default());
    let mut connection = Connection::new(chat.clone());
    let mut out = Outbox::new(&chat);
    assert_eq!(connection.receive(b"auth messi sekret", &mut out), 17);
    let mut frames = Frames::new(100);
    let frame = frames.next(&mut &b"auth messi sekret\n"[..]).unwrap();
    let user = NewUser { name: "ana", password: "sekret", full_name: "Ana", country: "" };
    let command = Command::Auth { user: "messi".into(), password: "sekret".into() };
    let shown = format!("{connection:?} {frame:?} {user:?} {command:?} {chat:?}");
    let bytes = format!("{:?}", b"sekret");
    assert!(!shown.contains("sekret") && !shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
}

/// What a new demo chat answers to `pieces`, `out` being emptied whenever it holds `room` bytes.
fn answers(pieces: &[&[u8]], room: usize) -> Vec<u8> {
    let limits = Limits { line_bytes: LINE_BYTES, reply_bytes: room, failed_logins: u32::MAX, ..Limits::default() };
    let chat = demo_chat(limits).0;
    let (mut sent, mut out) = (Vec::new(), Outbox::new(&chat));
    let mut connection = Connection::new(chat);
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let taken = connection.receive(rest, &mut out);
            assert!(taken > 0 || !out.is_empty(), "no progress");
            rest = &rest[taken..];
            sent.append(&mut out.take());
        }
    }
    sent
}

/// Where each line ends, its end included: the rule of `docs/protocol.md`, written to be obvious.
fn ended_lines(bytes: &[u8]) -> Vec<usize> {
    let ends: Vec<usize> = (1..=bytes.len()).filter(|&end| bytes[end - 1] == b'\n').collect();
    let after_cr = |end: &usize| bytes[..*end].ends_with(b"\r\n");
    match ends.first() {
        Some(first) if after_cr(first) => ends.into_iter().filter(after_cr).collect(),
        _ => ends,
    }
}

#[derive(Clone, Debug)]
enum Step {
    Line(Vec<u8>),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![9 => line().prop_map(Step::Line), 1 => (0_u64..120).prop_map(Step::Wait)]
}

/// Lines of which most are close to a command, or are one.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        6 => prop::sample::select(vec!["messi", "henderson", "lineker", "ronaldo", "surabaya", "salah", ""]).prop_map(str::to_owned),
        6 => (0_usize..4).prop_map(|nth| tokens().nth(nth).unwrap().to_string()),
        1 => "[a-z é\t\n\u{a0}\u{1c}\"\\\\]{0,30}",
    ];
    let name =
        prop::sample::select(vec!["auth", "auth", "send", "send", "send", "inbox", "activeuser", "logout", "Auth", ""]);
    let end = prop::sample::select(vec!["\r\n", "\n", " \r\n"]);
    let near = (name, vec(word, 0..4), end).prop_map(|(name, words, end)| {
        let words = words.iter().flat_map(|word| [" ", word]).collect::<String>();
        format!("{name}{words}{end}").into_bytes()
    });
    let login = prop::sample::select(vec!["messi", "henderson"])
        .prop_map(|user| format!("auth {user} surabaya\n").into_bytes());
    let raw = vec(any::<u8>().prop_filter("one line", |byte| *byte != b'\n'), 0..150).prop_map(|mut bytes| {
        bytes.push(b'\n');
        bytes
    });
    prop_oneof![8 => near, 2 => login, 1 => raw]
}
