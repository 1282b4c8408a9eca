//! A small HTTP server for those who watch this one: `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever starts and
//! stops processes. It has threads of its own, so it answers however busy the chat is, and bounds for all that a client
//! can take: connections, time and bytes.

mod host;
mod http;

use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chat_lib::Chat;
use chat_lib::server::Handle;

pub(crate) use self::host::Host;
use self::http::{Answer, Deadline};
use crate::accept::until_stopped;
use crate::cluster::Watched;

/// Answers while a server runs.
pub(crate) struct Monitor {
    /// The thread stops when this is closed.
    stop: UnixStream,
    thread: JoinHandle<()>,
}

/// What is watched.
#[derive(Clone)]
struct Watching {
    chat: Chat,
    server: Handle,
    host: Host,
    cluster: Option<Watched>,
}

impl Monitor {
    /// Listens on `address`. Nothing is encrypted, and nobody is asked who they are.
    pub(crate) fn start(
        address: SocketAddr,
        chat: Chat,
        server: Handle,
        host: Host,
        cluster: Option<Watched>,
    ) -> Result<Self, Box<dyn Error>> {
        let failed = |problem: io::Error| format!("metrics cannot be served on {address}: {problem}");
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true)?;
        let (stop, stopped) = UnixStream::pair()?;
        say!("chat-server: metrics are at http://{}/metrics", listener.local_addr()?);
        let watching = Watching { chat, server, host, cluster };
        let thread = thread::Builder::new().name("monitor".to_owned()).spawn(move || {
            if let Err(problem) = accept(&watching, &listener, &stopped) {
                tracing::error!(%problem, "the metrics' address cannot be polled, and is not answered any more");
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// Answers no more. Whoever is being answered is not waited for.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the metrics' thread has panicked");
        }
    }
}

/// Answers until the other end of `stopped` is closed.
fn accept(watching: &Watching, listener: &TcpListener, stopped: &UnixStream) -> io::Result<()> {
    // Each connection holds a handle to it while it is open.
    let open = Arc::new(());
    let serve = |(stream, peer): (TcpStream, SocketAddr)| {
        if Arc::strong_count(&open) > CONNECTIONS {
            tracing::debug!(%peer, "too many connections to the metrics; closed");
            return;
        }
        let (watching, open) = (watching.clone(), Arc::clone(&open));
        let spawned = thread::Builder::new().spawn(move || {
            if let Err(problem) = serve(&watching, stream) {
                tracing::debug!(%peer, %problem, "a request to the metrics was not answered");
            }
            drop(open);
        });
        if let Err(problem) = spawned {
            tracing::warn!(%problem, "the system has no thread for a request to the metrics");
        }
    };
    until_stopped("the metrics' address", listener, stopped, None, || {}, || listener.accept(), serve)
}

/// Reads one request and answers it.
fn serve(watching: &Watching, stream: TcpStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    let mut stream = Deadline::new(stream, Instant::now() + REQUEST_TIME);
    let request = http::read(&mut stream)?;
    stream.set_end(Instant::now() + ANSWER_TIME);
    let answer = match &request {
        Ok(request) => answer(watching, &request.path),
        Err(refusal) => refusal.clone(),
    };
    let with_body = !request.is_ok_and(|request| request.is_head);
    http::write(&answer, with_body, &mut stream)?;
    stream.set_end(Instant::now() + REQUEST_TIME);
    http::close(&mut stream)
}

fn answer(Watching { chat, server, host, cluster }: &Watching, path: &str) -> Answer {
    match path {
        "/metrics" => {
            let of_cluster = cluster.as_ref().map(Watched::metrics).unwrap_or_default();
            let body = chat.metrics() + &host.text() + &of_cluster;
            Answer { body, media_type: http::PROMETHEUS, ..Answer::text("200 OK", "") }
        }
        "/healthz" if server.responds_within(PATIENCE) => Answer::text("200 OK", "ok"),
        "/healthz" => Answer::text(UNAVAILABLE, "a thread does not respond"),
        "/readyz" if server.is_stopping() => Answer::text(UNAVAILABLE, "the server is stopping"),
        "/readyz" if cluster.is_some() => match cluster.as_ref().and_then(Watched::unready) {
            Some(problem) => Answer::text(UNAVAILABLE, problem),
            None => Answer::text("200 OK", "ready"),
        },
        "/readyz" if chat.check_writable().is_err() => Answer::text(UNAVAILABLE, "changes cannot be stored"),
        "/readyz" => Answer::text("200 OK", "ready"),
        _ => Answer::text("404 Not Found", "there are /metrics, /healthz and /readyz"),
    }
}

const UNAVAILABLE: &str = "503 Service Unavailable";

/// How many connections may be open at once: a few watchers have one each, now and then. Each takes a thread.
const CONNECTIONS: usize = 16;

/// How long a request may take to come, and how long its client may take to close its side after the answer. Connections that do
/// nothing must not take the places of those that watch, and these send their request at once.
const REQUEST_TIME: Duration = Duration::from_secs(2);

/// How long an answer may take to be written. Prometheus gives up after 10 s by default.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// How long each thread that serves peers may take to respond: longer than a disk usually takes.
const PATIENCE: Duration = Duration::from_secs(5);
