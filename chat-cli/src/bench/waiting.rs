//! Waiting for connections, and for the time at which something is due.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Registry, Token};

/// A poll that wakes up more exactly than to a millisecond.
pub(super) struct Waiting {
    poll: Poll,
    events: Events,
    alarm: Alarm,
}

impl Waiting {
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let alarm = Alarm::new(poll.registry())?;
        Ok(Self { poll, events: Events::with_capacity(EVENTS), alarm })
    }

    pub(super) fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// Waits until something has happened, or it is `until`, or [`TICK`] has passed.
    pub(super) fn wait(&mut self, until: Option<Instant>) -> io::Result<impl Iterator<Item = &Event>> {
        let timeout = match until.map(|until| until.saturating_duration_since(Instant::now())) {
            Some(left) if left < TICK => self.alarm.set(left)?,
            _ => TICK,
        };
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(problem) if problem.kind() != ErrorKind::Interrupted => Err(problem),
            _ => Ok(self.events.iter().filter(|event| event.token() != ALARM)),
        }
    }
}

/// The longest wait: the progress is shown this often.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// How many connections are served before the time is looked at.
const EVENTS: usize = 256;

/// No connection has this number.
const ALARM: Token = Token(usize::MAX);

/// A timer of the system, because its poll takes milliseconds, and rounds them up.
#[cfg(target_os = "linux")]
struct Alarm(std::os::fd::OwnedFd);

#[cfg(target_os = "linux")]
impl Alarm {
    fn new(registry: &Registry) -> io::Result<Self> {
        use std::os::fd::AsRawFd;

        use mio::{Interest, unix::SourceFd};
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};

        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), ALARM, Interest::READABLE)?;
        Ok(Self(timer))
    }

    /// Has the poll wake up after `time`, and returns what else its timeout may be.
    fn set(&self, time: Duration) -> io::Result<Duration> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};

        if time.is_zero() {
            return Ok(Duration::ZERO);
        }
        let it_value = Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
        Ok(TICK)
    }
}

#[cfg(not(target_os = "linux"))]
struct Alarm;

#[cfg(not(target_os = "linux"))]
impl Alarm {
    fn new(_: &Registry) -> io::Result<Self> {
        Ok(Self)
    }

    fn set(&self, time: Duration) -> io::Result<Duration> {
        Ok(time)
    }
}
