//! What happens in a session's conversations, as it happens.

use std::ffi::{c_int, c_void};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_lib::{Error, Events, EventsStopper};

use crate::argument::Out;
use crate::boundary::boundary;
use crate::error::Failure;
use crate::event::{Happened, chat_event};
use crate::handle::{chat_events, chat_session, get, put, take};
use crate::lists::history::id;
use crate::status::chat_status;
use crate::wake::{Alarm, chat_wake_fn};

/// The events of a session.
pub struct Stream {
    reader: Mutex<Reader>,
    stopper: EventsStopper,
    /// What the events call; `None` if they come over a connection, where nothing calls.
    alarm: Option<Arc<Alarm>>,
}

/// The events, and the one that was given last, to which the caller has pointers.
struct Reader {
    events: Events,
    descriptor: Option<OwnedFd>,
    current: Happened,
}

impl Stream {
    fn new(mut events: Events) -> Result<Self, Error> {
        let (stopper, alarm) = (events.stopper()?, Arc::<Alarm>::default());
        let alarm = events.set_waker(Arc::clone(&alarm).into()).then_some(alarm);
        Ok(Self {
            reader: Mutex::new(Reader { events, descriptor: None, current: Happened::default() }),
            stopper,
            alarm,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    fn next(&mut self, timeout: Duration) -> Result<&Happened, Failure> {
        match self.events.next_timeout(timeout)? {
            Some(event) => self.current = event.into(),
            None if self.events.is_over() => return Err(Failure::end()),
            None => return Err(Failure::new(chat_status::CHAT_TIMED_OUT, "there is no event yet")),
        }
        Ok(&self.current)
    }

    fn descriptor(&mut self) -> Result<c_int, Failure> {
        let descriptor = match self.descriptor.take() {
            Some(descriptor) => descriptor,
            None => self.events.descriptor()?,
        };
        Ok(self.descriptor.insert(descriptor).as_raw_fd())
    }
}

/// Begins with a session's events: messages of all of the user's conversations from now on, also those that the user sends, and
/// whatever else a chat_event_kind can be. The user is online while somebody has events.
///
/// - `session`: a session. Over a connection, the events have a connection of their own, which is made again whenever it is lost.
/// - `events_out`: receives the events.
///
/// Fails with CHAT_IO if there is no descriptor left, or no server to connect to; or as every function of a session.
/// Memory: free the events with chat_events_free(). They do not need the session's handle any more.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_events(
    session: *mut chat_session,
    events_out: *mut *mut chat_events,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(events_out, "events_out")? };
        out.set(put(Stream::new(get(session)?.session.events()?)?));
        Ok(())
    })
}

/// As chat_session_events(), with all messages after one of them first: a program that remembers the id of the last message that
/// it has seen misses none, and sees none twice.
///
/// - `session`: a session.
/// - `after`: the id of the message; 0 for all messages.
/// - `events_out`: receives the events.
///
/// Fails as chat_session_events().
/// Memory: free the events with chat_events_free(). They do not need the session's handle any more.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_events_after(
    session: *mut chat_session,
    after: u64,
    events_out: *mut *mut chat_events,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(events_out, "events_out")? };
        out.set(put(Stream::new(get(session)?.session.events_after(id(after))?)?));
        Ok(())
    })
}

/// Returns the next event, waiting for one if necessary.
///
/// - `events`: events of a session.
/// - `timeout_ms`: how long to wait at most, in milliseconds; 0 not to wait, -1 to wait as long as it takes.
/// - `event_out`: receives the event.
///
/// Returns CHAT_TIMED_OUT if no event comes within that time, and CHAT_END if no more will come: after CHAT_EVENT_CLOSED,
/// chat_events_stop(), or a failure.
/// Fails with CHAT_BANNED, or whatever else a server refuses for good when the session is used over a new connection;
/// CHAT_BAD_REPLY; CHAT_STORAGE. A connection that is lost is no failure.
/// Memory: what the event points to belongs to `events`, and is valid until the next call of this function with it.
/// Thread: one at a time for the same events.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_events_next(
    events: *mut chat_events,
    timeout_ms: c_int,
    event_out: *mut chat_event,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(event_out, "event_out")? };
        let timeout = u64::try_from(timeout_ms).map_or(Duration::MAX, Duration::from_millis);
        out.set(get(events)?.lock().next(timeout)?.view());
        Ok(())
    })
}

/// Gives a file descriptor for poll() or epoll: while it is readable, there may be events. Call chat_events_next() with no
/// time-out then, until it returns CHAT_TIMED_OUT. There may be some before the first poll, too. A connection to a server that
/// was lost is made again only within chat_events_next(), so over a connection call that every few seconds, too.
///
/// - `events`: events of a session.
/// - `fd_out`: receives the descriptor, which stays the same.
///
/// Fails with CHAT_IO if the system has no descriptor left.
/// Memory: the descriptor belongs to the events; do not read, write or close it.
/// Thread: waits for chat_events_next() in another thread.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_events_fd(events: *mut chat_events, fd_out: *mut c_int) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(fd_out, "fd_out")? };
        out.set(get(events)?.lock().descriptor()?);
        Ok(())
    })
}

/// Sets a callback that is called when there may be events, for a loop that cannot poll a descriptor. Let it only signal the
/// loop, which then calls chat_events_next() with no time-out, until it returns CHAT_TIMED_OUT. It is called once at once.
///
/// - `events`: events of a session on a chat in the process. Those that come over a connection call nothing: poll
///   chat_events_fd().
/// - `wake`: the callback; NULL for none.
/// - `user_data`: passed to the callback; may be NULL.
///
/// Once it returns, the previous callback is not running and will not be called again.
///
/// Fails with CHAT_INVALID_ARGUMENT if the events come over a connection.
/// Memory: the callback and `user_data` are kept until others are set, or the events are freed.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_events_set_waker(
    events: *mut chat_events,
    wake: chat_wake_fn,
    user_data: *mut c_void,
) -> chat_status {
    boundary(|| {
        let stream = get(events)?;
        let problem = "these events come over a connection, and call nothing: poll chat_events_fd()";
        let alarm = stream.alarm.as_ref().ok_or_else(|| Failure::argument(problem))?;
        alarm.set(wake, user_data);
        Ok(())
    })
}

/// Gives the id of the last message that chat_events_next() has given, or of the one after which the events have begun: what
/// chat_session_events_after() takes to go on from here.
///
/// - `events`: events of a session.
/// - `id_out`: receives the id.
///
/// Thread: waits for chat_events_next() in another thread.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_events_position(events: *const chat_events, id_out: *mut u64) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(id_out, "id_out")? };
        out.set(get(events)?.lock().events.position().get());
        Ok(())
    })
}

/// Ends a session's events, from any thread: chat_events_next() returns CHAT_END, also where another thread waits in it. The
/// session goes on.
///
/// - `events`: events of a session; if they have ended already, nothing happens.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[unsafe(no_mangle)]
pub extern "C" fn chat_events_stop(events: *mut chat_events) -> chat_status {
    boundary(|| {
        get(events)?.stopper.stop();
        Ok(())
    })
}

/// Frees a session's events, and closes their connection if they have one. The session goes on. Where another thread reads
/// events, call chat_events_stop() and wait until that thread is done, since what an event points to is freed, too.
///
/// - `events`: events of a session; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_events_free(events: *mut chat_events) -> chat_status {
    boundary(|| {
        if let Some(stream) = take(events, |_| Ok(()))? {
            stream.alarm.iter().for_each(|alarm| alarm.disarm());
            // Whoever waits for one all the same.
            stream.stopper.stop();
        }
        Ok(())
    })
}
