//! Accepts on a socket that operators ask things on: the control socket and the metrics' address. Each request gets a thread of its own,
//! so one loop does for both.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Hands over what `accept` takes from `listener`, which must not block, until the other end of `stopped` is closed. `name` is what
/// the log calls the socket. Calls `tick` before each wait, which ends after `interval` if that is given.
pub(crate) fn until_stopped<T>(
    name: &str,
    listener: &impl AsFd,
    stopped: &UnixStream,
    interval: Option<Duration>,
    mut tick: impl FnMut(),
    accept: impl Fn() -> io::Result<T>,
    mut serve: impl FnMut(T),
) -> io::Result<()> {
    let patience = interval.map(|interval| Timespec { tv_sec: interval.as_secs().cast_signed(), tv_nsec: 0 });
    let mut starved = false;
    loop {
        tick();
        let mut fds = [PollFd::new(listener, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        match poll(&mut fds, patience.as_ref()) {
            Err(Errno::INTR) => continue,
            outcome => outcome?,
        };
        let [_, stop] = &fds;
        if !stop.revents().is_empty() {
            return Ok(());
        }
        match accept() {
            Ok(accepted) => {
                if std::mem::take(&mut starved) {
                    tracing::info!("{name} accepts again");
                }
                serve(accepted);
            }
            Err(problem) if problem.kind() == io::ErrorKind::WouldBlock => {}
            Err(problem) => {
                if !std::mem::replace(&mut starved, true) {
                    tracing::warn!(%problem, "{name} cannot accept; requests wait until it works again");
                }
                thread::sleep(Duration::from_millis(500));
            }
        }
    }
}
