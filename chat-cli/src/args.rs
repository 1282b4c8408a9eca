//! The command line, as data.

use clap::Parser;

/// A chat client. Without -c it reads commands from standard input; "help" lists them.
///
/// Exits with 0 if all went well, 1 if a command was refused or could not be read, 2 if it was called
/// wrongly, and 3 if the server could not be reached or went away.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Args {
    /// The server to speak to.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8889")]
    pub(crate) server: String,

    /// Do this and exit; may be given more than once, to be done in order. A password that "auth
    /// USER" leaves out is then read from standard input, unless that is a terminal.
    #[arg(short, long, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,

    /// Show on stderr what is sent and received, passwords and tokens included.
    #[arg(long)]
    pub(crate) trace: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }
}
