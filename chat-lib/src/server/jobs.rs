//! Threads that run jobs beside the reactors, which would otherwise serve nobody meanwhile. Bounded queues lead there; what
//! comes out returns as a [`Handoff`]. What subscriptions need is taken beyond the bound: thousands of subscribers may come back at
//! once after a restart, and each waits for one job at a time.
//!
//! Passwords and reading from the disk have queues and threads of their own: a flood of logins must not keep messages from
//! being read.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::handoff::{Handoff, PeerId, ReactorHandle};
use crate::engine::Job;
use crate::limits::JOBS_WAITING;
use crate::priority::give_way;

/// Where reactors leave jobs.
#[derive(Clone)]
pub(super) struct JobQueues {
    processor: Queue,
    disk: Queue,
}

#[derive(Clone)]
struct Queue {
    sender: Sender<Waiting>,
    /// How many jobs wait in it.
    length: Arc<AtomicUsize>,
}

impl JobQueues {
    /// The queues, and the other end of each for the threads that run its jobs.
    pub(super) fn new() -> (Self, [Worker; 2]) {
        let ((processor, processor_jobs), (disk, disk_jobs)) = (Queue::new(), Queue::new());
        (Self { processor, disk }, [processor_jobs, disk_jobs])
    }

    /// Returns the job if too many wait already.
    pub(super) fn push(&self, job: Job, peer: PeerId, reactor: &ReactorHandle) -> Result<(), Job> {
        let queue = if job.is_io_bound() { &self.disk } else { &self.processor };
        queue.push(Waiting { job, peer, reactor: reactor.clone() }).map_err(|waiting| waiting.job)
    }
}

impl Queue {
    fn new() -> (Self, Worker) {
        let ((sender, receiver), length) = (channel(), Arc::<AtomicUsize>::default());
        let worker =
            Worker { receiver: Arc::new(Mutex::new(receiver)), length: Arc::clone(&length), over: Arc::default() };
        (Self { sender, length }, worker)
    }

    fn push(&self, waiting: Waiting) -> Result<(), Waiting> {
        let limit = if waiting.job.is_for_subscription() { usize::MAX } else { JOBS_WAITING };
        if self.length.fetch_add(1, Ordering::Relaxed) >= limit {
            self.length.fetch_sub(1, Ordering::Relaxed);
            return Err(waiting);
        }
        self.sender.send(waiting).map_err(|refused| refused.0)
    }
}

/// Runs the jobs of one queue. Clones do so together.
#[derive(Clone)]
pub(super) struct Worker {
    receiver: Arc<Mutex<Receiver<Waiting>>>,
    length: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Worker {
    /// Works until [`finish`](Self::finish), or until no reactor is left.
    pub(super) fn run(&self) {
        give_way();
        while let Some(Waiting { job, peer, reactor }) = self.next() {
            if let Err(problem) = reactor.hand_over(Handoff::Finished(peer, job.run())) {
                tracing::error!(%problem, "a reactor could not be woken");
            }
        }
    }

    /// Ends all threads, each after the job that it is running.
    pub(super) fn finish(&self) {
        self.over.store(true, Ordering::Release);
    }

    fn next(&self) -> Option<Waiting> {
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = receiver.recv().ok()?;
        self.length.fetch_sub(1, Ordering::Relaxed);
        Some(waiting).filter(|_| !self.over.load(Ordering::Acquire))
    }
}

struct Waiting {
    job: Job,
    peer: PeerId,
    reactor: ReactorHandle,
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use mio::{Poll, Token, Waker};

    use super::*;
    use crate::connection::Connection;
    use crate::engine::Chat;
    use crate::model::{MessageId, UserName};
    use crate::outbox::Outbox;

    #[test]
    fn a_flood_of_logins_leaves_room_for_reading() {
        let chat = Chat::memory();
        chat.add_demo_users().unwrap();
        let messi = chat.login("messi", "surabaya").unwrap();
        let messi_name = UserName::parse("messi").unwrap();
        // More than is read within a step.
        (0..3).for_each(|_| {
            messi.send("messi", &"x".repeat(60_000)).unwrap();
        });
        let job = |line: String| {
            let step = Connection::new(chat.clone()).step(line.as_bytes(), &mut Outbox::new(&chat));
            step.job.unwrap()
        };
        let login = || job("auth nobody x\r\n".to_owned());
        let waker = Waker::new(Poll::new().unwrap().registry(), Token(0)).unwrap();
        let (reactor, peer) = (ReactorHandle::new(channel().0, Arc::new(waker)), PeerId { slot: 0, serial: 0 });

        let (queues, _workers) = JobQueues::new();
        (0..JOBS_WAITING).for_each(|_| queues.push(login(), peer, &reactor).unwrap());
        assert!(queues.push(login(), peer, &reactor).is_err());
        let inbox = || job(format!("inbox {}\r\n", messi.token()));
        (0..JOBS_WAITING).for_each(|_| queues.push(inbox(), peer, &reactor).unwrap());
        assert!(queues.push(inbox(), peer, &reactor).is_err());
        let page = chat.replay(&messi_name, MessageId::NONE, 1);
        assert!(queues.push(page, peer, &reactor).is_ok(), "those who come back at once are not sent away");
    }
}
