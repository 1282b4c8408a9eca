//! What is told through the shared log: the changes of a commit, and whatever else changes the files of a store.

use std::borrow::Cow;

use crate::store::durable::backend::Compaction;
use crate::store::durable::record::{Reader, Record, Writer};
use crate::store::durable::sqlite::Step;

/// What a server has done to its data, and all others do to theirs.
#[derive(Debug)]
pub(super) enum Payload<'a> {
    /// A commit. One without changes shows that its writer was the owner.
    Commit(Cow<'a, Record>),
    /// Parts of the message log were rewritten.
    Compact(Cow<'a, [Compaction]>),
    /// Nothing of what was overwritten is to be left in any file.
    Erase,
}

impl Payload<'_> {
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Commit(record) => {
                let mut out = vec![COMMIT];
                record.encode(&mut out);
                out
            }
            Self::Compact(changes) => {
                let mut out = Writer(vec![COMPACT]);
                changes.iter().for_each(|change| out.compaction(change));
                out.0
            }
            Self::Erase => vec![ERASE],
        }
    }

    /// Whether it changes nothing.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Commit(record) if record.changes.is_empty())
    }

    /// What it does to the database.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        let (changes, compaction) = match self {
            Self::Commit(record) => (&*record.changes, &[][..]),
            Self::Compact(changes) => (&[][..], &**changes),
            Self::Erase => (&[][..], &[][..]),
        };
        changes.iter().map(Step::Change).chain(compaction.iter().map(Step::Compact))
    }
}

/// What these bytes say; `None` if this version does not know it.
pub(super) fn decode(bytes: &[u8]) -> Option<Payload<'static>> {
    let (kind, rest) = bytes.split_first()?;
    match *kind {
        COMMIT => Record::decode(rest).map(Cow::Owned).map(Payload::Commit),
        COMPACT => {
            let mut rest = Reader(rest);
            let mut changes = Vec::new();
            while !rest.0.is_empty() {
                changes.push(rest.compaction()?);
            }
            Some(Payload::Compact(Cow::Owned(changes)))
        }
        ERASE => rest.is_empty().then_some(Payload::Erase),
        _ => None,
    }
}

const COMMIT: u8 = 0;
const COMPACT: u8 = 1;
const ERASE: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::model::MessageId;
    use crate::store::log::{Block, StreamId};

    #[test]
    fn a_compaction_reads_back() {
        let message = |id| MessageId::new(id).unwrap();
        let block = Block { first: message(3), last: message(9), time: Timestamp::EPOCH, body: vec![1, 2, 3] };
        let changes =
            [Compaction::Thin(block), Compaction::Drop(message(7)), Compaction::DropMarks(StreamId(4), message(8))];
        let bytes = Payload::Compact(Cow::Borrowed(&changes)).encode();
        let Some(Payload::Compact(read)) = decode(&bytes) else { panic!("it cannot be read") };
        assert_eq!(format!("{read:?}"), format!("{changes:?}"));
        for length in 1..bytes.len() {
            decode(bytes.get(..length).unwrap());
        }
        assert!(matches!(decode(&Payload::Erase.encode()), Some(Payload::Erase)));
        assert!(decode(&[]).is_none() && decode(&[9]).is_none());
    }
}
