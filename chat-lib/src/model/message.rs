//! Messages as they are kept: the number of one, how protocol 1 framed it, and a message of a conversation's history.

use std::fmt;
use std::sync::Arc;

use super::{ConversationName, Profile};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::limits::MESSAGE_KEY_BYTES;

/// The number of a message: greater than 0, below 2^53, and ascending in order of arrival over the whole chat. Ids have
/// gaps.
///
/// [`MessageId::NONE`] comes before every message: it is the cursor of a member who has read nothing, and the `after` of
/// a reader who wants everything.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MessageId(u64);

impl MessageId {
    /// The position before the first message.
    pub const NONE: Self = Self(0);
    /// The greatest id: JavaScript's numbers are exact up to here.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The id with this number; `None` if it is greater than [`MAX`](Self::MAX).
    pub fn new(number: u64) -> Option<Self> {
        (number <= Self::MAX.0).then_some(Self(number))
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The id after this one; `None` if there are no more.
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What protocol 1 had around the text of a message, so that `inbox` gives it back byte for byte: the space that separates
/// it from the recipient, and the line end (`docs/protocol.md`, "send").
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Framing {
    space: bool,
    end: LineEnd,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum LineEnd {
    None,
    Lf,
    CrLf,
}

impl Framing {
    /// A space in front and CRLF behind: what a message gets that did not come as a line of protocol 1.
    pub const DEFAULT: Self = Self { space: true, end: LineEnd::CrLf };

    /// Splits the rest of a request line, from the end of the recipient on, into the text and what is around it.
    ///
    /// ```
    /// use chat_lib::model::Framing;
    ///
    /// let (framing, text) = Framing::split(" halo\r\n");
    /// assert_eq!(text, "halo");
    /// assert_eq!((framing.before(), framing.after()), (" ", "\r\n"));
    /// ```
    pub fn split(line: &str) -> (Self, &str) {
        let (end, text) = match (line.strip_suffix("\r\n"), line.strip_suffix('\n')) {
            (Some(text), _) => (LineEnd::CrLf, text),
            (None, Some(text)) => (LineEnd::Lf, text),
            (None, None) => (LineEnd::None, line),
        };
        match text.strip_prefix(' ') {
            Some(text) => (Self { space: true, end }, text),
            None => (Self { space: false, end }, text),
        }
    }

    /// What comes before the text.
    pub fn before(self) -> &'static str {
        if self.space { " " } else { "" }
    }

    /// What comes after the text.
    pub fn after(self) -> &'static str {
        match self.end {
            LineEnd::None => "",
            LineEnd::Lf => "\n",
            LineEnd::CrLf => "\r\n",
        }
    }

    /// A number below 8 that [`from_tag`](Self::from_tag) reads back, for a store.
    pub fn tag(self) -> u8 {
        let end = match self.end {
            LineEnd::None => 0,
            LineEnd::Lf => 1,
            LineEnd::CrLf => 2,
        };
        u8::from(self.space) | end << 1
    }

    /// The framing with this [`tag`](Self::tag); `None` if the tag is unknown.
    pub fn from_tag(tag: u8) -> Option<Self> {
        let end = match tag >> 1 {
            0 => LineEnd::None,
            1 => LineEnd::Lf,
            2 => LineEnd::CrLf,
            _ => return None,
        };
        Some(Self { space: tag & 1 == 1, end })
    }

    /// How many bytes it adds to the text.
    pub(crate) fn len(self) -> usize {
        self.before().len() + self.after().len()
    }
}

impl Default for Framing {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a sender calls a message, so that sending it again does not store it twice: 1 to 64 bytes of any text.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MessageKey(Arc<str>);

impl MessageKey {
    /// Takes `key` for a key.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`] if it is empty or too long.
    pub fn parse(key: &str) -> Result<Self, Error> {
        match (1..=MESSAGE_KEY_BYTES).contains(&key.len()) {
            true => Ok(Self(key.into())),
            false => Err(Error::InvalidKey),
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A message of a conversation, as one of its members sees it.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct HistoryMessage {
    /// Its number.
    pub id: MessageId,
    /// The conversation as the reader calls it.
    pub with: ConversationName,
    /// The sender, as they were called when they sent it.
    pub from: Arc<Profile>,
    /// When it was sent, to the millisecond.
    pub time: Timestamp,
    /// What it says; empty if it was deleted.
    pub text: String,
    /// The sender's key. Only the sender sees it.
    pub key: Option<MessageKey>,
    /// Whether it was deleted.
    pub deleted: bool,
}

impl HistoryMessage {
    /// Puts a message together that has no key and was not deleted.
    pub fn new(id: MessageId, with: ConversationName, from: Arc<Profile>, time: Timestamp, text: String) -> Self {
        Self { id, with, from, time, text, key: None, deleted: false }
    }
}

/// Keeps the text out.
impl fmt::Debug for HistoryMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HistoryMessage({} from {}, {} bytes)", self.id, self.from.user(), self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_framing_gives_the_line_back() {
        for line in ["", " ", "  ", "\n", " \r\n", " a\n", " a\r", "a", "\r\n", " \r", " a\r\n\r\n", " é\n\n", "\r"] {
            let (framing, text) = Framing::split(line);
            assert_eq!(format!("{}{text}{}", framing.before(), framing.after()), line);
            assert_eq!(framing.len() + text.len(), line.len());
            assert_eq!(Framing::from_tag(framing.tag()), Some(framing));
        }
        assert_eq!(Framing::split(" halo\r\n").0, Framing::DEFAULT);
        assert_eq!(Framing::from_tag(6), None);
        assert_eq!(Framing::from_tag(0xff), None);
    }

    #[test]
    fn ids_end_where_javascripts_numbers_are_exact() {
        assert_eq!(MessageId::new(1 << 53), None);
        assert_eq!(MessageId::MAX.next(), None);
        assert_eq!(MessageId::NONE.next().map(MessageId::get), Some(1));
    }
}
