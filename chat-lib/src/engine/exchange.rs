//! All that a chat keeps of users and messages, as text and back (`docs/dump.md`).

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::Chat;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Account, PasswordHash, Profile, UserName};
use crate::printable::is_hidden;
use crate::store::{NewMessage, Record};

impl Chat {
    /// Writes all users and messages as they are at one moment, a JSON object a line; with `hashes`,
    /// those of the passwords, too. Others may go on using the chat. Sessions are not among it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if `out` does not take it; [`Error::Storage`] if the machine fails.
    pub fn dump(&self, hashes: bool, out: &mut dyn Write) -> Result<(), Error> {
        let mut write = |line: &Line<'_>| {
            let mut serializer = Serializer::with_formatter(&mut *out, Visible);
            line.serialize(&mut serializer).map_err(io::Error::from).map_err(Error::Io)?;
            out.write_all(b"\n").map_err(Error::Io)
        };
        write(&Line::ChatDump { version: VERSION, hashes })?;
        let (mut users, mut messages) = (0, 0);
        self.config.store.dump(&mut |record| {
            let line = match record {
                Record::Account(account) => {
                    users += 1;
                    Line::User {
                        name: account.profile.user().as_str().into(),
                        full_name: account.profile.full_name().into(),
                        country: account.profile.country().into(),
                        password: account.password.as_ref().filter(|_| hashes).map(PasswordHash::to_phc),
                    }
                }
                Record::Message { message: NewMessage { to, from, text, time }, read } => {
                    messages += 1;
                    Line::Message {
                        to: to.into(),
                        from: from.user().as_str().into(),
                        from_name: from.full_name().into(),
                        time: time.as_millis(),
                        read,
                        text: text.into(),
                    }
                }
            };
            write(&line)
        })?;
        write(&Line::End { users, messages })
    }

    /// Takes back what [`dump`](Self::dump) has written, into a chat without users. Users that come
    /// without a hash cannot log in until they get a password.
    ///
    /// # Errors
    ///
    /// [`Error::NotEmpty`] if there are users; [`Error::BadDump`] if a line is not as it should be, or
    /// the last one is missing; [`Error::Io`] or [`Error::Storage`] if the machine fails. Nothing is left
    /// of the dump then. Should the process be killed before that, the store refuses to be opened again.
    pub fn restore(&self, input: &mut dyn BufRead) -> Result<Restored, Error> {
        if !self.config.store.accounts()?.is_empty() {
            return Err(Error::NotEmpty);
        }
        let store = &self.config.store;
        self.durably(|| store.restoring(true))?;
        let outcome = self.take_all(input);
        self.durably(|| {
            if outcome.is_err() {
                for account in store.accounts()? {
                    store.remove_account(account.profile.user().as_str())?;
                }
            }
            store.restoring(false)
        })?;
        outcome
    }

    fn take_all(&self, input: &mut dyn BufRead) -> Result<Restored, Error> {
        let mut restoring =
            Restoring { chat: self, senders: HashMap::new(), part: Part::Header, restored: Restored::default() };
        let mut line = 0;
        loop {
            let mut texts: Vec<String> = Vec::new();
            for text in (&mut *input).lines().take(LINES_AT_ONCE) {
                texts.push(text.map_err(|problem| match problem.kind() {
                    io::ErrorKind::InvalidData => {
                        let line = line + texts.len() as u64 + 1;
                        Error::BadDump { line, problem: "it is not UTF-8".to_owned() }
                    }
                    _ => Error::Io(problem),
                })?);
            }
            let Some(first) = texts.first_mut() else { break };
            // Some editors and shells put a byte order mark in front of a text.
            if let (0, Some(rest)) = (line, first.strip_prefix('\u{feff}')) {
                *first = rest.to_owned();
            }
            self.durably(|| {
                texts.iter().try_for_each(|text| {
                    line += 1;
                    if text.is_empty() {
                        return Ok(());
                    }
                    let bad = |problem: String| Error::BadDump { line, problem };
                    let parsed = serde_json::from_str(text).map_err(|problem| bad(problem.to_string()))?;
                    restoring.take(parsed, &bad)
                })
            })?;
        }
        match restoring.part {
            Part::Over => Ok(restoring.restored),
            _ if line == 0 => Err(Error::BadDump { line: 1, problem: "it is not there".to_owned() }),
            _ => Err(Error::BadDump { line, problem: "the dump is cut off behind it".to_owned() }),
        }
    }
}

/// What [`Chat::restore`] has taken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Restored {
    /// How many users.
    pub users: u64,
    /// How many of them came without the hash of a password, and cannot log in until they get one.
    pub without_password: u64,
    /// How many messages.
    pub messages: u64,
}

struct Restoring<'a> {
    chat: &'a Chat,
    /// By user and full name.
    senders: HashMap<(String, String), Arc<Profile>>,
    part: Part,
    restored: Restored,
}

/// What may come next.
#[derive(Eq, PartialEq)]
enum Part {
    Header,
    Users,
    Messages,
    Over,
}

impl Restoring<'_> {
    fn take(&mut self, line: Line<'_>, bad: &dyn Fn(String) -> Error) -> Result<(), Error> {
        let store = &self.chat.config.store;
        let says = |problem: &str| bad(problem.to_owned());
        match (&self.part, line) {
            (Part::Header, Line::ChatDump { version: VERSION, .. }) => self.part = Part::Users,
            (Part::Header, Line::ChatDump { version, .. }) => {
                return Err(bad(format!("it is version {version}, and only {VERSION} is known here")));
            }
            (Part::Users, Line::User { name, full_name, country, password }) => {
                let profile = UserName::parse(&name).and_then(|user| Profile::kept(user, &full_name, &country));
                let profile = Arc::new(profile.map_err(|problem| bad(problem.to_string()))?);
                let password = password.map(|phc| PasswordHash::from_phc(&phc)).transpose();
                let password = password.map_err(|problem| bad(problem.to_string()))?;
                let sender = (name.into_owned(), full_name.into_owned());
                self.senders.insert(sender, Arc::clone(&profile));
                self.restored.users += 1;
                self.restored.without_password += u64::from(password.is_none());
                if !store.restore(Record::Account(&Account { profile, password }))? {
                    return Err(says("the user is there twice"));
                }
            }
            (Part::Users | Part::Messages, Line::Message { to, from, from_name, time, read, text }) => {
                self.part = Part::Messages;
                if i64::try_from(time).is_err() {
                    return Err(says("the time is none"));
                }
                let sender = (from.into_owned(), from_name.into_owned());
                let from = match self.senders.get(&sender) {
                    Some(profile) => Arc::clone(profile),
                    None => {
                        let profile = UserName::parse(&sender.0).and_then(|user| Profile::kept(user, &sender.1, ""));
                        let profile = Arc::new(profile.map_err(|problem| bad(problem.to_string()))?);
                        self.senders.insert(sender, Arc::clone(&profile));
                        profile
                    }
                };
                let message = NewMessage { to: &to, from: &from, text: &text, time: Timestamp::from_millis(time) };
                if !store.restore(Record::Message { message, read })? {
                    return Err(says("the message is to nobody"));
                }
                self.restored.messages += 1;
            }
            (Part::Users | Part::Messages, Line::End { users, messages }) => {
                if (users, messages) != (self.restored.users, self.restored.messages) {
                    return Err(says("it counts other users and messages than there are"));
                }
                self.part = Part::Over;
            }
            _ => return Err(says("it is out of place")),
        }
        Ok(())
    }
}

/// Escapes what a terminal would obey, beyond what JSON does: a dump is a text, and people look at it.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((plain, hidden, behind)) = cut_at_hidden(rest) {
            out.write_all(plain.as_bytes())?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = behind;
        }
        out.write_all(rest.as_bytes())
    }
}

fn cut_at_hidden(text: &str) -> Option<(&str, char, &str)> {
    let (place, hidden) = text.char_indices().find(|(_, c)| is_hidden(*c))?;
    Some((text.get(..place)?, hidden, text.get(place + hidden.len_utf8()..)?))
}

const VERSION: u32 = 1;

/// How many lines are committed together.
const LINES_AT_ONCE: usize = 1000;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line<'a> {
    ChatDump {
        version: u32,
        /// Whether users come with the hashes of their passwords.
        hashes: bool,
    },
    User {
        name: Cow<'a, str>,
        full_name: Cow<'a, str>,
        country: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<String>,
    },
    Message {
        to: Cow<'a, str>,
        from: Cow<'a, str>,
        from_name: Cow<'a, str>,
        time: u64,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        read: bool,
        text: Cow<'a, str>,
    },
    End {
        users: u64,
        messages: u64,
    },
}
