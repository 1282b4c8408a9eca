//! A connection whose bytes can be watched.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_lib::client::Stream;

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
