//! The client as a person who talks sees it, against real servers that come and go.

use std::sync::atomic::Ordering;

use chat_lib::model::MessageId;
use chat_lib::store::Position;

use crate::common::Running;
use crate::common::proxy::Proxy;
use crate::common::terminal::Terminal;
use crate::common::tmux::Tmux;

/// The texts that two users have exchanged.
fn texts(server: &Running, user: &str, with: &str) -> Vec<String> {
    let session = server.chat.open_session(user).unwrap();
    let page = session.history(with, Position::Before(MessageId::MAX), 100).unwrap();
    page.messages.into_iter().map(|message| message.text).collect()
}

#[test]
fn a_server_that_goes_and_comes_back() {
    let mut server = Running::on("127.0.0.26:0");
    let tmux = Tmux::new();
    tmux.log_in("messi", server.address);
    tmux.say("messi", "/to henderson");
    tmux.wait_for_last_row("messi", "messi @henderson>");
    tmux.say("messi", "before");
    tmux.wait_for("messi", "Lionel Messi: before");

    server.stop();
    tmux.wait_for("messi", "Connection lost; reconnecting.");
    // What happens in the chat meanwhile is not missed, and what is typed is sent, both once.
    server.chat.open_session("henderson").unwrap().send("messi", "missed").unwrap();
    tmux.say("messi", "meanwhile");
    tmux.wait_for("messi", "Waiting to send: [henderson] meanwhile");
    tmux.say("messi", "/rooms");
    tmux.wait_for("messi", &format!("Not connected to {}; nothing was done.", server.address));
    server.start_again();
    tmux.wait_for("messi", "Reconnected.");
    tmux.wait_for("messi", "Lionel Messi: meanwhile");
    tmux.say("messi", "after");
    tmux.wait_for("messi", "Lionel Messi: after");
    assert_eq!(texts(&server, "henderson", "messi"), ["before", "missed", "meanwhile", "after"]);
    let screen = tmux.screen("messi");
    let shown: Vec<&str> =
        screen.lines().skip(1).filter_map(|row| row.split_once(": ")).map(|(_, text)| text).collect();
    assert_eq!(shown, ["before", "[henderson] meanwhile", "missed", "meanwhile", "after"], "{screen}");

    // What cannot be sent is said on leaving.
    server.stop();
    tmux.say("messi", "too late");
    tmux.wait_for("messi", "Waiting to send: [henderson] too late");
    tmux.press("messi", "C-d");
    tmux.wait_for("messi", "ot sent: [henderson] too late");
    tmux.wait_for("messi", "status 0");
}

/// The server has stored a message, and its answer is lost: the message is sent again with its key, and is there once.
/// One of two servers goes: the person hears and sends everything over the other one.
#[test]
fn a_server_that_goes_while_another_one_stays() {
    let mut one = Running::on("127.0.0.93:0");
    let mut two = one.another("127.0.0.94:0");
    let tmux = Tmux::new();
    tmux.log_in("messi", format!("{},{}", one.address, two.address));
    tmux.say("messi", "/to henderson");
    tmux.wait_for_last_row("messi", "messi @henderson>");
    let mut henderson = 0;
    let mut talk = |server: &Running| {
        henderson += 1;
        server.chat.open_session("henderson").unwrap().send("messi", &format!("halo {henderson}")).unwrap();
        tmux.wait_for("messi", &format!("Jordan Henderson: halo {henderson}"));
        tmux.say("messi", &format!("apa kabar {henderson}"));
        tmux.wait_for("messi", &format!("Lionel Messi: apa kabar {henderson}"));
    };
    talk(&one);
    one.stop();
    talk(&two);
    one.start_again();
    two.stop();
    talk(&one);
    assert_eq!(texts(&one, "messi", "henderson").len(), 6, "each of them once");
}

#[test]
fn an_answer_that_is_lost() {
    let server = Running::new();
    let proxy = Proxy::new(server.address, "\"method\":\"send\"");
    let tmux = Tmux::new();
    tmux.log_in("messi", proxy.address);
    proxy.losses.store(2, Ordering::SeqCst);
    tmux.say("messi", "/msg henderson once");
    tmux.wait_for("messi", "Lionel Messi: once");
    tmux.say("messi", "/msg henderson and no more");
    tmux.wait_for("messi", "Lionel Messi: and no more");
    assert_eq!(proxy.losses.load(Ordering::SeqCst), 0, "an answer was lost twice");
    assert_eq!(texts(&server, "henderson", "messi"), ["once", "and no more"]);
    assert_eq!(tmux.screen("messi").matches(": once").count(), 1);
}

/// Whatever is typed ahead is done in order, a login included.
#[test]
fn lines_that_are_typed_ahead() {
    let server = Running::new();
    let mut terminal = Terminal::talking("xterm", server.address);
    terminal.wait_for("User: ");
    terminal.type_in("messi\rsurabaya\r/to lineker\rone\rtwo\r/quit\r");
    let shown = terminal.wait_for("status 0");
    assert!(!shown.contains("surabaya"), "{shown:?}");
    assert_eq!(texts(&server, "lineker", "messi"), ["one", "two"]);
}

#[test]
fn messages_of_all_conversations_and_devices() {
    let server = Running::new();
    server.chat.open_session("messi").unwrap().create_room("#bench", "The bench", true).unwrap();
    let tmux = Tmux::new();
    tmux.log_in("messi", server.address);
    let [messi, henderson] = ["messi", "henderson"].map(|user| server.chat.open_session(user).unwrap());
    henderson.send("messi", "bold \u{1b}[1m, and\na line \u{202e}").unwrap();
    tmux.wait_for("messi", "[henderson] Jordan Henderson: bold \\u{1b}[1m, and\\na line \\u{202e}");
    messi.send("lineker", "from my telephone").unwrap();
    tmux.wait_for("messi", "[lineker] Lionel Messi: from my telephone");
    assert!(server.chat.announce("Down at noon \u{1b}[1m").unwrap() > 0);
    tmux.wait_for("messi", "Announcement: Down at noon \\u{1b}[1m");
    henderson.join_room("#bench").unwrap();
    tmux.wait_for("messi", "Jordan Henderson has joined #bench.");
    henderson.send("#bench", "in here").unwrap();
    tmux.wait_for("messi", "[#bench] Jordan Henderson: in here");
    // What is shown in the open conversation is read, and nothing else.
    tmux.say("messi", "/to #bench");
    tmux.wait_for_last_row("messi", "messi #bench>");
    henderson.send("#bench", "read").unwrap();
    tmux.wait_for("messi", "Jordan Henderson: read");
    let unread = || {
        let list = messi.conversations(MessageId::MAX, 10).unwrap().entries;
        list.into_iter().map(|entry| (entry.with.to_string(), entry.unread)).filter(|(_, unread)| *unread > 0)
    };
    let only_henderson = || unread().eq([("henderson".to_owned(), 1)]);
    assert!(
        (0..1000).any(|_| only_henderson() || tmux.screen("messi").is_empty()),
        "{:?}",
        unread().collect::<Vec<_>>()
    );
}

#[test]
fn commands_do_what_they_say() {
    let server = Running::new();
    let tmux = Tmux::new();
    tmux.log_in("messi", server.address);
    for (line, answer) in [
        ("/nonsense", "There is no command \"nonsense\". /help lists all commands."),
        ("halo", "No conversation is open: /to NAME opens one."),
        ("/msg henderson", "Usage: /msg NAME TEXT - send one message to a user or a room."),
        ("/msg nobody halo", "There is no such recipient. Not sent: [nobody] halo"),
        ("/to nobody", "There is no such conversation."),
        ("/create #bench The bench", "You own #bench."),
        ("/set closed", "#bench is changed."),
        ("/rooms", "yours, 1 member  The bench"),
        ("/members", "messi            Lionel Messi, Argentina  owner"),
        ("/invite henderson", "Jordan Henderson is invited to #bench."),
        ("/remove henderson", "Jordan Henderson is removed from #bench."),
        ("/leave", "A room needs an owner"),
        ("one", "Lionel Messi: one"),
        ("/history", "1  "),
        ("/delete", "was deleted."),
        ("/delete #bench", "#bench is deleted."),
        ("/block lineker", "Gary Lineker cannot write to you any more."),
        ("/blocks", "lineker          Gary Lineker"),
        ("/unblock lineker", "Gary Lineker can write to you again."),
        ("/profile name Leo Messi", "messi            Leo Messi"),
        ("/users", "henderson        Jordan Henderson"),
        ("/who", "You have no direct conversations yet."),
        ("/sessions", ", this one"),
        ("activeuser", "Active User: \"messi, \""),
        ("/password x", "Type /password alone"),
    ] {
        // Each answer is looked for on a screen of its own.
        tmux.press("messi", "C-l");
        tmux.wait_until("messi", "an empty screen", |screen| screen.lines().count() == 1);
        tmux.say("messi", line);
        tmux.wait_for("messi", answer);
    }
    tmux.say("messi", "/password");
    for (prompt, word) in [("Old password:", "surabaya"), ("New password:", "jakarta"), ("Password again:", "jakarta")]
    {
        tmux.wait_for_last_row("messi", prompt);
        tmux.say("messi", word);
    }
    tmux.wait_for("messi", "Password changed; your other sessions have ended.");
    server.chat.login("messi", "jakarta").unwrap();
    // The history has commands, and no passwords.
    tmux.press("messi", "C-l");
    tmux.say("messi", "/auth messi wrong");
    tmux.wait_for("messi", "Error, Password Salah");
    tmux.press("messi", "Up");
    tmux.wait_for_last_row("messi", "messi> activeuser");
    tmux.press("messi", "C-c");
    tmux.wait_for_last_row("messi", "messi>");
    tmux.say("messi", "/logout");
    tmux.wait_for("messi", "Logout success!");
    tmux.wait_for_last_row("messi", "User:");
    tmux.say("messi", "/quit");
    tmux.wait_for("messi", "status 0");
}

#[test]
fn a_session_that_is_ended_elsewhere() {
    let server = Running::new();
    let tmux = Tmux::new();
    tmux.log_in("messi", server.address);
    let other = server.chat.open_session("messi").unwrap();
    let session = other.sessions().unwrap().into_iter().find(|session| !session.current).unwrap();
    other.end_session(&session.session).unwrap();
    tmux.wait_for("messi", "Your session has ended.");
    tmux.wait_for_last_row("messi", "User:");
    assert!(!tmux.screen("messi").contains("There is no such session"), "it was used once more");
    tmux.press("messi", "C-d");
    tmux.wait_for("messi", "status 0");
}

#[test]
fn the_tab_key() {
    let server = Running::new();
    let tmux = Tmux::new();
    tmux.log_in("messi", server.address);
    for (typed, row) in
        [("/hi", "messi> /history"), ("li", "messi> /history lineker"), ("x", "messi> /history lineker x")]
    {
        tmux.type_in("messi", typed);
        tmux.press("messi", "Tab");
        tmux.wait_for_last_row("messi", row);
    }
    tmux.press("messi", "C-c");
    tmux.type_in("messi", "/m");
    tmux.press("messi", "Tab");
    tmux.wait_for("messi", "/m  /members  /msg");
    tmux.wait_for_last_row("messi", "messi> /m");
}

/// Where the output of a client goes elsewhere, it is what a program can read.
#[test]
fn an_output_that_is_no_terminal() {
    let server = Running::new();
    let mut terminal = Terminal::running("xterm", &format!("{} | cat", server.address));
    terminal.wait_for("Command :");
    terminal.type_in("auth messi surabaya\r");
    terminal.wait_for("username messi logged in, token ");
}

/// Neither a login, nor messages that come, write escape sequences where they are not known, or colours where they are
/// not wanted.
#[test]
fn a_dumb_terminal_and_colours() {
    let server = Running::new();
    for term in ["dumb", "xterm"] {
        let mut terminal = Terminal::talking(term, server.address);
        let mut shown = terminal.wait_for("User: ");
        terminal.type_in("messi\r");
        shown += &terminal.wait_for("Password: ");
        terminal.type_in("surabaya\r");
        shown += &terminal.wait_for("Hello, ");
        terminal.type_in("/msg lineker over");
        shown += &terminal.wait_for("over");
        server.chat.open_session("henderson").unwrap().send("messi", "halo").unwrap();
        shown += &terminal.wait_for("halo");
        shown += &terminal.wait_for("/msg lineker over");
        terminal.type_in(" here\r/quit\r");
        shown += &terminal.wait_for("status 0");
        terminal.wait_for_own_mode(true);
        assert!(!shown.contains("surabaya"), "{shown:?}");
        match term {
            "dumb" => assert!(!shown.contains('\x1b'), "{shown:?}"),
            _ => assert!(shown.contains("\x1b[1m\x1b[33mJordan Henderson\x1b[0m: "), "{shown:?}"),
        }
    }
}
