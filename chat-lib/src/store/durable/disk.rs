//! What the durable engine asks of a disk.

use std::sync::Arc;

use super::group::{Address, MailboxId, MessageGroup, ProfileId};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{PasswordHash, Profile, SessionId};
use crate::store::sessions::Login;

/// Tables of accounts, sessions and mailboxes, and a log of message groups. What is read is what was
/// written, or an error that names what is not.
pub(super) trait Disk: Send + Sync {
    /// Whether nothing can be written, now and later.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Does all of `writes`, or nothing. Unless the disk was opened to sync each commit, a loss of
    /// power may undo it, but only together with all that came later.
    fn commit(&self, writes: &[Write]) -> Result<(), Error>;

    /// Makes all commits so far outlast a loss of power.
    fn sync(&self) -> Result<(), Error>;

    /// Everything but the log.
    fn tables(&self) -> Result<Tables, Error>;

    /// The last [`Write::Summary`].
    fn summary(&self) -> Result<Summary, Error>;

    /// The group with that number, `None` if there is none.
    fn group(&self, number: u64) -> Result<Option<MessageGroup>, Error>;

    /// Groups behind that number, in order, and the next one among them; none if there are no more.
    fn groups_behind(&self, number: u64) -> Result<Vec<MessageGroup>, Error>;

    /// The number of the last group, 0 if there is none.
    fn last_group(&self) -> Result<u64, Error>;

    /// Does what makes reads and the next start fast, and the files small, beside commits or not.
    fn tidy(&self) -> Result<(), Error>;

    /// Looks whether the disk's own structures are whole.
    fn check(&self) -> Result<(), Error>;

    /// The error that says that what the disk holds makes no sense.
    fn damage(&self, what: &str) -> Error;
}

/// A change to what the disk holds.
#[derive(Clone)]
pub(super) enum Write {
    Profile(ProfileId, Arc<Profile>),
    DropProfile(ProfileId),
    Account(AccountRow),
    /// Drops the account and its mailbox.
    DropAccount(MailboxId),
    Mailbox(MailboxRow),
    /// Opens a session or moves its end.
    Session(SessionRow),
    DropSession(Login),
    /// Appends a group to the log.
    Group(Arc<MessageGroup>),
    /// Replaces a group by one with fewer messages.
    ThinGroup(MessageGroup),
    DropGroup(u64),
    /// Sums up what the disk holds once this is done.
    Summary(Summary),
}

impl Write {
    /// About how many bytes have to be written for it.
    pub(super) fn bytes(&self) -> u64 {
        const PAGE: u64 = 4096;
        PAGE + if let Self::Group(group) = self { group.body.len() as u64 } else { 0 }
    }
}

/// An account, new or changed.
#[derive(Clone)]
pub(super) struct AccountRow {
    pub(super) id: MailboxId,
    pub(super) profile: ProfileId,
    pub(super) password: Option<PasswordHash>,
}

/// A mailbox as it is once all messages up to `head` have arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct MailboxRow {
    pub(super) id: MailboxId,
    pub(super) mailbox: Mailbox,
}

/// Where a mailbox's messages are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Mailbox {
    /// The last message that was read.
    pub(super) cursor: Address,
    /// The last message that has arrived.
    pub(super) head: Address,
    /// How many lie between the two.
    pub(super) unread: usize,
    /// The bytes of their texts.
    pub(super) bytes: usize,
}

/// A session.
#[derive(Clone)]
pub(super) struct SessionRow {
    pub(super) login: Login,
    pub(super) id: SessionId,
    pub(super) account: MailboxId,
    pub(super) until: Timestamp,
}

/// The summary row: what must be there, so that missing rows are detected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Summary {
    /// Every mailbox row takes account of all groups up to this number.
    pub(super) accounted: u64,
    /// A group that there was; the log has it or a later one.
    pub(super) last_group: u64,
    /// The greatest id that any mailbox ever had.
    pub(super) last_mailbox: u32,
    /// The greatest id that any profile ever had.
    pub(super) last_profile: u32,
    /// How many accounts there are, and so mailboxes.
    pub(super) accounts: u64,
    pub(super) profiles: u64,
    pub(super) sessions: u64,
    /// Nothing is being restored.
    pub(super) whole: bool,
    /// The time that messages age by; the epoch if there was none yet.
    pub(super) retention_time: Timestamp,
    /// How long messages are kept that were read, in milliseconds.
    pub(super) keep_read: u64,
}

impl Summary {
    /// Of nothing.
    pub(super) const EMPTY: Self = Self {
        accounted: 0,
        last_group: 0,
        last_mailbox: 0,
        last_profile: 0,
        accounts: 0,
        profiles: 0,
        sessions: 0,
        whole: true,
        retention_time: Timestamp::EPOCH,
        keep_read: 0,
    };
}

/// All rows but the log's and the summary.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) profiles: Vec<(ProfileId, Profile)>,
    pub(super) accounts: Vec<AccountRow>,
    pub(super) mailboxes: Vec<MailboxRow>,
    /// In order of login.
    pub(super) sessions: Vec<SessionRow>,
}
