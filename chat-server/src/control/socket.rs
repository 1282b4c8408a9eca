//! Requests over a socket in the data directory. A request is a line of JSON; the answer is pieces of
//! output, each with its length on a line in front of it, then a line with 0, then the error, if any.

use std::error::Error;
use std::fs::{self, File, Permissions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chat_lib::Chat;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::{Request, perform};

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
    /// Listens in `directory`, which nobody else has open.
    pub(crate) fn start(chat: Chat, directory: &Path) -> Result<Self, Box<dyn Error>> {
        let path = directory.join(SOCKET);
        // One that a killed server has left behind.
        match fs::remove_file(&path) {
            Err(problem) if problem.kind() != io::ErrorKind::NotFound => return Err(failed(&path, &problem)),
            _ => {}
        }
        let listener = reachable(&path, |path| UnixListener::bind(path)).map_err(|problem| failed(&path, &problem))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        let (stop, stopped) = UnixStream::pair()?;
        let file = identity(&path)?;
        let thread = thread::Builder::new().name("control".to_owned()).spawn(move || {
            if let Err(problem) = accept(&chat, &listener, &stopped) {
                tracing::error!(%problem, "the control socket cannot be polled, and takes no more requests");
            }
        })?;
        Ok(Self { path, file, stop, thread })
    }

    /// Takes no more requests.
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

/// Takes requests until the other end of `stopped` is closed.
fn accept(chat: &Chat, listener: &UnixListener, stopped: &UnixStream) -> io::Result<()> {
    loop {
        let mut fds = [PollFd::new(listener, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        match poll(&mut fds, None) {
            Err(Errno::INTR) => continue,
            outcome => outcome?,
        };
        let [_, stop] = &fds;
        if !stop.revents().is_empty() {
            return Ok(());
        }
        match listener.accept() {
            Ok((peer, _)) => {
                let chat = chat.clone();
                thread::spawn(move || serve(&chat, &peer));
            }
            Err(problem) if problem.kind() == io::ErrorKind::WouldBlock => {}
            Err(problem) => {
                tracing::warn!(%problem, "the control socket cannot accept");
                thread::sleep(Duration::from_millis(500));
            }
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

/// Has `reach` find the socket, also where the path is longer than a socket's may be.
fn reachable<T>(path: &Path, reach: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return reach(path) };
    if path.as_os_str().len() < LONGEST_PATH {
        return reach(path);
    }
    let directory = File::open(directory)?;
    reach(&Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name))
}

fn serve(chat: &Chat, peer: &UnixStream) {
    let outcome = (|| {
        peer.set_read_timeout(Some(PATIENCE))?;
        peer.set_write_timeout(Some(PATIENCE))?;
        let mut line = String::new();
        BufReader::new(peer).take(LONGEST).read_line(&mut line)?;
        if !line.ends_with('\n') {
            return writeln!(&mut &*peer, "0\nthe request is longer than {LONGEST} bytes");
        }
        let request: Request = serde_json::from_str(&line)?;
        let mut out = BufWriter::with_capacity(64 * 1024, Pieces(peer));
        let outcome = perform(chat, &request, &mut out);
        out.flush()?;
        tracing::info!(?request, code = outcome.as_ref().err().map(chat_lib::Error::code), "control");
        let problem = outcome.err().map(|problem| problem.with_reasons());
        writeln!(&mut &*peer, "0\n{}", problem.unwrap_or_default())
    })();
    if let Err(problem) = outcome {
        tracing::warn!(%problem, "a request on the control socket was not finished");
    }
}

/// Has the server that runs on `directory` do what is asked, and writes what it has to say.
pub(crate) fn ask(directory: &Path, request: &Request, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let path = directory.join(SOCKET);
    let peer = reachable(&path, |path| UnixStream::connect(path)).map_err(|problem| {
        let directory = directory.display();
        format!("{directory} is in use by a process that cannot be asked: {}: {problem}", path.display())
    })?;
    writeln!(&mut &peer, "{}", serde_json::to_string(request)?)?;
    let mut answer = BufReader::new(&peer);
    loop {
        let mut line = String::new();
        if answer.read_line(&mut line)? == 0 {
            return Err("the server has stopped".into());
        }
        match line.trim_end().parse()? {
            0 => break,
            length => {
                if io::copy(&mut answer.by_ref().take(length), out)? != length {
                    return Err("the server has stopped".into());
                }
            }
        }
    }
    let mut problem = String::new();
    answer.read_to_string(&mut problem)?;
    match problem.trim_end() {
        "" if problem == "\n" => Ok(()),
        "" => Err("the server has stopped".into()),
        problem => Err(problem.into()),
    }
}

/// Writes pieces with their length in front.
struct Pieces<'a>(&'a UnixStream);

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !bytes.is_empty() {
            writeln!(&mut self.0, "{}", bytes.len())?;
            self.0.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failed(path: &Path, problem: &io::Error) -> Box<dyn Error> {
    format!("{}: {problem}", path.display()).into()
}

const SOCKET: &str = "control";

/// How long the other side may take for each piece.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest request, in bytes: a password, two names and a country, escaped.
const LONGEST: u64 = 16 * 1024;

/// How long the path of a socket may be on Linux, its NUL included.
const LONGEST_PATH: usize = 108;
