//! The connection that requests go over: made when it is first needed, and made again after it was lost, because a
//! session outlives its connection. With several servers, the library does the latter.

use std::sync::{Arc, Mutex};

use chat_lib::client::Stream;
use chat_lib::{Client, Error, ServerAddresses};

use crate::args::Target;
use crate::trace::{Traced, Tracer};

/// A connection to a server that may have to be made first.
pub(crate) struct Link {
    target: Target<ServerAddresses>,
    trace: bool,
    open: Option<Open>,
    /// Whether the server has ever been reached.
    reached: bool,
}

struct Open {
    client: Client<Traced>,
    /// The client's stream, to look whether the server has closed it; `None` if the client looks itself.
    stream: Option<Arc<Mutex<Stream>>>,
}

impl Open {
    fn new(target: &Target<ServerAddresses>, shown: bool) -> Result<Self, Error> {
        let Target { address, options } = target;
        let Some(address) = address.single() else {
            let tracer = Tracer { options: options.clone(), shown };
            return Ok(Self { client: Client::connect_by(address, options, tracer)?, stream: None });
        };
        let stream = Arc::new(Mutex::new(Stream::connect(address, options)?));
        let traced = Traced { stream: Arc::clone(&stream), shown };
        Ok(Self { client: Client::over(traced), stream: Some(stream) })
    }
}

/// Why a request did not work.
pub(crate) enum Trouble {
    /// It was refused, by the server or before it was sent.
    Refused(Error),
    /// The server is out of reach; whether the request was done is not known.
    Lost(String),
}

impl Link {
    pub(crate) fn new(target: Target<ServerAddresses>, trace: bool) -> Self {
        Self { target, trace, open: None, reached: false }
    }

    /// The server.
    pub(crate) fn target(&self) -> &Target<ServerAddresses> {
        &self.target
    }

    /// Connects, if it never has.
    pub(crate) fn reach(&mut self) -> Result<(), Trouble> {
        if self.reached { Ok(()) } else { self.request(|_| Ok(())) }
    }

    /// Makes a request, connecting first if necessary.
    pub(crate) fn request<T>(&mut self, ask: impl FnOnce(&Client<Traced>) -> Result<T, Error>) -> Result<T, Trouble> {
        let address = &self.target.address;
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                let open = Open::new(&self.target, self.trace);
                let open = open.map_err(|error| Trouble::Lost(format!("cannot connect to {address}: {error}")))?;
                self.reached = true;
                none.insert(open)
            }
        };
        ask(&open.client).map_err(|error| match error {
            Error::Disconnected | Error::TimedOut | Error::BadReply(_) | Error::Tls(_) | Error::Io(_) => {
                self.open.take_if(|open| open.stream.is_some());
                Trouble::Lost(format!("{address}: {error}"))
            }
            refusal => Trouble::Refused(refusal),
        })
    }

    /// Forgets a connection that the server has closed since the last request, so that the next one does not fail over it.
    pub(crate) fn forget_if_closed(&mut self) {
        // Where another thread waits for an answer, the connection is in use.
        let is_closed = |stream: &Mutex<Stream>| stream.try_lock().is_ok_and(|mut stream| stream.is_closed());
        self.open.take_if(|open| open.stream.as_deref().is_some_and(is_closed));
    }

    /// The connection, if there is one.
    pub(crate) fn client(&self) -> Option<&Client<Traced>> {
        self.open.as_ref().map(|open| &open.client)
    }
}
