//! The wrapper around every function: failures and panics become statuses.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};

use crate::error::Failure;
use crate::status::chat_status;

/// Runs a function's body. The details of a failure are kept for `chat_last_error`, and a panic is a failure.
///
/// A panic that leaves something half done does not matter here, because chat-lib recovers its locks when they are poisoned.
pub(crate) fn boundary(work: impl FnOnce() -> Result<(), Failure>) -> chat_status {
    match panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => chat_status::CHAT_OK,
        Ok(Err(failure)) => failure.report(),
        Err(payload) => panicked(payload).report(),
    }
}

/// The failure for a panic.
pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Failure {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref().map(String::as_str));
    let failure = Failure::new(chat_status::CHAT_INTERNAL, format!("libchat panicked: {}", text.unwrap_or("?")));
    // Dropping what somebody panicked with could panic again.
    std::mem::forget(payload);
    failure
}

/// Panics. Only there in test builds, to see what that does to a host.
#[cfg(feature = "panic-for-test")]
#[unsafe(no_mangle)]
#[expect(clippy::panic, reason = "it is there for that")]
pub extern "C" fn chat_panic_for_test() -> chat_status {
    boundary(|| panic!("as told"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status() {
        assert_eq!(boundary(|| panic!("first")), chat_status::CHAT_INTERNAL);
        assert_eq!(boundary(|| panic!("number {}", 2)), chat_status::CHAT_INTERNAL);
        assert_eq!(boundary(|| std::panic::panic_any(3)), chat_status::CHAT_INTERNAL);
        assert_eq!(boundary(|| Ok(())), chat_status::CHAT_OK);
    }
}
