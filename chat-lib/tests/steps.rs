//! A connection whose passwords are checked elsewhere.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use chat_lib::limits::{LINES_PER_TURN, Limits};
use chat_lib::{Connection, Outbox};

use crate::support::{demo_chat, tokens};

/// Whoever serves with steps and whoever lets the connection do it all gives the same answers.
#[test]
fn steps_answer_as_receive_does() {
    let token = tokens().next().unwrap();
    let mut requests = b"auth messi surabaya\r\nauth nobody x\r\nhalo\r\n".to_vec();
    for _ in 0..LINES_PER_TURN {
        requests.extend_from_slice(format!("send {token} messi halo\r\n").as_bytes());
    }
    requests.extend_from_slice(format!("auth nobody x\r\ninbox {token}\r\nauth nobody x\r\nha").as_bytes());
    // Inboxes are written piece by piece.
    let limits = Limits { reply_bytes: 1000, ..Limits::default() };

    let chat = demo_chat(limits.clone()).0;
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    let (mut expected, mut rest) = (Vec::new(), &requests[..]);
    while !rest.is_empty() {
        rest = &rest[connection.receive(rest, &mut out)..];
        expected.append(&mut out.take());
    }

    let chat = demo_chat(limits).0;
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    let (mut answers, mut rest, mut logins) = (Vec::new(), &requests[..], 0);
    while !rest.is_empty() {
        let step = connection.step(rest, &mut out);
        rest = &rest[step.taken..];
        if let Some(login) = step.login {
            logins += 1;
            connection.finish_login(login.check(), &mut out);
        }
        answers.append(&mut out.take());
    }
    assert_eq!(logins, 3);
    assert!(connection.mid_line());
    assert_eq!(String::from_utf8(answers).unwrap(), String::from_utf8(expected).unwrap());
}

#[test]
fn a_login_too_many_is_refused_unchecked() {
    let chat = demo_chat(Limits::default()).0;
    let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
    let login = connection.step(b"auth nobody x\r\n", &mut out).login.unwrap();
    assert!(!format!("{login:?}").contains("nobody"));
    connection.finish_login(login.refuse_busy(), &mut out);
    assert!(String::from_utf8(out.take()).unwrap().contains("\"code\": \"busy\""));
}
