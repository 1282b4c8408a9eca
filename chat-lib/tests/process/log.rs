//! The log: it says what has really happened.

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use chat_lib::model::PasswordCost;
use chat_lib::store::CommitError;
use chat_lib::{Chat, Config, Error};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::alone;
use crate::faulty::{Fault, Faulty};

/// The lines that were logged since the last look, as `LEVEL message field=value …`.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("chat_lib::engine")
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => write!(self.0, " {value:?}").unwrap(),
            name => write!(self.0, " {name}={value:?}").unwrap(),
        }
    }
}

/// Looks at the log when it is about to commit, and may fail then.
#[derive(Clone, Default)]
struct Watched {
    lines: Lines,
    fails: Arc<AtomicBool>,
}

impl Fault for Watched {
    fn commit(&self) -> Result<(), CommitError> {
        assert!(self.lines.0.lock().unwrap().is_empty(), "it is not true yet");
        match self.fails.load(Ordering::Relaxed) {
            true => Err(CommitError::Undone(Error::Storage("the disk is full".into()))),
            false => Ok(()),
        }
    }
}

#[test]
fn what_is_logged_is_committed() {
    let _turn = alone();
    let watched = Watched::default();
    let lines = watched.lines.clone();
    tracing::subscriber::with_default(lines.clone(), || {
        let store = Box::new(Faulty { store: Arc::default(), fault: watched.clone() });
        let chat = Chat::new(Config { store, password_cost: PasswordCost::new(8, 1, 1).unwrap(), ..Config::default() });
        chat.add_demo_users().unwrap();
        let messi = chat.login("messi", "surabaya").unwrap();
        assert_eq!(lines.take(), ["INFO login user=\"messi\""]);
        messi.send("henderson", "a secret").unwrap();
        assert_eq!(lines.take(), ["DEBUG send user=\"messi\" to=\"henderson\""]);
        messi.send("nobody", "a secret").unwrap_err();
        assert_eq!(lines.take(), ["INFO refusal user=\"messi\" command=\"send\" code=\"no_such_recipient\""]);
        messi.inbox().unwrap();
        assert_eq!(lines.take(), ["DEBUG inbox user=\"messi\" messages=0"]);
        chat.login("nobody", "a secret").unwrap_err();
        assert_eq!(lines.take(), ["INFO refusal command=\"login\" code=\"no_such_user\""]);
        chat.answer(b"a secret");
        assert_eq!(lines.take(), ["INFO refusal code=\"bad_command\""]);

        watched.fails.store(true, Ordering::Relaxed);
        messi.send("henderson", "a secret").unwrap_err();
        let failure = lines.take();
        assert_eq!(failure.len(), 1, "{failure:?}");
        assert!(failure[0].starts_with("ERROR failure commands=1 code=\"storage\" reason="), "{failure:?}");
        assert!(!failure[0].contains("secret"));
    });
}
