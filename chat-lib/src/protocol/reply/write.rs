use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{END, Reply, json};
use crate::error::Error;
use crate::model::{Inbox, Message, UserName};

/// Appends the answer to a command, with its end.
pub fn write(outcome: &Result<Reply, Error>, out: &mut Vec<u8>) {
    match outcome {
        Ok(Reply::LoggedIn(token)) => json::write(&Token { status: "OK", tokenid: &token.to_string() }, out),
        Ok(Reply::Registered(token)) => {
            json::write(&Registered { status: "OK", message: "User Registered", tokenid: &token.to_string() }, out);
        }
        Ok(Reply::Sent) => json::write(&Said { status: "OK", message: "Message Sent" }, out),
        Ok(Reply::Inbox(inbox)) => json::write(&Listed { status: "OK", messages: Messages(inbox) }, out),
        Ok(Reply::ActiveUsers(users)) => json::write(&Said { status: "OK", message: &user_list(users) }, out),
        Ok(Reply::LoggedOut) => json::write(&Listed { status: "OK", messages: "Logged Out!" }, out),
        Err(error) => {
            let message = &error.message().to_string();
            match error.words() {
                Some(_) => json::write(&Said { status: "ERROR", message }, out),
                None => json::write(&Coded { status: "ERROR", message, code: error.code() }, out),
            }
        }
    }
    out.extend_from_slice(END);
}

/// The `messages` object of an inbox's answer alone, as clients print it.
pub fn messages_object(inbox: &Inbox) -> String {
    let mut out = Vec::new();
    json::write(&Messages(inbox), &mut out);
    String::from_utf8_lossy(&out).into_owned()
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
struct Listed<M> {
    status: &'static str,
    messages: M,
}

struct Messages<'a>(&'a Inbox);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let senders = self.0.by_sender();
        let mut map = serializer.serialize_map(Some(senders.len()))?;
        for (from, messages) in &senders {
            map.serialize_entry(from.user().as_str(), &FromOne { to: self.0.to(), messages })?;
        }
        map.end()
    }
}

struct FromOne<'a> {
    to: &'a str,
    messages: &'a [Message<'a>],
}

impl Serialize for FromOne<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.messages.len()))?;
        for message in self.messages {
            list.serialize_element(&One { msg_from: message.from.full_name(), msg_to: self.to, msg: message.text })?;
        }
        list.end()
    }
}

#[derive(serde::Serialize)]
struct One<'a> {
    msg_from: &'a str,
    msg_to: &'a str,
    msg: &'a str,
}
