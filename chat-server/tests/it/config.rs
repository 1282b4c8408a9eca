//! The configuration file and the environment, as an operator uses them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;

use crate::process::{BINARY, Process, ask, done, login};

fn run(words: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(BINARY).args(words).envs(variables.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn write(directory: &Path, contents: &str) -> String {
    let path = directory.join("chat-server.toml");
    fs::write(&path, contents).unwrap();
    path.display().to_string()
}

#[test]
fn a_server_runs_with_its_file_and_environment() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "listen = '127.0.0.1:0'\nmemory = true\nline_bytes = '1KiB'\n");
    let variables = [("CHAT_DEMO", "1"), ("CHAT_MAILBOX_MESSAGES", "1"), ("CHAT_CONFIG", &file)];
    let server = Process::start_with_variables(&variables);
    let mut stream = server.connect();
    let token = login(&mut stream, "messi");
    let send = format!("send {token} henderson hi");
    for (line, wanted) in [(&"x".repeat(1100), "line_too_long"), (&send, "Message Sent"), (&send, "mailbox_full")] {
        let answer = ask(&mut stream, line);
        assert!(answer.contains(wanted), "{answer}");
    }
}

#[test]
fn a_wrong_file_is_refused_with_its_lines() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "listen = '127.0.0.1:0'\n\nlinebytes = '1KiB'\nlog = 'a\u{9b}2J'\n");
    let wanted = format!(
        "chat-server: {file}:3: there is no option linebytes; did you mean line_bytes?\n\
         chat-server: {file}:4: log cannot be \"a\\u{{9b}}2J\": expected off, error, warn, info, debug or trace\n"
    );
    for words in [&["--memory", "--config", &file][..], &["config", "check", &file], &["config", "show", &file]] {
        let output = run(words, &[]);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(2), &*wanted), "{words:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn the_configuration_is_checked_and_shown() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "listen = ['127.0.0.1:0']\nline_bytes = 1024\n");
    let variables = [("CHAT_LOG", "debug"), ("CHAT_LOGS", "debug")];
    let checked = run(&["config", "check", &file], &variables);
    assert!(checked.status.success());
    assert_eq!(text(&checked.stdout), format!("{file}: the configuration is correct\n"));
    assert_eq!(text(&checked.stderr), "chat-server: the variable CHAT_LOGS has no effect; did you mean CHAT_LOG?\n");
    for words in [&["config", "show", &file][..], &["config", "show", "--config", &file]] {
        let shown = run(words, &variables[..1]);
        assert!(shown.stderr.is_empty() && shown.status.success(), "{shown:?}");
        let lines: Vec<Vec<&str>> = text(&shown.stdout).lines().map(|line| line.split_whitespace().collect()).collect();
        let place = format!("{file}:2");
        for wanted in [
            ["line_bytes", "=", "1024", "#", &place],
            ["log", "=", "\"debug\"", "#", "CHAT_LOG"],
            ["data", "=", "\"chat-data\"", "#", "default"],
        ] {
            assert!(lines.iter().any(|line| line[..] == wanted), "{wanted:?} is not in {shown:#?}");
        }
    }
    let default = run(&["config", "default"], &[]);
    assert!(text(&default.stdout).contains("\n#line_bytes = \"64KiB\"\n") && default.stderr.is_empty());
}

#[test]
fn a_task_finds_the_data_of_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let file = write(directory.path(), &format!("data = '{}'\n", data.display()));
    done(&["user", "add", "ana", "--full-name", "Ana", "--password-stdin"], &data, b"secret\n");
    let listed = run(&["user", "list", "--config", &file], &[]);
    assert_eq!(text(&listed.stdout), "ana\tAna\t\n");
    let listed = run(&["user", "list"], &[("CHAT_CONFIG", &file)]);
    assert_eq!(text(&listed.stdout), "ana\tAna\t\n");
}

#[test]
fn sighup_changes_what_can_change() {
    let directory = tempfile::tempdir().unwrap();
    let lines = "listen = '127.0.0.1:0'\nmemory = true\ndemo = true\n";
    let file = write(directory.path(), lines);
    let mut server = Process::start_with_variables(&[("CHAT_CONFIG", &file)]);
    let mut stream = server.connect();
    let token = login(&mut stream, "messi");
    let send = format!("send {token} henderson hi");
    assert!(ask(&mut stream, &send).contains("Message Sent"));
    assert!(ask(&mut stream, "auth messi wrong").contains("Password Salah"));
    server.wait_for("INFO refusal");

    write(
        directory.path(),
        &format!("{lines}mailbox_messages = 1\nlog = 'debug'\nkeep_read = '1days'\n").replace("memory", "#"),
    );
    server.signal(Signal::HUP);
    server.wait_for("INFO setting changed key=\"log\" from=\"info\" to=\"debug\"");
    server.wait_for("INFO setting changed key=\"mailbox_messages\" from=\"100000\" to=\"1\"");
    server.wait_for("WARN this setting changes only when the server is restarted key=\"keep_read\"");
    server.wait_for("INFO configuration reloaded changed=2 waiting=2");
    assert!(ask(&mut stream, &send).contains("mailbox_full"));
    assert!(ask(&mut stream, &format!("inbox {token}")).contains("OK"));
    server.wait_for("DEBUG inbox");

    // What waits for a restart is said again, and what has changed is not.
    server.signal(Signal::HUP);
    server.wait_for("INFO configuration reloaded changed=0 waiting=2");
}

#[test]
fn sighup_with_a_wrong_file_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let lines = "listen = '127.0.0.1:0'\nmemory = true\ndemo = true\n";
    let file = write(directory.path(), lines);
    let mut server = Process::start_with_variables(&[("CHAT_CONFIG", &file)]);
    let mut stream = server.connect();
    let token = login(&mut stream, "messi");
    write(directory.path(), &format!("{lines}mailbox_messages = 1\nline_bytes = 'x\u{9b}2J'\n"));
    server.signal(Signal::HUP);
    let problem = server.wait_for("ERROR the new configuration is wrong problem=");
    assert!(problem.contains(":5: line_bytes cannot be") && !problem.contains('\u{9b}'), "{problem}");
    server.wait_for("ERROR the configuration is not reloaded; the old one stays in effect");
    for _ in 0..2 {
        assert!(ask(&mut stream, &format!("send {token} henderson hi")).contains("Message Sent"));
    }
}

/// A pipe without a writer was waited for, with a lock that all later reloads waited for.
#[test]
fn only_a_regular_file_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
    let pipe = pipe.to_str().unwrap();
    for file in [pipe, "/dev/zero"] {
        let checked = run(&["config", "check", file], &[]);
        let wanted = format!("chat-server: {file}: the file cannot be read: it is not a regular file\n");
        assert_eq!((checked.status.code(), text(&checked.stderr)), (Some(2), &*wanted));
    }

    let lines = "listen = '127.0.0.1:0'\nmemory = true\n";
    let file = write(directory.path(), lines);
    let mut server = Process::start_with_variables(&[("CHAT_CONFIG", &file)]);
    fs::rename(pipe, &file).unwrap();
    server.signal(Signal::HUP);
    server.wait_for("the file cannot be read: it is not a regular file");
    fs::remove_file(&file).unwrap();
    write(directory.path(), lines);
    server.signal(Signal::HUP);
    server.wait_for("INFO configuration reloaded");
}
