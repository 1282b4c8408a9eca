//! The session's events, in a thread of their own: events arrive, and their connection is made again when it is lost, even while a
//! command waits for its answer.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use chat_lib::model::SessionToken;
use chat_lib::protocol::Event;
use chat_lib::{Error, Events, ServerAddresses};

use crate::args::Target;

/// What the thread reports.
pub(crate) enum News {
    Event(Event),
    /// The connection was lost; it will be made again.
    Lost,
    /// It was made again. What was missed comes after this.
    Back,
    /// There will be nothing more.
    Failed(Error),
}

/// The events of a session, until it is dropped.
pub(crate) struct Feed {
    pub(super) news: Receiver<News>,
    over: Arc<AtomicBool>,
}

impl Feed {
    /// Subscribes, and has `waker` written to whenever there is news.
    pub(super) fn open(
        target: &Target<ServerAddresses>,
        token: SessionToken,
        waker: UnixStream,
    ) -> Result<Self, Error> {
        let events = Events::connect(&target.address, &target.options, token, None)?;
        let (sender, news) = channel();
        let over = Arc::<AtomicBool>::default();
        let shared = Arc::clone(&over);
        let thread = thread::Builder::new().spawn(move || follow(events, &Teller { sender, waker }, &shared));
        thread.map_err(|problem| Error::no_thread(&problem))?;
        Ok(Self { news, over })
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn follow(mut events: Events, teller: &Teller, over: &AtomicBool) {
    let mut connected = true;
    while !over.load(Ordering::Relaxed) {
        let next = events.next_timeout(GLANCE);
        if connected != events.is_connected() && !events.is_over() {
            connected = !connected;
            teller.tell(if connected { News::Back } else { News::Lost });
        }
        match next {
            Ok(Some(event)) => teller.tell(News::Event(event)),
            Ok(None) if events.is_over() => return,
            Ok(None) => {}
            Err(error) => return teller.tell(News::Failed(error)),
        }
    }
}

struct Teller {
    sender: Sender<News>,
    waker: UnixStream,
}

impl Teller {
    fn tell(&self, news: News) {
        // Nobody listens any more, or so many wake-ups wait that this one makes no difference.
        self.sender.send(news).ok();
        (&self.waker).write_all(b"\n").ok();
    }
}

/// How often to look whether the connection was lost, or nobody listens: soon enough for a person, too seldom to cost anything.
/// A connection that is back sooner was never missed.
const GLANCE: Duration = Duration::from_millis(500);
