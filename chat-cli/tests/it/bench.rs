//! `chat-cli bench` against our own server, and against servers that lie.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use chat_lib::Config;
use chat_lib::limits::Limits;
use chat_lib::model::Registration;
use serde_json::Value as Json;

use crate::common::liar::{Lie, lie};
use crate::common::relay::relay;
use crate::common::tmux::Tmux;
use crate::common::{BINARY, Running, Transport, text};
use crate::encrypted::Encrypted;

fn bench(address: &str, options: &str) -> Output {
    let mut command = Command::new(BINARY);
    command.args(["bench", address]).args(options.split_whitespace()).stdin(Stdio::null());
    command.output().unwrap()
}

/// The JSON report, and the exit code.
fn report(address: &str, options: &str) -> (Json, Option<i32>) {
    let output = bench(address, &format!("{options} --json"));
    let report = serde_json::from_slice(&output.stdout);
    (report.unwrap_or_else(|_| panic!("{options}: {output:?}")), output.status.code())
}

/// A run in which nothing goes wrong.
fn good(address: &str, options: &str) -> Json {
    let (report, code) = report(address, options);
    assert_eq!((code, &report["good"]), (Some(0), &true.into()), "{options}: {report}");
    assert_eq!(report["verification"]["faults"], serde_json::json!({}), "{options}");
    assert_eq!(report["verification"]["acknowledged"], report["verification"]["read"], "{options}");
    report
}

#[test]
fn both_protocols() {
    let server = Running::new();
    let address = server.address.to_string();
    for (options, protocol) in [("-c 3 -p 4 -n 500", 1), ("-c 3 -p 4 -n 500 --protocol 2", 2)] {
        let report = good(&address, options);
        assert_eq!(
            (&report["options"]["protocol"], &report["kinds"]["send"]["count"]),
            (&protocol.into(), &500.into())
        );
        assert_eq!(report["verification"]["read"], 500, "{options}");
        assert_eq!(report["options"]["accounts"].as_array().unwrap().len(), 3, "no more than connections");
        assert_eq!(report["corrected_for_coordinated_omission"], false);
        let latency = &report["kinds"]["send"]["latency_microseconds"];
        let points = ["min", "p50", "p90", "p99", "p99.9", "max"].map(|point| latency[point].as_f64().unwrap());
        assert!(points.is_sorted() && points[0] > 0.0, "{latency}");
        assert!(report["generator"]["cpu_microseconds_per_request"].as_f64().unwrap() > 0.0);
    }
}

/// Of one account, messages are notes to itself; of two, both directions are in one conversation; and texts may be long.
#[test]
fn few_accounts_and_long_texts() {
    let server = Running::new();
    let address = server.address.to_string();
    for accounts in [1, 2] {
        for protocol in [1, 2] {
            let report = good(&address, &format!("-c 3 -n 60 -b 40000 --accounts {accounts} --protocol {protocol}"));
            assert_eq!(report["verification"]["read"], 60);
        }
    }
}

#[test]
fn over_tls_and_websocket() {
    let browsers = Running::over(Transport::WebSocket, "127.0.0.1:0");
    let report = good(&format!("ws://{}", browsers.address), "-c 2 -p 3 -n 100");
    assert_eq!(report["options"]["protocol"], 2);
    assert_eq!(report["options"]["servers"][0], format!("ws://{}/ws", browsers.address));
    good(&format!("ws://{}", browsers.address), "--fan-out 3 -n 20");
    let output = bench(&format!("ws://{}/elsewhere", browsers.address), "-n 1");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(text(&output.stderr).contains("it is no WebSocket: the server answers with 404"), "{output:?}");

    let ca = |ca: &Path, options: &str| format!("--ca {} {options}", ca.display());
    let encrypted = Encrypted::new("localhost");
    let place = format!("localhost:{}", encrypted.port());
    good(&format!("chats://{place}"), &ca(&encrypted.ca(), "-c 2 -p 3 -n 100"));
    good(&place, &ca(&encrypted.ca(), "--tls -c 2 -n 50 --protocol 2"));
    let output = bench(&place, "-n 1");
    assert!(text(&output.stderr).contains("it is TLS; the address has to be chats://"), "{output:?}");

    let output = bench("127.0.0.1:1", &ca(&encrypted.ca(), "-n 1"));
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("a CA file is for encrypted connections"), "{output:?}");

    let browsers = Encrypted::over(Transport::TlsWebSocket, "127.0.0.1:0", "localhost");
    good(&format!("wss://localhost:{}", browsers.port()), &ca(&browsers.ca(), "-c 2 -p 3 -n 100"));
}

#[test]
fn connections_are_spread_over_servers() {
    let one = Running::new();
    let two = one.another("127.0.0.1:0");
    let report = good(&format!("{},{}", one.address, two.address), "-c 4 -n 100");
    assert_eq!(report["options"]["servers"].as_array().unwrap().len(), 2);
}

#[test]
fn mixes_of_commands() {
    let server = Running::new();
    let address = server.address.to_string();
    let report = good(&address, "-c 2 -p 2 -n 100 --mix send=3,inbox=1,activeuser=1");
    let count = |kind: &str| report["kinds"][kind]["count"].as_u64().unwrap();
    assert_eq!(count("send") + count("inbox") + count("activeuser"), 100);
    assert!(count("send") > 50 && count("inbox") > 10, "{report}");
    assert_eq!(report["all"]["count"], 100);
    assert_eq!(report["verification"]["read"], count("send"), "inboxes of the load count, too");
    let report = good(&address, "-c 2 -n 100 --protocol 2 --mix send=2,history=1,ping=1");
    let history = report["kinds"]["history"]["count"].as_u64().unwrap();
    assert!((24..=26).contains(&history), "as many of each connection as it has answers: {report}");
    let report = good(&address, "-c 1 -n 10 --mix activeuser");
    assert_eq!(report["verification"]["acknowledged"], 0);
}

#[test]
fn a_room_with_subscribers() {
    let server = Running::new();
    let address = server.address.to_string();
    for options in ["--fan-out 5 -n 50", "--fan-out 5 -n 50 -p 8", "--fan-out 2 -n 20 --accounts 1"] {
        let report = good(&address, options);
        let sent = report["kinds"]["send"]["count"].as_u64().unwrap();
        let subscribers = report["options"]["fan_out"].as_u64().unwrap();
        assert_eq!(report["kinds"]["delivery"]["count"], sent * subscribers, "{options}");
        assert_eq!(report["verification"]["read"], sent);
    }
    assert_eq!(server.chat.rooms().unwrap().len(), 0, "the room is gone");
}

#[test]
fn an_open_loop() {
    let server = Running::new();
    let report = good(&server.address.to_string(), "-c 2 -p 4 -n 100 --rate 2000");
    assert_eq!((&report["kinds"]["send"]["count"], &report["options"]["rate"]), (&100.into(), &2000.into()));
    assert_eq!(report["corrected_for_coordinated_omission"], true);
    let report = good(&server.address.to_string(), "--fan-out 3 -n 20 --rate 1000");
    assert_eq!(report["kinds"]["delivery"]["count"], 60);
}

/// Requests that had to wait count with the time that they waited, also those that were never made: a server that stops to answer would
/// look good otherwise.
#[test]
fn an_open_loop_shows_a_stall() {
    let (_server, address) = liar(Lie::Ignore);
    let (report, code) = report(&address, "-c 1 -d 0.5 -w 0 --rate 100 --timeout 1");
    assert_eq!((code, &report["unanswered"]), (Some(1), &1.into()), "{report}");
    assert_eq!(report["late"], 39, "of 50, 10 were answered: {report}");
    let latency = &report["kinds"]["send"]["latency_microseconds"];
    assert!(latency["p50"].as_f64().unwrap() > 500_000.0, "at least as long as nothing came: {report}");
}

#[test]
fn a_run_for_some_time() {
    let server = Running::new();
    let report = good(&server.address.to_string(), "-c 2 -d 0.2 -w 0.1");
    let (read, counted) = (&report["verification"]["read"], &report["kinds"]["send"]["count"]);
    assert!(read.as_u64() >= counted.as_u64() && counted.as_u64() > Some(0), "the warm-up is checked, and not counted");
    assert!(report["seconds"].as_f64().unwrap() >= 0.2, "{report}");
}

#[test]
fn what_a_person_reads() {
    let server = Running::new();
    let output = bench(&server.address.to_string(), "-c 1 -p 3 -n 1000 --mix send=4,inbox");
    let report = text(&output.stdout);
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines[0], server.address.to_string());
    assert_eq!(lines[1], "  1 connection with 3 requests in flight, protocol 1, texts of 64 bytes");
    assert_eq!(lines[2], "  closed loop of send=4,inbox=1, 1,000 requests");
    assert_eq!(lines[4], "Throughput");
    assert!(report.contains("\n  send  ") && report.contains("\n  all   "), "{report}");
    assert!(
        report.contains("\n                   min       p50       p90       p99     p99.9       max\n"),
        "{report}"
    );
    assert!(
        report.contains("\nRefused     nothing\nVerified    800 messages, read back once, unaltered, in order\n"),
        "{report}"
    );
    assert!(lines.iter().all(|line| line.chars().count() < 80), "{report}");
    assert!(report.contains("\nGenerator   ") && report.contains(" µs of CPU time per request, "), "{report}");
    assert!(report.contains("-1 is left;\n            remove it with chat-server user remove\n"), "{report}");
    assert_eq!((text(&output.stderr), output.status.code()), (String::new(), Some(0)));
}

/// A bar is shown while the load runs, and is gone afterwards.
#[test]
fn the_progress_is_shown_at_a_terminal() {
    let (server, tmux) = (Running::new(), Tmux::new());
    tmux.open("person", format!("bench {} -c 2 -d 2 -w 0", server.address));
    tmux.wait_for("person", " s of 2 s, ");
    tmux.wait_for("person", "status 0");
    let screen = tmux.screen("person");
    assert!(screen.starts_with(&server.address.to_string()) && !screen.contains(" s of 2 s, "), "{screen}");
}

/// Accounts of one's own, whose passwords come from standard input. What they had unread is not taken for the run's.
#[test]
fn accounts_that_are_named() {
    let server = Running::serve(Config::default(), "127.0.0.1:0");
    server.chat.open_session("lineker").unwrap().send("messi", "hello").unwrap();
    let run = |options: &[&str], passwords: &str| {
        let users = ["bench", "-c", "3", "-n", "50", "--user", "messi", "-u", "henderson"];
        let mut child = Command::new(BINARY)
            .args(users)
            .args(options)
            .arg(server.address.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), passwords.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    for options in [&["--protocol", "2"][..], &[]] {
        let output = run(options, "surabaya\nsurabaya\n");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(text(&output.stdout).contains("Verified    50 messages"), "{output:?}");
    }
    let output = run(&[], "surabaya\nwrong\n");
    let complaint = "chat-cli: the account henderson cannot be used: the password is wrong\n";
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), complaint.to_owned()));
    assert_eq!(text(&run(&[], "surabaya\n").stderr), "chat-cli: no password was given\n");
}

#[test]
fn a_server_that_registers_nobody() {
    let server = Running::serve(Config::default(), "127.0.0.1:0");
    let output = bench(&server.address.to_string(), "-n 1");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("name accounts with --user, or start it with --registration open"),
        "{output:?}"
    );
}

#[test]
fn what_cannot_be_asked_for() {
    for (address, options, complaint) in [
        ("ws://127.0.0.1:1", "--protocol 1", "a WebSocket carries protocol 2 only"),
        ("127.0.0.1:1", "--fan-out 2 --protocol 1", "subscriptions are part of protocol 2 only"),
        ("127.0.0.1:1", "--mix history", "protocol 1 has no \"history\""),
        ("127.0.0.1:1", "--protocol 2 --mix inbox", "protocol 2 has no \"inbox\""),
        ("127.0.0.1:1", "--mix halo", "\"halo\" is not one of send, inbox, activeuser, history, ping"),
        ("127.0.0.1:1", "--duration -1", "unexpected argument '-1'"),
        ("127.0.0.1:1", "--duration x", "it is a number of seconds"),
        ("127.0.0.1:1", "--bytes 31", "31 is not in 32.."),
        ("127.0.0.1:1", "-u ana -u bob -u ana", "the account \"ana\" is named twice"),
        ("localhost", "", "an address is HOST:PORT"),
    ] {
        let output = bench(address, options);
        assert_eq!(output.status.code(), Some(2), "{options}: {output:?}");
        assert!(text(&output.stderr).contains(complaint), "{options}: {}", text(&output.stderr));
    }
    let output = bench("127.0.0.1:1", "");
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).starts_with("chat-cli: cannot connect to 127.0.0.1:1: "), "{output:?}");
}

/// A refusal is no fault, but it is not hidden either.
#[test]
fn refusals_are_shown_with_what_to_do() {
    let limits = Limits { mailbox_messages: 10, ..Limits::default() };
    let config = || Config { registration: Registration::Open, limits: limits.clone(), ..Config::default() };
    let server = Running::serve(config(), "127.0.0.1:0");
    for protocol in ["1", "2"] {
        let options = format!("-c 1 -n 50 --protocol {protocol}");
        let (report, code) = report(&server.address.to_string(), &options);
        assert_eq!((code, &report["refused"]["mailbox_full"]), (Some(1), &40.into()), "{report}");
        assert_eq!((&report["verification"]["read"], &report["kinds"]["send"]["count"]), (&10.into(), &10.into()));
        assert_eq!(report["verification"]["faults"], serde_json::json!({}));
    }
    let output = bench(&server.address.to_string(), "-c 1 -n 50");
    let report = text(&output.stdout);
    let advice =
        "Refused     40 requests, mailbox_full\n            more was unread than a mailbox holds: raise the server's";
    assert!(report.contains(advice), "{report}");
    assert!(report.contains("Verified    10 messages"), "{report}");
}

/// Each lie of a server is found, and named.
#[test]
fn a_server_that_lies_is_found_out() {
    for (told, fault) in [
        (Lie::Lose, "lost"),
        (Lie::Repeat, "repeated"),
        (Lie::Alter, "altered"),
        (Lie::Delay, "out_of_order"),
        (Lie::Misdeliver, "misdelivered"),
        (Lie::Deny, "refused_and_stored"),
    ] {
        let (_server, address) = liar(told);
        // Of one sender, so that the next message is the same one's. There are more accounts than that.
        let connections = if matches!(told, Lie::Misdeliver) { 3 } else { 1 };
        let (report, code) = report(&address, &format!("-c {connections} -n 60"));
        assert_eq!((code, &report["good"]), (Some(1), &false.into()), "{told:?}: {report}");
        assert_eq!(report["verification"]["faults"][fault]["count"], 1, "{told:?}: {report}");
    }
    let (_server, address) = liar(Lie::Lose);
    let output = bench(&address, "-c 1 -n 20");
    let report = text(&output.stdout);
    assert!(report.contains("FAULT       1 message lost\n            first: number 10 of connection 0\n"), "{report}");
    assert!(!report.contains("Verified"), "{report}");
}

/// Connections that break, and answers that never come or make no sense.
#[test]
fn connections_that_are_lost() {
    for (told, code) in
        [(Lie::Close, "disconnected"), (Lie::Ignore, "timed_out"), (Lie::Say("{}\r\n\r\n"), "bad_reply")]
    {
        let (_server, address) = liar(told);
        let (report, exit) = report(&address, "-c 1 -n 20 --timeout 1");
        assert_eq!((exit, &report["lost_connections"][code]), (Some(1), &1.into()), "{told:?}: {report}");
        assert_eq!(report["unanswered"], 1, "{told:?}: {report}");
        assert_eq!(report["verification"]["read"], 10, "{told:?}: {report}");
    }
}

#[test]
fn a_server_cannot_command_the_terminal() {
    let answer = "{\"status\": \"ERROR\", \"message\": \"m\", \"code\": \"\\u001b[2J\\n\"}\r\n\r\n";
    let (_server, address) = liar(Lie::Say(answer));
    let output = bench(&address, "-c 1 -n 20");
    assert!(text(&output.stdout).contains("Refused     1 request, \\u{1b}[2J\\n\n"), "{output:?}");
}

/// A server that registers accounts and lies. What is returned first keeps it alive.
fn liar(told: Lie) -> (Running, String) {
    let server = Running::new();
    let address = lie(&server.chat, told).to_string();
    (server, address)
}

/// Subscribers have to get each message once, in order, as it was sent.
#[test]
fn deliveries_that_are_wrong_are_found() {
    // What becomes of an event, the first of which has the number 0, and of what was held back before.
    type Change = fn(usize, String, &mut Option<String>) -> Vec<String>;
    let lies: [(&str, Change); 4] = [
        ("lost", |number, line, _| if number == 10 { Vec::new() } else { vec![line] }),
        ("repeated", |number, line, _| vec![line; if number == 10 { 2 } else { 1 }]),
        ("altered", |number, line, _| vec![if number == 10 { line.replace("fox", "cat") } else { line }]),
        ("out_of_order", |number, line, held| {
            if number == 10 {
                *held = Some(line);
                return Vec::new();
            }
            [Some(line), held.take()].into_iter().flatten().collect()
        }),
    ];
    for (fault, change) in lies {
        let server = Running::new();
        let state = Arc::new(Mutex::new((0, None)));
        let address = relay(server.address, move |line| {
            if !line.contains(r#""method":"message""#) {
                return Some(line);
            }
            let (number, held) = &mut *state.lock().unwrap();
            let lines = change(*number, line, held);
            *number += 1;
            (!lines.is_empty()).then(|| lines.concat())
        });
        let (report, code) = report(&address.to_string(), "--fan-out 1 -n 20 -p 2 --timeout 1");
        assert_eq!((code, &report["good"]), (Some(1), &false.into()), "{fault}: {report}");
        let expected = serde_json::json!({fault: {"count": 1, "first": "number 10, at subscriber 0"}});
        assert_eq!(report["verification"]["faults"], expected, "{report}");
    }
}

#[test]
fn accounts_of_its_own() {
    let server = Running::new();
    let report = good(&server.address.to_string(), "-c 2 -n 10");
    let accounts: Vec<&str> =
        report["options"]["accounts"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let users = server.chat.users().unwrap();
    for account in accounts {
        assert!(account.starts_with("bench-") && users.iter().any(|user| user.profile.user().as_str() == account));
    }
    assert!(server.chat.sessions().unwrap().is_empty(), "they are over");
}
