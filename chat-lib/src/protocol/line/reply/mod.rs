//! Answers of protocol 1: a [`Reply`] or an [`Error`] to bytes, and back. A new command has the form of its answer here.

mod inbox;
mod json;

use std::sync::{Arc, LazyLock};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

pub(crate) use self::inbox::InboxWriter;
pub use self::inbox::messages_object;
use self::inbox::{List, Messages};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{MessageId, Profile, SessionToken, UserName};
use crate::protocol::{Command, Login, Reply};

/// What ends an answer. JSON escapes line ends in strings, so it cannot occur inside one.
pub const END: &[u8] = b"\r\n\r\n";

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
        Reply::LoggedIn(login) => json::write(&Token { status: "OK", tokenid: &login.token.to_string() }, out),
        Reply::Registered(login) => {
            json::write(
                &Registered { status: "OK", message: "User Registered", tokenid: &login.token.to_string() },
                out,
            );
        }
        Reply::Sent { .. } => out.extend_from_slice(&SENT),
        Reply::Inbox(inbox) => {
            InboxWriter::by_sender(inbox.order_by_sender()).write(inbox, usize::MAX, out);
            return;
        }
        Reply::RoomInbox(inbox) => {
            InboxWriter::list(inbox.order_of_arrival()).write(inbox, usize::MAX, out);
            return;
        }
        Reply::RoomCreated => json::write(&Said { status: "OK", message: "Group Created" }, out),
        Reply::RoomJoined => json::write(&Said { status: "OK", message: "Group Joined" }, out),
        Reply::RoomLeft => json::write(&Said { status: "OK", message: "Group Left" }, out),
        Reply::ActiveUsers(users) => json::write(&Said { status: "OK", message: &user_list(users) }, out),
        Reply::LoggedOut => json::write(&LoggedOut { status: "OK", messages: "Logged Out!" }, out),
        // Protocol 1 has no request for the others.
        _ => json::write(&Bare { status: "OK" }, out),
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

#[derive(Serialize)]
struct Bare {
    status: &'static str,
}

#[derive(Serialize)]
struct Token<'a> {
    status: &'static str,
    tokenid: &'a str,
}

#[derive(Serialize)]
struct Registered<'a> {
    status: &'static str,
    message: &'static str,
    tokenid: &'a str,
}

#[derive(Serialize)]
struct Said<'a> {
    status: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
struct Coded<'a> {
    status: &'static str,
    message: &'a str,
    code: &'a str,
}

#[derive(Serialize)]
struct LoggedOut {
    status: &'static str,
    messages: &'static str,
}

/// Reads the answer to `command`, with its end or without.
///
/// # Errors
///
/// The refusal that it holds, or [`Error::BadReply`].
pub fn read(command: &Command<'_>, answer: &[u8]) -> Result<Reply, Error> {
    // What `messages` holds is not looked at in a refusal.
    let fields: Answer<IgnoredAny> = from_json(answer)?;
    match (fields.status.as_str(), &fields.message) {
        ("OK", _) => {}
        ("ERROR", Some(message)) => return Err(Error::from_line(message, fields.code.as_deref())),
        _ => return Err(lacking("status")),
    }
    Ok(match command {
        Command::Auth { user, .. } => Reply::LoggedIn(fields.login(user, "")?),
        Command::Register { user, full_name, .. } => Reply::Registered(fields.login(user, full_name)?),
        // It does not say them.
        Command::Send { .. } | Command::SendToAll { .. } => Reply::Sent { id: MessageId::NONE, time: Timestamp::EPOCH },
        Command::Inbox => {
            let Messages(inbox) = from_json::<Answer<_>>(answer)?.messages.ok_or_else(|| lacking("messages"))?;
            Reply::Inbox(inbox)
        }
        Command::RoomInbox { .. } => {
            let List(inbox) = from_json::<Answer<_>>(answer)?.messages.ok_or_else(|| lacking("messages"))?;
            Reply::RoomInbox(inbox)
        }
        Command::ActiveUser => Reply::ActiveUsers(fields.users()?),
        Command::Logout => Reply::LoggedOut,
        Command::CreateRoom { .. } => Reply::RoomCreated,
        Command::JoinRoom { .. } => Reply::RoomJoined,
        Command::LeaveRoom { .. } => Reply::RoomLeft,
        _ => return Err(Error::InvalidRequest { what: "this command" }),
    })
}

/// The fields of all answers.
#[derive(Deserialize)]
struct Answer<M> {
    status: String,
    tokenid: Option<String>,
    message: Option<String>,
    messages: Option<M>,
    code: Option<String>,
}

impl<M> Answer<M> {
    /// `full_name` may be empty if it is not known.
    fn login(self, user: &str, full_name: &str) -> Result<Login, Error> {
        let token = self.tokenid.ok_or_else(|| lacking("tokenid"))?;
        let bad = |what: &str| Error::BadReply(what.to_owned());
        let token = SessionToken::parse(&token).map_err(|_| bad("the token is no UUID of version 4"))?;
        let user = UserName::parse(user).map_err(|_| bad("the user name cannot be one"))?;
        let full_name = if full_name.is_empty() { user.as_str().to_owned() } else { full_name.to_owned() };
        let user = Arc::new(Profile::kept(user, &full_name, "").map_err(|_| bad("the full name cannot be one"))?);
        Ok(Login { token, user, epoch: "".into() })
    }

    fn users(self) -> Result<Vec<UserName>, Error> {
        let names = self.message.ok_or_else(|| lacking("message"))?;
        let names = names.split(", ").filter(|name| !name.is_empty());
        names.map(|name| UserName::parse(name).map_err(|error| Error::BadReply(error.to_string()))).collect()
    }
}

/// The error does not quote the answer, which may hold a token or a text.
fn from_json<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(answer).map_err(|error| {
        Error::BadReply(format!("{:?} at line {}, column {}", error.classify(), error.line(), error.column()))
    })
}

fn lacking(field: &str) -> Error {
    Error::BadReply(format!("it lacks a good {field:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Inbox;
    use crate::protocol::line::parse;

    const TOKEN: &str = "609107b0-9f49-4d74-8195-f66446cd56e5";

    fn written(outcome: Result<Reply, Error>) -> Vec<u8> {
        let mut out = Vec::new();
        write(&outcome, &mut out);
        out
    }

    fn read_answer(line: &str, answer: &[u8]) -> Result<Reply, Error> {
        read(&parse(line.replace("$T", TOKEN).as_bytes()).unwrap().command, answer)
    }

    fn read_inbox(answer: &[u8]) -> Result<Inbox, Error> {
        match read_answer("inbox $T", answer)? {
            Reply::Inbox(inbox) => Ok(inbox),
            other => panic!("{other:?}"),
        }
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
        let users = ["messi", "henderson"].map(|name| UserName::parse(name).unwrap()).to_vec();
        let login = |name: &str| {
            let user = Arc::new(Profile::new(UserName::parse("messi").unwrap(), name, "").unwrap());
            Login { token: SessionToken::parse(TOKEN).unwrap(), user, epoch: "".into() }
        };
        for (line, reply) in [
            ("auth messi surabaya", Reply::LoggedIn(login("messi"))),
            ("register messi surabaya Messi", Reply::Registered(login("Messi"))),
            ("send $T messi halo", Reply::Sent { id: MessageId::NONE, time: Timestamp::EPOCH }),
            ("sendgroup $T a,b halo", Reply::Sent { id: MessageId::NONE, time: Timestamp::EPOCH }),
            ("creategroup $T #a", Reply::RoomCreated),
            ("joingroup $T #a", Reply::RoomJoined),
            ("leavegroup $T #a", Reply::RoomLeft),
            ("activeuser $T", Reply::ActiveUsers(users)),
            ("activeuser $T", Reply::ActiveUsers(Vec::new())),
            ("logout $T", Reply::LoggedOut),
        ] {
            let answer = written(Ok(reply));
            assert_eq!(written(read_answer(line, &answer)), answer);
        }
    }

    #[test]
    fn refusals_keep_their_kind() {
        let known =
            [Error::NoSuchUser, Error::WrongPassword, Error::NoSuchRecipient, Error::NoSuchSession, Error::BadCommand];
        for error in known {
            let code = error.code().to_owned();
            assert_eq!(read_answer("send $T messi", &written(Err(error))).unwrap_err().code(), code);
        }
        let error = read_inbox(&written(Err(Error::LineTooLong { limit: 8 }))).unwrap_err();
        assert!(matches!(error, Error::LineTooLong { limit: 8 }));
    }

    #[test]
    fn nonsense_is_named_as_such() {
        let inbox = "inbox $T";
        for (line, answer) in [
            (inbox, ""),
            (inbox, "halo"),
            (inbox, "[]"),
            (inbox, "{}"),
            (inbox, "{\"status\": \"MAYBE\"}"),
            (inbox, "{\"status\": \"ERROR\"}"),
            (inbox, "{\"status\": \"OK\"}"),
            ("auth messi x", "{\"status\": \"OK\", \"tokenid\": \"x\"}"),
            ("activeuser $T", "{\"status\": \"OK\", \"message\": \"a b, \"}"),
        ] {
            assert!(matches!(read_answer(line, answer.as_bytes()), Err(Error::BadReply(_))), "{answer}");
        }
    }
}
