//! All that a chat keeps but its sessions, as text and back (`docs/dump.md`). It relies on the store to show records, and to
//! take them in, in one order.

mod line;

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::sync::Arc;

use self::line::{Cursor, Line, VERSION, framing};
use super::Chat;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::limits::RESTORED_ID;
use crate::model::{Account, MessageId, PasswordHash, Profile, UserName};
use crate::store::{Batch, Member, NewMessage, Record};

impl Chat {
    /// Writes all users, conversations and messages as they are at one moment, a JSON object a line; with `hashes`,
    /// those of the passwords, too. Others may go on using the chat. Sessions are not among it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if `out` does not take it; [`Error::Storage`] if the machine fails.
    pub fn dump(&self, hashes: bool, out: &mut dyn Write) -> Result<(), Error> {
        let mut write = |line: &Line<'_>| line.write(out).map_err(Error::Io);
        write(&Line::ChatDump { version: VERSION, hashes })?;
        let (mut users, mut conversations, mut messages) = (0, 0, 0);
        self.inner.config.store.dump(&mut |record| {
            match record {
                Record::Account(_) => users += 1,
                Record::Conversation(_) => conversations += 1,
                Record::Message { .. } => messages += 1,
            }
            write(&Line::of(record, hashes))
        })?;
        write(&Line::End { users, conversations, messages })
    }

    /// Takes back what [`dump`](Self::dump) has written, into a chat without users. Messages keep their ids, under a new
    /// [epoch](crate::store::Store::epoch). Users that come without a hash cannot log in until they get a password.
    ///
    /// # Errors
    ///
    /// [`Error::NotEmpty`] if there are users; [`Error::BadDump`] if a line is not as it should be, or
    /// the last one is missing; [`Error::Io`] or [`Error::Storage`] if the machine fails. Nothing is left
    /// of the dump then. Should the process be killed before that, the store refuses to be opened again.
    pub fn restore(&self, input: &mut dyn BufRead) -> Result<Restored, Error> {
        let begun = self.durably(|batch| match batch.accounts()?.is_empty() {
            true => batch.begin_restore(),
            false => Err(Error::NotEmpty),
        });
        if let Err(Error::OutcomeUnknown(_)) = begun {
            // It may have begun, and then the store would not open again.
            self.durably(|batch| batch.end_restore())?;
        }
        begun?;
        let outcome = self.restore_lines(input);
        self.durably(|batch| {
            if outcome.is_err() {
                for account in batch.accounts()? {
                    batch.remove_account(account.profile.user().as_str())?;
                }
            }
            batch.end_restore()
        })?;
        outcome
    }

    fn restore_lines(&self, input: &mut dyn BufRead) -> Result<Restored, Error> {
        let mut restoring = Restoring::default();
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
            self.durably(|batch| {
                texts.iter().try_for_each(|text| {
                    line += 1;
                    if text.is_empty() {
                        return Ok(());
                    }
                    let bad = |problem: String| Error::BadDump { line, problem };
                    let parsed = serde_json::from_str(text).map_err(|problem| bad(problem.to_string()))?;
                    restoring.restore(parsed, batch, &bad)
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

#[derive(Default)]
struct Restoring {
    /// By user and full name.
    senders: HashMap<(String, String), Arc<Profile>>,
    part: Part,
    conversations: u64,
    restored: Restored,
}

/// The part of the dump that the last line belonged to. They come in this order.
#[derive(Clone, Copy, Default, Eq, Ord, PartialEq, PartialOrd)]
enum Part {
    #[default]
    Start,
    Users,
    Conversations,
    Messages,
    Over,
}

impl Restoring {
    fn restore(&mut self, line: Line<'_>, batch: &mut dyn Batch, bad: &dyn Fn(String) -> Error) -> Result<(), Error> {
        let says = |problem: &str| bad(problem.to_owned());
        let part = match &line {
            Line::ChatDump { .. } | Line::User { .. } => Part::Users,
            Line::Conversation { .. } => Part::Conversations,
            Line::Message { .. } => Part::Messages,
            Line::End { .. } => Part::Over,
        };
        if part < self.part || self.part == Part::Over || (self.part == Part::Start) != line.is_header() {
            return Err(says("it is out of place"));
        }
        self.part = part;
        let id = |number| {
            MessageId::new(number).filter(|id| id.get() <= RESTORED_ID).ok_or_else(|| says("an id is too large"))
        };
        match line {
            Line::ChatDump { version, .. } if version != VERSION => {
                return Err(bad(format!(
                    "it is version {version}, and only {VERSION} is known here; restore it with the version that wrote it"
                )));
            }
            Line::ChatDump { .. } => {}
            Line::User { name, full_name, country, banned, password } => {
                let profile = UserName::parse(&name).and_then(|user| Profile::kept(user, &full_name, &country));
                let profile = Arc::new(profile.map_err(|problem| bad(problem.to_string()))?);
                let password = password.map(|phc| PasswordHash::from_phc(&phc)).transpose();
                let password = password.map_err(|problem| bad(problem.to_string()))?;
                self.senders.insert((name.into_owned(), full_name.into_owned()), Arc::clone(&profile));
                self.restored.users += 1;
                self.restored.without_password += u64::from(password.is_none());
                let account = Account { banned, ..Account::new(profile, password) };
                if !batch.restore(Record::Account(&account))? {
                    return Err(says("the user is there twice"));
                }
            }
            Line::Conversation { members } => {
                let members = members.iter().map(|Cursor { user, read }| Ok(Member { user, read: id(*read)? }));
                let members = members.collect::<Result<Vec<_>, Error>>()?;
                let fits = match &*members {
                    [_] => true,
                    [one, other] => one.user != other.user,
                    _ => false,
                };
                if !fits || !batch.restore(Record::Conversation(&members))? {
                    return Err(says("its members are not one or two users, or it is there twice"));
                }
                self.conversations += 1;
            }
            Line::Message { id: number, to, from, from_name, former, time, before, after, text } => {
                if i64::try_from(time).is_err() {
                    return Err(says("the time is none"));
                }
                let framing = framing(before.as_deref(), after.as_deref());
                let framing = framing.ok_or_else(|| says("protocol 1 has nothing like that around a text"))?;
                let from = self.sender(from, from_name).map_err(|problem| bad(problem.to_string()))?;
                let time = Timestamp::from_millis(time);
                let message = NewMessage { to: &to, from: &from, text: &text, framing, time };
                if !batch.restore(Record::Message { id: id(number)?, message, from_former_user: former })? {
                    return Err(says("the message is to nobody, or its id is not greater than the one before"));
                }
                self.restored.messages += 1;
            }
            Line::End { users, conversations, messages } => {
                let counted = (self.restored.users, self.conversations, self.restored.messages);
                if (users, conversations, messages) != counted {
                    return Err(says("it counts other lines than there are"));
                }
            }
        }
        Ok(())
    }

    /// The sender of a message, once for all that were sent under the same name.
    fn sender(&mut self, from: Cow<'_, str>, from_name: Cow<'_, str>) -> Result<Arc<Profile>, Error> {
        let sender = (from.into_owned(), from_name.into_owned());
        if let Some(profile) = self.senders.get(&sender) {
            return Ok(Arc::clone(profile));
        }
        let profile = Arc::new(Profile::kept(UserName::parse(&sender.0)?, &sender.1, "")?);
        self.senders.insert(sender, Arc::clone(&profile));
        Ok(profile)
    }
}

/// How many lines are committed together.
const LINES_AT_ONCE: usize = 1000;
