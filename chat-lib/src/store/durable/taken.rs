//! What was taken out of mailboxes and may have to be put back, because the answer with it could not be sent.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::disk::{Mailbox, MailboxRow, Write};
use super::group::{Address, MailboxId};
use super::state::{State, User};
use crate::store::Taken;

/// A part of a mailbox that was taken. As long as it lives, no sweep drops the messages.
struct Receipt {
    id: MailboxId,
    /// The mailbox as it was then.
    mailbox: Mailbox,
}

/// All receipts that may be alive.
#[derive(Default)]
pub(super) struct Receipts {
    receipts: Vec<Weak<Receipt>>,
    /// When to look for those that are not.
    prune_at: usize,
}

impl Receipts {
    fn push(&mut self, receipt: &Arc<Receipt>) {
        if self.receipts.len() >= self.prune_at {
            self.receipts.retain(|receipt| receipt.strong_count() > 0);
            self.prune_at = 2 * self.receipts.len() + 16;
        }
        self.receipts.push(Arc::downgrade(receipt));
    }

    /// Of each mailbox of which something may be put back, where its cursor would then be at the least.
    pub(super) fn cursors(&self) -> HashMap<MailboxId, Address> {
        let mut cursors = HashMap::new();
        for receipt in self.receipts.iter().filter_map(Weak::upgrade) {
            let cursor = cursors.entry(receipt.id).or_insert(receipt.mailbox.cursor);
            *cursor = receipt.mailbox.cursor.min(*cursor);
        }
        cursors
    }
}

impl State {
    /// Moves the cursor past what was read of the mailbox as it was in `seen`. Gives a receipt, if it was still there.
    pub(super) fn take(&mut self, name: &str, seen: &User) -> Option<Box<dyn Any + Send>> {
        if !self.move_cursor(name, seen) {
            return None;
        }
        let receipt = Arc::new(Receipt { id: seen.id, mailbox: seen.mailbox });
        self.receipts.push(&receipt);
        Some(Box::new(receipt))
    }

    pub(super) fn put_back(&mut self, name: &str, taken: Taken) -> bool {
        let receipt = taken.receipt.and_then(|receipt| receipt.downcast::<Arc<Receipt>>().ok());
        let (Some(receipt), Some(user)) = (receipt, self.user_mut(name)) else { return false };
        let (now, then) = (&mut user.mailbox, receipt.mailbox);
        if user.id != receipt.id || now.cursor != then.head {
            return false;
        }
        now.cursor = then.cursor;
        now.unread += then.unread;
        now.bytes += then.bytes;
        let row = MailboxRow { id: user.id, mailbox: user.mailbox };
        self.write(Write::Mailbox(row));
        true
    }
}
