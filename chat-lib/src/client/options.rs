//! How a client connects: how long it waits, and whom it trusts.

use std::time::Duration;

use super::addresses::ServerAddresses;
#[cfg(feature = "tls")]
use super::tls::Trust;
use crate::error::Error;
use crate::limits::{CLIENT_PATIENCE, FAILOVER_PATIENCE};

/// How a [`Client`](crate::Client) or [`Events`](crate::Events) connect. Use the same options, or clones of them, for all
/// connections to a server: they share the certificates of authorities, which are read once, and what makes later TLS handshakes
/// cheaper.
///
/// ```no_run
/// use std::time::Duration;
///
/// use chat_lib::{Client, ClientOptions};
///
/// let options = ClientOptions::new().patience(Duration::from_secs(5)).ca_file("our-ca.pem")?;
/// let client = Client::connect_with("chats://chat.example.org", &options)?;
/// # Ok::<(), chat_lib::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// `None` for the default, which depends on the number of servers.
    patience: Option<Duration>,
    #[cfg(feature = "tls")]
    pub(super) trust: Trust,
}

impl ClientOptions {
    /// Waits 30 s at most, or 15 s if there are several servers, and trusts the authorities that the system trusts.
    pub fn new() -> Self {
        Self {
            patience: None,
            #[cfg(feature = "tls")]
            trust: Trust::default(),
        }
    }

    /// Waits `patience` at most for the connection to each address that the server's name has, and later for each piece of an answer;
    /// a millisecond at least. Looking up the name has no limit.
    ///
    /// Where there are [several servers](crate::ServerAddresses), it is also how long a call that fails is tried again, on all of
    /// them; a server has [`FAILOVER_CONNECT`](crate::limits::FAILOVER_CONNECT) of it to connect.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience.max(Duration::from_millis(1)));
        self
    }

    /// Refuses a CA file for a server that would be spoken to in clear.
    pub(super) fn check(&self, addresses: &ServerAddresses) -> Result<(), Error> {
        #[cfg(feature = "tls")]
        if let Some(address) = addresses.iter().find(|address| self.trust.is_chosen && !address.is_encrypted()) {
            let problem = format!("a CA file is for encrypted connections; the address has to be chats://{address}");
            return Err(Error::Tls(problem));
        }
        let _ = addresses;
        Ok(())
    }

    /// How long to wait if there is one server.
    pub(super) fn patience_with_one(&self) -> Duration {
        self.patience.unwrap_or(CLIENT_PATIENCE)
    }

    /// How long to wait, and to go on trying, if there are several.
    pub(super) fn patience_with_several(&self) -> Duration {
        self.patience.unwrap_or(FAILOVER_PATIENCE).min(LONGEST_PATIENCE)
    }

    /// Trusts the authorities whose certificates are in this PEM file, and no others. The file is read now.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read or is not a regular file of at most 1 MiB, [`Error::Tls`] if there is no certificate
    /// in it or one is damaged.
    #[cfg(feature = "tls")]
    pub fn ca_file(mut self, path: impl AsRef<std::path::Path>) -> Result<Self, Error> {
        self.trust = Trust::in_file(path.as_ref())?;
        Ok(self)
    }
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// No deadline is later than that. A longer one would not be noticed, and could not be told to the system.
pub(super) const LONGEST_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
