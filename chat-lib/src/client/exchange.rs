//! A request and its answer over a stream that blocks.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::requester::{Incoming, Requester};
use crate::error::Error;
use crate::protocol::{Reply, Request};

/// Makes a request, and waits for its answer. A read or write that signals interrupt, and that begins its time anew, goes on for
/// `patience` at most.
pub(super) fn exchange<S: Read + Write>(
    stream: &mut S,
    requester: &mut Requester,
    patience: Option<Duration>,
    request: &Request<'_>,
) -> Result<Reply, Error> {
    let mut line = Vec::new();
    requester.request(request, &mut line)?;
    send_all(stream, patience, &line)?;
    let mut chunk = [0; 16 * 1024];
    let mut received = requester.receive(&[])?;
    loop {
        match received {
            Some(Incoming::Answer(answer)) => {
                return answer.read(&request.command).inspect_err(|error| {
                    if matches!(error, Error::BadReply(_)) {
                        requester.give_up();
                    }
                });
            }
            // A session that was used here has ended, which its next request will tell.
            Some(Incoming::Event(_)) => received = requester.receive(&[])?,
            None => {
                let count = match patiently(patience, || stream.read(&mut chunk))? {
                    0 => return Err(Error::Disconnected),
                    count => count,
                };
                received = requester.receive(chunk.get(..count).unwrap_or_default())?;
            }
        }
    }
}

fn send_all<S: Write>(stream: &mut S, patience: Option<Duration>, mut unsent: &[u8]) -> Result<(), Error> {
    while !unsent.is_empty() {
        match patiently(patience, || stream.write(unsent))? {
            0 => return Err(Error::Disconnected),
            count => unsent = unsent.get(count..).unwrap_or_default(),
        }
    }
    Ok(stream.flush()?)
}

/// Does again what a signal has interrupted, until it has taken as long as it may.
fn patiently<T>(patience: Option<Duration>, mut step: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let began = Instant::now();
    loop {
        match step() {
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {
                if patience.is_some_and(|patience| began.elapsed() >= patience) {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
            outcome => return outcome,
        }
    }
}
