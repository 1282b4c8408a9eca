//! The connections that other servers have made.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use chat_lib::server::ServerId;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::server::TlsStream;
use tracing::{debug, error, warn};

use super::Receive;
use super::channel::Channels;
use super::frames::{self, ALIVE_EVERY};
use super::outgoing::HANDSHAKE;
use crate::runtime::erased;

type Accepted = (ServerId, TlsStream<TcpStream>);

/// Accepts connections, and passes on what comes from those that know the secret.
pub(super) async fn accept(listener: TcpListener, channels: Arc<Channels>, receive: Receive) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return error!(%error, "other servers cannot connect"),
    };
    let strangers = Arc::new(Semaphore::new(STRANGERS));
    let (accepted, mut known) = mpsc::channel(STRANGERS);
    let mut readers: HashMap<ServerId, JoinHandle<()>> = HashMap::new();
    let mut warned = None;
    loop {
        tokio::select! {
            stranger = next(&listener, &strangers) => match stranger {
                Ok((stream, place)) => {
                    let (channels, accepted) = (Arc::clone(&channels), accepted.clone());
                    tokio::spawn(erased(async move {
                        let _place = place;
                        let _ = accepted.send(meet(stream, &channels).await).await;
                    }));
                }
                // Out of descriptors, most likely.
                Err(error) => {
                    debug!(%error, "no connection could be accepted");
                    sleep(RETRY).await;
                }
            },
            Some(met) = known.recv() => match met {
                Ok(accepted) => admit(&mut readers, accepted, &receive),
                Err(error) => complain(&error, &mut warned),
            },
        }
    }
}

async fn next(
    listener: &tokio::net::TcpListener,
    strangers: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(strangers).acquire_owned().await.map_err(io::Error::other)?;
    Ok((listener.accept().await?.0, place))
}

async fn meet(stream: TcpStream, channels: &Channels) -> io::Result<Accepted> {
    timeout(HANDSHAKE, channels.accept(stream)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// A server that connects again has given up its last connection. Whatever is still in that one comes too late: packets are
/// lost rather than out of order.
fn admit(readers: &mut HashMap<ServerId, JoinHandle<()>>, (from, stream): Accepted, receive: &Receive) {
    readers.retain(|_, reader| !reader.is_finished());
    if let Some(reader) = readers.remove(&from) {
        reader.abort();
    }
    let receive = Arc::clone(receive);
    let reader = async move {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let ended = tokio::select! {
            ended = read(&mut reader, from, &receive) => ended,
            ended = show_life(&mut writer) => ended,
        };
        debug!(%from, error = ended.err().map(tracing::field::display), "another server has gone");
    };
    readers.insert(from, tokio::spawn(erased(reader)));
}

async fn read(stream: &mut (impl AsyncRead + Unpin), from: ServerId, receive: &Receive) -> io::Result<()> {
    let mut packet = Vec::new();
    loop {
        if frames::read(stream, &mut packet).await? {
            receive(from, &packet);
        }
    }
}

async fn show_life(stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut alive = interval(ALIVE_EVERY);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        alive.tick().await;
        frames::write_alive(stream).await?;
    }
}

/// Anybody can cause these, as often as they like.
fn complain(error: &io::Error, warned: &mut Option<Instant>) {
    if warned.is_none_or(|warned| warned.elapsed() >= COMPLAIN_EVERY) {
        *warned = Some(Instant::now());
        warn!(%error, "a connection of another server was refused");
    } else {
        debug!(%error, "a connection of another server was refused");
    }
}

/// How many connections may be waiting for their proof at a time. The next ones wait in the system's queue.
const STRANGERS: usize = 64;

const RETRY: Duration = Duration::from_millis(100);
const COMPLAIN_EVERY: Duration = Duration::from_mins(1);
