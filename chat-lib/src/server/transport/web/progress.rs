//! Where the peer is in a message: what comes behind a whole one may be in memory already, so only the headers of frames tell.
//! It relies on tungstenite for their syntax, and looks at nothing else.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

#[derive(Default)]
pub(super) struct Progress {
    /// The part of a header that has come.
    header: [u8; HEADER_BYTES],
    header_bytes: usize,
    /// How much of a frame has not come.
    missing: usize,
    /// The last frame with data was not the last one of its message.
    is_continued: bool,
    /// How many bytes have come of what has not ended.
    bytes: usize,
    /// Something has ended.
    has_completed: bool,
}

impl Progress {
    /// Takes note of bytes that have come.
    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let count = match self.missing {
                0 => self.take_header(bytes),
                missing => {
                    let count = missing.min(bytes.len());
                    self.missing -= count;
                    count
                }
            };
            bytes = bytes.get(count..).unwrap_or_default();
            self.bytes = self.bytes.saturating_add(count);
            if !self.is_midway() {
                self.bytes = 0;
                self.has_completed = true;
            }
        }
    }

    /// Takes the bytes of a header off the front of `bytes`: how many.
    fn take_header(&mut self, bytes: &[u8]) -> usize {
        let before = self.header_bytes;
        let room = self.header.get_mut(before..).unwrap_or_default();
        let count = room.len().min(bytes.len());
        room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        self.header_bytes += count;
        let mut cursor = Cursor::new(self.header.get(..self.header_bytes).unwrap_or_default());
        let (header, length) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return count,
            // Whoever reads the frames ends the connection here.
            Err(_) => {
                self.header_bytes = 0;
                return bytes.len();
            }
        };
        let end = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        self.missing = usize::try_from(length).unwrap_or(usize::MAX);
        self.header_bytes = 0;
        if let OpCode::Data(Data::Text | Data::Binary | Data::Continue) = header.opcode {
            self.is_continued = !header.is_final;
        }
        end - before
    }

    /// Whether something has begun and not ended.
    pub(super) fn is_midway(&self) -> bool {
        self.header_bytes > 0 || self.missing > 0 || self.is_continued
    }

    /// How many bytes have come of what has not ended.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How much is to come of a frame. There is room for it already.
    pub(super) fn missing(&self) -> usize {
        self.missing
    }

    /// Whether something has ended since this was last asked.
    pub(super) fn take_completed(&mut self) -> bool {
        std::mem::take(&mut self.has_completed)
    }
}

/// The longest header of a frame that a peer sends.
const HEADER_BYTES: usize = 14;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tungstenite::protocol::frame::Frame;
    use tungstenite::protocol::frame::coding::Control;

    use super::*;

    fn frame(opcode: OpCode, is_final: bool, length: usize) -> Vec<u8> {
        let header = FrameHeader { is_final, opcode, mask: Some([1, 2, 3, 4]), ..FrameHeader::default() };
        let mut bytes = Vec::new();
        Frame::from_payload(header, vec![b'x'; length].into()).format(&mut bytes).unwrap();
        bytes
    }

    proptest! {
        /// However messages are cut, each ends with its last byte, and pings between its frames do not end it.
        #[test]
        fn messages_end_with_their_last_bytes(
            lengths in prop::collection::vec(prop_oneof![0..9_usize, 120..130_usize, Just(70_000)], 1..6),
            cut in 1..40_usize,
        ) {
            let last = lengths.len() - 1;
            let mut message = Vec::new();
            for (number, length) in lengths.into_iter().enumerate() {
                let data = if number == 0 { Data::Text } else { Data::Continue };
                message.extend(frame(OpCode::Data(data), number == last, length));
                if number < last {
                    message.extend(frame(OpCode::Control(Control::Ping), true, length.min(125)));
                }
            }
            let all = message.repeat(3);
            let mut progress = Progress::default();
            let mut taken = 0;
            for piece in all.chunks(cut) {
                progress.take(piece);
                taken += piece.len();
                prop_assert_eq!(progress.bytes(), taken % message.len());
                prop_assert_eq!(progress.is_midway(), taken % message.len() > 0);
                prop_assert_eq!(progress.take_completed(), taken % message.len() < piece.len());
            }
        }
    }
}
