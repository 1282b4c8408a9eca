//! Where the changes are kept, as bytes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Where the changes are kept.
pub(crate) trait Log: Send {
    /// Everything that was appended.
    fn read(&mut self) -> io::Result<Vec<u8>>;
    /// Appends `bytes` and waits until they are on the disk.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Drops what lies past `length` bytes, and waits until the rest is on the disk.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Log for File {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.seek(SeekFrom::Start(0))?;
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)?;
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length))?;
        self.sync_all()
    }
}
