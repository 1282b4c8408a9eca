//! Answers as a client reads them: bytes to values, or to the server's refusal.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::error::Error;
use crate::model::{Inbox, Profile, SessionToken, UserName};

/// Reads the answer to `auth`, with its end or without.
///
/// # Errors
///
/// The refusal that it holds, or [`Error::BadReply`]; the same for the other readers.
pub fn read_logged_in(answer: &[u8]) -> Result<SessionToken, Error> {
    let token = read::<IgnoredAny>(answer)?.tokenid.ok_or_else(|| lacking("tokenid"))?;
    SessionToken::parse(&token).map_err(|_| Error::BadReply("the token is no UUID of version 4".to_owned()))
}

/// Reads the answer to `register`.
///
/// # Errors
///
/// As [`read_logged_in`].
pub fn read_registered(answer: &[u8]) -> Result<SessionToken, Error> {
    read_logged_in(answer)
}

/// Reads the answer to `send`.
///
/// # Errors
///
/// As [`read_logged_in`].
pub fn read_sent(answer: &[u8]) -> Result<(), Error> {
    read::<IgnoredAny>(answer).map(drop)
}

/// Reads the answer to `inbox`. Messages come in the order in which they stand in it: by sender.
///
/// # Errors
///
/// As [`read_logged_in`].
pub fn read_inbox(answer: &[u8]) -> Result<Inbox, Error> {
    let Messages(inbox) = read(answer)?.messages.ok_or_else(|| lacking("messages"))?;
    Ok(inbox)
}

/// Reads the answer to `activeuser`.
///
/// # Errors
///
/// As [`read_logged_in`].
pub fn read_active_users(answer: &[u8]) -> Result<Vec<UserName>, Error> {
    let names = read::<IgnoredAny>(answer)?.message.ok_or_else(|| lacking("message"))?;
    let names = names.split(", ").filter(|name| !name.is_empty());
    names.map(|name| UserName::parse(name).map_err(|error| Error::BadReply(error.to_string()))).collect()
}

/// Reads the answer to `logout`.
///
/// # Errors
///
/// As [`read_logged_in`].
pub fn read_logged_out(answer: &[u8]) -> Result<(), Error> {
    read::<IgnoredAny>(answer).map(drop)
}

fn read<M: DeserializeOwned>(answer: &[u8]) -> Result<Answer<M>, Error> {
    // What `messages` holds is not looked at in a refusal.
    let verdict: Answer<IgnoredAny> = serde_json::from_slice(answer).map_err(bad)?;
    match (verdict.status.as_str(), verdict.message) {
        ("OK", _) => serde_json::from_slice(answer).map_err(bad),
        ("ERROR", Some(message)) => Err(Error::from_wire(&message, verdict.code.as_deref())),
        _ => Err(lacking("status")),
    }
}

/// Without what the parser quotes of the answer: it may be a token or a text.
fn bad(error: serde_json::Error) -> Error {
    Error::BadReply(format!("{:?} at line {}, column {}", error.classify(), error.line(), error.column()))
}

fn lacking(field: &str) -> Error {
    Error::BadReply(format!("it lacks a good {field:?}"))
}

#[derive(Deserialize)]
struct Answer<M> {
    status: String,
    tokenid: Option<String>,
    message: Option<String>,
    messages: Option<M>,
    code: Option<String>,
}

struct Messages(Inbox);

#[derive(Deserialize)]
struct One<'a> {
    #[serde(borrow)]
    msg_from: Cow<'a, str>,
    #[serde(borrow)]
    msg_to: Cow<'a, str>,
    #[serde(borrow)]
    msg: Cow<'a, str>,
}

impl<'de> Deserialize<'de> for Messages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Senders)
    }
}

struct Senders;

impl<'de> Visitor<'de> for Senders {
    type Value = Messages;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of senders, each with a list of messages")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Messages, A::Error> {
        let mut inbox: Option<Inbox> = None;
        while let Some((sender, messages)) = map.next_entry::<Cow<'_, str>, Vec<One<'_>>>()? {
            let user = UserName::parse(&sender).map_err(serde::de::Error::custom)?;
            let mut from: Option<Arc<Profile>> = None;
            for One { msg_from, msg_to, msg } in &messages {
                // A sender may have changed names between two messages.
                let profile = match from.take().filter(|from| from.full_name() == msg_from) {
                    Some(same) => same,
                    None => Arc::new(Profile::kept(user.clone(), msg_from, "").map_err(serde::de::Error::custom)?),
                };
                inbox.get_or_insert_with(|| Inbox::new(msg_to)).push(&profile, msg);
                from = Some(profile);
            }
        }
        Ok(Messages(inbox.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::reply::{Reply, write};

    fn written(outcome: Result<Reply, Error>) -> Vec<u8> {
        let mut out = Vec::new();
        write(&outcome, &mut out);
        out
    }

    #[test]
    fn an_inbox_reads_back() {
        let profile =
            |user: &str, name: &str| Arc::new(Profile::new(UserName::parse(user).unwrap(), name, "").unwrap());
        let (messi, lineker) = (profile("messi", "Lionel Messi"), profile("lineker", "Gary Lineker"));
        let mut inbox = Inbox::new("Jordan Henderson");
        inbox.push(&messi, " satu\r\n");
        inbox.push(&lineker, " \"dua\" é\u{7f}\r\n");
        inbox.push(&messi, "");
        let read = read_inbox(&written(Ok(Reply::Inbox(inbox)))).unwrap();
        assert_eq!(read.to(), "Jordan Henderson");
        let got: Vec<_> = read.iter().map(|message| (message.from.full_name(), message.text)).collect();
        assert_eq!(
            got,
            [("Lionel Messi", " satu\r\n"), ("Lionel Messi", ""), ("Gary Lineker", " \"dua\" é\u{7f}\r\n")]
        );
        assert!(read_inbox(&written(Ok(Reply::Inbox(Inbox::default())))).unwrap().is_empty());
        // The course's server goes on listing senders whose messages were read.
        assert!(read_inbox(b"{\"status\":\"OK\",\"messages\":{\"messi\":[]}}").unwrap().is_empty());
    }

    #[test]
    fn other_answers_read_back() {
        let users = ["messi", "henderson"].map(|name| UserName::parse(name).unwrap());
        assert_eq!(read_active_users(&written(Ok(Reply::ActiveUsers(users.to_vec())))).unwrap(), users);
        assert!(read_active_users(&written(Ok(Reply::ActiveUsers(Vec::new())))).unwrap().is_empty());
        read_sent(&written(Ok(Reply::Sent))).unwrap();
        read_logged_out(&written(Ok(Reply::LoggedOut))).unwrap();
        let token = SessionToken::parse("609107b0-9f49-4d74-8195-f66446cd56e5").unwrap();
        assert_eq!(read_logged_in(&written(Ok(Reply::LoggedIn(token)))).unwrap(), token);
        assert_eq!(read_registered(&written(Ok(Reply::Registered(token)))).unwrap(), token);
    }

    #[test]
    fn refusals_keep_their_kind() {
        let known =
            [Error::NoSuchUser, Error::WrongPassword, Error::NoSuchRecipient, Error::NoSuchSession, Error::BadCommand];
        for error in known {
            let code = error.code().to_owned();
            assert_eq!(read_sent(&written(Err(error))).unwrap_err().code(), code);
        }
        let error = read_inbox(&written(Err(Error::LineTooLong { limit: 8 }))).unwrap_err();
        assert!(matches!(error, Error::LineTooLong { limit: 8 }));
    }

    #[test]
    fn nonsense_is_named_as_such() {
        for answer in
            ["", "halo", "[]", "{}", "{\"status\": \"MAYBE\"}", "{\"status\": \"ERROR\"}", "{\"status\": \"OK\"}"]
        {
            assert!(matches!(read_inbox(answer.as_bytes()), Err(Error::BadReply(_))), "{answer}");
        }
        assert!(matches!(read_logged_in(b"{\"status\": \"OK\", \"tokenid\": \"x\"}"), Err(Error::BadReply(_))));
        assert!(matches!(read_active_users(b"{\"status\": \"OK\", \"message\": \"a b, \"}"), Err(Error::BadReply(_))));
    }
}
