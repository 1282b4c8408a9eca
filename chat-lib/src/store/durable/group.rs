//! Messages as they lie in the log: packed into groups, in order of arrival.

use crate::clock::Timestamp;
use crate::limits::GROUP_BYTES;

/// Where a message lies: its group's number, and its place among those that were put into that group.
/// Later messages have greater addresses; as groups are counted from 1, 0 is before all of them.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Address(pub(super) u64);

impl Address {
    fn new(group: u64, place: u16) -> Self {
        Self(group << 16 | u64::from(place))
    }

    /// The number of the group that the message is in.
    pub(super) fn group(self) -> u64 {
        self.0 >> 16
    }
}

/// The number that an account's mailbox has for ever; no other account gets it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct MailboxId(pub(super) u32);

/// The number of a profile that messages were sent under.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct ProfileId(pub(super) u32);

/// Messages that are written together.
///
/// An entry is, in little endian: place (2 bytes), mailbox (4), profile of the sender (4), address of
/// the message before it in the same mailbox (8), length of the text (4), text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct MessageGroup {
    /// Its place in the log, from 1 on.
    pub(super) number: u64,
    /// When the first of its messages was sent; the others came before the next commit, and count as
    /// sent then, too.
    pub(super) time: Timestamp,
    pub(super) body: Vec<u8>,
}

impl MessageGroup {
    /// Its entries in order of arrival; `None` for one that makes no sense, and then no more.
    pub(super) fn entries(&self) -> impl Iterator<Item = Option<Entry<'_>>> {
        let mut rest = &self.body[..];
        let number = self.number;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let entry = Entry::read(number, &mut rest);
            if entry.is_none() {
                rest = &[];
            }
            Some(entry)
        })
    }
}

/// A message in its group.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) address: Address,
    pub(super) mailbox: MailboxId,
    pub(super) sender: ProfileId,
    /// The message before it in the same mailbox, which may be there no longer.
    pub(super) before: Address,
    pub(super) text: &'a str,
}

impl<'a> Entry<'a> {
    /// Appends the entry to a group's body.
    pub(super) fn write(&self, body: &mut Vec<u8>) {
        let place = self.address.0.to_le_bytes();
        // A line, and so a text, is far shorter than 4 GiB.
        let length = u32::try_from(self.text.len()).unwrap_or(u32::MAX).to_le_bytes();
        body.extend(place.into_iter().take(2));
        body.extend_from_slice(&self.mailbox.0.to_le_bytes());
        body.extend_from_slice(&self.sender.0.to_le_bytes());
        body.extend_from_slice(&self.before.0.to_le_bytes());
        body.extend_from_slice(&length);
        body.extend_from_slice(self.text.as_bytes());
    }

    fn read(group: u64, rest: &mut &'a [u8]) -> Option<Self> {
        let place = u16::from_le_bytes(take(rest)?);
        let mailbox = MailboxId(u32::from_le_bytes(take(rest)?));
        let sender = ProfileId(u32::from_le_bytes(take(rest)?));
        let before = Address(u64::from_le_bytes(take(rest)?));
        let length = usize::try_from(u32::from_le_bytes(take(rest)?)).ok()?;
        let (text, behind) = rest.split_at_checked(length)?;
        *rest = behind;
        let text = std::str::from_utf8(text).ok()?;
        Some(Self { address: Address::new(group, place), mailbox, sender, before, text })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*bytes)
}

/// The group that messages are put into now.
pub(super) struct OpenGroup {
    group: MessageGroup,
    next_place: u16,
}

impl OpenGroup {
    pub(super) fn new(number: u64) -> Self {
        Self { group: MessageGroup { number, time: Timestamp::EPOCH, body: Vec::new() }, next_place: 0 }
    }

    /// What it holds so far.
    pub(super) fn group(&self) -> &MessageGroup {
        &self.group
    }

    /// Whether a message can be put into it.
    pub(super) fn has_room(&self) -> bool {
        self.group.body.len() < GROUP_BYTES && self.next_place < u16::MAX
    }

    /// Puts a message into it and gives its address.
    pub(super) fn push(
        &mut self,
        mailbox: MailboxId,
        sender: ProfileId,
        before: Address,
        text: &str,
        time: Timestamp,
    ) -> Address {
        if self.group.body.is_empty() {
            self.group.time = time;
        }
        let address = Address::new(self.group.number, self.next_place);
        self.next_place += 1;
        Entry { address, mailbox, sender, before, text }.write(&mut self.group.body);
        address
    }

    /// Takes out what it holds, and goes on with the next number; `None` if it is empty.
    pub(super) fn close(&mut self) -> Option<MessageGroup> {
        if self.group.body.is_empty() {
            return None;
        }
        let next = Self::new(self.group.number + 1);
        Some(std::mem::replace(self, next).group)
    }
}
