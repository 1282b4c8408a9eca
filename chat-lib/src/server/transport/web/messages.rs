//! Turns a connection's lines into text messages of WebSocket. It relies on tungstenite for the headers of frames.

use std::io::{self, ErrorKind, Write};

use memchr::memchr;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::limits::WEB_FRAMES_BYTES;

/// Frames on their way to a peer, whole ones only: others may be sent after them.
#[derive(Default)]
pub(super) struct Messages {
    frames: Vec<u8>,
    /// How much of `frames` is sent.
    sent: usize,
    /// The last frame was not the last one of its message.
    is_continued: bool,
}

impl Messages {
    /// Bytes that come before all frames.
    pub(super) fn after(bytes: Vec<u8>) -> Self {
        Self { frames: bytes, ..Self::default() }
    }

    /// Takes bytes that the connection sends, once all before them are sent. Returns how many.
    pub(super) fn write(&mut self, wire: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
        self.flush(wire)?;
        let length = WEB_FRAMES_BYTES.min(bytes.len() + HEADER * MESSAGES_USUAL);
        self.frames.reserve_exact(length);
        let mut rest = bytes;
        while !rest.is_empty() && self.frames.len() + HEADER < length {
            let room = length - HEADER - self.frames.len();
            let piece = rest.get(..room).unwrap_or(rest);
            let end = memchr(b'\n', piece);
            let (payload, rest_from) =
                end.map_or((piece, piece.len()), |end| (piece.get(..end).unwrap_or_default(), end + 1));
            self.push(payload, end.is_some());
            rest = rest.get(rest_from..).unwrap_or_default();
        }
        // What could not be sent yet is held.
        match self.flush(wire) {
            Err(problem) if problem.kind() != ErrorKind::WouldBlock => Err(problem),
            _ => Ok(bytes.len() - rest.len()),
        }
    }

    fn push(&mut self, payload: &[u8], is_final: bool) {
        let data = if self.is_continued { Data::Continue } else { Data::Text };
        let header = FrameHeader { is_final, opcode: OpCode::Data(data), ..FrameHeader::default() };
        // Writing to memory does not fail.
        if header.format(payload.len() as u64, &mut self.frames).is_ok() {
            self.frames.extend_from_slice(payload);
            self.is_continued = !is_final;
        }
    }

    /// Sends what is held.
    pub(super) fn flush(&mut self, wire: &mut impl Write) -> io::Result<()> {
        while let Some(rest) = self.frames.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match wire.write(rest)? {
                0 => return Err(ErrorKind::WriteZero.into()),
                count => self.sent += count,
            }
        }
        // An idle connection holds no buffer.
        (self.frames, self.sent) = (Vec::new(), 0);
        Ok(())
    }
}

/// The longest header of a frame that a server sends.
const HEADER: usize = 10;

/// As many messages as one write usually has.
const MESSAGES_USUAL: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tungstenite::Message;
    use tungstenite::protocol::{Role, WebSocket};

    use super::*;

    /// A peer that takes some bytes at a time, and then none until it is asked again.
    struct Peer {
        taken: Vec<u8>,
        sizes: Vec<usize>,
    }

    impl Write for Peer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let size = self.sizes.pop().unwrap_or(usize::MAX).min(bytes.len());
            if size == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.taken.extend_from_slice(&bytes[..size]);
            Ok(size)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    proptest! {
        /// Each line is a message, however the lines are cut, and whatever the peer takes at a time.
        #[test]
        fn lines_are_messages(
            lines in prop::collection::vec(("[a-zé{}]{0,40}", prop_oneof![Just(1), Just(600)]), 1..8),
            cuts in prop::collection::vec(1..30_000_usize, 0..40),
            sizes in prop::collection::vec(0..2000_usize, 0..60),
        ) {
            let lines: Vec<String> = lines.into_iter().map(|(line, times)| line.repeat(times)).collect();
            let bytes: Vec<u8> = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect();
            let (mut messages, mut peer) = (Messages::default(), Peer { taken: Vec::new(), sizes });
            let (mut sent, mut cuts) = (0, cuts.into_iter());
            while sent < bytes.len() {
                let end = bytes.len().min(sent + cuts.next().unwrap_or(usize::MAX - sent));
                match messages.write(&mut peer, &bytes[sent..end]) {
                    Ok(count) => {
                        prop_assert!(count > 0);
                        sent += count;
                    }
                    Err(problem) => prop_assert_eq!(problem.kind(), ErrorKind::WouldBlock),
                }
                prop_assert!(messages.frames.capacity() <= WEB_FRAMES_BYTES);
            }
            while messages.flush(&mut peer).is_err() {}
            let taken = io::Cursor::new(peer.taken);
            let mut client = WebSocket::from_raw_socket(taken, Role::Client, None);
            for line in &lines {
                prop_assert_eq!(client.read().unwrap(), Message::text(line));
            }
        }
    }
}
