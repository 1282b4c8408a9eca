//! Many users who are just there, so that a server has something to load.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::BINARY;

/// Restores a dump with so many users, who cannot log in, into a new data directory.
pub(super) fn users(data: &Path, count: usize) {
    let mut restore =
        Command::new(BINARY).arg("restore").arg("--data").arg(data).stdin(Stdio::piped()).spawn().unwrap();
    let mut dump = std::io::BufWriter::new(restore.stdin.take().unwrap());
    let mut write = |line: std::fmt::Arguments<'_>| writeln!(dump, "{line}").unwrap();
    write(format_args!(r#"{{"chat_dump":{{"version":5,"hashes":true}}}}"#));
    for number in 0..count {
        write(format_args!(r#"{{"user":{{"name":"b{number:07}","full_name":"User {number}","country":"Brasil"}}}}"#));
    }
    let none = r#""invitations":0,"blocks":0,"conversations":0,"rooms":0,"messages":0,"keys":0"#;
    write(format_args!(r#"{{"end":{{"users":{count},{none}}}}}"#));
    drop(dump);
    assert!(restore.wait().unwrap().success());
}
