//! The engine keeps the contract: on a disk, on one that fails, and after a crash in the middle of a write.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use chat_lib::Error;
use chat_lib::conformance::{self, Data, Fault};
use chat_lib::store::Store;

use super::Engine;
use super::log::Log;

/// A file in a directory of its own.
struct InFile(tempfile::TempDir);

impl Data for InFile {
    fn open(&self) -> Result<Box<dyn Store + '_>, Error> {
        Ok(Box::new(Engine::open(&self.0.path().join("chat.jsonl"))?))
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn fail_next_commit(&self, _fault: Fault) -> bool {
        false
    }
}

#[test]
fn a_file_keeps_the_contract() {
    conformance::check(|| InFile(tempfile::tempdir().unwrap()));
}

/// A disk that can be told to fail, and that outlives the engine.
#[derive(Clone, Default)]
struct Hostile(Arc<Mutex<Disk>>);

impl Hostile {
    fn with(wrong: Wrong) -> Self {
        Self(Arc::new(Mutex::new(Disk { wrong, ..Disk::default() })))
    }
}

/// What a disk does wrong without saying so.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Wrong {
    #[default]
    Nothing,
    /// Writes nothing.
    Forgets,
    /// Has not this kind of change when it is read.
    ForgetsChange(&'static str),
    CutsNothing,
    FailsSilently,
}

#[derive(Default)]
struct Disk {
    wrong: Wrong,
    bytes: Vec<u8>,
    fault: Option<Fault>,
    /// Whether the next cut fails, too.
    cannot_cut: bool,
}

impl Log for Hostile {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let disk = self.0.lock().unwrap();
        let Wrong::ForgetsChange(kind) = disk.wrong else { return Ok(disk.bytes.clone()) };
        let mut kept = Vec::new();
        for line in disk.bytes.split_inclusive(|&byte| byte == b'\n') {
            let mut changes: Vec<serde_json::Value> = serde_json::from_slice(line)?;
            changes.retain(|change| change.get(kind).is_none() && change != kind);
            kept.extend(serde_json::to_vec(&changes)?);
            kept.push(b'\n');
        }
        Ok(kept)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        if disk.wrong == Wrong::Forgets || disk.wrong == Wrong::FailsSilently && disk.fault.take().is_some() {
            return Ok(());
        }
        let (written, cannot_cut) = match disk.fault.take() {
            None => (bytes.len(), None),
            Some(Fault::Nothing) => (bytes.len() / 2, Some(false)),
            Some(Fault::UnseenNothing) => (bytes.len() - 1, Some(true)),
            Some(_) => (bytes.len(), Some(true)),
        };
        disk.bytes.extend_from_slice(&bytes[..written]);
        disk.cannot_cut |= cannot_cut == Some(true);
        if cannot_cut.is_some() { Err(io::Error::other("it was told to fail")) } else { Ok(()) }
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        if std::mem::take(&mut disk.cannot_cut) {
            return Err(io::Error::other("it was told to fail"));
        }
        if disk.wrong != Wrong::CutsNothing {
            disk.bytes.truncate(usize::try_from(length).unwrap());
        }
        Ok(())
    }
}

impl Data for Hostile {
    fn open(&self) -> Result<Box<dyn Store + '_>, Error> {
        self.0.lock().unwrap().fault = None;
        Ok(Box::new(Engine::with_log(Box::new(self.clone()))?))
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn fail_next_commit(&self, fault: Fault) -> bool {
        let mut disk = self.0.lock().unwrap();
        if matches!(disk.wrong, Wrong::ForgetsChange(_)) {
            return false;
        }
        disk.fault = Some(fault);
        true
    }
}

#[test]
fn a_disk_that_fails_keeps_the_contract() {
    conformance::check(Hostile::default);
}

#[test]
fn the_suite_notices_a_disk_that_lies() {
    for wrong in [
        Wrong::Forgets,
        Wrong::CutsNothing,
        Wrong::FailsSilently,
        Wrong::ForgetsChange("epoch"),
        Wrong::ForgetsChange("restore_begins"),
        Wrong::ForgetsChange("session_ends"),
        Wrong::ForgetsChange("read"),
        Wrong::ForgetsChange("message"),
        Wrong::ForgetsChange("member"),
        Wrong::ForgetsChange("room_removed"),
        Wrong::ForgetsChange("block"),
        Wrong::ForgetsChange("deleted"),
        Wrong::ForgetsChange("key"),
    ] {
        let outcome = catch_unwind(AssertUnwindSafe(|| conformance::check(|| Hostile::with(wrong))));
        assert!(outcome.is_err(), "the suite does not notice this: {wrong:?}");
    }
}
