//! Packets between the servers of a cluster, as messages of NATS that are not stored.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use async_nats::connection::State;
use async_nats::{Client, Subscriber};
use bytes::{BufMut, Bytes, BytesMut};
use chat_lib::server::{Link, PACKET_BYTES, ServerId};
use futures_util::StreamExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Nats;
use super::error::NatsError;
use super::streams::Names;
use crate::EngineError;
use crate::link::Receive;
use crate::runtime::Runtime;

/// A [`Link`] through NATS, for servers that cannot or need not reach each other.
pub struct NatsLink {
    own: ServerId,
    packets: UnboundedSender<(ServerId, Vec<u8>)>,
    waiting: Arc<AtomicUsize>,
    dropped: AtomicU64,
    /// Keeps the thread alive.
    _runtime: Arc<Runtime>,
}

impl NatsLink {
    /// The link of the server `own`, over a connection of its own to the servers that `nats` uses. What others send to it goes to `receive`.
    ///
    /// # Errors
    ///
    /// NATS cannot be reached.
    pub fn open(nats: &Nats, own: ServerId, receive: Receive) -> Result<Self, EngineError> {
        let (packets, queue) = unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let (options, names, sent) = (nats.options.clone(), nats.names.clone(), Arc::clone(&waiting));
        let (sending, receiving) = nats.runtime.wait(super::CONNECT_PATIENCE, async move {
            let client = super::connect(&options).await?;
            let mut incoming = subscribe(&client, names.packets(own)).await.map_err(NatsError::Connection)?;
            let receiving = async move {
                let mut heard = Heard::default();
                while let Some(message) = incoming.next().await {
                    if let Some((from, packet)) = heard.accept(&message.payload) {
                        receive(from, packet);
                    }
                }
            };
            Ok::<_, NatsError>((send(client, names, own, queue, sent), receiving))
        })??;
        nats.runtime.spawn(sending);
        nats.runtime.spawn(receiving);
        Ok(Self { own, packets, waiting, dropped: AtomicU64::new(0), _runtime: Arc::clone(&nats.runtime) })
    }
}

impl Link for NatsLink {
    fn send(&self, to: ServerId, packet: Vec<u8>) {
        let bytes = packet.len();
        let full = self.waiting.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > QUEUE_BYTES;
        if full || bytes > PACKET_BYTES || self.packets.send((to, packet)).is_err() {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            let dropped = self.dropped.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%to, bytes, dropped, "a packet for another server was dropped");
        }
    }
}

impl fmt::Debug for NatsLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsLink").field("own", &self.own).finish_non_exhaustive()
    }
}

/// What comes to a subject, to which others may send from then on: the subscription is known to the server, as a message of one's own
/// came back.
async fn subscribe(client: &Client, subject: String) -> Result<Subscriber, String> {
    let mut incoming = client.subscribe(subject.clone()).await.map_err(|error| error.to_string())?;
    client.publish(subject, Bytes::new()).await.map_err(|error| error.to_string())?;
    incoming.next().await.ok_or("the connection was closed")?;
    Ok(incoming)
}

/// Sends what is in the queue, until there is nobody to put something in.
async fn send(
    client: Client,
    names: Names,
    own: ServerId,
    mut queue: UnboundedReceiver<(ServerId, Vec<u8>)>,
    waiting: Arc<AtomicUsize>,
) {
    let mut number = 0_u64;
    while let Some((to, packet)) = queue.recv().await {
        number += 1;
        // What would wait for a connection would come too late to be of use.
        if client.connection_state() == State::Connected {
            let _ = client.publish(names.packets(to), frame(own, number, &packet)).await;
        }
        waiting.fetch_sub(packet.len(), Ordering::Relaxed);
    }
}

/// A packet behind its sender and its number.
fn frame(own: ServerId, number: u64, packet: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(HEADER_BYTES + packet.len());
    frame.put_slice(own.as_bytes());
    frame.put_u64(number);
    frame.put_slice(packet);
    frame.freeze()
}

/// The number of the last packet of each server.
///
/// A sender that has lost its connection may overtake its own packets on another way through NATS; what comes late is dropped.
#[derive(Default)]
struct Heard {
    last: HashMap<ServerId, u64>,
}

impl Heard {
    /// The packet in a message and its sender, unless one that was sent later was there before.
    fn accept<'a>(&mut self, message: &'a [u8]) -> Option<(ServerId, &'a [u8])> {
        let (sender, rest) = message.split_first_chunk::<16>()?;
        let (number, packet) = rest.split_first_chunk::<8>()?;
        let (sender, number) = (ServerId::from_bytes(*sender), u64::from_be_bytes(*number));
        if !self.last.contains_key(&sender) && self.last.len() >= SENDERS {
            self.last.clear();
        }
        let last = self.last.entry(sender).or_insert(0);
        let later = number > *last;
        *last = number.max(*last);
        later.then_some((sender, packet))
    }
}

/// The bytes before a packet: its sender's id and its number.
const HEADER_BYTES: usize = 24;

/// How many bytes wait to be sent before more are dropped: some tenths of a second on a fast network.
const QUEUE_BYTES: usize = 32 << 20;

/// Of how many senders the last number is known. A server that is started again is another one.
const SENDERS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_packets_are_dropped() {
        let (a, b) = (ServerId::from_bytes([1; 16]), ServerId::from_bytes([2; 16]));
        let mut heard = Heard::default();
        let mut take =
            |from, number| heard.accept(&frame(from, number, b"x")).map(|(from, packet)| (from, packet.to_vec()));
        assert_eq!(take(a, 1), Some((a, b"x".to_vec())));
        assert_eq!(take(b, 7), Some((b, b"x".to_vec())));
        assert_eq!(take(a, 3), Some((a, b"x".to_vec())));
        assert_eq!(take(a, 2), None);
        assert_eq!(take(a, 3), None);
        assert_eq!(take(a, 4), Some((a, b"x".to_vec())));
        assert_eq!(heard.accept(&[0; 23]), None);
    }
}
