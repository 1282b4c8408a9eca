//! The command line, as data.

use chat_lib::{ClientOptions, ServerAddress, ServerAddresses};
use clap::builder::{ArgPredicate, PathBufValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::bench::Bench;
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
    /// The server to speak to: HOST:PORT, chat://HOST, or chats://HOST for an encrypted connection.
    ///
    /// In the last two, :PORT may follow; otherwise the port is 8889, or 8890 if the connection is encrypted. Of several servers of a
    /// chat, separated by commas, any will do, and another one when the connection is lost; chat:// or chats:// also holds for those
    /// that follow.
    #[arg(
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8889",
        default_value_if("tls", ArgPredicate::IsPresent, "chats://127.0.0.1:8890")
    )]
    server: ServerAddresses,

    #[command(flatten)]
    security: Security,

    /// Behave like the first client at a terminal too.
    #[arg(long)]
    pub(crate) seed: bool,

    /// Run this command and exit; may be given more than once, to run several in order.
    ///
    /// What "auth USER" or "register USER" leaves out is asked for at the terminal, or read from standard input if that
    /// is not a terminal, one per line: the password, then the full name, then the code of an invitation if the server
    /// wants one.
    #[arg(short, long, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,

    /// Show on stderr what is sent and received for commands, passwords and tokens included.
    #[arg(long)]
    pub(crate) trace: bool,

    #[command(subcommand)]
    pub(crate) task: Option<Task>,
}

/// Whether the connection is encrypted, and who is trusted to say that the server is the right one.
#[derive(Debug, clap::Args)]
pub(crate) struct Security {
    /// Encrypt the connection with TLS, as a chats:// address does.
    #[arg(long)]
    tls: bool,

    /// Trust the authorities whose certificates are in this PEM file, and not those that the system trusts.
    #[arg(long, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(|path| ClientOptions::new().ca_file(path)))]
    ca: Option<ClientOptions>,
}

/// A server, or several, and how to connect.
#[derive(Clone, Debug)]
pub(crate) struct Target<A = ServerAddress> {
    pub(crate) address: A,
    pub(crate) options: ClientOptions,
}

impl Security {
    /// The server at `address`.
    pub(crate) fn target(&self, address: &ServerAddress) -> Target {
        let address = if self.tls { address.clone().encrypted() } else { address.clone() };
        Target { address, options: self.options() }
    }

    /// Whether TLS is asked for, whatever the address says.
    pub(crate) fn has_tls(&self) -> bool {
        self.tls
    }

    /// Whether a file with authorities was named.
    pub(crate) fn has_ca(&self) -> bool {
        self.ca.is_some()
    }

    pub(crate) fn options(&self) -> ClientOptions {
        self.ca.clone().unwrap_or_default()
    }
}

/// What to do instead of talking.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    Bench(Bench),
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

    /// Says what is wrong with the command line, beyond what its definition knows, and exits with 2.
    pub(crate) fn exit_wrong(problem: &str) -> ! {
        Self::command().error(ErrorKind::ArgumentConflict, problem).exit()
    }

    /// The servers to speak to.
    pub(crate) fn target(&self) -> Target<ServerAddresses> {
        let address = self.server.clone();
        let address = if self.security.tls { address.encrypted() } else { address };
        Target { address, options: self.security.options() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    fn target(args: &[&str]) -> String {
        Args::try_parse_from([&["chat-cli"], args].concat()).unwrap().target().address.to_string()
    }

    /// An address without a port was "cannot connect to localhost: invalid socket address".
    #[test]
    fn which_server_is_meant() {
        for (args, meant) in [
            (&[][..], "127.0.0.1:8889"),
            (&["--tls"], "chats://127.0.0.1:8890"),
            (&["localhost:1"], "localhost:1"),
            (&["--tls", "localhost:1"], "chats://localhost:1"),
            (&["chats://localhost"], "chats://localhost:8890"),
            (&["one:1,two:2"], "one:1,two:2"),
            (&["--tls", "one:1,two:2"], "chats://one:1,chats://two:2"),
        ] {
            assert_eq!(target(args), meant, "{args:?}");
        }
        for bad in ["localhost", "8889", "http://localhost", "localhost:70000", "one:1,two"] {
            let problem = Args::try_parse_from(["chat-cli", bad]).unwrap_err();
            assert!(problem.to_string().contains("an address is HOST:PORT, chat://HOST or chats://HOST"), "{problem}");
        }
    }
}
