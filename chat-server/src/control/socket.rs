//! The server's side of the control socket. A request is a line of JSON; the answer is pieces of output, each
//! with its length on a line in front of it, then a line with 0, then a line with the error, which is empty
//! on success. An empty line at the beginning says that the request was taken, and that the rest may take long.

use std::error::Error;
use std::fs::{self, File, Permissions};
use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chat_lib::Chat;
use rustix::process::geteuid;

use super::status::{SAMPLE_INTERVAL, Status};
use super::{Request, perform};
use crate::accept::until_stopped;

/// Takes requests while a server runs.
pub(crate) struct Control {
    path: PathBuf,
    /// Which file the socket is: another one may come to have its path.
    file: (u64, u64),
    /// The thread stops when this is closed.
    stop: UnixStream,
    thread: JoinHandle<()>,
}

impl Control {
    /// Listens in `directory`, which nobody else writes to; `None` where nothing can be made in it.
    pub(crate) fn start(chat: Chat, directory: &Path, status: Status) -> Result<Option<Self>, Box<dyn Error>> {
        let path = directory.join(SOCKET);
        let listener = match listen(&path) {
            Ok(listener) => listener,
            Err(problem)
                if matches!(problem.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull) =>
            {
                tracing::warn!(path = %path.display(), %problem, "no requests are taken on the control socket");
                return Ok(None);
            }
            Err(problem) => return Err(format!("{}: {problem}", path.display()).into()),
        };
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        give_to_owner(&path, directory)?;
        listener.set_nonblocking(true)?;
        let (stop, stopped) = UnixStream::pair()?;
        let file = identity(&path)?;
        let thread = thread::Builder::new().name("control".to_owned()).spawn(move || {
            if let Err(problem) = accept(&chat, &Arc::new(status), &listener, &stopped) {
                tracing::error!(%problem, "the control socket cannot be polled, and takes no more requests");
            }
        })?;
        Ok(Some(Self { path, file, stop, thread }))
    }

    /// Takes no more requests. Whoever is still being answered is not waited for.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the control socket's thread has panicked");
        }
        if identity(&self.path).is_ok_and(|file| file == self.file) {
            fs::remove_file(&self.path).ok();
        }
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    // One that a killed server has left behind.
    match fs::remove_file(path) {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => return Err(problem),
        _ => {}
    }
    reachable(path, |path| UnixListener::bind(path))
}

/// Takes requests until the other end of `stopped` is closed.
fn accept(chat: &Chat, status: &Arc<Status>, listener: &UnixListener, stopped: &UnixStream) -> io::Result<()> {
    let mut sampled: Option<Instant> = None;
    let sample = || {
        if sampled.is_none_or(|sampled| sampled.elapsed() >= SAMPLE_INTERVAL) {
            status.sample(chat);
            sampled = Some(Instant::now());
        }
    };
    let serve = |(peer, _)| {
        let (chat, status, peer) = (chat.clone(), Arc::clone(status), Arc::new(peer));
        let served = Arc::clone(&peer);
        let thread = thread::Builder::new().spawn(move || serve(&chat, &status, &served));
        if let Err(problem) = thread {
            refuse(&peer, &problem);
        }
    };
    let interval = Some(SAMPLE_INTERVAL);
    until_stopped("the control socket", listener, stopped, interval, sample, || listener.accept(), serve)
}

/// Answering may take long, so it is not done in the thread that accepts.
fn refuse(peer: &UnixStream, problem: &io::Error) {
    tracing::warn!(%problem, "a request on the control socket is refused: the system has no thread for it");
    let told = peer
        .set_nonblocking(true)
        .and_then(|()| end(peer, &format!("the system has no thread for this request; try again later: {problem}")));
    if let Err(problem) = told {
        tracing::warn!(%problem, "a refusal could not be written to the control socket");
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

/// A server that root runs on somebody's data can be asked by them, too.
fn give_to_owner(path: &Path, directory: &Path) -> io::Result<()> {
    let owner = fs::metadata(directory)?;
    if geteuid().is_root() && owner.uid() != 0 {
        lchown(path, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

/// Has `reach` find the socket, also where the path is longer than a socket's may be.
pub(super) fn reachable<T>(path: &Path, reach: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return reach(path) };
    if path.as_os_str().len() < LONGEST_PATH {
        return reach(path);
    }
    let directory = File::open(directory)?;
    reach(&Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name))
}

fn serve(chat: &Chat, status: &Status, mut peer: &UnixStream) {
    let outcome = (|| {
        let request = match read_request(peer)? {
            Ok(request) => request,
            Err(problem) => return end(peer, &problem),
        };
        // A status says whether the server works, so it is itself what has to come in time.
        if !matches!(request, Request::Status) {
            peer.write_all(b"\n")?;
        }
        let mut out = BufWriter::with_capacity(64 * 1024, Pieces { peer, broken: false });
        let outcome = perform(chat, Some(status), &request, &mut out);
        out.flush()?;
        tracing::info!(?request, code = outcome.as_ref().err().map(chat_lib::Error::code), "control");
        end(peer, &outcome.err().map(|problem| problem.with_reasons()).unwrap_or_default())
    })();
    if let Err(problem) = outcome {
        tracing::warn!(%problem, "a request on the control socket was not finished");
    }
}

/// Reads what is asked, or says what is wrong with it. Only the request has a time limit: how long an answer takes
/// is for its reader to say.
fn read_request(peer: &UnixStream) -> io::Result<Result<Request, String>> {
    peer.set_read_timeout(Some(REQUEST_TIME))?;
    let mut line = String::new();
    BufReader::new(peer).take(REQUEST_BYTES).read_line(&mut line)?;
    if !line.ends_with('\n') {
        return Ok(Err(format!("the request was cut off, or is longer than {REQUEST_BYTES} bytes")));
    }
    // The line may have a password in it, and the parser's message may quote the line.
    Ok(serde_json::from_str(&line)
        .map_err(|_| "the server does not know this request; is it another version?".to_owned()))
}

/// Writes the end of an answer.
fn end(mut peer: &UnixStream, problem: &str) -> io::Result<()> {
    peer.write_all(format!("0\n{}\n", problem.replace('\n', " ")).as_bytes())
}

/// Writes pieces with their length in front. After a write that failed, the reader cannot tell any more where a
/// piece begins, so nothing else is written.
struct Pieces<'a> {
    peer: &'a UnixStream,
    broken: bool,
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        if !bytes.is_empty() {
            self.broken = true;
            writeln!(&mut self.peer, "{}", bytes.len())?;
            self.peer.write_all(bytes)?;
            self.broken = false;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.broken { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

pub(super) const SOCKET: &str = "control";

/// How long a request may take to come: whoever connects and asks nothing must not hold a thread for ever.
const REQUEST_TIME: Duration = Duration::from_secs(60);

/// The longest request, in bytes: a password, two names and a country, escaped.
const REQUEST_BYTES: u64 = 16 * 1024;

/// How long the path of a socket may be on Linux, its NUL included.
const LONGEST_PATH: usize = 108;

#[cfg(test)]
mod tests {
    use super::*;

    /// A dump into a pipe whose reader paused for 200 s was cut: writing had a time limit of 60 s.
    #[test]
    fn only_a_request_has_a_time_limit() {
        let (asks, peer) = UnixStream::pair().unwrap();
        (&asks).write_all(b"\"list\"\n").unwrap();
        assert!(matches!(read_request(&peer).unwrap(), Ok(Request::List)));
        assert_eq!(peer.read_timeout().unwrap(), Some(REQUEST_TIME));
        assert_eq!(peer.write_timeout().unwrap(), None);
    }

    /// Checking much data takes longer than whoever asks waits for an answer to begin.
    #[test]
    fn what_may_take_long_is_acknowledged() {
        let status = Status::new(Path::new("/"), Vec::new(), None, None);
        for (request, is_acknowledged) in [("\"check\"\n", true), ("\"list\"\n", true), ("\"status\"\n", false)] {
            let (asks, peer) = UnixStream::pair().unwrap();
            (&asks).write_all(request.as_bytes()).unwrap();
            serve(&Chat::memory(), &status, &peer);
            drop(peer);
            let mut answer = String::new();
            (&asks).read_to_string(&mut answer).unwrap();
            assert_eq!(answer.starts_with('\n'), is_acknowledged, "{answer:?}");
        }
    }

    /// What had been written in part was written again when the buffer was dropped, and whoever had asked took a
    /// piece of the dump for a length.
    #[test]
    fn nothing_follows_a_piece_that_was_cut() {
        let (asks, peer) = UnixStream::pair().unwrap();
        peer.set_nonblocking(true).unwrap();
        let mut out = BufWriter::with_capacity(16, Pieces { peer: &peer, broken: false });
        out.write_all(&b"0123456789".repeat(1_000_000)).unwrap_err();
        asks.set_nonblocking(true).unwrap();
        let mut taken = Vec::new();
        assert_eq!((&asks).read_to_end(&mut taken).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(taken.starts_with(b"10000000\n0123"));
        // There is room again.
        out.write_all(b"more").ok();
        out.flush().unwrap_err();
        drop(out);
        assert_eq!((&asks).read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
