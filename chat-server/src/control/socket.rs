//! Requests over a socket in the data directory. A request is a line of JSON; the answer is pieces of
//! output, each with its length on a line in front of it, then a line with 0, then the error, if any.

use std::error::Error;
use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chat_lib::Chat;

use super::{Request, perform};

/// Takes requests while a server runs.
pub(crate) struct Control {
    path: PathBuf,
    stopping: Arc<AtomicBool>,
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
        let listener = UnixListener::bind(&path).map_err(|problem| failed(&path, &problem))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let stopping = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&stopping);
        let thread = thread::Builder::new().name("control".to_owned()).spawn(move || {
            for peer in listener.incoming() {
                if over.load(Ordering::Acquire) {
                    break;
                }
                match peer {
                    Ok(peer) => {
                        let chat = chat.clone();
                        thread::spawn(move || serve(&chat, &peer));
                    }
                    Err(problem) => {
                        tracing::warn!(%problem, "the control socket cannot accept");
                        thread::sleep(Duration::from_millis(500));
                    }
                }
            }
        })?;
        Ok(Self { path, stopping, thread })
    }

    /// Takes no more requests.
    pub(crate) fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        // It waits for a peer, so it gets one.
        if UnixStream::connect(&self.path).is_ok() && self.thread.join().is_err() {
            tracing::error!("the control socket's thread has panicked");
        }
        fs::remove_file(&self.path).ok();
    }
}

fn serve(chat: &Chat, peer: &UnixStream) {
    let outcome = (|| {
        peer.set_read_timeout(Some(PATIENCE))?;
        peer.set_write_timeout(Some(PATIENCE))?;
        let mut line = String::new();
        BufReader::new(peer).take(LONGEST).read_line(&mut line)?;
        let request: Request = serde_json::from_str(&line)?;
        let mut out = BufWriter::with_capacity(64 * 1024, Pieces(peer));
        let outcome = perform(chat, &request, &mut out);
        out.flush()?;
        tracing::info!(?request, code = outcome.as_ref().err().map(chat_lib::Error::code), "control");
        let problem = outcome.err().map(|problem| crate::Whole(&problem).to_string());
        writeln!(&mut &*peer, "0\n{}", problem.unwrap_or_default())
    })();
    if let Err(problem) = outcome {
        tracing::warn!(%problem, "a request on the control socket was not finished");
    }
}

/// Has the server that runs on `directory` do what is asked, and writes what it has to say.
pub(crate) fn ask(directory: &Path, request: &Request, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let path = directory.join(SOCKET);
    let peer = UnixStream::connect(&path).map_err(|problem| {
        let directory = directory.display();
        format!("{directory} is in use by a process that cannot be asked: {}: {problem}", path.display())
    })?;
    writeln!(&mut &peer, "{}", serde_json::to_string(request)?)?;
    let mut answer = BufReader::new(&peer);
    loop {
        let mut line = String::new();
        answer.read_line(&mut line)?;
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
