//! The command line, as data.

use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::conform::Conform;
use crate::style::has_colors;

/// A chat client for a terminal or a script.
///
/// At a terminal, it asks for a user name and a password, shows messages as they come, and sends what is typed; "/help"
/// lists its commands. When the connection is lost it reconnects by itself, and no message is missed.
///
/// Lines can be edited with the usual keys; Tab completes commands and names, and the arrow keys bring earlier lines back,
/// except those with a password. Lines that are pasted or typed ahead run one after the other. Ctrl-C clears the line,
/// or ends the client while it waits for the server; Ctrl-D leaves.
///
/// With -c, with --seed, or without a terminal, it behaves like the first client: it takes "auth", "send", "inbox",
/// "activeuser" and "logout", and prints what that one printed. "help" lists its commands.
///
/// Commands from a file or a pipe are UTF-8; a byte order mark before a line is skipped. The client goes on after a
/// command that was refused, and ends when the server is gone.
///
/// With TERM=dumb no escape sequences are written, and with NO_COLOR set no colors.
///
/// Exits with 0 if all went well, 1 if a command was refused or could not be read, 2 if it was called
/// wrongly, and 3 if the server could not be reached or went away.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// The server to speak to.
    #[arg(value_name = "HOST:PORT", default_value = "127.0.0.1:8889", value_parser = server)]
    pub(crate) server: String,

    /// Behave like the first client at a terminal too.
    #[arg(long)]
    pub(crate) seed: bool,

    /// Run this command and exit; may be given more than once, to run several in order. What "auth USER" or "register USER" leaves
    /// out is asked for at the terminal. If standard input is not a terminal, the password and then the full name are
    /// read from it, one per line.
    #[arg(short, long, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,

    /// Show on stderr what is sent and received for commands, passwords and tokens included.
    #[arg(long)]
    pub(crate) trace: bool,

    #[command(subcommand)]
    pub(crate) task: Option<Task>,
}

/// What to do instead of talking.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    Conform(Conform),
}

impl Args {
    /// Reads the command line. On a wrong one, says what is wrong and exits with 2.
    pub(crate) fn read() -> Self {
        // Left to itself, clap colours its help on any terminal where CI is set.
        let color = if has_colors() { ColorChoice::Auto } else { ColorChoice::Never };
        let command = || Self::command().color(color);
        let read = Self::from_arg_matches(&command().get_matches());
        read.unwrap_or_else(|problem| problem.format(&mut command()).exit())
    }
}

/// Checks the form of a server's address.
pub(crate) fn server(text: &str) -> Result<String, &'static str> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text.to_owned()),
        _ => Err("it is HOST:PORT, such as 127.0.0.1:8889, localhost:8889 or [::1]:8889"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    /// An address without a port was "cannot connect to localhost: invalid socket address".
    #[test]
    fn the_form_of_a_servers_address() {
        for good in ["127.0.0.1:8889", "localhost:1", "[::1]:8889"] {
            assert_eq!(server(good), Ok(good.to_owned()));
        }
        for bad in ["", "localhost", "8889", ":8889", "localhost:", "localhost:70000", "[::1]"] {
            assert!(server(bad).is_err(), "{bad}");
        }
    }
}
