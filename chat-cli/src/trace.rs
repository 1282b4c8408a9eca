//! A connection whose bytes can be watched.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_lib::client::{Connector, Stream};
use chat_lib::{ClientOptions, Error, ServerAddress};

/// Passes bytes on, and shows them on stderr if asked: `>` what is sent, `<` what is received.
pub(crate) struct Traced {
    pub(crate) stream: Arc<Mutex<Stream>>,
    pub(crate) shown: bool,
}

impl Read for Traced {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream().read(buffer)?;
        self.show('<', buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl Write for Traced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.stream().write(bytes)?;
        self.show('>', bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream().flush()
    }
}

impl Traced {
    fn stream(&self) -> MutexGuard<'_, Stream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, direction: char, bytes: &[u8]) {
        if self.shown {
            complain!("{direction} {}", bytes.escape_ascii());
        }
    }
}

/// Makes connections whose bytes can be watched.
pub(crate) struct Tracer {
    pub(crate) options: ClientOptions,
    pub(crate) shown: bool,
}

impl Connector for Tracer {
    type Stream = Traced;

    fn connect(&mut self, address: &ServerAddress, patience: Duration) -> Result<Traced, Error> {
        let stream = Stream::connect(address, &self.options.clone().patience(patience))?;
        if self.shown {
            complain!("connected to {address}");
        }
        Ok(Traced { stream: Arc::new(Mutex::new(stream)), shown: self.shown })
    }

    fn set_patience(&mut self, traced: &mut Traced, patience: Duration) -> Result<(), Error> {
        traced.stream().set_patience(patience)
    }

    fn is_closed(&mut self, traced: &mut Traced) -> bool {
        traced.stream().is_closed()
    }
}
