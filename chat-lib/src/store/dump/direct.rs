//! Checks that the unread messages of direct conversations are in the log.

use crate::model::{MessageId, UserName};
use crate::store::index::StreamState;
use crate::store::log::{Entry, StreamId};

/// A stream to a user.
pub(super) struct StreamView {
    pub(super) reader: UserName,
    pub(super) former: bool,
    state: StreamState,
    /// What was found of it in the log after the cursor: the last message, how many are unread, and their bytes.
    found: (MessageId, usize, usize),
}

impl StreamView {
    pub(super) fn new(reader: &UserName, former: bool, state: StreamState) -> Self {
        Self { reader: reader.clone(), former, state, found: (state.cursor, 0, 0) }
    }

    /// Counts a message, and returns whether it is unread.
    pub(super) fn count(&mut self, entry: &Entry<'_>) -> Result<bool, String> {
        let StreamState { head, cursor, .. } = self.state;
        if entry.id <= cursor || entry.id > head {
            return Ok(false);
        }
        let (last, messages, bytes) = self.found;
        // The first message after the cursor follows one that was read, and may be gone.
        if if last > cursor { entry.before != last } else { entry.before > cursor } {
            return Err(format!("messages of stream {} before {} are missing", entry.stream.0, entry.id));
        }
        self.found = (entry.id, messages, bytes);
        if !entry.deleted {
            self.found = (entry.id, messages + 1, bytes + entry.len());
        }
        Ok(!entry.deleted)
    }

    /// After all messages: whether they were what they should be.
    pub(super) fn check(&self, id: StreamId) -> Result<(), String> {
        let StreamState { head, unread, bytes, .. } = self.state;
        if (self.found.1, self.found.2) != (unread, bytes) || unread > 0 && self.found.0 != head {
            return Err(format!("stream {} should have {:?}, and the log has {:?}", id.0, self.state, self.found));
        }
        Ok(())
    }
}
