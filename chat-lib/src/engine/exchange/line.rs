//! The lines of a dump, as JSON.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::model::{Framing, PasswordHash};
use crate::printable::is_hidden;
use crate::store::{NewMessage, Record};

/// The version of the format.
pub(super) const VERSION: u32 = 2;

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
    Conversation {
        members: Vec<Cursor<'a>>,
    },
    Message {
        id: u64,
        to: Cow<'a, str>,
        from: Cow<'a, str>,
        from_name: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        former: bool,
        time: u64,
        /// What protocol 1 had in front of the text; `None` for the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Cow<'a, str>>,
        /// What it had behind the text; `None` for the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Cow<'a, str>>,
        text: Cow<'a, str>,
    },
    End {
        users: u64,
        conversations: u64,
        messages: u64,
    },
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
            Record::Conversation(members) => {
                let members = members.iter().map(|member| Cursor { user: member.user.into(), read: member.read.get() });
                Self::Conversation { members: members.collect() }
            }
            Record::Message { id, message: NewMessage { to, from, text, framing, time }, from_former_user } => {
                let unusual = |part: &'static str, usual: &str| (part != usual).then(|| part.into());
                Self::Message {
                    id: id.get(),
                    to: to.into(),
                    from: from.user().as_str().into(),
                    from_name: from.full_name().into(),
                    former: from_former_user,
                    time: time.as_millis(),
                    before: unusual(framing.before(), Framing::DEFAULT.before()),
                    after: unusual(framing.after(), Framing::DEFAULT.after()),
                    text: text.into(),
                }
            }
        }
    }

    /// Writes it with its end.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.serialize(&mut Serializer::with_formatter(&mut *out, Visible))?;
        out.write_all(b"\n")
    }

    pub(super) fn is_header(&self) -> bool {
        matches!(self, Self::ChatDump { .. })
    }
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
