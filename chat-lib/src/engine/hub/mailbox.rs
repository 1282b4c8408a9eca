//! What waits to be told to one subscriber: a bounded queue between whoever publishes and whoever delivers.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use crate::engine::{Budget, Share};
use crate::limits::{ALL_EVENTS_BYTES, EVENTS_BYTES_SHORT, MESSAGE_OVERHEAD};
use crate::model::{MessageId, SessionId, UserName};
use crate::protocol::Event;

/// An event on its way to subscribers, who share it.
pub(crate) struct Posted {
    pub(crate) event: Event,
    /// Its line of protocol 2, written for the first connection that needs it.
    line: OnceLock<Box<[u8]>>,
    /// What it takes, as long as anybody has it.
    held: Share,
}

impl Posted {
    /// An event that counts among those that are `held`.
    pub(crate) fn new(held: &Budget, event: Event) -> Arc<Self> {
        let mut posted = Self { event, line: OnceLock::new(), held: held.share(0) };
        // With its line.
        posted.held.set(2 * posted.size());
        Arc::new(posted)
    }

    /// Whether as much is held for all subscribers as may be.
    fn is_one_too_many(&self) -> bool {
        self.held.used() > ALL_EVENTS_BYTES
    }

    /// Its line, with the end.
    pub(crate) fn line(&self) -> &[u8] {
        self.line.get_or_init(|| {
            let mut line = Vec::with_capacity(self.size());
            crate::protocol::rpc::write_event(&self.event, &mut line);
            line.into()
        })
    }

    /// The message that it is.
    pub(crate) fn message(&self) -> Option<MessageId> {
        if let Event::Message(message) = &self.event { Some(message.id) } else { None }
    }

    /// About how many bytes it takes.
    fn size(&self) -> usize {
        let text = match &self.event {
            Event::Message(message) => message.text.len(),
            Event::Announcement { text, .. } => text.len(),
            _ => 0,
        };
        text + MESSAGE_OVERHEAD
    }
}

/// One subscriber's queue, and what else it has to look at: a connection to which a session is bound, or a stream of events
/// within the process.
pub(crate) struct Mailbox {
    pub(crate) user: UserName,
    pub(crate) session: SessionId,
    /// How many bytes of events may wait.
    capacity: usize,
    /// Something has come since it was emptied.
    ready: AtomicBool,
    /// The session may have ended.
    check: AtomicBool,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    posted: VecDeque<Arc<Posted>>,
    bytes: usize,
    intake: Intake,
    /// Events came faster than they were taken, and the subscriber has not been told yet.
    lagged: bool,
    /// How many of the first events came before it was in doubt whether the session still lives, if it is.
    certain: Option<usize>,
    waker: Option<Waker>,
}

/// What a mailbox takes in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Intake {
    /// Nothing.
    #[default]
    Nothing,
    /// All but messages, which are read from the store meanwhile.
    AllButMessages,
    Everything,
}

impl Mailbox {
    pub(crate) fn new(user: UserName, session: SessionId, capacity: usize) -> Arc<Self> {
        let queue = Mutex::default();
        Arc::new(Self { user, session, capacity, ready: AtomicBool::new(false), check: AtomicBool::new(false), queue })
    }

    /// Has `waker` called when something comes into an empty mailbox.
    pub(crate) fn set_waker(&self, waker: Waker) {
        self.lock().waker = Some(waker);
    }

    /// Begins a subscription.
    pub(super) fn open_intake(&self, intake: Intake) {
        let mut queue = self.lock();
        queue.clear();
        queue.lagged = false;
        queue.intake = intake;
    }

    /// Ends a subscription. One that has ended because events came too fast has its owner told still.
    pub(super) fn close_intake(&self) {
        let mut queue = self.lock();
        queue.clear();
        queue.intake = Intake::Nothing;
    }

    /// Takes note that a page of a replay was read, after which there are `more` or not. Returns whether another page has to be
    /// read: what was committed while the last one was is read once more, and from then on messages come by themselves.
    pub(crate) fn page_read(&self, more: bool) -> bool {
        let mut queue = self.lock();
        match queue.intake {
            Intake::AllButMessages => {
                if !more {
                    queue.intake = Intake::Everything;
                }
                true
            }
            Intake::Everything | Intake::Nothing => more,
        }
    }

    /// Whether its owner takes it for subscribed.
    pub(super) fn is_subscribed(&self) -> bool {
        let queue = self.lock();
        queue.intake != Intake::Nothing || queue.lagged
    }

    pub(crate) fn intake(&self) -> Intake {
        self.lock().intake
    }

    /// Puts an event in, if it takes such. `false` if the subscription has ended.
    pub(super) fn post(&self, posted: &Arc<Posted>) -> bool {
        let mut queue = self.lock();
        match queue.intake {
            Intake::Nothing => return false,
            Intake::AllButMessages if posted.message().is_some() => return true,
            _ => {}
        }
        let size = posted.size();
        let is_full = match posted.is_one_too_many() {
            true => queue.bytes + size > EVENTS_BYTES_SHORT,
            false => queue.bytes + size > self.capacity && !queue.posted.is_empty(),
        };
        if is_full {
            self.fall_behind(&mut queue);
            return false;
        }
        queue.posted.push_back(Arc::clone(posted));
        queue.bytes += size;
        self.wake(&queue);
        true
    }

    /// Ends the subscription because of what cannot be told.
    pub(crate) fn lag(&self) {
        let mut queue = self.lock();
        if queue.intake != Intake::Nothing {
            self.fall_behind(&mut queue);
        }
    }

    fn fall_behind(&self, queue: &mut Queue) {
        queue.clear();
        (queue.intake, queue.lagged) = (Intake::Nothing, true);
        self.wake(queue);
    }

    /// Has its owner look whether the session still lives. What comes from now on is not handed out before.
    pub(crate) fn have_checked(&self) {
        let mut queue = self.lock();
        let count = queue.posted.len();
        queue.certain.get_or_insert(count);
        self.check.store(true, Ordering::Release);
        self.wake(&queue);
    }

    /// Takes note that the session was found to live.
    pub(crate) fn go_on(&self) {
        let mut queue = self.lock();
        if !self.needs_check() {
            queue.certain = None;
        }
    }

    /// Whether the owner is to look whether the session still lives; asks once.
    pub(crate) fn take_check(&self) -> bool {
        self.check.load(Ordering::Relaxed) && self.check.swap(false, Ordering::Acquire)
    }

    pub(crate) fn needs_check(&self) -> bool {
        self.check.load(Ordering::Relaxed)
    }

    /// Whether something may wait.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Hands out events, the oldest first, until `take` returns `false`, which has not taken its event then, or until it is in
    /// doubt whether the session still lived. Returns whether the subscription has ended because events came too fast; says so
    /// once.
    pub(crate) fn drain(&self, mut take: impl FnMut(&Arc<Posted>) -> bool) -> bool {
        let mut queue = self.lock();
        while let Some(posted) = queue.posted.front() {
            if queue.certain == Some(0) || !take(posted) {
                return false;
            }
            queue.bytes = queue.bytes.saturating_sub(posted.size());
            queue.posted.pop_front();
            queue.certain = queue.certain.map(|certain| certain - 1);
        }
        self.ready.store(false, Ordering::Release);
        // Whoever has asked for a check found it ready, and has woken nobody.
        if self.needs_check()
            && let Some(waker) = &queue.waker
        {
            waker.wake_by_ref();
        }
        std::mem::take(&mut queue.lagged)
    }

    fn wake(&self, queue: &Queue) {
        if !self.ready.swap(true, Ordering::AcqRel)
            && let Some(waker) = &queue.waker
        {
            waker.wake_by_ref();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn clear(&mut self) {
        (self.posted, self.bytes) = (VecDeque::new(), 0);
        self.certain = self.certain.map(|_| 0);
    }
}

/// Shows sizes only: events have texts.
impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = self.lock();
        write!(f, "Mailbox(of {}, {:?}, {} events wait)", self.user, queue.intake, queue.posted.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;
    use crate::model::SessionToken;

    fn mailbox(capacity: usize) -> Arc<Mailbox> {
        let session = SessionToken::random(&OsEntropy).unwrap().id();
        Mailbox::new(UserName::parse("messi").unwrap(), session, capacity)
    }

    fn typing() -> Arc<Posted> {
        let user = UserName::parse("ana").unwrap();
        Posted::new(&Budget::default(), Event::Typing { with: user.clone().into(), user })
    }

    /// Many subscribers who read nothing, each with other messages, held as many times `events_bytes`.
    #[test]
    fn what_all_mailboxes_hold_is_bounded() {
        let all = Budget::default();
        let user = UserName::parse("ana").unwrap();
        let typing = || Posted::new(&all, Event::Typing { with: user.clone().into(), user: user.clone() });
        let deliver = |mailbox: &Mailbox| (0..100).take_while(|_| mailbox.post(&typing())).count();
        let mailbox = || {
            let mailbox = mailbox(usize::MAX);
            mailbox.open_intake(Intake::Everything);
            mailbox
        };
        let first = mailbox();
        assert_eq!(deliver(&first), 100);
        let others = all.share(ALL_EVENTS_BYTES);
        let second = mailbox();
        assert_eq!(deliver(&second), EVENTS_BYTES_SHORT / MESSAGE_OVERHEAD);
        assert!(second.drain(|_| true), "its subscription has ended");
        drop(others);
        let third = mailbox();
        assert_eq!(deliver(&third), 100);
        drop((first, second, third));
        assert_eq!(all.used(), 0);
    }

    #[test]
    fn a_full_mailbox_is_emptied_and_says_so_once() {
        let mailbox = mailbox(3 * MESSAGE_OVERHEAD);
        assert!(!mailbox.post(&typing()), "nobody has subscribed");
        mailbox.open_intake(Intake::Everything);
        assert!((0..3).all(|_| mailbox.post(&typing())));
        assert!(!mailbox.post(&typing()));
        assert_eq!(mailbox.intake(), Intake::Nothing);
        let mut taken = 0;
        let mut drain = || {
            mailbox.drain(|_| {
                taken += 1;
                true
            })
        };
        assert!(drain() && !drain());
        assert_eq!(taken, 0);
    }

    #[test]
    fn what_is_not_taken_stays() {
        let mailbox = mailbox(usize::MAX);
        mailbox.open_intake(Intake::Everything);
        assert!((0..3).all(|_| mailbox.post(&typing())));
        let mut room = 2;
        mailbox.drain(|_| {
            room -= 1;
            room >= 0
        });
        assert!(mailbox.is_ready());
        let mut left = 0;
        mailbox.drain(|_| {
            left += 1;
            true
        });
        assert!(left == 1 && !mailbox.is_ready());
    }
}
