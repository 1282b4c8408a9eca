//! The data directory under the real binary: a restart, a full disk, a damaged file, a second process,
//! and what an operator does with it.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use crate::process::{BINARY, Process, ask, done, login, task};

#[test]
fn everything_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("chat-data");
    let server = Process::start_on_data(&data, &[]);
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let mut stream = server.connect();
    let token = login(&mut stream, "messi");
    ask(&mut stream, &format!("send {token} henderson halo"));
    server.signal(Signal::TERM);
    assert!(server.wait().0.success());

    let server = Process::start_on_data(&data, &[]);
    let mut stream = server.connect();
    assert!(ask(&mut stream, &format!("activeuser {token}")).contains("messi, "), "the session lives on");
    let henderson = login(&mut stream, "henderson");
    assert!(ask(&mut stream, &format!("inbox {henderson}")).contains(" halo\\r\\n"));
    assert_eq!(ask(&mut stream, &format!("inbox {henderson}")), "{\"status\": \"OK\", \"messages\": {}}");
}

#[test]
fn a_second_process_is_kept_out() {
    let directory = tempfile::tempdir().unwrap();
    let _server = Process::start_on_data(directory.path(), &[]);
    let (success, _, stderr) = task(&["--listen", "127.0.0.1:0"], directory.path(), b"");
    assert!(!success && stderr.contains("is in use by process "), "{stderr}");
    let (success, _, stderr) = task(&["restore"], directory.path(), b"");
    assert!(!success && stderr.contains("is in use by process "), "{stderr}");
}

/// SIGXFSZ ended the server where `ulimit -f` stands for a full disk.
#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::start_on_small_disk(directory.path(), 1024);
    let mut stream = server.connect();
    let token = login(&mut stream, "messi");
    let mut send = |number: usize| ask(&mut stream, &format!("send {token} messi {number}:{}", "x".repeat(5000)));
    let mut stored = Vec::new();
    let refusal = loop {
        match send(stored.len()) {
            answer if answer.contains("Message Sent") => stored.push(stored.len()),
            refusal => break refusal,
        }
    };
    assert!(refusal.contains("\"code\": \"storage\""), "{refusal}");
    assert!(send(99_999).contains("\"code\": \"storage\""), "it lives on and refuses the next");
    let id = Pid::from_raw(server.id().try_into().unwrap());
    prlimit(id, Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();
    assert!(send(stored.len()).contains("Message Sent"), "there is room again");
    stored.push(stored.len());
    let mut server = server;
    assert!(server.wait_for("failure").contains("chat.db"), "the log says where");
    server.signal(Signal::KILL);
    drop(server);

    let server = Process::start_on_data(directory.path(), &[]);
    let inbox = ask(&mut server.connect(), &format!("inbox {token}"));
    let inbox: serde_json::Value = serde_json::from_str(&inbox).unwrap();
    let texts = inbox["messages"]["messi"].as_array().unwrap().iter().map(|message| {
        let text = message["msg"].as_str().unwrap().trim();
        text.split_once(':').unwrap().0.parse::<usize>().unwrap()
    });
    assert_eq!(texts.collect::<Vec<_>>(), stored);
}

/// The same signal ended a task.
#[test]
fn a_task_on_a_full_disk_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let script = format!(
        "ulimit -Sf 8; exec {BINARY} user add ana --full-name Ana --password-stdin --data {}",
        directory.path().join("data").display()
    );
    let mut child =
        Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"secret\n").ok();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("chat-server: "));
}

#[test]
fn a_flipped_bit_is_found_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::start_on_data(directory.path(), &[]);
    let mut stream = server.connect();
    let token = login(&mut stream, "messi");
    for number in 0..50 {
        ask(&mut stream, &format!("send {token} messi {number} NEEDLE"));
    }
    server.signal(Signal::TERM);
    assert!(server.wait().0.success());
    assert_eq!(done(&["check"], directory.path(), b""), "all is well\n");

    let path = directory.path().join("chat.db");
    let bytes = fs::read(&path).unwrap();
    let place = bytes.windows(6).rposition(|window| window == b"NEEDLE").unwrap();
    let mut file = File::options().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(place.try_into().unwrap())).unwrap();
    file.write_all(b"O").unwrap();
    let (success, _, stderr) = task(&["check"], directory.path(), b"");
    assert!(!success && stderr.contains("damaged") && stderr.contains("log"), "{stderr}");
    let mut server = Process::start_on_data(directory.path(), &[]);
    let answer = ask(&mut server.connect(), &format!("inbox {token}"));
    assert!(answer.contains("\"code\": \"storage\""), "{answer}");
    assert!(server.wait_for("failure").contains("damaged"));
}

#[test]
fn users_are_managed_with_and_without_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let (success, _, stderr) = task(&["user", "list"], &data.join("nowhere"), b"");
    assert!(!success && stderr.contains("there is no chat data in"), "{stderr}");
    assert!(!data.join("nowhere").exists());
    let add = ["user", "add", "ana", "--full-name", "Ana Lima", "--country", "Brasil", "--password-stdin"];
    done(&add, data, b"secret\n");
    let (success, _, stderr) = task(&add, data, b"secret\n");
    assert!(!success && stderr.contains("that user name is taken"), "{stderr}");

    let server = Process::start_on_data(data, &[]);
    let mut stream = server.connect();
    let answer = ask(&mut stream, "auth ana secret");
    let token = answer.split('"').nth(7).unwrap().to_owned();
    done(&["user", "add", "bob", "--full-name", "Bob", "--password-stdin"], data, b"b\n");
    done(&["user", "edit", "ana", "--full-name", "Ana Souza"], data, b"");
    let list = done(&["user", "list"], data, b"");
    assert!(list.starts_with("ana\tAna Souza\tBrasil\nbob\tBob\t\nhenderson\t"), "{list}");
    let (success, _, stderr) = task(&["user", "remove", "nobody"], data, b"");
    assert!(!success && stderr.contains("there is no such user"), "{stderr}");
    assert!(ask(&mut stream, &format!("activeuser {token}")).contains("OK"));
    done(&["user", "passwd", "ana", "--password-stdin"], data, b"other\n");
    assert!(ask(&mut stream, &format!("activeuser {token}")).contains("Informasi tidak ditemukan"));
    assert!(ask(&mut stream, "auth ana secret").contains("Password Salah"));
    assert!(ask(&mut stream, "auth ana other").contains("tokenid"));
    let token = ask(&mut stream, "auth bob b").split('"').nth(7).unwrap().to_owned();
    done(&["user", "ban", "bob"], data, b"");
    assert!(ask(&mut stream, &format!("activeuser {token}")).contains("Informasi tidak ditemukan"));
    assert!(ask(&mut stream, "auth bob wrong").contains("Password Salah"));
    assert!(ask(&mut stream, "auth bob b").contains("\"code\": \"banned\""));
    assert!(done(&["user", "list"], data, b"").contains("\nbob\tBob\t\tbanned\n"));
    done(&["user", "unban", "bob"], data, b"");
    assert!(ask(&mut stream, "auth bob b").contains("tokenid"));
    assert!(done(&["user", "list"], data, b"").contains("\nbob\tBob\t\n"));
    let (success, _, stderr) = task(&["user", "ban", "nobody"], data, b"");
    assert!(!success && stderr.contains("there is no such user"), "{stderr}");
    done(&["user", "remove", "ana"], data, b"");
    assert!(ask(&mut stream, "auth ana other").contains("User Tidak Ada"));
    server.signal(Signal::TERM);
    assert!(server.wait().0.success());
    assert!(!done(&["user", "list"], data, b"").contains("ana"));
}

/// An operator who forgot CHAT_CONFIG had new data in whatever directory it was.
#[test]
fn only_a_directory_that_was_named_is_created() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("chat-data");
    for words in [&["invite"][..], &["user", "add", "ana", "--full-name", "Ana", "--password-stdin"], &["status"]] {
        let run = |words: &[&str], variables: &[(&str, &str)]| {
            let mut command = Command::new(BINARY);
            let mut child = command
                .args(words)
                .current_dir(&directory)
                .envs(variables.iter().copied())
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(b"secret\n").ok();
            let output = child.wait_with_output().unwrap();
            (output.status.success(), String::from_utf8(output.stderr).unwrap())
        };
        let (success, said) = run(words, &[]);
        let wanted = format!("there is no chat data in {}; name another directory with --data", data.display());
        assert!(!success && said.contains(&wanted), "{words:?}: {said}");
        assert!(!data.exists());
        if words != ["status"] {
            assert!(run(words, &[("CHAT_DATA", "chat-data")]).0);
            fs::remove_dir_all(&data).unwrap();
        }
    }
}

#[test]
fn a_dump_comes_back_as_it_was() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Process::start_on_data(one.path(), &["--keep-read", "1day"]);
    let mut stream = server.connect();
    let tokens = ["messi", "henderson"].map(|user| login(&mut stream, user));
    for number in 0..20 {
        ask(&mut stream, &format!("send {} messi {number} \u{e9}\"", tokens[number % 2]));
        ask(&mut stream, &format!("send {} henderson {number}", tokens[number % 2]));
    }
    ask(&mut stream, &format!("inbox {}", tokens[0]));
    ask(&mut stream, &format!("send {} messi later", tokens[1]));
    let dump = done(&["dump"], one.path(), b"");
    assert_eq!(dump.matches("{\"message\"").count(), 41);
    assert_eq!(dump.matches("\"read\":0").count(), 2, "henderson has read nothing: {dump}");
    done(&["restore"], two.path(), dump.as_bytes());
    let copy = Process::start_on_data(two.path(), &["--keep-read", "1day"]);
    assert_eq!(done(&["dump"], two.path(), b""), dump);
    let messi = login(&mut copy.connect(), "messi");
    let inbox = ask(&mut copy.connect(), &format!("inbox {messi}"));
    assert!(inbox.contains(" later") && inbox.matches("\"msg\"").count() == 1, "{inbox}");

    let running = done(&["dump"], two.path(), b"");
    copy.signal(Signal::TERM);
    assert!(copy.wait().0.success());
    assert_eq!(done(&["dump"], two.path(), b""), running);

    let three = tempfile::tempdir().unwrap();
    let half: String = dump.lines().take(9).map(|line| format!("{line}\n")).collect();
    let (success, _, stderr) = task(&["restore"], three.path(), half.as_bytes());
    assert!(!success && stderr.contains("cut off"), "{stderr}");
    done(&["restore"], three.path(), dump.as_bytes());
    assert_eq!(done(&["dump"], three.path(), b""), dump);
    let (success, _, stderr) = task(&["restore"], two.path(), dump.as_bytes());
    assert!(!success && stderr.contains("there are users already"), "{stderr}");
}

/// A dump left out the hashes of passwords unless it was told `--hashes`, and of stopped data the messages that
/// were read unless it was told `--keep-read`; nobody learned it before the restore.
#[test]
fn a_backup_by_the_readme_loses_nothing() {
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [one, two, three] = directories.each_ref().map(tempfile::TempDir::path);
    let server = Process::start_on_data(one, &["--keep-read", "90days"]);
    let mut stream = server.connect();
    let token = login(&mut stream, "messi");
    ask(&mut stream, &format!("send {token} messi halo"));
    ask(&mut stream, &format!("inbox {token}"));
    server.signal(Signal::TERM);
    assert!(server.wait().0.success());

    done(&["user", "list"], one, b"");
    let (success, dump, stderr) = task(&["dump"], one, b"");
    assert!(success && stderr.is_empty(), "{stderr}");
    assert!(dump.contains(r#""text":"halo"#), "{dump}");
    let (success, _, stderr) = task(&["restore"], two, dump.as_bytes());
    assert!(success && stderr == "chat-server: restored users: 3, messages: 1\n", "{stderr}");
    assert_eq!(done(&["dump"], two, b""), dump);
    login(&mut Process::start_on_data(two, &[]).connect(), "messi");

    let (success, dump, stderr) = task(&["dump", "--without-passwords"], one, b"");
    assert!(success && stderr.contains("the dump has no passwords"), "{stderr}");
    assert!(!dump.contains("argon2"));
    let (success, _, stderr) = task(&["restore"], three, dump.as_bytes());
    assert!(success && stderr.contains("3 of the users have no password and cannot log in"), "{stderr}");
}

/// The path of a Unix socket may have 107 bytes, and a data directory's may have more.
#[test]
fn a_long_path_is_no_obstacle() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("x".repeat(120));
    let server = Process::start_on_data(&data, &[]);
    assert!(done(&["user", "list"], &data, b"").contains("messi"));
    server.signal(Signal::TERM);
    assert!(server.wait().0.success());
}

/// The control socket's thread was woken by a connection to the socket's path, which could be another
/// server's by then: SIGTERM hung, and would have removed the other's socket.
#[test]
fn a_stop_leaves_a_socket_that_is_not_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (directory.path().join("one"), directory.path().join("two"));
    let moved = Process::start_on_data(&one, &[]);
    fs::rename(&one, &two).unwrap();
    let _other = Process::start_on_data(&one, &[]);
    moved.signal(Signal::TERM);
    assert!(moved.wait().0.success());
    assert!(done(&["user", "list"], &one, b"").contains("messi"));
}

/// A dump that was under way kept the store open, and so the next start was as slow as after a crash.
#[test]
fn a_stop_is_clean_though_somebody_is_being_answered() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::start_on_data(directory.path(), &[]);
    let mut stream = server.connect();
    let token = login(&mut stream, "messi");
    for number in 0..100 {
        ask(&mut stream, &format!("send {token} messi {number}{}", "x".repeat(60_000)));
    }
    let mut dump = Command::new(BINARY);
    dump.arg("dump").arg("--data").arg(directory.path()).stdout(Stdio::piped());
    let mut dump = dump.spawn().unwrap();
    // It is being answered now, and waits for us to read on.
    dump.stdout.as_mut().unwrap().read_exact(&mut [0; 10]).unwrap();
    server.signal(Signal::TERM);
    assert!(server.wait().0.success());
    dump.kill().unwrap();
    dump.wait().unwrap();
    let database = fs::read(directory.path().join("chat.db")).unwrap();
    assert!(database.len() > 6_000_000, "all is in the database, and nothing in the log alone");
}

/// Hashes that no machine could check kept the server busy for ever, and one held up all connections.
#[test]
fn a_dump_brings_no_hash_that_is_none() {
    let salt_and_hash = "$YWJjZGVmZ2hpamtsbW5vcA$ePYAcJvVAdmE0Xy9IBtEVnbmhmd4VTQtTgBN85NVUU0";
    for bad in [
        format!("$argon2id$v=19$m=65536,t=65536,p=1{salt_and_hash}"),
        format!("$argon2id$v=19$m=8,t=4000000000,p=1{salt_and_hash}"),
        format!("$argon2d$v=19$m=19456,t=2,p=1{salt_and_hash}"),
        "$argon2id$v=19$m=19456,t=2,p=1".to_owned(),
    ] {
        let user =
            format!("{{\"user\":{{\"name\":\"a\",\"full_name\":\"A\",\"country\":\"\",\"password\":\"{bad}\"}}}}");
        let dump = format!(
            "{{\"chat_dump\":{{\"version\":5,\"hashes\":true}}}}\n{user}\n{{\"end\":{{\"users\":1,\"invitations\":0,\"blocks\":0,\"conversations\":0,\"rooms\":0,\"messages\":0,\"keys\":0}}}}\n"
        );
        let directory = tempfile::tempdir().unwrap();
        let (success, _, stderr) = task(&["restore"], directory.path(), dump.as_bytes());
        assert!(!success && stderr.contains("line 2 of the dump"), "{bad}: {stderr}");
        assert_eq!(done(&["user", "list"], directory.path(), b""), "");
    }
}

#[test]
fn users_with_a_public_password_stay_off_the_network() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::start_on_data(directory.path(), &[]);
    server.signal(Signal::TERM);
    assert!(server.wait().0.success());
    let (success, _, stderr) = task(&["--listen", "0.0.0.0:0", "--allow-cleartext"], directory.path(), b"");
    assert!(!success && stderr.contains("public password"), "{stderr}");
}

#[test]
fn another_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    done(&["user", "add", "ana", "--full-name", "Ana", "--password-stdin"], directory.path(), b"secret\n");
    let path = directory.path().join("chat.db");
    let mut file = File::options().read(true).write(true).open(&path).unwrap();
    // SQLite keeps the user version at this place, in big endian.
    file.seek(SeekFrom::Start(60)).unwrap();
    let mut version = [0; 4];
    file.read_exact(&mut version).unwrap();
    assert_eq!(version, [0, 0, 0, 7]);
    for other in [6, 8] {
        file.seek(SeekFrom::Start(60)).unwrap();
        file.write_all(&[0, 0, 0, other]).unwrap();
        let (success, _, stderr) = task(&["check"], directory.path(), b"");
        assert!(!success && stderr.contains(&format!("has format {other}")), "{stderr}");
    }
}
