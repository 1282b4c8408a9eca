use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::Profile;

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

    /// The full name of the user whose inbox it is. Empty if there are no messages and the inbox was
    /// read off an answer, which then does not say it.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// The messages, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Message<'_>> {
        self.with_senders().map(|(from, text)| Message { from, text })
    }

    /// Sender and text of each message, oldest first.
    pub(crate) fn with_senders(&self) -> impl Iterator<Item = (&Arc<Profile>, &str)> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            // Every `end` is the length that `texts` had at some push, and so a boundary in it.
            let text = self.texts.get(start..entry.end).unwrap_or_default();
            start = entry.end;
            (&entry.from, text)
        })
    }

    /// The messages of each sender, senders in order of their first message.
    pub fn by_sender(&self) -> Vec<(&Profile, Vec<Message<'_>>)> {
        let mut groups: Vec<(&Profile, Vec<Message<'_>>)> = Vec::new();
        let mut places = HashMap::new();
        for message in self.iter() {
            let next = groups.len();
            let place = *places.entry(message.from.user()).or_insert(next);
            match groups.get_mut(place) {
                Some((_, messages)) => messages.push(message),
                None => groups.push((message.from, vec![message])),
            }
        }
        groups
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
