//! Events within the process: a mailbox that its owner empties one by one, and waits for.

use std::collections::VecDeque;
use std::fmt;
#[cfg(unix)]
use std::io::{Read, Write};
#[cfg(unix)]
use std::os::fd::OwnedFd;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use super::mailbox::Mailbox;
use crate::engine::Chat;
use crate::error::Error;
use crate::limits::REPLAY_MESSAGES;
use crate::model::{HistoryMessage, MessageId, SessionToken};
use crate::protocol::{CloseReason, Event};

/// The events of a session of a chat in this process.
pub(crate) struct EventStream {
    chat: Chat,
    mailbox: Arc<Mailbox>,
    signal: Arc<Signal>,
    /// The last message that was given out, or the one to begin after.
    position: MessageId,
    /// Messages are read from the store, after `position` and `page`.
    replaying: bool,
    page: VecDeque<HistoryMessage>,
    next: MessageId,
    over: bool,
}

impl EventStream {
    /// Subscribes the session. The thread must have no turn.
    pub(crate) fn open(chat: &Chat, token: &SessionToken, after: Option<MessageId>) -> Result<Self, Error> {
        let user = chat.session_owner(token)?.ok_or(Error::NoSuchSession)?;
        let mailbox = Mailbox::new(user.user().clone(), token.id(), chat.limits().events_bytes);
        let signal = Arc::new(Signal::default());
        mailbox.set_waker(Arc::clone(&signal).into());
        chat.bind(&mailbox);
        let mut stream = Self {
            chat: chat.clone(),
            mailbox,
            signal,
            position: MessageId::NONE,
            replaying: false,
            page: VecDeque::new(),
            next: MessageId::NONE,
            over: false,
        };
        if stream.mailbox.take_check() && chat.has_ended(&stream.mailbox)? {
            return Err(Error::NoSuchSession);
        }
        stream.mailbox.go_on();
        stream.subscribe(after)?;
        Ok(stream)
    }

    fn subscribe(&mut self, after: Option<MessageId>) -> Result<(), Error> {
        self.position = self.chat.subscribe(&self.mailbox, after)?;
        (self.next, self.replaying) = (self.position, after.is_some());
        Ok(())
    }

    /// The next event. `None` if no event comes within `timeout`, the session has ended, or the [waker](Self::waker) was called
    /// after `stopped` was set.
    pub(crate) fn next(&mut self, timeout: Duration, stopped: &AtomicBool) -> Result<Option<Event>, Error> {
        let until = Instant::now().checked_add(timeout);
        loop {
            if let Some(event) = self.poll()? {
                return Ok(Some(event));
            }
            // Here, because the call of the waker may have been taken for an event's just now.
            if self.over || stopped.load(Ordering::Acquire) {
                return Ok(None);
            }
            let check = Instant::now().checked_add(self.chat.session_check_interval());
            if !self.signal.wait(until.into_iter().chain(check).min()) {
                if until.is_some_and(|until| until <= Instant::now()) {
                    return Ok(None);
                }
                self.chat.have_sessions_checked()?;
            }
        }
    }

    /// The next event, if there is one.
    fn poll(&mut self) -> Result<Option<Event>, Error> {
        let event = self.look()?;
        if event.is_some() {
            return Ok(event);
        }
        // Only then: as long as there are events, the descriptor is readable.
        self.signal.reset();
        self.look()
    }

    fn look(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if self.over {
                return Ok(None);
            }
            if let Some(message) = self.page.pop_front() {
                self.position = message.id;
                return Ok(Some(Event::Message(message)));
            }
            if self.replaying && !self.mailbox.needs_check() {
                self.read_page()?;
                continue;
            }
            // What was committed before the session ended is told.
            let event = if self.replaying { None } else { self.take()? };
            if event.is_some() || !self.mailbox.take_check() {
                return Ok(event);
            }
            if self.chat.has_ended(&self.mailbox)? {
                self.over = true;
                return Ok(Some(Event::Closed { reason: CloseReason::Ended }));
            }
            self.mailbox.go_on();
        }
    }

    fn read_page(&mut self) -> Result<(), Error> {
        let store = &*self.chat.inner.config.store;
        let page = store.sync(self.mailbox.user.as_str(), self.next, REPLAY_MESSAGES)?;
        (self.page, self.next) = (page.messages.into(), page.next);
        self.replaying = self.mailbox.page_read(page.more);
        Ok(())
    }

    fn take(&mut self) -> Result<Option<Event>, Error> {
        let (mut taken, from) = (None, self.position.max(self.next));
        let lagged = self.mailbox.drain(|posted| {
            let is_new = posted.message().is_none_or(|message| message > from);
            if is_new && taken.is_some() {
                return false;
            }
            if is_new {
                taken = Some(Arc::clone(posted));
            }
            true
        });
        if let Some(posted) = taken {
            self.position = posted.message().unwrap_or(self.position);
            return Ok(Some(posted.event.clone()));
        }
        if lagged {
            self.subscribe(Some(from))?;
            return Ok(Some(Event::Lagged));
        }
        Ok(None)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Where to go on from, should this stream be lost.
    pub(crate) fn position(&self) -> MessageId {
        self.position
    }

    pub(crate) fn set_waker(&self, waker: Waker) {
        self.signal.set_waker(waker);
    }

    /// Wakes whoever waits in [`next`](Self::next).
    pub(crate) fn waker(&self) -> Waker {
        Arc::clone(&self.signal).into()
    }

    /// A descriptor that is readable when an event may be there.
    #[cfg(unix)]
    pub(crate) fn descriptor(&self) -> Result<OwnedFd, Error> {
        self.signal.descriptor()
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of {} in the process", self.mailbox.user)
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.chat.unbind(&self.mailbox);
    }
}

/// Something may have come.
#[derive(Default)]
struct Signal {
    state: Mutex<Signalled>,
    changed: Condvar,
}

#[derive(Default)]
struct Signalled {
    is_set: bool,
    waker: Option<Waker>,
    /// What is written to one end can be polled for at the other.
    #[cfg(unix)]
    descriptors: Option<(UnixStream, UnixStream)>,
}

impl Signal {
    fn reset(&self) {
        let mut state = self.lock();
        state.is_set = false;
        #[cfg(unix)]
        if let Some((reader, _)) = &mut state.descriptors {
            // It does not block, and what fails is noticed by whoever polls it.
            while reader.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
        }
    }

    /// Waits until it is set, and no longer than that.
    fn wait(&self, until: Option<Instant>) -> bool {
        let mut state = self.lock();
        while !state.is_set {
            let Some(until) = until else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            (state, _) = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    fn set_waker(&self, waker: Waker) {
        let mut state = self.lock();
        if state.is_set {
            waker.wake_by_ref();
        }
        state.waker = Some(waker);
    }

    #[cfg(unix)]
    fn descriptor(&self) -> Result<OwnedFd, Error> {
        let mut state = self.lock();
        if state.descriptors.is_none() {
            let (reader, writer) = UnixStream::pair()?;
            reader.set_nonblocking(true)?;
            writer.set_nonblocking(true)?;
            state.descriptors = Some((reader, writer));
            // There may be an event already.
            state.announce();
        }
        let (reader, _) = state.descriptors.as_ref().ok_or(Error::Disconnected)?;
        Ok(reader.try_clone()?.into())
    }

    fn lock(&self) -> MutexGuard<'_, Signalled> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signalled {
    fn announce(&mut self) {
        self.is_set = true;
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
        #[cfg(unix)]
        if let Some((_, writer)) = &mut self.descriptors {
            // If it is full, it is readable.
            writer.write_all(&[1]).ok();
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.lock().announce();
        self.changed.notify_all();
    }
}
