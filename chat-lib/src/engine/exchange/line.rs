//! The lines of a dump, as JSON.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::model::{Framing, Invitation, PasswordHash};
use crate::printable::is_hidden;
use crate::store::{NewMessage, Record, RoomKeep, RoomMembership, Standing};

/// The version of the format.
pub(super) const VERSION: u32 = 5;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line<'a> {
    ChatDump {
        version: u32,
        /// Whether users come with the hashes of their passwords.
        hashes: bool,
    },
    User {
        name: Cow<'a, str>,
        full_name: Cow<'a, str>,
        country: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        banned: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<String>,
    },
    Invitation {
        id: Cow<'a, str>,
        created: u64,
        expires: u64,
    },
    Block {
        user: Cow<'a, str>,
        blocked: Cow<'a, str>,
    },
    Conversation {
        members: Vec<Cursor<'a>>,
    },
    Room {
        name: Cow<'a, str>,
        title: Cow<'a, str>,
        open: bool,
        #[serde(default, skip_serializing_if = "Limits::is_default")]
        keep: Limits,
        members: Vec<Seat<'a>>,
    },
    Message {
        id: u64,
        to: Cow<'a, str>,
        from: Cow<'a, str>,
        from_name: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        former: bool,
        time: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<Cow<'a, str>>,
        /// What protocol 1 had in front of the text; `None` for the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Cow<'a, str>>,
        /// What it had behind the text; `None` for the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Cow<'a, str>>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        deleted: bool,
        text: Cow<'a, str>,
    },
    Key {
        user: Cow<'a, str>,
        to: Cow<'a, str>,
        key: Cow<'a, str>,
        id: u64,
        time: u64,
    },
    End(Counts),
}

/// How many lines of each kind there are.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counts {
    pub(super) users: u64,
    pub(super) invitations: u64,
    pub(super) blocks: u64,
    pub(super) conversations: u64,
    pub(super) rooms: u64,
    pub(super) messages: u64,
    pub(super) keys: u64,
}

impl Counts {
    /// Counts another line.
    pub(super) fn add(&mut self, line: &Line<'_>) {
        *match line {
            Line::ChatDump { .. } | Line::End(_) => return,
            Line::User { .. } => &mut self.users,
            Line::Invitation { .. } => &mut self.invitations,
            Line::Block { .. } => &mut self.blocks,
            Line::Conversation { .. } => &mut self.conversations,
            Line::Room { .. } => &mut self.rooms,
            Line::Message { .. } => &mut self.messages,
            Line::Key { .. } => &mut self.keys,
        } += 1;
    }
}

/// How much of a room is kept, in milliseconds, messages and bytes.
#[derive(Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    age: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    messages: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

impl Limits {
    fn of(keep: RoomKeep) -> Self {
        let [age, messages, bytes] = keep.numbers();
        Self { age, messages, bytes }
    }

    pub(super) fn keep(&self) -> RoomKeep {
        RoomKeep::from_numbers([self.age, self.messages, self.bytes])
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A member of a room, or somebody who is invited.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seat<'a> {
    pub(super) user: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) owner: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) invited: bool,
    pub(super) since: u64,
    pub(super) read: u64,
}

impl<'a> Seat<'a> {
    pub(super) fn of(member: &RoomMembership<'a>) -> Self {
        let RoomMembership { user, standing, since, read } = member;
        let (owner, invited) = (*standing == Standing::Owner, *standing == Standing::Invited);
        Self { user: (*user).into(), owner, invited, since: since.get(), read: read.get() }
    }

    /// What the user is in the room; `None` if it says both that they own it and that they are invited.
    pub(super) fn standing(&self) -> Option<Standing> {
        match (self.owner, self.invited) {
            (true, true) => None,
            (true, false) => Some(Standing::Owner),
            (false, true) => Some(Standing::Invited),
            (false, false) => Some(Standing::Member),
        }
    }
}

/// A member of a conversation, and how far they have read it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cursor<'a> {
    pub(super) user: Cow<'a, str>,
    pub(super) read: u64,
}

impl<'a> Line<'a> {
    pub(super) fn of(record: Record<'a>, hashes: bool) -> Self {
        match record {
            Record::Account(account) => Self::User {
                name: account.profile.user().as_str().into(),
                full_name: account.profile.full_name().into(),
                country: account.profile.country().into(),
                banned: account.banned,
                password: account.password.as_ref().filter(|_| hashes).map(PasswordHash::to_phc),
            },
            Record::Invitation(Invitation { id, created, expires }) => Self::Invitation {
                id: id.to_string().into(),
                created: created.as_millis(),
                expires: expires.as_millis(),
            },
            Record::Conversation(members) => {
                let members = members.iter().map(|member| Cursor { user: member.user.into(), read: member.read.get() });
                Self::Conversation { members: members.collect() }
            }
            Record::Block { user, blocked } => Self::Block { user: user.into(), blocked: blocked.into() },
            Record::Room { name, title, open, keep, members } => Self::Room {
                name: name.as_str().into(),
                title: title.into(),
                open,
                keep: Limits::of(keep),
                members: members.iter().map(Seat::of).collect(),
            },
            Record::Message { id, message, from_former_user, deleted } => {
                let NewMessage { to, from, text, framing, time, key } = message;
                let unusual = |part: &'static str, usual: &str| (part != usual).then(|| part.into());
                Self::Message {
                    id: id.get(),
                    to: to.into(),
                    from: from.user().as_str().into(),
                    from_name: from.full_name().into(),
                    former: from_former_user,
                    time: time.as_millis(),
                    key: key.map(|key| key.as_str().into()),
                    before: unusual(framing.before(), Framing::DEFAULT.before()),
                    after: unusual(framing.after(), Framing::DEFAULT.after()),
                    deleted,
                    text: text.into(),
                }
            }
            Record::Key { user, to, key, id, time } => {
                let (id, time) = (id.get(), time.as_millis());
                Self::Key { user: user.into(), to: to.into(), key: key.as_str().into(), id, time }
            }
        }
    }

    pub(super) fn is_header(&self) -> bool {
        matches!(self, Self::ChatDump { .. })
    }
}

/// Writes a line with its end.
pub(super) fn write(line: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    line.serialize(&mut Serializer::with_formatter(&mut *out, Visible))?;
    out.write_all(b"\n")
}

/// The framing with these parts; without one, as the default has it.
pub(super) fn framing(before: Option<&str>, after: Option<&str>) -> Option<Framing> {
    let before = before.unwrap_or(Framing::DEFAULT.before());
    let after = after.unwrap_or(Framing::DEFAULT.after());
    let mut all = (0..=u8::MAX).map_while(Framing::from_tag);
    all.find(|framing| framing.before() == before && framing.after() == after)
}

/// Escapes what a terminal would obey, beyond what JSON does: a dump is a text, and people look at it.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((plain, hidden, behind)) = cut_at_hidden(rest) {
            out.write_all(plain.as_bytes())?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = behind;
        }
        out.write_all(rest.as_bytes())
    }
}

fn cut_at_hidden(text: &str) -> Option<(&str, char, &str)> {
    let (place, hidden) = text.char_indices().find(|(_, c)| is_hidden(*c))?;
    Some((text.get(..place)?, hidden, text.get(place + hidden.len_utf8()..)?))
}
