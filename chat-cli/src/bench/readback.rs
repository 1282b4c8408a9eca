//! Reads back what was sent, on a thread of its own: while the load runs only what mailboxes could not hold, and the rest
//! after it.

use std::sync::mpsc::Receiver;

use chat_lib::Error;
use chat_lib::limits::LIST_MAX;
use chat_lib::model::{Inbox, MessageId};
use chat_lib::protocol::{Command, Reply};
use chat_lib::store::Position;

use super::accounts::Account;
use super::ledger::{ALTERED, OUT_OF_ORDER, Order, Plan, Seen};
use super::pipe::Protocol;

/// How many unread messages an account may have while the load runs, before they are read: a part of what a mailbox holds, so that
/// reading can take its time.
pub(super) const UNREAD_MESSAGES: u64 = 25_000;

/// The same in bytes of text.
pub(super) const UNREAD_BYTES: u64 = 16 * 1024 * 1024;

/// What is read back.
pub(super) struct Readback<'a> {
    pub(super) plan: &'a Plan,
    pub(super) protocol: Protocol,
    pub(super) accounts: &'a mut [Account],
    /// A room that everything was sent to, and not to the next account.
    pub(super) room: Option<&'a str>,
}

impl<'a> Readback<'a> {
    /// Reads each account that `full` names, and all of them when no more are named.
    ///
    /// # Errors
    ///
    /// What an account could not be read for. Then nothing is known of the rest.
    pub(super) fn run(self, full: &Receiver<usize>) -> Result<Seen<'a>, Error> {
        let mut seen = Seen::new(self.plan, self.room.is_some());
        let mut orders: Vec<_> = self.accounts.iter().map(|_| Order::default()).collect();
        let mut read = |account: usize, seen: &mut Seen<'a>| {
            let Some((own, order)) = self.accounts.get_mut(account).zip(orders.get_mut(account)) else { return Ok(()) };
            match (self.protocol, self.room) {
                (Protocol::One, _) => read_inbox(account, own, order, seen),
                (Protocol::Two, Some(room)) => read_history(account, own, room, self.plan, order, seen),
                (Protocol::Two, None) => {
                    let with = self.plan.name(self.plan.sender_to(account));
                    read_history(account, own, with, self.plan, order, seen)
                }
            }
        };
        for account in full {
            read(account, &mut seen)?;
        }
        // A room has one history.
        let accounts = if self.room.is_some() { 1 } else { self.plan.accounts.len() };
        (0..accounts).try_for_each(|account| read(account, &mut seen))?;
        Ok(seen)
    }
}

/// Takes the inbox until there is nothing new in it.
fn read_inbox(number: usize, account: &mut Account, order: &mut Order, seen: &mut Seen<'_>) -> Result<(), Error> {
    loop {
        let Reply::Inbox(inbox) = account.ask_patiently(&Command::Inbox)? else {
            return Err(Error::BadReply("it is no inbox".to_owned()));
        };
        if !read_messages(number, order, &inbox, seen) {
            return Ok(());
        }
    }
}

/// The messages of an inbox, each with the space and the line end that it was sent with. Returns whether one of them was new.
pub(super) fn read_messages(reader: usize, order: &mut Order, inbox: &Inbox, seen: &mut Seen<'_>) -> bool {
    let mut is_new = false;
    for message in inbox.iter() {
        let from = message.from.user().as_str();
        match message.text.strip_prefix(' ').and_then(|text| text.strip_suffix("\r\n")) {
            Some(text) => is_new |= seen.read(order, reader, from, text),
            None => seen.fault(ALTERED, || format!("one from {from} has lost its space or its line end")),
        }
    }
    is_new
}

/// Reads a conversation from where it was left, page by page, and says that it was read.
fn read_history(
    number: usize,
    account: &mut Account,
    with: &str,
    plan: &Plan,
    order: &mut Order,
    seen: &mut Seen<'_>,
) -> Result<(), Error> {
    loop {
        let position = Position::After(account.read_upto);
        let history = Command::History { with: with.into(), position, limit: LIST_MAX };
        let list = match account.ask_patiently(&history) {
            // It begins with the first message.
            Err(Error::NoSuchConversation) => return Ok(()),
            outcome => match outcome? {
                Reply::History(list) => list,
                _ => return Err(Error::BadReply("it is no history".to_owned())),
            },
        };
        let before = account.read_upto;
        for message in &list.entries {
            if message.id <= account.read_upto {
                seen.fault(OUT_OF_ORDER, || format!("message {} of the conversation with {with}", message.id.get()));
            }
            account.read_upto = account.read_upto.max(message.id);
            let from = message.from.user().as_str();
            // Of two accounts, each has what it has sent in the same conversation.
            if from != plan.name(number) || plan.receiver_of(number) == number || with.starts_with('#') {
                seen.read(order, number, from, &message.text);
            }
        }
        if account.read_upto == before {
            return Ok(());
        }
        account.ask_patiently(&Command::Read { with: with.into(), upto: account.read_upto })?;
        if !list.more {
            return Ok(());
        }
    }
}

/// Skips what an account has unread before the run, so that only what the run sends is read back.
pub(super) fn skip(number: usize, account: &mut Account, plan: &Plan, protocol: Protocol) -> Result<(), Error> {
    if protocol == Protocol::One {
        return account.connection.ask(Some(account.token), &Command::Inbox).map(drop);
    }
    let with = plan.name(plan.sender_to(number));
    let last = Command::History { with: with.into(), position: Position::Before(MessageId::MAX), limit: 1 };
    match account.connection.ask(None, &last) {
        Ok(Reply::History(list)) => {
            account.read_upto = list.entries.last().map_or(MessageId::NONE, |message| message.id)
        }
        Ok(_) => return Err(Error::BadReply("it is no history".to_owned())),
        Err(Error::NoSuchConversation) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
