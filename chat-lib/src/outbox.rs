//! Bytes on their way to a peer. A [`Connection`](crate::Connection) appends them, and whoever has the I/O sends them. The
//! outbox relies on the connection to say what is committed, and on its owner to say what was sent.

use std::fmt;

use crate::engine::{Chat, Delivery, Share};
use crate::error::Error;
use crate::limits::SPARE_BYTES;
use crate::protocol::line::reply::InboxWriter;

/// Answers that wait to be sent to one peer, in order. What waits counts towards
/// [`answers_bytes`](crate::limits::Limits::answers_bytes).
///
/// ```
/// use chat_lib::{Chat, Connection, Outbox};
///
/// let chat = Chat::memory();
/// let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
/// assert_eq!(connection.receive(b"halo\r\n", &mut out), 6);
/// let written = out.output().len() / 2; // what a socket may take
/// out.sent(written);
/// assert!(out.output().ends_with(b"tidak benar\"}\r\n\r\n"));
/// ```
pub struct Outbox {
    /// The first `sent` bytes are gone; those behind the first `released` bytes must wait for a commit.
    /// `sent <= released <= bytes.len()`.
    bytes: Vec<u8>,
    sent: usize,
    released: usize,
    /// How many bytes were dropped from the front of `bytes` so far.
    dropped: u64,
    /// Inboxes whose answers may not have left yet. Only the last one may be unfinished.
    answering: Option<Box<Deliveries>>,
    /// The peer is gone, and its connection does nothing more.
    abandoned: bool,
    held: Share,
}

/// Most outboxes have none, and a peer that is silent should be small.
#[derive(Default)]
struct Deliveries(Vec<Answering>);

/// An inbox that is being answered.
struct Answering {
    delivery: Box<Delivery>,
    /// How many bytes were appended before its answer.
    at: u64,
    /// What writes the rest of it; `None` if all is written.
    writer: Option<InboxWriter>,
}

impl Outbox {
    /// An outbox for a peer of `chat`.
    pub fn new(chat: &Chat) -> Self {
        Self {
            bytes: Vec::new(),
            sent: 0,
            released: 0,
            dropped: 0,
            answering: None,
            abandoned: false,
            held: chat.share(0),
        }
    }

    /// What can be sent now.
    pub fn output(&self) -> &[u8] {
        self.bytes.get(self.sent..self.released).unwrap_or_default()
    }

    /// Takes note that the first `count` bytes of the [`output`](Self::output) were sent. An empty outbox holds no memory.
    pub fn sent(&mut self, count: usize) {
        self.advance(count);
        if self.is_empty() {
            self.reclaim();
        }
        self.account();
    }

    /// Takes the [`output`](Self::output) out, as sent.
    pub fn take(&mut self) -> Vec<u8> {
        let output = self.output().to_vec();
        self.sent(output.len());
        output
    }

    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Empties an outbox whose peer is gone. An inbox of whose answer nothing was sent is unread again, unless a conversation
    /// of it was read since. The peer's requests that are handed in afterwards are taken and ignored.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if that could not be stored; its messages are lost then.
    pub fn abandon(&mut self) -> Result<(), Error> {
        self.abandoned = true;
        let sent = self.sent_end();
        let answering = std::mem::take(&mut self.answering).unwrap_or_default();
        let unsent: Vec<_> =
            answering.0.into_iter().filter(|inbox| inbox.at >= sent).map(|inbox| inbox.delivery).collect();
        let outcome = Delivery::put_back(&unsent);
        (self.sent, self.released) = (self.bytes.len(), self.bytes.len());
        self.reclaim();
        self.account();
        outcome
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    /// As [`sent`](Self::sent), keeping the memory.
    pub(crate) fn advance(&mut self, count: usize) {
        self.sent = self.sent.saturating_add(count).min(self.released);
        self.forget_sent();
        // Of a large answer, what is sent gives its memory back before all is.
        if self.sent > SPARE_BYTES && self.sent > self.len() {
            self.make_room();
            self.bytes.shrink_to_fit();
        }
    }

    /// Where to append. What is appended waits for [`release`](Self::release).
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Drops what is sent from the front.
    pub(crate) fn make_room(&mut self) {
        if self.sent > 0 {
            self.bytes.drain(..self.sent);
            self.released -= self.sent;
            self.dropped += self.sent as u64;
            self.sent = 0;
        }
    }

    /// Lets all that was appended be sent.
    pub(crate) fn release(&mut self) {
        self.released = self.bytes.len();
    }

    /// Takes back what was not released.
    pub(crate) fn discard_unreleased(&mut self) {
        self.bytes.truncate(self.released);
        let end = self.end();
        self.retain(|inbox| inbox.at < end);
    }

    /// Begins to answer an inbox, until so much waits as `room`; returns whether all of it is written.
    pub(crate) fn answer(&mut self, mut delivery: Box<Delivery>, room: usize) -> bool {
        let order = delivery.take_order();
        let writer = Some(match delivery.is_of_room() {
            true => InboxWriter::list(order),
            false => InboxWriter::by_sender(order),
        });
        let at = self.end();
        self.answering.get_or_insert_default().0.push(Answering { delivery, at, writer });
        self.write(room)
    }

    /// Whether something else may be appended and sent at once: no answer is half written, and nothing waits for a commit.
    pub(crate) fn is_between_answers(&self) -> bool {
        let last = self.answering.as_ref().and_then(|answering| answering.0.last());
        self.released == self.bytes.len() && last.is_none_or(|inbox| inbox.writer.is_none())
    }

    /// Continues the answer that was not written whole, unless so much waits as `room`; returns whether it is whole now.
    pub(crate) fn resume(&mut self, room: usize) -> bool {
        if self.len() >= room {
            let last = self.answering.as_ref().and_then(|answering| answering.0.last());
            return last.is_none_or(|inbox| inbox.writer.is_none());
        }
        // A server may come back before it has committed: the beginning must wait then, and so must the rest.
        let committed = self.released == self.bytes.len();
        let whole = self.write(room);
        if committed {
            self.release();
            self.forget_sent();
        }
        whole
    }

    fn write(&mut self, room: usize) -> bool {
        // It is gone if a commit has failed, and its request was refused.
        let last = self.answering.as_mut().and_then(|answering| answering.0.last_mut());
        let Some(Answering { delivery, writer: writing @ Some(_), .. }) = last else {
            return true;
        };
        let whole = writing.as_mut().is_none_or(|writer| writer.write(delivery.inbox(), room, &mut self.bytes));
        if whole {
            *writing = None;
        }
        whole
    }

    fn forget_sent(&mut self) {
        let sent = self.sent_end();
        self.retain(|inbox| inbox.at >= sent || inbox.writer.is_some());
    }

    fn retain(&mut self, keep: impl Fn(&Answering) -> bool) {
        if let Some(answering) = &mut self.answering {
            answering.0.retain(keep);
            if answering.0.is_empty() {
                self.answering = None;
            }
        }
    }

    /// How many bytes were appended ever.
    pub(crate) fn end(&self) -> u64 {
        self.dropped + self.bytes.len() as u64
    }

    /// How many bytes were sent ever.
    fn sent_end(&self) -> u64 {
        self.dropped + self.sent as u64
    }

    /// Takes a buffer to append to, if it has none.
    #[cfg(feature = "server")]
    pub(crate) fn lend(&mut self, buffer: impl FnOnce() -> Vec<u8>) {
        if self.bytes.capacity() == 0 {
            self.bytes = buffer();
        }
    }

    /// Gives the buffer back, which must be empty.
    pub(crate) fn reclaim(&mut self) -> Vec<u8> {
        self.make_room();
        std::mem::take(&mut self.bytes)
    }

    /// Counts what is held now.
    pub(crate) fn account(&mut self) {
        self.held.set(if self.is_empty() { 0 } else { self.bytes.capacity() });
    }
}

/// Shows sizes only: an answer may hold a token or texts.
impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outbox({} bytes wait, {} can be sent)", self.len(), self.output().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Connection;
    use crate::engine::Config;
    use crate::limits::Limits;
    use crate::store::CommitError;

    /// A reactor may serve a peer twice before it commits. The peer had made room in between: the rest of its inbox was
    /// written, and with it its beginning could be sent, which the commit was to refuse.
    #[test]
    fn an_inbox_that_is_not_committed_waits() {
        let limits = Limits { reply_bytes: 1024, ..Limits::default() };
        let chat = Chat::new(Config { limits, ..Config::default() });
        chat.add_demo_users().unwrap();
        let messi = chat.login("messi", "surabaya").unwrap();
        let token = messi.token();
        (0..8).for_each(|_| {
            messi.send("messi", &"x".repeat(400)).unwrap();
        });
        let (mut connection, mut out) = (Connection::new(chat.clone()), Outbox::new(&chat));
        let _ = connection.receive(b"halo\r\n", &mut out);
        let committed = out.len();

        let requests = format!("send {token} messi y\r\ninbox {token}\r\n");
        let (mut rest, mut lines) = (requests.as_bytes(), usize::MAX);
        let mut turn = chat.begin();
        assert!(connection.start_requests(&mut rest, &mut lines, &mut turn, &mut out).is_none());
        assert_eq!((rest, out.output().len()), (&b"\n"[..], committed));
        out.sent(committed);
        assert!(connection.start_requests(&mut rest, &mut lines, &mut turn, &mut out).is_none());
        assert!(out.output().is_empty(), "nothing may be sent before its commit");

        turn.commit().unwrap();
        connection.release_answers(&Err(CommitError::Undone(Error::Busy)), &mut out);
        let refusals = String::from_utf8(out.take()).unwrap();
        assert_eq!(refusals.matches("\"busy\"").count(), 2);
        assert_eq!(refusals.matches("\r\n\r\n").count(), 2);
        assert_eq!(connection.receive(b"\n", &mut out), 1);
        assert_eq!(out.output(), b"");
    }
}
