//! The connection to one server, for as long as it is there.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use chat_lib::server::ServerId;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, info, warn};

use super::channel::Channels;
use super::frames::{self, ALIVE_EVERY};
use super::queue::Queue;

/// Sends what is queued to the server `to` at `address`, and connects again and again.
pub(super) async fn send(to: ServerId, address: String, channels: Arc<Channels>, queue: Arc<Queue>) {
    let mut pause = PAUSE;
    let mut quiet = false;
    loop {
        // What comes while connecting waits for it; what comes while there is no hope is dropped.
        queue.open();
        let failure = match connect(to, &address, &channels).await {
            Ok(stream) => {
                info!(%address, "connected to another server");
                (pause, quiet) = (PAUSE, false);
                let (mut reader, mut writer) = tokio::io::split(stream);
                let ended = tokio::select! {
                    ended = write(&mut writer, &queue) => ended,
                    ended = watch(&mut reader) => ended,
                };
                match ended {
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        queue.close();
        if quiet {
            debug!(%address, error = %failure, "another server cannot be reached");
        } else {
            warn!(%address, error = %failure, "another server cannot be reached");
        }
        quiet = true;
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn connect(
    to: ServerId,
    address: &str,
    channels: &Channels,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    timeout(HANDSHAKE, async { channels.connect(to, TcpStream::connect(address).await?).await })
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), queue: &Queue) -> io::Result<Infallible> {
    let mut alive = interval(ALIVE_EVERY);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            packet = queue.next() => {
                frames::write(stream, &packet).await?;
                while let Some(packet) = queue.pop() {
                    frames::write(stream, &packet).await?;
                }
                stream.flush().await?;
            }
            _ = alive.tick() => frames::write_alive(stream).await?,
        }
    }
}

/// Nothing comes back but signs of life.
async fn watch(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Infallible> {
    let mut packet = Vec::new();
    loop {
        if frames::read(stream, &mut packet).await? {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the other server has sent a packet the wrong way"));
        }
    }
}

/// How long it may take to connect, and to prove who one is.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(3);

/// How long to wait before connecting again: at first, and, doubling, at most.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
