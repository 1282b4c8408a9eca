//! Unread messages as they are answered: the texts in one buffer, since there may be many.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::{Framing, Profile, UserName};

/// Unread messages of one user, in order of arrival.
///
/// Texts lie one behind the other in few allocations, so that a message costs 16 bytes more than
/// its text.
#[derive(Clone, Default)]
pub struct Inbox {
    to: String,
    /// In order of arrival. Only the last one may be empty.
    chunks: Vec<Chunk>,
    len: usize,
    bytes: usize,
}

/// A part of an inbox.
#[derive(Clone, Default)]
struct Chunk {
    texts: String,
    entries: Vec<Entry>,
}

/// Where a message is in its inbox.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    chunk: u32,
    entry: u32,
}

impl Inbox {
    /// An empty inbox of the user with the full name `to`.
    pub fn new(to: &str) -> Self {
        Self { to: to.to_owned(), ..Self::default() }
    }

    /// Puts a message behind the others.
    pub fn push(&mut self, from: &Arc<Profile>, text: &str) {
        self.push_parts(from, [text]);
    }

    /// As [`push`](Self::push), of a text without what protocol 1 had around it.
    pub fn push_framed(&mut self, from: &Arc<Profile>, framing: Framing, text: &str) {
        self.push_parts(from, [framing.before(), text, framing.after()]);
    }

    fn push_parts<const N: usize>(&mut self, from: &Arc<Profile>, parts: [&str; N]) {
        let chunk = match self.chunks.last_mut() {
            Some(chunk) => chunk,
            None => self.chunks.push_mut(Chunk::default()),
        };
        let before = chunk.texts.len();
        parts.into_iter().for_each(|part| chunk.texts.push_str(part));
        chunk.entries.push(Entry { from: Arc::clone(from), end: chunk.texts.len() });
        self.len += 1;
        self.bytes += chunk.texts.len() - before;
    }

    /// An empty inbox with memory for so many messages, with so many bytes of texts and framing.
    pub(crate) fn with_capacity(messages: usize, bytes: usize) -> Self {
        let chunk = Chunk { texts: String::with_capacity(bytes), entries: Vec::with_capacity(messages) };
        Self { chunks: vec![chunk], ..Self::default() }
    }

    /// Puts the messages of `later` behind the others.
    pub(crate) fn append(&mut self, later: Self) {
        self.chunks.extend(later.chunks.into_iter().filter(|chunk| !chunk.entries.is_empty()));
        self.len += later.len;
        self.bytes += later.bytes;
    }

    /// Says anew whose inbox it is.
    pub(crate) fn set_to(&mut self, to: &str) {
        to.clone_into(&mut self.to);
    }

    /// How many bytes all texts have together.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
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
        Messages { inbox: self, next: Place::default(), left: self.len }
    }

    pub(crate) fn message(&self, place: Place) -> Option<Message<'_>> {
        let chunk = self.chunks.get(place.chunk as usize)?;
        let entry = chunk.entries.get(place.entry as usize)?;
        let before = place.entry.checked_sub(1).and_then(|before| chunk.entries.get(before as usize));
        let start = before.map_or(0, |before| before.end);
        Some(Message { from: &entry.from, text: chunk.texts.get(start..entry.end).unwrap_or_default() })
    }

    /// The places of all messages in order of arrival.
    pub(crate) fn order_of_arrival(&self) -> Vec<Place> {
        self.places().map(|(place, _)| place).collect()
    }

    /// The places of all messages, those of one sender together, senders in order of their first message.
    pub(crate) fn order_by_sender(&self) -> Vec<Place> {
        let mut ranks: HashMap<&UserName, usize> = HashMap::new();
        let mut by_rank: Vec<Vec<Place>> = Vec::new();
        let mut before: Option<(&Arc<Profile>, usize)> = None;
        for (place, from) in self.places() {
            let rank = match before {
                // Messages often come in a row, and then no name needs to be looked up.
                Some((profile, rank)) if Arc::ptr_eq(profile, from) => rank,
                _ => {
                    let next = ranks.len();
                    *ranks.entry(from.user()).or_insert(next)
                }
            };
            before = Some((from, rank));
            match by_rank.get_mut(rank) {
                Some(places) => places.push(place),
                None => by_rank.push(vec![place]),
            }
        }
        match by_rank.len() {
            1 => by_rank.pop().unwrap_or_default(),
            _ => by_rank.concat(),
        }
    }

    fn places(&self) -> impl Iterator<Item = (Place, &Arc<Profile>)> {
        (0..).zip(&self.chunks).flat_map(|(chunk, Chunk { entries, .. })| {
            (0..).zip(entries).map(move |(entry, Entry { from, .. })| (Place { chunk, entry }, from))
        })
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inbox({} messages, {} bytes)", self.len, self.bytes)
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
    next: Place,
    left: usize,
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let (place, message) = match self.inbox.message(self.next) {
            Some(message) => (self.next, message),
            None => {
                let place = Place { chunk: self.next.chunk + 1, entry: 0 };
                (place, self.inbox.message(place)?)
            }
        };
        self.next = Place { entry: place.entry + 1, ..place };
        self.left -= 1;
        Some(message)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
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
    /// Where the text ends in `Chunk::texts`; it begins where the one before it ends.
    end: usize,
}
