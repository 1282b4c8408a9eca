//! The screens of two people who talk to each other, compared with the recording in `two-people.txt`, which
//! `SCREEN=write cargo test -p chat-cli --test it screen` regenerates.

use std::path::Path;

use crate::common::Running;
use crate::common::tmux::Tmux;

#[test]
fn two_people_talk() {
    let server = Running::new();
    let tmux = Tmux::new();
    for person in ["messi", "henderson"] {
        tmux.log_in(person, server.address);
        if person == "messi" {
            // He leaves a word for somebody who is not there.
            tmux.say(person, "/msg henderson Halo Henderson, apa kabar?");
            tmux.wait_for(person, "[henderson] Lionel Messi: Halo Henderson, apa kabar?");
        }
    }
    tmux.wait_for("messi", "Jordan Henderson is online.");
    tmux.wait_for("henderson", "1 unread from Lionel Messi: /to messi");
    tmux.type_in("henderson", "/to me");
    tmux.press("henderson", "Tab");
    tmux.wait_for_last_row("henderson", "henderson> /to messi");
    tmux.press("henderson", "Enter");
    tmux.wait_for("henderson", "-- 1 unread --");
    tmux.wait_for_last_row("henderson", "henderson @messi>");

    tmux.say("messi", "/to henderson");
    tmux.wait_for_last_row("messi", "messi @henderson>");
    tmux.say("henderson", "Baik! And you?");
    tmux.wait_for("messi", "Jordan Henderson: Baik! And you?");
    tmux.wait_for_last_row("henderson", "(read) henderson @messi>");

    // A message comes while a line is typed, and the line stays whole.
    tmux.type_in("messi", "I was just");
    tmux.wait_for_last_row("henderson", "(Lionel Messi is typing) henderson @messi>");
    tmux.say("henderson", "Are you there?");
    tmux.wait_for("messi", "Jordan Henderson: Are you there?");
    tmux.wait_for_last_row("messi", "messi @henderson> I was just");
    tmux.type_in("messi", " typing");
    tmux.press("messi", "Enter");
    tmux.wait_for("henderson", "Lionel Messi: I was just typing");

    tmux.say("messi", "/create #bench The bench");
    tmux.wait_for_last_row("messi", "messi #bench>");
    tmux.say("messi", "/invite henderson");
    tmux.wait_for("henderson", "Lionel Messi invites you to #bench: /join #bench");
    tmux.say("henderson", "/joni #bench");
    tmux.wait_for("henderson", "Did you mean /join?");
    tmux.say("henderson", "/join #bench");
    tmux.wait_for_last_row("henderson", "henderson #bench>");
    tmux.wait_for("messi", "Jordan Henderson has joined #bench.");
    tmux.say("messi", "Welcome.");
    tmux.wait_for("henderson", "Lionel Messi: Welcome.");
    tmux.say("henderson", "/leave #board");
    tmux.wait_for("henderson", "There is no such room.");

    tmux.wait_for_last_row("messi", "messi #bench>");
    tmux.wait_for_last_row("henderson", "henderson #bench>");
    let screens = ["messi", "henderson"].map(|person| format!("--- {person}\n{}\n", masked(&tmux.screen(person))));
    let (seen, path) = (screens.concat(), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/two-people.txt"));
    if std::env::var_os("SCREEN").is_some_and(|value| value == "write") {
        std::fs::write(&path, &seen).unwrap();
    }
    let recorded = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(seen == recorded, "recorded:\n{recorded}\nseen:\n{seen}");
}

/// The screen with each time as `hh:mm`.
fn masked(screen: &str) -> String {
    let mask = |line: &str| match line.split_once(' ') {
        Some((time, rest)) if time.len() == 5 && time.replace(|c: char| c.is_ascii_digit(), "0") == "00:00" => {
            format!("hh:mm {rest}\n")
        }
        _ => format!("{line}\n"),
    };
    screen.lines().map(mask).collect()
}
