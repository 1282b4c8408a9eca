//! The command line, as data.

use std::env;

use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser};

/// A chat client. Without -c it reads commands from standard input; "help" lists them.
///
/// At a terminal, lines can be edited with the usual keys, and the arrow keys bring earlier ones back, except those
/// with a password. Lines that are pasted or typed ahead are done one after the other. Ctrl-C gives up a line, or
/// ends the client while it waits for the server; Ctrl-D leaves.
///
/// Commands from a file or a pipe are UTF-8; a byte order mark before a line is skipped. The client goes on after a
/// command that was refused, and ends when the server is gone.
///
/// With TERM=dumb no escape sequences are written, and with NO_COLOR set no colors.
///
/// Exits with 0 if all went well, 1 if a command was refused or could not be read, 2 if it was called
/// wrongly, and 3 if the server could not be reached or went away.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Args {
    /// The server to speak to.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8889", value_parser = server)]
    pub(crate) server: String,

    /// Do this and exit; may be given more than once, to be done in order. What "auth USER" or "register USER" leaves
    /// out is asked for at the terminal. If standard input is not a terminal, the password and then the full name are
    /// read from it, one per line.
    #[arg(short, long, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,

    /// Show on stderr what is sent and received, passwords and tokens included.
    #[arg(long)]
    pub(crate) trace: bool,
}

impl Args {
    /// Reads the command line. On a wrong one, says what is wrong and exits with 2.
    pub(crate) fn read() -> Self {
        let variable = |name| env::var_os(name).unwrap_or_default();
        // Left to itself, clap colours its help on any terminal where CI is set.
        let color = match variable("TERM").to_str() {
            Some("" | "dumb") => ColorChoice::Never,
            _ if !variable("NO_COLOR").is_empty() => ColorChoice::Never,
            _ => ColorChoice::Auto,
        };
        let command = || Self::command().color(color);
        let read = Self::from_arg_matches(&command().get_matches());
        read.unwrap_or_else(|problem| problem.format(&mut command()).exit())
    }
}

fn server(text: &str) -> Result<String, &'static str> {
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

    /// `--server localhost` was "cannot connect to localhost: invalid socket address".
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
