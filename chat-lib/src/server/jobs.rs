//! Threads that run jobs beside the reactors, which would otherwise serve nobody meanwhile. Bounded queues lead there; what
//! comes out returns as a [`Handoff`].
//!
//! Passwords and reading from the disk have queues and threads of their own: a flood of logins must not keep messages from
//! being read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::handoff::{Handoff, PeerId, ReactorHandle};
use crate::engine::Job;
use crate::limits::JOBS_WAITING;

/// Where reactors leave jobs.
#[derive(Clone)]
pub(super) struct JobQueues {
    processor: SyncSender<Waiting>,
    disk: SyncSender<Waiting>,
}

impl JobQueues {
    /// The queues, and the other end of each for the threads that run its jobs.
    pub(super) fn new() -> (Self, [Worker; 2]) {
        let (processor, processor_jobs) = sync_channel(JOBS_WAITING);
        let (disk, disk_jobs) = sync_channel(JOBS_WAITING);
        (Self { processor, disk }, [processor_jobs, disk_jobs].map(Worker::new))
    }

    /// Returns the job if too many wait already.
    pub(super) fn push(&self, job: Job, peer: PeerId, reactor: &ReactorHandle) -> Result<(), Job> {
        let queue = if job.is_io_bound() { &self.disk } else { &self.processor };
        let waiting = Waiting { job, peer, reactor: reactor.clone() };
        queue.try_send(waiting).map_err(|problem| match problem {
            TrySendError::Full(waiting) | TrySendError::Disconnected(waiting) => waiting.job,
        })
    }
}

/// Runs the jobs of one queue. Clones do so together.
#[derive(Clone)]
pub(super) struct Worker {
    receiver: Arc<Mutex<Receiver<Waiting>>>,
    over: Arc<AtomicBool>,
}

impl Worker {
    fn new(receiver: Receiver<Waiting>) -> Self {
        Self { receiver: Arc::new(Mutex::new(receiver)), over: Arc::default() }
    }

    /// Works until [`finish`](Self::finish), or until no reactor is left.
    pub(super) fn run(&self) {
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
        receiver.recv().ok().filter(|_| !self.over.load(Ordering::Acquire))
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
    use crate::outbox::Outbox;

    #[test]
    fn a_flood_of_logins_leaves_room_for_reading() {
        let chat = Chat::memory();
        chat.add_demo_users().unwrap();
        let messi = chat.login("messi", "surabaya").unwrap();
        // More than is read within a step.
        (0..3).for_each(|_| messi.send("messi", &"x".repeat(60_000)).unwrap());
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
        queues.push(job(format!("inbox {}\r\n", messi.token())), peer, &reactor).unwrap();
    }
}
