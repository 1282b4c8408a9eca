//! Signals that reach the client while it has the terminal in a mode of its own.

use std::io::Read;
use std::net::TcpListener;

use crate::common::Running;
use crate::common::terminal::Terminal;

/// Ctrl-C or `kill` at a password prompt left the terminal without echo. Whatever signal ends the client, wherever it
/// waits for a person, the terminal has its own mode afterwards.
#[test]
fn the_terminal_is_as_before_after_every_signal_that_ends_the_client() {
    let server = Running::new();
    for signal in [
        "-HUP", "-INT", "-QUIT", "-TERM", "-ABRT", "-ALRM", "-PROF", "-SYS", "-TRAP", "-USR1", "-USR2", "-VTALRM",
        "-XCPU",
    ] {
        for (talking, command, prompt) in [
            (false, "", "Command :"),
            (false, "auth messi\r", "Password: "),
            (false, "register ana x\r", "Full name: "),
            (true, "", "User: "),
            (true, "messi\rsurabaya\r", "messi\u{1b}[0m> "),
        ] {
            let mut terminal = match talking {
                true => Terminal::talking("xterm", server.address),
                false => Terminal::new(server.address),
            };
            terminal.type_in(command);
            terminal.wait_for(prompt);
            terminal.wait_for_own_mode(false);
            terminal.kill(signal);
            terminal.wait_for("status ");
            terminal.wait_for_own_mode(true);
        }
    }
}

/// The same for Ctrl-C and Ctrl-\ at the keyboard: the first one ends a line, and a command that the server does not
/// answer.
#[test]
fn keys_that_make_signals() {
    let server = Running::new();
    let mut terminal = Terminal::new(server.address);
    terminal.wait_for("Command :");
    terminal.type_in("send messi\x03auth messi\r");
    terminal.wait_for("Password: ");
    terminal.type_in("sura\x1c");
    terminal.wait_for("status 131");
    terminal.wait_for_own_mode(true);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut terminal = Terminal::new(listener.local_addr().unwrap());
    terminal.wait_for("Command :");
    terminal.type_in("auth messi surabaya\r");
    let (mut silent, _) = listener.accept().unwrap();
    silent.read_exact(&mut [0; 20]).unwrap();
    terminal.type_in("\x03");
    terminal.wait_for("status 130");
    terminal.wait_for_own_mode(true);
}

/// A client that is stopped, by Ctrl-Z or another program, leaves the terminal to the shell, and takes it again when
/// it goes on.
#[test]
fn a_client_that_is_stopped_and_goes_on() {
    let server = Running::new();
    for stop in [|terminal: &mut Terminal| terminal.type_in("\x1a"), |terminal: &mut Terminal| terminal.kill("-TSTP")] {
        let mut terminal = Terminal::new(server.address);
        terminal.wait_for("Command :");
        // Once it is echoed, it was read: the shell cannot take it.
        terminal.type_in("auth messi sura");
        terminal.wait_for("auth messi sura");
        terminal.wait_for_own_mode(false);
        stop(&mut terminal);
        terminal.wait_for("status ");
        terminal.wait_for_own_mode(true);
        terminal.type_in("\n");
        terminal.wait_for("Command :auth messi sura");
        terminal.wait_for_own_mode(false);
        terminal.type_in("baya\r");
        terminal.wait_for("username messi logged in");
    }
}

/// Where no shell could have it go on, Ctrl-Z does not stop it.
#[test]
fn a_client_without_a_shell_is_not_stopped() {
    let server = Running::new();
    let mut terminal = Terminal::alone(server.address);
    terminal.type_in("auth messi surabaya\r");
    terminal.wait_for("logged in");
    terminal.type_in("activeuser\x1a\r");
    terminal.wait_for("Active User: \"messi, \"");
}
