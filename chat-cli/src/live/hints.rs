//! What the server is told without the user asking: that the user types, and how far they have read. A thread does it, so
//! that a slow server does not hold up typing.

use std::sync::mpsc::{Sender, channel};
use std::thread;

use chat_lib::model::MessageId;
use chat_lib::{Error, Session};

/// Sends to the thread, which ends when this is dropped.
pub(crate) struct Hints {
    sender: Sender<(Session, Hint)>,
}

/// Something to tell.
pub(super) enum Hint {
    Typing { with: String },
    Read { with: String, upto: MessageId },
}

impl Hints {
    pub(super) fn start() -> Result<Self, Error> {
        let (sender, hints) = channel::<(Session, Hint)>();
        let tell = move || {
            for (session, hint) in hints {
                // A failure is that of the connection, which the next command notices; or of a conversation that is gone.
                match hint {
                    Hint::Typing { with } => session.typing(&with).ok(),
                    Hint::Read { with, upto } => session.read(&with, upto).map(drop).ok(),
                };
            }
        };
        thread::Builder::new().spawn(tell).map_err(|problem| Error::no_thread(&problem))?;
        Ok(Self { sender })
    }

    pub(super) fn give(&self, session: Session, hint: Hint) {
        self.sender.send((session, hint)).ok();
    }
}
