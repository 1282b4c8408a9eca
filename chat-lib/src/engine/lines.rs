//! From a request line to its answer, in pieces that a connection puts together: passwords that take long to check, and
//! inboxes that take long to write.

use std::net::SocketAddr;

use super::{Chat, CheckedCredentials, Credentials, Delivery, Event, Obeyed, Origin};
use crate::error::Error;
use crate::protocol::{Command, Reply, reply};

/// How far the answer to a line has come.
pub(crate) enum Started {
    /// It is appended.
    Answered,
    /// A password must be checked first, and its command [finished](Chat::finish) before the peer's next line.
    Asks(Credentials),
    /// An inbox was taken, and its answer is to be appended.
    Took(Delivery),
}

impl Chat {
    /// Does what a request line says and gives the answer's bytes, whatever the line holds. The line
    /// may be without its end; what it may hold is `docs/protocol.md`.
    pub fn answer(&self, line: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let group = self.begin();
        let mut origin = Origin::default();
        let started = self.start(line, &mut origin, &mut out);
        let mut outcome = self.commit(group);
        match started {
            Started::Asks(credentials) if outcome.is_ok() => {
                // Not in a group: whoever commits would wait for it.
                let checked = credentials.check();
                let group = self.begin();
                self.finish(checked, origin.peer, &mut out);
                outcome = self.commit(group);
            }
            Started::Took(delivery) => reply::write(&Ok(Reply::Inbox(delivery.into_inbox())), &mut out),
            Started::Answered | Started::Asks(_) => {}
        }
        if let Err(problem) = outcome {
            out.clear();
            reply::write(&Err(problem), &mut out);
        }
        out
    }

    /// Appends the answer to a line, or gives what it needs first. Passwords that are quick to check are checked
    /// here.
    pub(crate) fn start(&self, line: &[u8], origin: &mut Origin, out: &mut Vec<u8>) -> Started {
        if line.len() > self.limits().line_bytes {
            self.answer_refusal(Error::LineTooLong { limit: self.limits().line_bytes }, origin.peer, out);
            return Started::Answered;
        }
        let outcome = match Command::parse(line) {
            Err(error) => self.refuse(error, origin.peer),
            Ok(command) => match self.obey(&command, origin) {
                Err(error) => Err(error),
                Ok(Obeyed::Done(reply)) => Ok(reply),
                Ok(Obeyed::Asks(credentials)) if credentials.is_quick() => {
                    self.conclude(credentials.check(), origin.peer)
                }
                Ok(Obeyed::Asks(credentials)) => return Started::Asks(credentials),
                Ok(Obeyed::Took(delivery)) => return Started::Took(delivery),
            },
        };
        reply::write(&outcome, out);
        Started::Answered
    }

    /// Appends the answer to a command with credentials.
    pub(crate) fn finish(&self, checked: CheckedCredentials, peer: Option<SocketAddr>, out: &mut Vec<u8>) {
        reply::write(&self.conclude(checked, peer), out);
    }

    /// Answers a line that is not looked at.
    pub(crate) fn answer_refusal(&self, error: Error, peer: Option<SocketAddr>, out: &mut Vec<u8>) {
        reply::write(&self.refuse(error, peer), out);
    }

    fn refuse(&self, error: Error, peer: Option<SocketAddr>) -> Result<Reply, Error> {
        Event { peer, user: None, command: None, to: None }.log(Err(&error));
        Err(error)
    }
}
