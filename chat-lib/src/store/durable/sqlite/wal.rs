//! Checks SQLite's write-ahead log before SQLite opens it. SQLite takes the first damaged frame for the end of the log, as
//! after a crash, and silently drops all commits behind it. This check reports them.
//!
//! The format is in SQLite's documentation, "WAL-mode File Format".

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

/// The number of the frame that is damaged although others were committed behind it, the log's header
/// being 0; `None` if there is none, or no log.
///
/// Damage to the last commits cannot be told from a crash while they were being written.
pub(in crate::store::durable) fn damaged_frame(log: &Path) -> io::Result<Option<u64>> {
    let mut log = match File::open(log) {
        Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(None),
        log => BufReader::with_capacity(1 << 16, log?),
    };
    let mut header = [0; 32];
    if !filled(&mut log, &mut header)? || header == [0; 32] {
        return Ok(None);
    }
    let [magic, _version, page_size, _checkpoint, salts @ .., one, other] = words::<8>(&header);
    let little_endian = magic & 1 == 0;
    let mut sum = Sum::default().over(header.get(..24).unwrap_or_default(), little_endian);
    if magic & !1 != MAGIC || sum != Sum(one, other) || !(512..=65_536).contains(&page_size) {
        return Ok(Some(0));
    }

    let mut frame = vec![0; 24 + page_size as usize];
    let mut bad = None;
    // The sum of the frame before, if that ended a commit.
    let mut commit: Option<Sum> = None;
    for number in 1.. {
        if !filled(&mut log, &mut frame)? {
            break;
        }
        let Some((head, page)) = frame.split_first_chunk::<24>() else { break };
        // The size is that of the database if a commit ends here, else 0.
        let [_page, size, own_salts @ .., one, other] = words::<6>(head);
        let stored = Sum(one, other);
        let continues = |before: Sum| {
            let sum = before.over(head.get(..8).unwrap_or_default(), little_endian).over(page, little_endian);
            own_salts == salts && sum == stored
        };
        if bad.is_none() && continues(sum) {
            sum = stored;
            continue;
        }
        bad.get_or_insert(number);
        if commit.is_some_and(continues) {
            return Ok(bad);
        }
        commit = (size != 0).then_some(stored);
    }
    Ok(None)
}

fn words<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let mut words = bytes.as_chunks().0.iter().map(|word| u32::from_be_bytes(*word));
    std::array::from_fn(|_| words.next().unwrap_or_default())
}

/// `false` if the log ends before.
fn filled(log: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(bytes) {
        Err(problem) if problem.kind() == ErrorKind::UnexpectedEof => Ok(false),
        outcome => outcome.map(|()| true),
    }
}

/// The sum that SQLite forms over all frames up to one.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
struct Sum(u32, u32);

impl Sum {
    fn over(self, bytes: &[u8], little_endian: bool) -> Self {
        let word = |bytes| if little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
        bytes.as_chunks().0.iter().fold(self, |Self(one, other), &[a, b, c, d, e, f, g, h]| {
            let one = one.wrapping_add(word([a, b, c, d])).wrapping_add(other);
            Self(one, other.wrapping_add(word([e, f, g, h])).wrapping_add(one))
        })
    }
}

const MAGIC: u32 = 0x377f_0682;
