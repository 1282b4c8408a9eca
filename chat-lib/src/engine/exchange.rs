//! All that a chat keeps but its sessions, as text and back (`docs/dump.md`). It relies on the store to show records, and to
//! take them in, in one order. What there is of one user is in `export.rs`.

mod export;
mod line;
mod restoring;

use std::io::{self, BufRead, Write};

use self::line::{Counts, Line, VERSION};
use self::restoring::Restoring;
use super::Chat;
use crate::clock::Timestamp;
use crate::error::Error;

impl Chat {
    /// Writes all users, invitations, blocks, conversations, rooms and messages as they are at one moment, a JSON object a line; with `hashes`,
    /// those of the passwords, too. Others may go on using the chat. Sessions are not among it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if `out` does not take it; [`Error::Storage`] if the machine fails.
    pub fn dump(&self, hashes: bool, out: &mut dyn Write) -> Result<(), Error> {
        let mut write = |line: &Line<'_>| line::write(line, out).map_err(Error::Io);
        // Whoever can show nothing does not begin to.
        self.durably(|batch| batch.accounts("", 1))?;
        write(&Line::ChatDump { version: VERSION, hashes })?;
        let mut counts = Counts::default();
        self.inner.config.store.dump(&mut |record| {
            let line = Line::of(record, hashes);
            counts.add(&line);
            write(&line)
        })?;
        write(&Line::End(counts))
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
        let begun = self.durably(|batch| match batch.accounts("", 1)?.is_empty() {
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
                for room in batch.rooms("", usize::MAX)? {
                    batch.remove_room(room.name.as_str())?;
                }
                for invitation in batch.invitations(Timestamp::EPOCH)? {
                    batch.remove_invitation(&invitation.id)?;
                }
                for account in batch.accounts("", usize::MAX)? {
                    batch.remove_account(account.profile.user().as_str())?;
                }
            }
            batch.end_restore()
        })?;
        self.refresh_store();
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
        match restoring.restored() {
            Some(restored) => Ok(restored),
            None if line == 0 => Err(Error::BadDump { line: 1, problem: "it is not there".to_owned() }),
            None => Err(Error::BadDump { line, problem: "the dump is cut off behind it".to_owned() }),
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

/// How many lines are committed together.
const LINES_AT_ONCE: usize = 1000;
