//! The connection that requests go over: made when it is first needed, and made again after it was lost, because a
//! session outlives its connection.

use std::net::TcpStream;

use chat_lib::client::dial;
use chat_lib::limits::CLIENT_PATIENCE;
use chat_lib::{Client, Error};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::trace::Traced;

/// A connection to a server that may have to be made first.
pub(crate) struct Link {
    server: String,
    trace: bool,
    open: Option<Open>,
    /// Whether the server has ever been reached.
    reached: bool,
}

struct Open {
    client: Client<Traced>,
    /// The client's stream, to look whether the server has closed it.
    stream: TcpStream,
}

/// Why a request did not work.
pub(crate) enum Trouble {
    /// It was refused, by the server or before it was sent.
    Refused(Error),
    /// The server is out of reach; whether the request was done is not known.
    Lost(String),
}

impl Link {
    pub(crate) fn new(server: &str, trace: bool) -> Self {
        Self { server: server.to_owned(), trace, open: None, reached: false }
    }

    /// The server's address.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Connects, if it never has.
    pub(crate) fn reach(&mut self) -> Result<(), Trouble> {
        if self.reached { Ok(()) } else { self.request(|_| Ok(())) }
    }

    /// Makes a request, connecting first if necessary.
    pub(crate) fn request<T>(&mut self, ask: impl FnOnce(&Client<Traced>) -> Result<T, Error>) -> Result<T, Trouble> {
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                let lost = |error| Trouble::Lost(format!("cannot connect to {}: {error}", self.server));
                let stream = dial(&self.server, CLIENT_PATIENCE).map_err(lost)?;
                self.reached = true;
                let copy = stream.try_clone().map_err(|problem| lost(problem.into()))?;
                none.insert(Open { client: Client::over(Traced { stream, shown: self.trace }), stream: copy })
            }
        };
        ask(&open.client).map_err(|error| match error {
            Error::Disconnected | Error::TimedOut | Error::BadReply(_) | Error::Io(_) => {
                self.open = None;
                Trouble::Lost(format!("{}: {error}", self.server))
            }
            refusal => Trouble::Refused(refusal),
        })
    }

    /// Forgets a connection that the server has closed since the last request, so that the next one does not fail over it.
    pub(crate) fn forget_if_closed(&mut self) {
        let closed = |open: &mut Open| {
            let mut stream = [PollFd::new(&open.stream, PollFlags::IN)];
            poll(&mut stream, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
                && open.stream.peek(&mut [0]).is_ok_and(|count| count == 0)
        };
        self.open.take_if(closed);
    }

    /// The connection, if there is one.
    pub(crate) fn client(&self) -> Option<&Client<Traced>> {
        self.open.as_ref().map(|open| &open.client)
    }
}
