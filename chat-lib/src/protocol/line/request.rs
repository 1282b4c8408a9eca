//! Requests of protocol 1: a line to a [`Request`], and back.

use std::borrow::Cow;

use crate::error::Error;
use crate::model::{Framing, SessionToken};
use crate::protocol::{Command, Request};

/// Reads a line, with its end or without. Words behind the last one that a command needs are passed over.
///
/// # Errors
///
/// [`Error::BadCommand`] if there is no such command, a word is missing, or the line is not UTF-8;
/// [`Error::NoSuchSession`] if all words are there and the token cannot be one.
pub fn parse(line: &[u8]) -> Result<Request<'_>, Error> {
    let line = std::str::from_utf8(line).map_err(|_| Error::BadCommand)?;
    let mut words = Words { rest: Some(line) };
    let (token, command) = match words.next()? {
        "auth" => {
            return Ok(Request::new(Command::Auth { user: words.next()?.into(), password: words.next()?.into() }));
        }
        "register" => {
            let (user, password) = (words.next()?.into(), words.next()?.into());
            let full_name = strip(words.rest.ok_or(Error::BadCommand)?).into();
            return Ok(Request::new(Command::Register { user, password, full_name, invitation: None }));
        }
        "send" => {
            let (token, to, framing, text) = words.message()?;
            let text = text.into();
            // No user has the name of a room, and rooms have a command of their own.
            match is_room(to) {
                true => (token, Command::SendToAll { to: vec![to.into()], text, framing }),
                false => (token, Command::Send { to: to.into(), text, framing, key: None }),
            }
        }
        "inbox" => (words.next()?, Command::Inbox),
        "activeuser" => (words.next()?, Command::ActiveUser),
        "logout" => (words.next()?, Command::Logout),
        "creategroup" => {
            let (token, room) = (words.next()?, words.next()?.into());
            (token, Command::CreateRoom { room, title: Cow::default(), open: true })
        }
        "joingroup" => (words.next()?, Command::JoinRoom { room: words.next()?.into() }),
        "leavegroup" => (words.next()?, Command::LeaveRoom { room: words.next()?.into() }),
        "inboxgroup" => (words.next()?, Command::RoomInbox { room: words.next()?.into() }),
        "sendgroup" => {
            let (token, to, framing, text) = words.message()?;
            let text = text.into();
            match is_room(to) {
                true => (token, Command::Send { to: to.into(), text, framing, key: None }),
                false => (token, Command::SendToAll { to: to.split(',').map(Cow::from).collect(), text, framing }),
            }
        }
        _ => return Err(Error::BadCommand),
    };
    Ok(Request::with_token(SessionToken::parse(token).map_err(|_| Error::NoSuchSession)?, command))
}

/// The request of a command's word and the words behind it, as they were typed. [`write()`] checks them.
///
/// # Errors
///
/// [`Error::BadCommand`] if there is no such command, or it has another number of words; [`Error::InvalidToken`].
pub fn from_words<'a>(words: &[&'a str]) -> Result<Request<'a>, Error> {
    let (token, command) = match *words {
        ["auth", user, password] => {
            return Ok(Request::new(Command::Auth { user: user.into(), password: password.into() }));
        }
        ["register", user, password, full_name] => {
            let (user, password, full_name) = (user.into(), password.into(), full_name.into());
            return Ok(Request::new(Command::Register { user, password, full_name, invitation: None }));
        }
        ["send", token, to, text] => {
            let (framing, text) = Framing::split(text);
            (token, Command::Send { to: to.into(), text: text.into(), framing, key: None })
        }
        ["inbox", token] => (token, Command::Inbox),
        ["activeuser", token] => (token, Command::ActiveUser),
        ["logout", token] => (token, Command::Logout),
        _ => return Err(Error::BadCommand),
    };
    Ok(Request::with_token(SessionToken::parse(token)?, command))
}

/// Appends the request line, ended by CRLF, whatever the framing of a text ends with. A lone LF in a text is part of the line
/// as long as the connection's first line ended with CRLF.
///
/// # Errors
///
/// [`Error::InvalidRequest`] if a word is empty, or if a word or the text has something in it that would make it another
/// request, or if protocol 1 has no such command; `out` is then as it was.
pub fn write(request: &Request<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let line = match (&request.command, request.token) {
        (Command::Auth { user, password }, None) => {
            format!("auth {} {}\r\n", word("this user name", user)?, word("this password", password)?)
        }
        (Command::Register { user, password, full_name, invitation: None }, None) => {
            if full_name.contains('\n') || strip(full_name) != full_name {
                return Err(Error::InvalidRequest { what: "this full name" });
            }
            let (user, password) = (word("this user name", user)?, word("this password", password)?);
            format!("register {user} {password} {full_name}\r\n")
        }
        (Command::Send { to, text, framing, key: None }, Some(token)) => {
            let before = framing.before();
            if text.contains("\r\n") || before.is_empty() && !text.is_empty() {
                return Err(Error::InvalidRequest { what: "this text" });
            }
            let command = if to.starts_with('#') { "sendgroup" } else { "send" };
            format!("{command} {token} {}{before}{text}\r\n", word("this name", to)?)
        }
        (Command::SendToAll { to, text, framing }, Some(token)) => {
            let before = framing.before();
            if text.contains("\r\n") || before.is_empty() && !text.is_empty() {
                return Err(Error::InvalidRequest { what: "this text" });
            }
            if to.iter().any(|user| user.is_empty() || user.contains([',', '#'])) {
                return Err(Error::InvalidRequest { what: "this user name" });
            }
            format!("sendgroup {token} {}{before}{text}\r\n", word("this user name", &to.join(","))?)
        }
        (Command::CreateRoom { room, title, open: true }, Some(token)) if title.is_empty() => {
            format!("creategroup {token} {}\r\n", word("this name", room)?)
        }
        (Command::JoinRoom { room }, Some(token)) => format!("joingroup {token} {}\r\n", word("this name", room)?),
        (Command::LeaveRoom { room }, Some(token)) => format!("leavegroup {token} {}\r\n", word("this name", room)?),
        (Command::RoomInbox { room }, Some(token)) => format!("inboxgroup {token} {}\r\n", word("this name", room)?),
        (Command::Inbox, Some(token)) => format!("inbox {token}\r\n"),
        (Command::ActiveUser, Some(token)) => format!("activeuser {token}\r\n"),
        (Command::Logout, Some(token)) => format!("logout {token}\r\n"),
        _ => return Err(Error::InvalidRequest { what: "this command" }),
    };
    out.extend_from_slice(line.as_bytes());
    Ok(())
}

/// The words of a line, separated by single spaces; `rest` is what follows the last one's space.
struct Words<'a> {
    rest: Option<&'a str>,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Result<&'a str, Error> {
        let rest = self.rest.take().ok_or(Error::BadCommand)?;
        let (word, rest) = split_at_space(rest);
        self.rest = rest.map(|rest| rest.get(1..).unwrap_or_default());
        Ok(strip(word))
    }

    /// The words of a message: the token, the recipient, and the text with its framing.
    fn message(&mut self) -> Result<(&'a str, &'a str, Framing, &'a str), Error> {
        let token = self.next()?;
        let (to, text) = split_at_space(self.rest.ok_or(Error::BadCommand)?);
        let (framing, text) = Framing::split(text.unwrap_or_default());
        Ok((token, strip(to), framing, text))
    }
}

fn is_room(name: &str) -> bool {
    name.starts_with('#')
}

/// Splits in front of the first space, if there is one.
fn split_at_space(text: &str) -> (&str, Option<&str>) {
    let place = memchr::memchr(b' ', text.as_bytes());
    match place.and_then(|place| text.split_at_checked(place)) {
        Some((word, rest)) => (word, Some(rest)),
        None => (text, None),
    }
}

/// Without white space at either end, as Python's `str.strip` has it: that counts the four ASCII
/// separators too, which Unicode does not.
fn strip(word: &str) -> &str {
    // Most words have none.
    if let (Some(b'!'..=b'~'), Some(b'!'..=b'~')) = (word.as_bytes().first(), word.as_bytes().last()) {
        return word;
    }
    word.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\x1c'..='\x1f'))
}

fn word<'a>(what: &'static str, word: &'a str) -> Result<&'a str, Error> {
    if word.is_empty() || word.contains([' ', '\n']) || strip(word) != word {
        return Err(Error::InvalidRequest { what });
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "609107b0-9f49-4d74-8195-f66446cd56e5";

    fn line(text: &str) -> String {
        text.replace("$T", TOKEN)
    }

    fn auth<'a>(user: &'a str, password: &'a str) -> Command<'a> {
        Command::Auth { user: user.into(), password: password.into() }
    }

    fn register<'a>(user: &'a str, password: &'a str, full_name: &'a str) -> Command<'a> {
        Command::Register {
            user: user.into(),
            password: password.into(),
            full_name: full_name.into(),
            invitation: None,
        }
    }

    fn send<'a>(to: &'a str, line: &'a str) -> Command<'a> {
        let (framing, text) = Framing::split(line);
        Command::Send { to: to.into(), text: text.into(), framing, key: None }
    }

    #[test]
    fn lines_and_their_commands() {
        let table = [
            ("auth messi surabaya \r\n", auth("messi", "surabaya")),
            ("auth messi surabaya\n", auth("messi", "surabaya")),
            ("auth messi surabaya", auth("messi", "surabaya")),
            ("auth messi surabaya and more\n", auth("messi", "surabaya")),
            ("\tauth\x1f \u{a0}messi\x1c \u{3000}surabaya\n", auth("messi", "surabaya")),
            ("auth  messi surabaya\n", auth("", "messi")),
            ("auth messi \r\n", auth("messi", "")),
            ("register ana rahasia Ana  Lima \r\n", register("ana", "rahasia", "Ana  Lima")),
            ("register ana rahasia \n", register("ana", "rahasia", "")),
            ("send $T messi halo\r\n", send("messi", " halo\r\n")),
            ("send $T messi  a  b \n", send("messi", "  a  b \n")),
            ("send $T messi \r\n", send("messi", " \r\n")),
            ("send $T messi\r\n", send("messi", "")),
            ("send $T \r\n", send("", "")),
            ("send $T  messi halo\n", send("", " messi halo\n")),
            ("sendgroup $T #a halo\r\n", send("#a", " halo\r\n")),
            ("inbox $T\r\n", Command::Inbox),
            ("inbox $T and more\n", Command::Inbox),
            ("activeuser $T \n", Command::ActiveUser),
            ("logout \t$T\t\r\n", Command::Logout),
            ("joingroup $T #a\r\n", Command::JoinRoom { room: "#a".into() }),
            ("inboxgroup $T #a \r\n", Command::RoomInbox { room: "#a".into() }),
        ];
        for (text, command) in table {
            assert!(parse(line(text).as_bytes()).is_ok_and(|got| got.command == command), "{text:?}");
        }
        let several = line("sendgroup $T messi,henderson, halo\r\n");
        let Command::SendToAll { to, text, .. } = parse(several.as_bytes()).unwrap().command else { panic!() };
        assert_eq!((to, &*text), (vec!["messi".into(), "henderson".into(), "".into()], "halo"));
        // It was refused before there were rooms, and has to stay so.
        let room = line("send $T #a halo\r\n");
        let Command::SendToAll { to, .. } = parse(room.as_bytes()).unwrap().command else { panic!() };
        assert_eq!(to, ["#a"]);
    }

    #[test]
    fn words_are_counted_before_the_token_is_looked_at() {
        for bad in [
            "",
            "\n",
            " \r\n",
            "halo\n",
            "AUTH a b\n",
            "auth\tmessi surabaya\n",
            "auth\n",
            "auth messi\n",
            "register ana rahasia\n",
            "send\n",
            "send x\n",
            "inbox\n",
            "joingroup x\n",
            "sendgroup x\n",
        ] {
            assert!(matches!(parse(bad.as_bytes()), Err(Error::BadCommand)), "{bad:?}");
        }
        for stranger in ["send x y\n", "send x y z\n", "inbox \n", "inbox x\n", "activeuser  \n", "logout $T!\n"] {
            assert!(matches!(parse(line(stranger).as_bytes()), Err(Error::NoSuchSession)), "{stranger:?}");
        }
        assert!(matches!(parse(b"auth messi \xff\n"), Err(Error::BadCommand)));
    }

    #[test]
    fn words_and_their_commands() {
        for (words, command) in [
            (&["auth", "a b", "\n"] as &[_], auth("a b", "\n")),
            (&["register", "ana", "x", "A L"], register("ana", "x", "A L")),
            (&["send", TOKEN, "messi", " a b"], send("messi", " a b")),
            (&["inbox", TOKEN], Command::Inbox),
            (&["activeuser", TOKEN], Command::ActiveUser),
            (&["logout", TOKEN], Command::Logout),
        ] {
            assert_eq!(from_words(words).unwrap().command, command);
            let other_numbers = [&words[..words.len() - 1], &[words, &["x"]].concat()].map(from_words);
            assert!(other_numbers.iter().all(|outcome| matches!(outcome, Err(Error::BadCommand))), "{words:?}");
        }
        assert!(matches!(from_words(&[]), Err(Error::BadCommand)));
        assert!(matches!(from_words(&["inbox", "x\r\nlogout"]), Err(Error::InvalidToken)));
    }

    #[test]
    fn what_is_written_reads_back() {
        let token = SessionToken::parse(TOKEN).unwrap();
        for request in [
            Request::new(auth("messi", "surabaya")),
            Request::new(register("ana", "rahasia", "Ana  Lima")),
            Request::with_token(token, Command::Inbox),
            Request::with_token(token, Command::ActiveUser),
            Request::with_token(token, Command::Logout),
            Request::with_token(token, Command::JoinRoom { room: "#a".into() }),
            Request::with_token(token, Command::RoomInbox { room: "#a".into() }),
            Request::with_token(token, send("messi", "  halo \r\n")),
            Request::with_token(token, send("#a", "  halo \r\n")),
        ] {
            let mut out = Vec::new();
            write(&request, &mut out).unwrap();
            assert_eq!(parse(&out).unwrap(), request);
        }
    }

    #[test]
    fn nothing_can_be_smuggled_into_a_request() {
        let token = SessionToken::parse(TOKEN).unwrap();
        for request in [
            Request::new(auth("", "x")),
            Request::new(auth("a b", "x")),
            Request::new(auth("a", "x\nlogout")),
            Request::new(auth("a", "x\t")),
            Request::new(register("a", "x", "A\nlogout")),
            Request::with_token(token, send("a b", " x")),
            Request::with_token(token, send("a", "x")),
            Request::with_token(token, send("a", " x\r\ninbox")),
            Request::with_token(token, Command::JoinRoom { room: "#a\r\n".into() }),
            Request::with_token(token, Command::Ping),
        ] {
            let mut out = b"before".to_vec();
            assert!(matches!(write(&request, &mut out), Err(Error::InvalidRequest { .. })));
            assert_eq!(out, b"before");
        }
    }
}
