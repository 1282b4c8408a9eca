//! The real binary on a disk that takes nothing more: what only reads goes on.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use crate::process::{BINARY, Process, ask, login, without_rights};

/// Runs a task with no room for a single byte in any file.
fn task(words: &str, directory: &Path) -> Output {
    let script = format!("ulimit -f 0; exec {BINARY} {words} --data {}", directory.display());
    Command::new("sh").args(["-c", &script]).output().unwrap()
}

fn done(words: &str, directory: &Path) -> String {
    let output = task(words, directory);
    assert!(output.status.success(), "{words}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The disk was full, and then nobody could even see what was on it: every start and every task wrote first.
#[test]
fn what_only_reads_needs_no_room() {
    let directory = tempfile::tempdir().unwrap();
    let (stopped, killed) = (directory.path().join("stopped"), directory.path().join("killed"));
    fs::create_dir(&killed).unwrap();
    let server = Process::start_on_data(&stopped, &[]);
    let mut stream = server.connect();
    let token = login(&mut stream, "messi");
    ask(&mut stream, &format!("send {token} messi halo"));
    for file in ["chat.db", "chat.db-wal"] {
        fs::copy(stopped.join(file), killed.join(file)).unwrap();
    }
    assert!(fs::metadata(killed.join("chat.db-wal")).unwrap().len() > 0);
    server.signal(Signal::TERM);
    assert!(server.wait().0.success());

    for data in [&stopped, &killed] {
        let dump = done("dump", data);
        assert!(dump.contains("halo") && dump.contains("\"end\""), "{dump}");
        assert!(done("user list", data).contains("messi\t"));
        assert_eq!(done("check", data), "all is well\n");
        assert!(!task("user remove messi", data).status.success());

        let server = Process::start_on_small_disk(data, 0);
        assert_eq!(done("dump", data), dump);
        let mut stream = server.connect();
        let refusal = ask(&mut stream, &format!("inbox {token}"));
        assert!(refusal.contains("\"code\": \"storage\""), "{refusal}");
        assert!(ask(&mut stream, &format!("activeuser {token}")).contains("messi"), "what changes nothing goes on");
        assert_eq!(done("dump", data), dump, "also after a failed write");
        assert_eq!(done("check", data), "all is well\n");

        let id = Pid::from_raw(server.id().try_into().unwrap());
        prlimit(id, Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();
        assert!(ask(&mut stream, &format!("inbox {token}")).contains("halo"), "there is room again");
        assert!(ask(&mut stream, &format!("send {token} messi later")).contains("Message Sent"));
        server.signal(Signal::KILL);
        drop(server);
        let server = Process::start_on_data(data, &[]);
        let inbox = ask(&mut server.connect(), &format!("inbox {token}"));
        assert!(inbox.contains("later") && !inbox.contains("halo"), "{inbox}");
    }
}

/// Where no file could be made, as on a read-only file system, no server started: it could not make its control socket.
#[test]
fn a_server_starts_where_nothing_can_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let server = Process::start_on_data(&data, &[]);
    let token = login(&mut server.connect(), "messi");
    server.signal(Signal::TERM);
    assert!(server.wait().0.success());
    let set = |directory: u32, file: u32| {
        for (path, mode) in [(data.clone(), directory), (data.join("chat.db"), file), (data.join("chat.db-wal"), file)]
        {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
    };
    set(0o500, 0o400);
    let mut server = Process::start_without_rights(&data);
    for text in ["the data can only be read", "no requests are taken on the control socket"] {
        // The log has a thread of its own, and may be late.
        if !server.said.iter().any(|line| line.contains(text)) {
            server.wait_for(text);
        }
    }
    assert!(ask(&mut server.connect(), &format!("activeuser {token}")).contains("messi"));
    assert!(ask(&mut server.connect(), "auth messi surabaya").contains("\"code\": \"storage\""));
    for words in ["dump", "check", "user list"] {
        let output = without_rights().args(words.split(' ')).arg("--data").arg(&data).output().unwrap();
        assert!(output.status.success(), "{words}: {output:?}");
    }
    server.signal(Signal::TERM);
    assert!(server.wait().0.success());
    set(0o700, 0o600);
}
