//! A cheap hash for keys that no peer can choose: numbers that are given out here, and digests.

use std::hash::{BuildHasherDefault, Hasher};

/// For maps with such keys.
pub(in crate::store) type NumberHasher = BuildHasherDefault<NumberHash>;

/// The hash of a number.
pub(in crate::store) fn spread(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_right(32)
}

/// Spreads the number over the whole word.
#[derive(Default)]
pub(in crate::store) struct NumberHash(u64);

impl Hasher for NumberHash {
    fn finish(&self) -> u64 {
        spread(self.0)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes.iter().rev().take(8) {
            self.0 = self.0 << 8 | u64::from(byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = number.into();
    }
}
