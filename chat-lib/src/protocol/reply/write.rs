//! Answers as a server writes them, all but those to `inbox`, which are written piece by piece.

use std::sync::LazyLock;

use super::{END, InboxWriter, Reply, json};
use crate::error::Error;
use crate::model::UserName;

/// Appends the answer to a command, with its end.
pub fn write(outcome: &Result<Reply, Error>, out: &mut Vec<u8>) {
    match outcome {
        Ok(reply) => write_reply(reply, out),
        Err(error) => write_refusal(error, out),
    }
}

/// Appends the answer to a command that was done, with its end.
pub(crate) fn write_reply(reply: &Reply, out: &mut Vec<u8>) {
    match reply {
        Reply::LoggedIn(token) => json::write(&Token { status: "OK", tokenid: &token.to_string() }, out),
        Reply::Registered(token) => {
            json::write(&Registered { status: "OK", message: "User Registered", tokenid: &token.to_string() }, out);
        }
        Reply::Sent => out.extend_from_slice(&SENT),
        Reply::Inbox(inbox) => {
            InboxWriter::new(inbox.order_by_sender()).write(inbox, usize::MAX, out);
            return;
        }
        Reply::ActiveUsers(users) => json::write(&Said { status: "OK", message: &user_list(users) }, out),
        Reply::LoggedOut => json::write(&LoggedOut { status: "OK", messages: "Logged Out!" }, out),
    }
    out.extend_from_slice(END);
}

/// The most frequent answer, which is always the same.
static SENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut out = Vec::new();
    json::write(&Said { status: "OK", message: "Message Sent" }, &mut out);
    out
});

/// Appends the answer to a command that was not done, with its end.
pub(crate) fn write_refusal(error: &Error, out: &mut Vec<u8>) {
    let message = &error.message().to_string();
    match error.wire_message() {
        Some(_) => json::write(&Said { status: "ERROR", message }, out),
        None => json::write(&Coded { status: "ERROR", message, code: error.code() }, out),
    }
    out.extend_from_slice(END);
}

/// The `message` of an answer to `activeuser` alone, as clients print it.
pub fn user_list(users: &[UserName]) -> String {
    users.iter().flat_map(|user| [user.as_str(), ", "]).collect()
}

#[derive(serde::Serialize)]
struct Token<'a> {
    status: &'static str,
    tokenid: &'a str,
}

#[derive(serde::Serialize)]
struct Registered<'a> {
    status: &'static str,
    message: &'static str,
    tokenid: &'a str,
}

#[derive(serde::Serialize)]
struct Said<'a> {
    status: &'static str,
    message: &'a str,
}

#[derive(serde::Serialize)]
struct Coded<'a> {
    status: &'static str,
    message: &'a str,
    code: &'a str,
}

#[derive(serde::Serialize)]
struct LoggedOut {
    status: &'static str,
    messages: &'static str,
}
