//! What happens in a session's conversations, as a stream: from a chat in the process, or from a server.

use std::fmt;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

#[cfg(feature = "client")]
use crate::client::{ClientOptions, RemoteEvents, ServerAddresses};
use crate::engine::{Chat, EventStream};
use crate::error::Error;
use crate::model::{MessageId, SessionToken};
use crate::protocol::Event;

/// The events of a session, from [`Session::events`](crate::Session::events): an iterator that waits for the next one.
///
/// Each message comes once, in ascending order of ids, also after the connection to a server was lost: it is then made again, as
/// often as it takes, and goes on after the last message. [`Event::Lagged`] says that events other than messages may have been
/// missed, because the connection was lost, or because this program has taken events too slowly; there is nothing else to do about
/// it. The iterator ends after [`Event::Closed`], which says that the session has ended, and after an error.
///
/// A program that has other things to wait for calls [`next_timeout`](Self::next_timeout) with no time at all until it returns
/// `None`, whenever the [waker](Self::set_waker) was called, or the [descriptor](Self::descriptor) is readable.
///
/// # Errors
///
/// [`Error::Banned`], or whatever else a server refuses for good when the session is used over a new connection;
/// [`Error::BadReply`] if what it says makes no sense; [`Error::Storage`] in the process, if the machine fails.
pub struct Events {
    source: Source,
    /// Whether they were stopped, or have ended with an error.
    stopped: Arc<AtomicBool>,
}

enum Source {
    /// Within the process.
    Chat(Box<EventStream>),
    #[cfg(feature = "client")]
    Server(Box<RemoteEvents>),
}

impl Events {
    /// The events of a session of a chat in the process.
    pub(crate) fn of_chat(chat: &Chat, token: &SessionToken, after: Option<MessageId>) -> Result<Self, Error> {
        Ok(Self::new(Source::Chat(Box::new(EventStream::open(chat, token, after)?))))
    }

    /// The events of the session that `token` opens on a server, over a connection of their own. Without `after`, they begin now;
    /// with it, after that message. This is for programs that have no [`Client`](crate::Client) that was
    /// [connected](crate::Client::connect).
    ///
    /// The [patience](ClientOptions::patience) of the options is for the connection and for each answer. Of several servers, any
    /// will do, now and whenever the connection is lost.
    ///
    /// # Errors
    ///
    /// As [`Session::events`](crate::Session::events).
    #[cfg(feature = "client")]
    pub fn connect<A>(
        addresses: A,
        options: &ClientOptions,
        token: SessionToken,
        after: Option<MessageId>,
    ) -> Result<Self, Error>
    where
        A: TryInto<ServerAddresses>,
        Error: From<A::Error>,
    {
        let events = RemoteEvents::connect(&addresses.try_into()?, options, token, after)?;
        Ok(Self::new(Source::Server(Box::new(events))))
    }

    fn new(source: Source) -> Self {
        Self { source, stopped: Arc::default() }
    }

    /// The next event, if it comes within `timeout`. `None` if it does not, or there will be [no more](Self::is_over).
    ///
    /// # Errors
    ///
    /// As the type says. There will be no more events then.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<Event>, Error> {
        if self.is_over() {
            return Ok(None);
        }
        let outcome = match &mut self.source {
            Source::Chat(events) => events.next(timeout, &self.stopped),
            #[cfg(feature = "client")]
            Source::Server(events) => events.next_timeout(timeout, &self.stopped),
        };
        if outcome.is_err() {
            self.stopped.store(true, Ordering::Release);
        }
        outcome
    }

    /// Whether there will be no more events.
    pub fn is_over(&self) -> bool {
        let source_is_over = match &self.source {
            Source::Chat(events) => events.is_over(),
            #[cfg(feature = "client")]
            Source::Server(events) => events.is_over(),
        };
        source_is_over || self.stopped.load(Ordering::Acquire)
    }

    /// What ends these events from another thread, also while [`next_timeout`](Self::next_timeout) waits.
    ///
    /// ```
    /// use std::thread;
    ///
    /// use chat_lib::Chat;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let mut events = chat.login("messi", "surabaya")?.events()?;
    /// let stopper = events.stopper()?;
    /// let reader = thread::spawn(move || events.next().is_none());
    /// stopper.stop();
    /// assert!(reader.join().unwrap());
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the system has no descriptors left.
    pub fn stopper(&mut self) -> Result<EventsStopper, Error> {
        let waker = match &mut self.source {
            Source::Chat(events) => events.waker(),
            #[cfg(feature = "client")]
            Source::Server(events) => events.waker()?,
        };
        Ok(EventsStopper { stopped: Arc::clone(&self.stopped), waker })
    }

    /// Whether events can come now: not while the connection to a server is lost, and not once they are [over](Self::is_over).
    pub fn is_connected(&self) -> bool {
        match &self.source {
            Source::Chat(events) => !events.is_over(),
            #[cfg(feature = "client")]
            Source::Server(events) => events.is_connected(),
        }
    }

    /// The last message that was returned, or where the events have begun: what
    /// [`events_after`](crate::Session::events_after) takes to go on from here.
    pub fn position(&self) -> MessageId {
        match &self.source {
            Source::Chat(events) => events.position(),
            #[cfg(feature = "client")]
            Source::Server(events) => events.position(),
        }
    }

    /// Has `waker` called when an event may be there, in whatever thread makes it happen. It must do no more than wake: calling the
    /// chat would wait for ever. Only in the process: on a server this
    /// does nothing and returns `false`, so poll the [descriptor](Self::descriptor).
    pub fn set_waker(&mut self, waker: Waker) -> bool {
        match &mut self.source {
            Source::Chat(events) => {
                events.set_waker(waker);
                true
            }
            #[cfg(feature = "client")]
            Source::Server(_) => false,
        }
    }

    /// A descriptor that is readable when an event may be there. It is the caller's, to be polled and not to be read, and stays good
    /// as long as these events live, also when the connection to a server is lost. A lost connection is made again within
    /// [`next_timeout`](Self::next_timeout) alone, so on a server, call that every few seconds, too.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the system has no descriptors left.
    #[cfg(unix)]
    pub fn descriptor(&self) -> Result<OwnedFd, Error> {
        match &self.source {
            Source::Chat(events) => events.descriptor(),
            #[cfg(feature = "client")]
            Source::Server(events) => events.descriptor(),
        }
    }
}

impl Iterator for Events {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_timeout(Duration::MAX).transpose()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Chat(events) => write!(f, "Events({events:?})"),
            #[cfg(feature = "client")]
            Source::Server(events) => write!(f, "Events({events:?})"),
        }
    }
}

/// Ends [`Events`] from another thread; [`Events::stopper`] makes it.
#[derive(Clone, Debug)]
pub struct EventsStopper {
    stopped: Arc<AtomicBool>,
    waker: Waker,
}

impl EventsStopper {
    /// Ends the events: there will be no more, and whoever waits for one is told so.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.waker.wake_by_ref();
    }
}
