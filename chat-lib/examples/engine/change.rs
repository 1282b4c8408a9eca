//! What can happen, as a line of the log has it. It depends on nothing but what the store contract gives.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chat_lib::Error;
use chat_lib::model::{Account, PasswordHash, Profile, UserName};
use chat_lib::store;
use serde::{Deserialize, Serialize};

/// Something that has happened, as the log has it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// The data was created, or a restore has ended.
    Epoch(String),
    RestoreBegins,
    /// An account is new or has a new version.
    Account {
        revision: u64,
        who: Who,
        password: Option<String>,
        banned: bool,
    },
    AccountRemoved(String),
    NamesForgotten(String),
    /// A session is new or was used.
    Session {
        id: [u8; 32],
        login: u64,
        user: String,
        opened: u64,
        used: u64,
        expires: u64,
        from: Option<SocketAddr>,
    },
    SessionEnds([u8; 32]),
    Invitation {
        id: [u8; 32],
        created: u64,
        expires: u64,
    },
    /// An invitation was used or revoked.
    InvitationEnds([u8; 32]),
    /// One user takes no messages of the other one, or does again.
    Block {
        user: String,
        other: String,
        blocked: bool,
    },
    /// A direct conversation is new, or a room is new or has changed.
    Conversation {
        number: u64,
        kind: Kind,
    },
    RoomRemoved(u64),
    /// What a user is in a conversation.
    Member {
        conversation: u64,
        user: String,
        member: Option<Member>,
    },
    Message {
        id: u64,
        conversation: u64,
        to: String,
        from: Who,
        text: String,
        framing: u8,
        time: u64,
        key: Option<String>,
        former: bool,
        deleted: bool,
    },
    Deleted {
        id: u64,
        conversation: u64,
    },
    Key {
        user: String,
        to: String,
        key: String,
        id: u64,
        time: u64,
    },
    /// A cursor has moved.
    Read {
        conversation: u64,
        user: String,
        upto: u64,
    },
}

/// Kinds of conversations.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Direct,
    /// Of a user and one who was removed.
    Former,
    Room {
        name: String,
        title: String,
        open: bool,
        #[serde(with = "RoomKeep")]
        keep: store::RoomKeep,
    },
}

/// How [`store::RoomKeep`] is written.
#[derive(Deserialize, Serialize)]
#[serde(remote = "store::RoomKeep")]
struct RoomKeep {
    age: Option<Duration>,
    messages: Option<u64>,
    bytes: Option<u64>,
}

/// What somebody is in a conversation.
#[derive(Clone, Copy, Deserialize, Serialize)]
pub(crate) struct Member {
    #[serde(with = "Standing")]
    pub(crate) standing: store::Standing,
    pub(crate) since: u64,
    pub(crate) read: u64,
}

/// How [`store::Standing`] is written.
#[derive(Deserialize, Serialize)]
#[serde(remote = "store::Standing", rename_all = "snake_case")]
enum Standing {
    Invited,
    Member,
    Owner,
}

impl Change {
    pub(crate) fn account(account: &Account, revision: u64) -> Self {
        let password = account.password.as_ref().map(PasswordHash::to_phc);
        Self::Account { revision, who: Who::of(&account.profile), password, banned: account.banned }
    }
}

/// A profile.
#[derive(Deserialize, Serialize)]
pub(crate) struct Who {
    user: String,
    full_name: String,
    country: String,
}

impl Who {
    pub(crate) fn of(profile: &Profile) -> Self {
        let [user, full_name, country] =
            [profile.user().as_str(), profile.full_name(), profile.country()].map(str::to_owned);
        Self { user, full_name, country }
    }

    pub(crate) fn profile(&self) -> Result<Arc<Profile>, Error> {
        Ok(Arc::new(Profile::kept(UserName::parse(&self.user)?, &self.full_name, &self.country)?))
    }
}
