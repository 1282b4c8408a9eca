//! Requests of protocol 1: a line to a [`Command`], and back. A new command has its words here, and its code in the engine.

use std::fmt;

use crate::error::Error;
use crate::model::SessionToken;

/// A request, borrowed from its line (`docs/protocol.md`, "Requests").
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Command<'a> {
    /// Log in.
    Auth {
        /// Whose session it will be. Any word: one that is no user name is no user's.
        user: &'a str,
        /// The password as it was typed.
        password: &'a str,
    },
    /// Make an account for oneself.
    Register {
        /// The name to log in with. Any word.
        user: &'a str,
        /// The password as it was typed.
        password: &'a str,
        /// The rest of the line, without white space at its ends.
        full_name: &'a str,
    },
    /// Put a message into a mailbox.
    Send {
        /// The sender's session.
        token: SessionToken,
        /// The recipient. Any word: one that is no user name is no user's.
        to: &'a str,
        /// The rest of the line behind the recipient, verbatim.
        text: &'a str,
    },
    /// Take all unread messages out.
    Inbox {
        /// The reader's session.
        token: SessionToken,
    },
    /// Name all users with a live session.
    ActiveUser {
        /// A session.
        token: SessionToken,
    },
    /// End a session.
    Logout {
        /// The session to end.
        token: SessionToken,
    },
}

impl<'a> Command<'a> {
    /// Reads a line, with its end or without. Words behind the last one that a command needs are
    /// passed over.
    ///
    /// # Errors
    ///
    /// [`Error::BadCommand`] if there is no such command, a word is missing, or the line is not
    /// UTF-8; [`Error::NoSuchSession`] if all words are there and the token cannot be one.
    pub fn parse(line: &'a [u8]) -> Result<Self, Error> {
        let line = std::str::from_utf8(line).map_err(|_| Error::BadCommand)?;
        let mut words = Words { rest: Some(line) };
        Ok(match words.next()? {
            "auth" => Self::Auth { user: words.next()?, password: words.next()? },
            "register" => {
                let (user, password) = (words.next()?, words.next()?);
                Self::Register { user, password, full_name: strip(words.rest.ok_or(Error::BadCommand)?) }
            }
            "send" => {
                let token = words.next()?;
                let rest = words.rest.ok_or(Error::BadCommand)?;
                let (to, text) = split_at_space(rest);
                Self::Send { token: session(token)?, to: strip(to), text: text.unwrap_or_default() }
            }
            "inbox" => Self::Inbox { token: session(words.next()?)? },
            "activeuser" => Self::ActiveUser { token: session(words.next()?)? },
            "logout" => Self::Logout { token: session(words.next()?)? },
            _ => return Err(Error::BadCommand),
        })
    }

    /// The command of a name and its words, as they were typed. [`write`](Self::write) checks them.
    ///
    /// # Errors
    ///
    /// [`Error::BadCommand`] if there is no such command, or it has another number of words; [`Error::InvalidToken`].
    pub fn from_words(words: &[&'a str]) -> Result<Self, Error> {
        Ok(match *words {
            ["auth", user, password] => Self::Auth { user, password },
            ["register", user, password, full_name] => Self::Register { user, password, full_name },
            ["send", token, to, text] => Self::Send { token: SessionToken::parse(token)?, to, text },
            ["inbox", token] => Self::Inbox { token: SessionToken::parse(token)? },
            ["activeuser", token] => Self::ActiveUser { token: SessionToken::parse(token)? },
            ["logout", token] => Self::Logout { token: SessionToken::parse(token)? },
            _ => return Err(Error::BadCommand),
        })
    }

    /// Appends the request line, ended by CRLF. A `text` is empty or brings the space in front of it; a lone LF
    /// in it is part of the line as long as the connection's first line ended with CRLF.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] if a word is empty, or if a word or the text has something in it
    /// that would make it another request; `out` is then as it was.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let line = match *self {
            Self::Auth { user, password } => {
                format!("auth {} {}\r\n", word("this user name", user)?, word("this password", password)?)
            }
            Self::Register { user, password, full_name } => {
                if full_name.contains('\n') || strip(full_name) != full_name {
                    return Err(Error::InvalidRequest { what: "this full name" });
                }
                let (user, password) = (word("this user name", user)?, word("this password", password)?);
                format!("register {user} {password} {full_name}\r\n")
            }
            Self::Send { token, to, text } => {
                if text.contains("\r\n") || !(text.is_empty() || text.starts_with(' ')) {
                    return Err(Error::InvalidRequest { what: "this text" });
                }
                format!("send {token} {}{text}\r\n", word("this user name", to)?)
            }
            Self::Inbox { token } => format!("inbox {token}\r\n"),
            Self::ActiveUser { token } => format!("activeuser {token}\r\n"),
            Self::Logout { token } => format!("logout {token}\r\n"),
        };
        out.extend_from_slice(line.as_bytes());
        Ok(())
    }

    /// The word that the command begins with.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Auth { .. } => "auth",
            Self::Register { .. } => "register",
            Self::Send { .. } => "send",
            Self::Inbox { .. } => "inbox",
            Self::ActiveUser { .. } => "activeuser",
            Self::Logout { .. } => "logout",
        }
    }
}

/// Shows the name only: what follows is a password, a token or a text.
impl fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({} …)", self.name())
    }
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

fn session(word: &str) -> Result<SessionToken, Error> {
    SessionToken::parse(word).map_err(|_| Error::NoSuchSession)
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

    #[test]
    fn lines_and_their_commands() {
        let token = SessionToken::parse(TOKEN).unwrap();
        let table = [
            ("auth messi surabaya \r\n", Command::Auth { user: "messi", password: "surabaya" }),
            ("auth messi surabaya\n", Command::Auth { user: "messi", password: "surabaya" }),
            ("auth messi surabaya", Command::Auth { user: "messi", password: "surabaya" }),
            ("auth messi surabaya and more\n", Command::Auth { user: "messi", password: "surabaya" }),
            ("\tauth\x1f \u{a0}messi\x1c \u{3000}surabaya\n", Command::Auth { user: "messi", password: "surabaya" }),
            ("auth  messi surabaya\n", Command::Auth { user: "", password: "messi" }),
            ("auth messi \r\n", Command::Auth { user: "messi", password: "" }),
            (
                "register ana rahasia Ana  Lima \r\n",
                Command::Register { user: "ana", password: "rahasia", full_name: "Ana  Lima" },
            ),
            ("register ana rahasia \n", Command::Register { user: "ana", password: "rahasia", full_name: "" }),
            ("send $T messi halo\r\n", Command::Send { token, to: "messi", text: " halo\r\n" }),
            ("send $T messi  a  b \n", Command::Send { token, to: "messi", text: "  a  b \n" }),
            ("send $T messi \r\n", Command::Send { token, to: "messi", text: " \r\n" }),
            ("send $T messi\r\n", Command::Send { token, to: "messi", text: "" }),
            ("send $T \r\n", Command::Send { token, to: "", text: "" }),
            ("send $T  messi halo\n", Command::Send { token, to: "", text: " messi halo\n" }),
            ("inbox $T\r\n", Command::Inbox { token }),
            ("inbox $T and more\n", Command::Inbox { token }),
            ("activeuser $T \n", Command::ActiveUser { token }),
            ("logout \t$T\t\r\n", Command::Logout { token }),
        ];
        for (text, command) in table {
            assert!(Command::parse(line(text).as_bytes()).is_ok_and(|got| got == command), "{text:?}");
        }
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
        ] {
            assert!(matches!(Command::parse(bad.as_bytes()), Err(Error::BadCommand)), "{bad:?}");
        }
        for stranger in ["send x y\n", "send x y z\n", "inbox \n", "inbox x\n", "activeuser  \n", "logout $T!\n"] {
            assert!(matches!(Command::parse(line(stranger).as_bytes()), Err(Error::NoSuchSession)), "{stranger:?}");
        }
        assert!(matches!(Command::parse(b"auth messi \xff\n"), Err(Error::BadCommand)));
    }

    #[test]
    fn words_and_their_commands() {
        let token = SessionToken::parse(TOKEN).unwrap();
        for (words, command) in [
            (&["auth", "a b", "\n"] as &[_], Command::Auth { user: "a b", password: "\n" }),
            (&["register", "ana", "x", "A L"], Command::Register { user: "ana", password: "x", full_name: "A L" }),
            (&["send", TOKEN, "messi", " a b"], Command::Send { token, to: "messi", text: " a b" }),
            (&["inbox", TOKEN], Command::Inbox { token }),
            (&["activeuser", TOKEN], Command::ActiveUser { token }),
            (&["logout", TOKEN], Command::Logout { token }),
        ] {
            assert_eq!(Command::from_words(words).unwrap(), command);
            let other_numbers = [&words[..words.len() - 1], &[words, &["x"]].concat()].map(Command::from_words);
            assert!(other_numbers.iter().all(|outcome| matches!(outcome, Err(Error::BadCommand))), "{words:?}");
        }
        assert!(matches!(Command::from_words(&[]), Err(Error::BadCommand)));
        assert!(matches!(Command::from_words(&["inbox", "x\r\nlogout"]), Err(Error::InvalidToken)));
    }

    #[test]
    fn what_is_written_reads_back() {
        let token = SessionToken::parse(TOKEN).unwrap();
        for command in [
            Command::Auth { user: "messi", password: "surabaya" },
            Command::Register { user: "ana", password: "rahasia", full_name: "Ana  Lima" },
            Command::Inbox { token },
            Command::ActiveUser { token },
            Command::Logout { token },
        ] {
            let mut out = Vec::new();
            command.write(&mut out).unwrap();
            assert_eq!(Command::parse(&out).unwrap(), command);
        }
        let mut out = Vec::new();
        Command::Send { token, to: "messi", text: "  halo " }.write(&mut out).unwrap();
        assert_eq!(Command::parse(&out).unwrap(), Command::Send { token, to: "messi", text: "  halo \r\n" });
        let without_text = Command::Send { token, to: "messi", text: "" };
        out.clear();
        without_text.write(&mut out).unwrap();
        assert_eq!(Command::parse(&out).unwrap(), without_text);
    }

    #[test]
    fn nothing_can_be_smuggled_into_a_request() {
        let token = SessionToken::parse(TOKEN).unwrap();
        for command in [
            Command::Auth { user: "", password: "x" },
            Command::Auth { user: "a b", password: "x" },
            Command::Auth { user: "a", password: "x\nlogout" },
            Command::Auth { user: "a", password: "x\t" },
            Command::Register { user: "a", password: "x", full_name: "A\nlogout" },
            Command::Send { token, to: "a b", text: " x" },
            Command::Send { token, to: "a", text: "x" },
            Command::Send { token, to: "a", text: " x\r\ninbox" },
        ] {
            let mut out = b"before".to_vec();
            assert!(matches!(command.write(&mut out), Err(Error::InvalidRequest { .. })));
            assert_eq!(out, b"before");
        }
    }
}
