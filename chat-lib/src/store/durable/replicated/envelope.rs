//! What a record of the shared log looks like: who wrote it, what it follows, and a part of a payload.
//!
//! | bytes | |
//! | --- | --- |
//! | 1 | the version, 1 |
//! | 16 | the writer: a random number, new whenever a store is opened |
//! | 32 | the hash of the record before; of the first one, a random number that the log was founded with |
//! | 4 | which part of the payload this is, from 0, big-endian |
//! | 4 | how many parts the payload has |
//! | any | the part |
//! | 32 | SHA-256 of all that, the hash of this record |

use sha2::{Digest, Sha256};

use crate::store::RECORD_BYTES;

/// A SHA-256.
pub(in crate::store::durable) type Hash = [u8; 32];

/// The number of a writer.
pub(super) type WriterId = [u8; 16];

/// A record that is what was written.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Envelope<'a> {
    pub(super) writer: WriterId,
    pub(super) before: Hash,
    pub(super) part: u32,
    pub(super) parts: u32,
    pub(super) body: &'a [u8],
    pub(super) hash: Hash,
}

/// The parts of a payload, each of which fits into a record; one at least.
pub(super) fn parts(payload: &[u8]) -> Vec<&[u8]> {
    if payload.is_empty() { vec![payload] } else { payload.chunks(PART_BYTES).collect() }
}

/// The record that has this, and its hash.
pub(super) fn seal(writer: &WriterId, before: &Hash, [part, parts]: [u32; 2], body: &[u8]) -> (Vec<u8>, Hash) {
    let mut record = Vec::with_capacity(OVERHEAD + body.len());
    record.push(VERSION);
    record.extend_from_slice(writer);
    record.extend_from_slice(before);
    record.extend_from_slice(&part.to_be_bytes());
    record.extend_from_slice(&parts.to_be_bytes());
    record.extend_from_slice(body);
    let hash: Hash = Sha256::digest(&record).into();
    record.extend_from_slice(&hash);
    (record, hash)
}

/// What a record has; `None` if it is not what was written, or by another version.
pub(super) fn open(record: &[u8]) -> Option<Envelope<'_>> {
    let (content, hash) = record.split_last_chunk()?;
    if Hash::from(Sha256::digest(content)) != *hash {
        return None;
    }
    let rest = content.strip_prefix(&[VERSION])?;
    let (writer, rest) = rest.split_first_chunk()?;
    let (before, rest) = rest.split_first_chunk()?;
    let (part, rest) = rest.split_first_chunk()?;
    let (parts, body) = rest.split_first_chunk()?;
    let (part, parts) = (u32::from_be_bytes(*part), u32::from_be_bytes(*parts));
    (part < parts).then_some(Envelope { writer: *writer, before: *before, part, parts, body, hash: *hash })
}

const VERSION: u8 = 1;

/// What a record has beside its part of a payload.
const OVERHEAD: usize = 1 + 16 + 32 + 4 + 4 + 32;

const PART_BYTES: usize = RECORD_BYTES - OVERHEAD;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_changed_anywhere_is_noticed() {
        let (record, hash) = seal(&[7; 16], &[8; 32], [2, 3], b"some changes");
        let whole = Envelope { writer: [7; 16], before: [8; 32], part: 2, parts: 3, body: b"some changes", hash };
        assert_eq!(open(&record), Some(whole));
        for place in 0..record.len() {
            let mut flipped = record.clone();
            *flipped.get_mut(place).unwrap() ^= 1;
            assert_eq!(open(&flipped), None, "byte {place}");
            assert_eq!(open(record.get(..place).unwrap()), None, "shortened to {place}");
        }
    }

    #[test]
    fn a_payload_of_any_size_fits() {
        let payload = vec![1; 3 * PART_BYTES + 1];
        assert_eq!(parts(&payload).len(), 4);
        assert_eq!(parts(&payload).concat(), payload);
        assert!(parts(&payload).iter().all(|part| seal(&[0; 16], &[0; 32], [0, 1], part).0.len() <= RECORD_BYTES));
        assert_eq!(parts(&[]), [&[0; 0]]);
    }
}
