//! One peer, without I/O, for a host with a loop of its own.

use std::ffi::{c_char, c_int};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_lib::{Chat, Connection, Outbox};

use crate::argument::{Out, bytes, optional_text};
use crate::boundary::boundary;
use crate::error::Failure;
use crate::handle::{chat, chat_connection, get, put, take};
use crate::status::chat_status;

/// A connection and its answers.
pub struct Peer {
    connection: Connection,
    out: Outbox,
}

impl Peer {
    fn new(chat: Chat, address: Option<SocketAddr>) -> Self {
        let out = Outbox::new(&chat);
        let connection = match address {
            Some(address) => Connection::with_peer(chat, address),
            None => Connection::new(chat),
        };
        Self { connection, out }
    }
}

impl Drop for Peer {
    /// An inbox that was not sent is unread again.
    fn drop(&mut self) {
        if let Err(problem) = self.out.abandon() {
            let reason: &dyn std::error::Error = &problem;
            tracing::error!(reason, "an inbox that was not sent could not be put back");
        }
    }
}

/// Makes a connection: bytes that were received go in, bytes to send come out, by whatever means the program
/// has.
///
/// - `chat`: a chat.
/// - `peer`: the peer's address, such as "192.0.2.7:50000", for the log and so that failed logins from one
///   address are counted together; NULL if there is none.
/// - `connection_out`: where the handle goes.
///
/// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: the connection is to be freed with chat_connection_free(). Thread: any, many at once.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_connection_new(
    chat: *mut chat,
    peer: *const c_char,
    connection_out: *mut *mut chat_connection,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(connection_out, "connection_out")? };
        // SAFETY: the caller's promise.
        let peer = unsafe { optional_text(peer, "peer")? };
        let address = peer.map(str::parse).transpose().map_err(|_| Failure::argument("peer is not IP:PORT"))?;
        out.set(put(Mutex::new(Peer::new(Chat::clone(&*get(chat)?), address))));
        Ok(())
    })
}

/// Takes bytes that were received, and answers the requests that end in them. How the bytes were cut into
/// pieces makes no difference.
///
/// - `connection`: a connection.
/// - `bytes`: the bytes, which must not be the connection's own output; may be NULL if `len` is 0.
/// - `len`: how many.
/// - `taken_out`: where it goes how many were taken. All are, unless so much output waits that the limit
///   `reply_bytes` is reached: then send, and pass the rest again before anything newer. The last byte of a line
///   may be part of that rest though the answer has begun.
///
/// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: nothing is kept but the beginning of a line whose end has not come. Thread: any, one at a time for
/// one connection; it may wait for the disk, and for a password to be checked.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_connection_receive(
    connection: *mut chat_connection,
    bytes: *const u8,
    len: usize,
    taken_out: *mut usize,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both pointers.
        let (out, bytes) = unsafe { (Out::new(taken_out, "taken_out")?, self::bytes(bytes, len, "bytes")?) };
        let peer = get(connection)?;
        let Peer { connection, out: outbox } = &mut *lock(&peer);
        out.set(connection.receive(bytes, outbox));
        Ok(())
    })
}

/// Shows what is to be sent to the peer.
///
/// - `connection`: a connection.
/// - `data_out`: where the place of the bytes goes.
/// - `len_out`: where their number goes; 0 if there is nothing to send, and then the place is none.
///
/// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: the bytes are the connection's, and valid until the next call with it that is not this one.
/// Thread: any, as long as no other call is made with the connection.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_connection_output(
    connection: *const chat_connection,
    data_out: *mut *const u8,
    len_out: *mut usize,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both pointers.
        let (data, len) = unsafe { (Out::new(data_out, "data_out")?, Out::new(len_out, "len_out")?) };
        let peer = get(connection)?;
        let peer = lock(&peer);
        data.set(peer.out.output().as_ptr());
        len.set(peer.out.output().len());
        Ok(())
    })
}

/// Takes note that the first bytes of the output were sent.
///
/// - `connection`: a connection.
/// - `len`: how many; no more than chat_connection_output() has shown.
///
/// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: nothing is kept, and nothing given. Thread: any, one at a time for one connection.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn chat_connection_sent(connection: *mut chat_connection, len: usize) -> chat_status {
    boundary(|| {
        let peer = get(connection)?;
        let mut peer = lock(&peer);
        if len > peer.out.output().len() {
            return Err(Failure::argument("more was sent than there is output"));
        }
        peer.out.sent(len);
        Ok(())
    })
}

/// Tells whether a line has begun whose end has not come. A peer that leaves it at that for long may be hung
/// up on.
///
/// - `connection`: a connection.
/// - `mid_line_out`: where the answer goes: 1 or 0.
///
/// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: nothing is kept, and nothing given. Thread: any, many at once.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_connection_mid_line(
    connection: *const chat_connection,
    mid_line_out: *mut c_int,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(mid_line_out, "mid_line_out")? };
        out.set(lock(&*get(connection)?).connection.mid_line().into());
        Ok(())
    })
}

/// Tells whether a connection is over because its peer speaks HTTP, as a browser that a web page misuses does: close it
/// once its output is sent. What is received for it now is taken and passed over.
///
/// - `connection`: a connection.
/// - `over_out`: where the answer goes: 1 or 0.
///
/// Returns CHAT_OK; CHAT_INVALID_ARGUMENT or CHAT_INVALID_HANDLE.
/// Memory: nothing is kept, and nothing given. Thread: any, many at once.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_connection_is_over(
    connection: *const chat_connection,
    over_out: *mut c_int,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(over_out, "over_out")? };
        out.set(lock(&*get(connection)?).connection.is_over().into());
        Ok(())
    })
}

/// Frees a connection. Its sessions live on, and output that was not sent is gone; but an inbox of whose answer
/// nothing was sent is unread again, unless its mailbox was read since.
///
/// - `connection`: a connection; NULL is left alone.
///
/// Returns CHAT_OK or CHAT_INVALID_HANDLE.
/// Memory: what it held is gone. Thread: any; it may wait for the disk.
#[unsafe(no_mangle)]
pub extern "C" fn chat_connection_free(connection: *mut chat_connection) -> chat_status {
    boundary(|| take(connection, |_| Ok(())))
}

fn lock(peer: &Mutex<Peer>) -> MutexGuard<'_, Peer> {
    peer.lock().unwrap_or_else(PoisonError::into_inner)
}
