//! The log of messages: how they are packed into blocks, the end of the log that is held in memory, and the way back
//! through it. It knows streams by number and nothing of users; which streams there are is in [`index`](super::index).

mod block;
mod read;
mod tail;

pub(super) use self::block::{Block, BlockWriter, Entry, ProfileId, StreamId, read_number, write_number};
pub(super) use self::read::{BlockRef, Source, Span, Walk, walk_back};
pub(super) use self::tail::Tail;
