//! What a reactor lends to its peers: memory, so that an idle one holds none, and the way to the owner of the cluster.

use super::relay::Standby;
use crate::limits::{READ_BYTES, SPARE_BUFFERS, SPARE_BYTES};

pub(super) struct Buffers {
    /// Where bytes are read to.
    pub(super) scratch: Vec<u8>,
    /// Where the requests of peers go that another server serves.
    pub(super) standby: Standby,
    /// Empty buffers for answers; a peer keeps one until it has sent them all.
    spare: Vec<Vec<u8>>,
}

impl Buffers {
    /// A buffer for answers.
    pub(super) fn lend(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes back a buffer that is empty again.
    pub(super) fn give_back(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < SPARE_BUFFERS && buffer.capacity() <= SPARE_BYTES {
            self.spare.push(buffer);
        }
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self { scratch: vec![0; READ_BYTES], standby: Standby::default(), spare: Vec::new() }
    }
}
