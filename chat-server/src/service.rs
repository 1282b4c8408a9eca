//! What the server and a service manager such as systemd tell each other: sockets that are open already, readiness, the end,
//! and the watchdog. All of it goes by variables of the environment; where they are missing, nothing happens.

use std::env;
use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread;

use chat_lib::server::Handle;
use listenfd::ListenFd;
use sd_notify::NotifyState;

use crate::args::Purpose;

/// A listening socket that the service manager has opened.
pub(crate) struct PassedSocket {
    pub(crate) socket: TcpListener,
    /// `FileDescriptorName=` of its unit.
    name: String,
}

impl PassedSocket {
    /// Takes the sockets that were passed to this process. It changes the environment, so it comes before any thread.
    pub(crate) fn take_all() -> Result<Vec<Self>, Box<dyn Error>> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut passed = ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..passed.len() {
            let name = names.next().unwrap_or_default().to_owned();
            let socket = passed.take_tcp_listener(index);
            let socket = socket.map_err(|problem| format!("socket {name:?} of the service manager: {problem}"))?;
            sockets.extend(socket.map(|socket| Self { socket, name }));
        }
        Ok(sockets)
    }

    /// What its unit says it is for.
    pub(crate) fn purpose(&self) -> Purpose {
        match &*self.name {
            "tls" => Purpose::TlsLines,
            "web" => Purpose::Web,
            "tls-web" => Purpose::TlsWeb,
            _ => Purpose::Lines,
        }
    }
}

/// Says that peers are served, and where.
pub(crate) fn ready(addresses: &[SocketAddr]) {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("Listening on {}", addresses.join(", ")))]);
}

/// Says that the server is about to end.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells the watchdog, if there is one, as long as every thread that serves connections responds. When one no longer does,
/// the service manager restarts the server.
pub(crate) fn feed_watchdog(server: Handle) -> io::Result<()> {
    let Some(interval) = sd_notify::watchdog_enabled() else { return Ok(()) };
    let watch = move || loop {
        let patience = interval / 4;
        if server.responds_within(patience) {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!(?patience, "a thread does not respond; the watchdog is not told that all is well");
        }
        thread::sleep(interval / 2);
    };
    thread::Builder::new().name("watchdog".to_owned()).spawn(watch).map(drop)
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(problem) = sd_notify::notify(state) {
        tracing::warn!(%problem, "the service manager could not be told");
    }
}
