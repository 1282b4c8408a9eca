//! Where the log goes: stderr, or journald's socket.

use std::io::{self, Write, stderr};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// Takes one event at a time.
pub(super) enum Destination {
    Stderr,
    Journald { socket: UnixDatagram, path: PathBuf },
}

impl Destination {
    /// The journal behind the socket at `path`; fails if nobody listens there.
    pub(super) fn journald(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        // An empty datagram is ignored by journald.
        socket.send_to(&[], path)?;
        Ok(Self::Journald { socket, path: path.to_owned() })
    }

    pub(super) fn write(&self, event: &[u8]) -> io::Result<()> {
        match self {
            Self::Stderr => stderr().write_all(event),
            // By its path each time: journald may have been restarted.
            Self::Journald { socket, path } => socket.send_to(event, path).map(drop),
        }
    }
}

/// Where journald listens (systemd, "Native Journal Protocol").
pub(super) const JOURNALD: &str = "/run/systemd/journal/socket";
