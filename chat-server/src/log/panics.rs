//! What is said of a panic: where it was, and never what the program was working on.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::{panic, thread};

/// Reports panics from here on, in the log if there is one, in place of the standard library. The message of a panic may quote a text, such as that of a
/// slice that was cut within a character; only messages that are written in the source are shown.
pub(crate) fn report_panics() {
    panic::set_hook(Box::new(|panicked| {
        let thread = thread::current();
        let place = panicked.location().map(tracing::field::display);
        let message = literal(panicked.payload());
        // As RUST_BACKTRACE says.
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
        if tracing::enabled!(tracing::Level::ERROR) {
            tracing::error!(thread = thread.name(), place, problem = message, backtrace, "panicked");
        } else {
            let (name, message) = (thread.name().unwrap_or_default(), message.unwrap_or_default());
            let place = panicked.location().map(ToString::to_string).unwrap_or_default();
            let backtrace = backtrace.unwrap_or_default();
            super::say(
                tracing::Level::ERROR,
                &format!("chat-server: the thread {name:?} panicked at {place}: {message} {backtrace}"),
            );
        }
    }));
}

/// The message of a panic, if it has nothing in it but what the source says.
fn literal(payload: &(dyn Any + Send)) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::string_slice)]
    #[test]
    fn a_message_that_quotes_data_is_not_logged() {
        let secret = std::hint::black_box("sekret \u{e9}");
        let payload = |panics: fn(&str)| panic::catch_unwind(|| panics(secret)).unwrap_err();
        let quoted = payload(|secret| drop(std::hint::black_box(secret[..8].to_owned())));
        assert!(quoted.downcast_ref::<String>().unwrap().contains("sekret"), "or this test is needless");
        assert_eq!(literal(&*quoted), None);
        assert_eq!(literal(&*payload(|_| panic!("it is written here"))), Some("it is written here"));
    }
}
