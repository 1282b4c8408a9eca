//! Unread messages as they are answered: the texts in one buffer, since there may be many.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::{Framing, Profile, UserName};

/// Unread messages of one user, in order of arrival.
///
/// Texts lie one behind the other in one allocation, so that a message costs 16 bytes more than
/// its text.
#[derive(Clone, Default)]
pub struct Inbox {
    to: String,
    texts: String,
    entries: Vec<Entry>,
}

impl Inbox {
    /// An empty inbox of the user with the full name `to`.
    pub fn new(to: &str) -> Self {
        Self { to: to.to_owned(), texts: String::new(), entries: Vec::new() }
    }

    /// Puts a message behind the others.
    pub fn push(&mut self, from: &Arc<Profile>, text: &str) {
        self.texts.push_str(text);
        self.entries.push(Entry { from: Arc::clone(from), end: self.texts.len() });
    }

    /// As [`push`](Self::push), of a text without what protocol 1 had around it.
    pub fn push_framed(&mut self, from: &Arc<Profile>, framing: Framing, text: &str) {
        self.texts.push_str(framing.before());
        self.texts.push_str(text);
        self.texts.push_str(framing.after());
        self.entries.push(Entry { from: Arc::clone(from), end: self.texts.len() });
    }

    /// Takes memory for so many messages more, with so many bytes of text.
    pub(crate) fn reserve(&mut self, messages: usize, bytes: usize) {
        self.texts.reserve(bytes);
        self.entries.reserve(messages);
    }

    /// Puts the messages of `later` behind the others.
    pub(crate) fn append(&mut self, later: Self) {
        let before = self.texts.len();
        self.texts.push_str(&later.texts);
        let later = later.entries.into_iter();
        self.entries.extend(later.map(|entry| Entry { end: before + entry.end, ..entry }));
    }

    /// Says anew whose inbox it is.
    pub(crate) fn set_to(&mut self, to: &str) {
        to.clone_into(&mut self.to);
    }

    /// How many bytes all texts have together.
    pub(crate) fn bytes(&self) -> usize {
        self.texts.len()
    }

    /// How many bytes of memory an inbox takes that has so many messages, with so many bytes of texts and framing.
    pub fn footprint(messages: usize, bytes: usize) -> usize {
        messages.saturating_mul(size_of::<Entry>()).saturating_add(bytes)
    }

    /// The full name of the user whose inbox it is. Empty if there are no messages and the inbox was
    /// read off an answer, which then does not say it.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// The messages, oldest first.
    pub fn iter(&self) -> Messages<'_> {
        Messages { inbox: self, place: 0 }
    }

    /// The message at `place`, the oldest being at 0.
    pub(crate) fn message(&self, place: usize) -> Option<Message<'_>> {
        let entry = self.entries.get(place)?;
        let start = place.checked_sub(1).and_then(|before| self.entries.get(before)).map_or(0, |before| before.end);
        Some(Message { from: &entry.from, text: self.texts.get(start..entry.end).unwrap_or_default() })
    }

    /// The places of all messages, those of one sender together, senders in order of their first message.
    pub(crate) fn order_by_sender(&self) -> Vec<usize> {
        let mut ranks: HashMap<&UserName, usize> = HashMap::new();
        let mut ranked: Vec<(usize, usize)> = Vec::with_capacity(self.entries.len());
        let mut before: Option<(&Arc<Profile>, usize)> = None;
        for (place, Entry { from, .. }) in self.entries.iter().enumerate() {
            let rank = match before {
                // Messages often come in a row, and then no name needs to be looked up.
                Some((profile, rank)) if Arc::ptr_eq(profile, from) => rank,
                _ => {
                    let next = ranks.len();
                    *ranks.entry(from.user()).or_insert(next)
                }
            };
            before = Some((from, rank));
            ranked.push((rank, place));
        }
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, place)| place).collect()
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inbox({} messages, {} bytes)", self.entries.len(), self.texts.len())
    }
}

impl<'a> IntoIterator for &'a Inbox {
    type Item = Message<'a>;
    type IntoIter = Messages<'a>;

    fn into_iter(self) -> Messages<'a> {
        self.iter()
    }
}

/// The messages of an [`Inbox`], oldest first.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    inbox: &'a Inbox,
    place: usize,
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let message = self.inbox.message(self.place)?;
        self.place += 1;
        Some(message)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.inbox.len() - self.place;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Messages<'_> {}

/// One unread message, borrowed from its [`Inbox`].
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Message<'a> {
    /// Who sent it.
    pub from: &'a Profile,
    /// The rest of the request line behind the recipient, verbatim: with the space in front and the
    /// line end that was sent (`docs/protocol.md`, "send").
    pub text: &'a str,
}

impl<'a> Message<'a> {
    /// The text as a person typed it: without the one space that parts it from the recipient, and
    /// without the line end.
    ///
    /// ```
    /// use chat_lib::model::{Message, Profile, UserName};
    ///
    /// let messi = Profile::new(UserName::parse("messi")?, "Lionel Messi", "Argentina")?;
    /// assert_eq!(Message { from: &messi, text: " halo \r\n" }.body(), "halo ");
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    pub fn body(&self) -> &'a str {
        let text = self.text.strip_suffix('\n').unwrap_or(self.text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        text.strip_prefix(' ').unwrap_or(text)
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message(from {}, {} bytes)", self.from.user(), self.text.len())
    }
}

#[derive(Clone)]
struct Entry {
    from: Arc<Profile>,
    /// Where the text ends in `Inbox::texts`; it begins where the one before it ends.
    end: usize,
}
