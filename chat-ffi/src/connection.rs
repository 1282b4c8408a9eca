//! One peer, without I/O, for a program with its own event loop.

use std::ffi::{c_char, c_int, c_void};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_lib::{Chat, Connection, Outbox};

use crate::argument::{Out, bytes, optional_text};
use crate::boundary::boundary;
use crate::error::Failure;
use crate::handle::{chat, chat_connection, get, put, take};
use crate::status::chat_status;
use crate::wake::{Alarm, chat_wake_fn};

/// A connection and its output, and what is called when it has something to do.
pub struct Peer {
    exchange: Mutex<Exchange>,
    alarm: Arc<Alarm>,
}

/// A connection and its output.
struct Exchange {
    connection: Connection,
    out: Outbox,
}

impl Peer {
    fn new(chat: Chat, address: Option<SocketAddr>) -> Self {
        let out = Outbox::new(&chat);
        let mut connection = match address {
            Some(address) => Connection::with_peer(chat, address),
            None => Connection::new(chat),
        };
        let alarm = Arc::<Alarm>::default();
        connection.set_waker(Arc::clone(&alarm).into());
        Self { exchange: Mutex::new(Exchange { connection, out }), alarm }
    }

    fn lock(&self) -> MutexGuard<'_, Exchange> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Exchange {
    /// An inbox that was not sent is unread again.
    fn drop(&mut self) {
        if let Err(problem) = self.out.abandon() {
            let reason: &dyn std::error::Error = &problem;
            tracing::error!(reason, "an inbox that was not sent could not be put back");
        }
    }
}

/// Creates a connection for one peer. It does no I/O: the program passes in the bytes that it has received, and sends the
/// output.
///
/// - `chat`: a chat.
/// - `peer`: the peer's address, such as "192.0.2.7:50000", for the log and for counting failed logins by address; NULL
///   if it has no address.
/// - `connection_out`: receives the connection.
///
/// Memory: free the connection with chat_connection_free().
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
        out.set(put(Peer::new(Chat::clone(&*get(chat)?), address)));
        Ok(())
    })
}

/// Takes received bytes, and answers the requests that they complete. It makes no difference how the bytes are split into
/// pieces. With no bytes at all, it does what chat_connection_wants_turn() tells of. May wait for the disk, and for a password to be checked.
///
/// - `connection`: a connection.
/// - `bytes`: the bytes, which must not be the connection's own output; may be NULL if `len` is 0.
/// - `len`: their number.
/// - `taken_out`: receives how many bytes were taken. If fewer than `len`, the pending output has reached the limit
///   `reply_bytes`: send it, then pass the rest again before any newer bytes. The last byte of a line may be part of the
///   rest although its answer has begun.
///
/// Thread: one at a time for one connection.
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
        let Exchange { connection, out: outbox } = &mut *peer.lock();
        out.set(connection.receive(bytes, outbox));
        Ok(())
    })
}

/// Gives the output that is to be sent to the peer.
///
/// - `connection`: a connection.
/// - `data_out`: receives a pointer to the bytes.
/// - `len_out`: receives their number; if it is 0, the pointer must not be used.
///
/// Memory: the bytes belong to the connection, and are valid until another function is called with it.
/// Thread: not while another function is called with the connection.
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
        let peer = peer.lock();
        data.set(peer.out.output().as_ptr());
        len.set(peer.out.output().len());
        Ok(())
    })
}

/// Removes bytes that were sent from the beginning of the output.
///
/// - `connection`: a connection.
/// - `len`: how many bytes were sent; no more than chat_connection_output() has given.
///
/// Thread: one at a time for one connection.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn chat_connection_sent(connection: *mut chat_connection, len: usize) -> chat_status {
    boundary(|| {
        let peer = get(connection)?;
        let mut peer = peer.lock();
        if len > peer.out.output().len() {
            return Err(Failure::argument("more was sent than there is output"));
        }
        peer.out.sent(len);
        Ok(())
    })
}

/// Tells whether a connection has something to do although nothing was received: chat_connection_receive() with no bytes then
/// adds events to the output, for a peer that has subscribed to them. It can become so whenever the callback of
/// chat_connection_set_waker() is called, and after chat_connection_sent().
///
/// - `connection`: a connection.
/// - `wants_turn_out`: receives 1 or 0.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_connection_wants_turn(
    connection: *const chat_connection,
    wants_turn_out: *mut c_int,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(wants_turn_out, "wants_turn_out")? };
        let peer = get(connection)?;
        let Exchange { connection, out: outbox } = &*peer.lock();
        out.set(connection.wants_turn(outbox).into());
        Ok(())
    })
}

/// Sets a callback that is called when a connection may want a turn (chat_connection_wants_turn()): somebody else has done
/// something that its peer is to be told. It is called once at once.
///
/// - `connection`: a connection.
/// - `wake`: the callback; NULL for none.
/// - `user_data`: passed to the callback; may be NULL.
///
/// Once it returns, the previous callback is not running and will not be called again.
/// Memory: the callback and `user_data` are kept until others are set, or the connection is freed.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_connection_set_waker(
    connection: *mut chat_connection,
    wake: chat_wake_fn,
    user_data: *mut c_void,
) -> chat_status {
    boundary(|| {
        get(connection)?.alarm.set(wake, user_data);
        Ok(())
    })
}

/// Tells whether the peer has sent the beginning of a line, but not its end. The program may close a connection that stays
/// in this state for long.
///
/// - `connection`: a connection.
/// - `mid_line_out`: receives 1 or 0.
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
        out.set(get(connection)?.lock().connection.mid_line().into());
        Ok(())
    })
}

/// Tells whether a connection is over, because its peer speaks HTTP, as a browser does that a malicious web page directs
/// here, or goes on although it sends too many requests, or because it is not known whether its requests were done. Close it once its
/// output is sent; further bytes are ignored.
///
/// - `connection`: a connection.
/// - `over_out`: receives 1 or 0.
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
        out.set(get(connection)?.lock().connection.is_over().into());
        Ok(())
    })
}

/// Frees a connection. Sessions that were opened over it go on. Output that was not sent is lost, except that an inbox of
/// whose answer nothing was sent is unread again, unless the inbox was read since. May wait for the disk.
///
/// - `connection`: a connection; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_connection_free(connection: *mut chat_connection) -> chat_status {
    boundary(|| {
        if let Some(peer) = take(connection, |_| Ok(()))? {
            peer.alarm.disarm();
        }
        Ok(())
    })
}
