//! What the binary says when something is not as it should be: who is at fault, and what to do.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::geteuid;

use crate::process::{BINARY, Process, ask, done, login, task, without_rights};

/// Data with one user, whose name to others is long.
fn data_with_ana(directory: &Path) {
    let full_name = "Ana ".repeat(60);
    done(&["user", "add", "ana", "--full-name", full_name.trim(), "--password-stdin"], directory, b"secret\n");
}

/// Runs it with a standard output that nobody reads.
fn unread(words: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(BINARY);
    command.args(words).arg("--data").arg(directory).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    child.wait_with_output().unwrap()
}

/// `chat-server dump | head -1` on stopped data said "the server closed the connection", and on a running server
/// "Broken pipe".
#[test]
fn whoever_has_read_enough_is_no_error() {
    let directory = tempfile::tempdir().unwrap();
    data_with_ana(directory.path());
    let commands = [&["dump"][..], &["check"], &["user", "list"]];
    let quiet = |words: &[&str]| {
        let output = unread(words, directory.path());
        assert!(output.status.success(), "{words:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{words:?}: {output:?}");
    };
    commands.iter().for_each(|words| quiet(words));
    let _server = Process::start_on_data(directory.path(), &[]);
    commands.iter().for_each(|words| quiet(words));
}

/// An error of standard output was told like one of the network or of the data.
#[test]
fn a_full_standard_output_is_named() {
    let directory = tempfile::tempdir().unwrap();
    data_with_ana(directory.path());
    let full = || {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output =
            Command::new(BINARY).arg("dump").arg("--data").arg(directory.path()).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            "chat-server: standard output cannot be written: No space left on device (os error 28)\n"
        );
    };
    full();
    let _server = Process::start_on_data(directory.path(), &[]);
    full();
}

/// What could not be read was told as "Is a directory", and an empty dump as cut off behind line 0.
#[test]
fn a_standard_input_that_is_none_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let add = ["user", "add", "ana", "--full-name", "Ana", "--password-stdin"];
    for words in [&["restore"][..], &add] {
        let mut command = Command::new(BINARY);
        command.args(words).arg("--data").arg(directory.path()).stdin(fs::File::open("/").unwrap());
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with("chat-server: standard input cannot be read: Is a directory"), "{stderr}");
    }
    let (success, _, stderr) = task(&["restore"], directory.path(), b"");
    assert!(!success && stderr.ends_with("line 1 of the dump: it is not there\n"), "{stderr}");
}

/// A directory that may not be looked into was "there is no chat data".
#[test]
fn a_closed_directory_is_not_an_empty_one() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    data_with_ana(&data);
    fs::set_permissions(&data, Permissions::from_mode(0o000)).unwrap();
    for words in [&["user", "list"][..], &["dump"], &["check"], &["restore"], &["--listen", "127.0.0.1:0"]] {
        let mut command = without_rights();
        let output = command.args(words).arg("--data").arg(&data).stdin(Stdio::null()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {stderr}");
        assert!(stderr.contains("cannot be read: Permission denied"), "{words:?}: {stderr}");
    }
    fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
}

/// `--listen localhost:8890` and `--listen 8889` were "invalid socket address syntax".
#[test]
fn it_listens_on_names_and_says_the_form() {
    let server = Process::start_on("localhost:0");
    assert!(server.address.ip().is_loopback());
    login(&mut server.connect(), "messi");
    for bad in ["8889", ":8889", "localhost", "::1:8889"] {
        let output = Command::new(BINARY).args(["--memory", "--listen", bad]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{bad}: {stderr}");
        assert!(stderr.contains("it is HOST:PORT, such as 127.0.0.1:8889"), "{bad}: {stderr}");
    }
}

/// A byte order mark broke a restore, and got silently into a password.
#[test]
fn a_byte_order_mark_is_skipped() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let add = ["user", "add", "ana", "--full-name", "Ana", "--password-stdin"];
    done(&add, one.path(), "\u{feff}secret\r\n".as_bytes());
    let dump = done(&["dump"], one.path(), b"");
    done(&["restore"], two.path(), format!("\u{feff}{}", dump.replace('\n', "\r\n")).as_bytes());
    assert_eq!(done(&["dump"], two.path(), b""), dump);
    for directory in [one.path(), two.path()] {
        let server = Process::start_on_data(directory, &[]);
        assert!(ask(&mut server.connect(), "auth ana secret").contains("tokenid"));
    }
    let three = tempfile::tempdir().unwrap();
    for (words, input, wanted) in [
        (&["restore"][..], &b"\xff\xfe{\0"[..], "line 1 of the dump: it is not UTF-8"),
        (&add, b"\xff\xfes\0", "the password on standard input is not UTF-8"),
        (&add, b"\n", "there is no password on standard input"),
    ] {
        let (success, _, stderr) = task(words, three.path(), input);
        assert!(!success && stderr.contains(wanted), "{stderr}");
    }
}

/// What is wrong with the data was told in the words for a server's peers: "the server could not store or read this".
#[test]
fn damaged_data_is_not_a_server() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("chat.db"), "x".repeat(10_000)).unwrap();
    for words in [&["check"][..], &["--listen", "127.0.0.1:0"]] {
        let (success, _, stderr) = task(words, directory.path(), b"");
        assert!(!success && stderr.starts_with("chat-server: the data cannot be read or written: "), "{stderr}");
        assert!(!stderr.contains("the server could not"), "{stderr}");
    }
}

/// A server that root ran on the data of a service left a control socket that the service's user could not use.
#[test]
fn the_control_socket_is_the_directorys_owners() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    fs::create_dir(&data).unwrap();
    let owner = if geteuid().is_root() { 65_534 } else { geteuid().as_raw() };
    chown(&data, Some(owner), None).unwrap();
    let _server = Process::start_on_data(&data, &[]);
    let socket = fs::metadata(data.join("control")).unwrap();
    assert_eq!((socket.uid(), socket.permissions().mode() & 0o777), (owner, 0o600));
}

/// `user list` and messages on stderr printed what others had written as it was, and a dump on a terminal did, too.
#[test]
fn nothing_that_others_wrote_reaches_the_terminal_raw() {
    let directory = tempfile::tempdir().unwrap();
    let header = "{\"chat_dump\":{\"version\":5,\"hashes\":true}}\n";
    let (success, _, stderr) =
        task(&["restore"], directory.path(), format!("{header}{{\"\u{202e}resu\":1}}").as_bytes());
    assert!(!success && stderr.contains("`\\u{202e}resu`"), "{stderr}");

    let server = Process::start_on_data(directory.path(), &[]);
    let mut stream = server.connect();
    let token = login(&mut stream, "messi");
    ask(&mut stream, &format!("send {token} messi \u{9b}2J\u{202e}\x7f\u{e0041} \u{e9} \u{1f469}\u{200d}\u{1f4bb}"));
    let dump = done(&["dump"], directory.path(), b"");
    assert!(
        dump.contains("\"text\":\"\\u009b2J\\u202e\\u007f\\udb40\\udc41 \u{e9} \u{1f469}\u{200d}\u{1f4bb}"),
        "{dump}"
    );
    let copy = tempfile::tempdir().unwrap();
    done(&["restore"], copy.path(), dump.as_bytes());
    assert_eq!(done(&["dump"], copy.path(), b""), dump);
}
