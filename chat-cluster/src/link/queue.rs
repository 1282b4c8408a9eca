//! Packets that wait for their connection.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_lib::server::PACKET_BYTES;
use tokio::sync::Notify;
use tracing::error;

/// A bounded queue, with any number of writers and one reader. It begins open.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    some: Notify,
}

#[derive(Default)]
struct Waiting {
    packets: VecDeque<Vec<u8>>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    /// Adds a packet, or drops it if the queue is closed or full.
    pub(super) fn push(&self, packet: Vec<u8>) {
        if packet.len() > PACKET_BYTES {
            return error!(bytes = packet.len(), "a packet is too long to be sent to another server");
        }
        let mut waiting = self.waiting();
        let bytes = waiting.bytes.saturating_add(cost(&packet));
        if waiting.closed || bytes > QUEUE_BYTES {
            return;
        }
        waiting.bytes = bytes;
        waiting.packets.push_back(packet);
        drop(waiting);
        self.some.notify_one();
    }

    /// The next packet, if there is one.
    pub(super) fn pop(&self) -> Option<Vec<u8>> {
        let mut waiting = self.waiting();
        let packet = waiting.packets.pop_front()?;
        waiting.bytes = waiting.bytes.saturating_sub(cost(&packet));
        Some(packet)
    }

    /// Waits for a packet. Nothing is lost if that is cancelled.
    pub(super) async fn next(&self) -> Vec<u8> {
        loop {
            if let Some(packet) = self.pop() {
                return packet;
            }
            self.some.notified().await;
        }
    }

    /// Drops what waits, and what comes.
    pub(super) fn close(&self) {
        *self.waiting() = Waiting { closed: true, ..Waiting::default() };
    }

    /// Takes packets again.
    pub(super) fn open(&self) {
        self.waiting().closed = false;
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Small packets take memory, too.
fn cost(packet: &[u8]) -> usize {
    packet.len().saturating_add(64)
}

/// The most that waits for one server: what a network of 100 Mbit/s carries within three seconds, after which a server that takes
/// nothing counts as dead.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded() {
        let queue = Queue::default();
        (0..100).for_each(|number| queue.push(vec![number; PACKET_BYTES]));
        let kept: Vec<u8> = std::iter::from_fn(|| Some(queue.pop()?[0])).collect();
        assert_eq!(kept, (0..63).collect::<Vec<_>>(), "the first ones");
        assert_eq!(queue.waiting().bytes, 0);
        (0..1_000_000).for_each(|_| queue.push(Vec::new()));
        assert_eq!(queue.waiting().packets.len(), QUEUE_BYTES / 64);
    }

    #[test]
    fn it_takes_nothing_while_closed() {
        let queue = Queue::default();
        queue.push(vec![1]);
        queue.close();
        queue.push(vec![2]);
        queue.open();
        queue.push(vec![3]);
        queue.push(vec![4; PACKET_BYTES + 1]);
        assert_eq!(queue.pop(), Some(vec![3]));
        assert_eq!(queue.pop(), None);
    }
}
