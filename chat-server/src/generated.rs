//! The man page and the completions are those of this version.

#[path = "../../packaging/generated.rs"]
mod shared;

use clap::CommandFactory;
use clap_mangen::roff::{Roff, bold, roman};

use crate::args::Args;

#[test]
fn the_man_page_and_the_completions_are_those_of_this_version() {
    let mut sections = Roff::new();
    for (heading, entries) in SECTIONS {
        sections.control("SH", [heading]);
        for (name, what) in entries {
            match name {
                &"" => sections.control("PP", []),
                name => sections.control("TP", []).text([bold(*name)]),
            };
            sections.text([roman(*what)]);
        }
    }
    shared::check_man_page(&Args::command(), &sections);
    shared::check_completions(&Args::command());
}

#[test]
fn the_man_page_has_the_usual_sections() {
    let page = include_str!("../../docs/chat-server.1");
    let headings: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix(".SH ")).map(|heading| heading.trim_matches('"')).collect();
    let wanted = ["SUBCOMMANDS", "EXIT STATUS", "SIGNALS", "ENVIRONMENT", "FILES", "SEE ALSO"];
    assert!(headings.ends_with(&wanted), "{headings:?}");
}

/// What an operator looks up in a man page beside the options: headings, and entries with what they mean. An entry without a
/// name is a paragraph.
const SECTIONS: [(&str, &[(&str, &str)]); 5] = [
    (
        "EXIT STATUS",
        &[
            (
                "0",
                "The command did what it was asked to. The server was stopped by SIGINT or SIGTERM, and has answered what it had read.",
            ),
            ("1", "Something failed; standard error says what."),
            ("2", "The command line or the configuration is wrong, and nothing was done."),
            (
                "128+n",
                "A second signal, with the number n, ended a server that was stopping: 130 for SIGINT, 143 for SIGTERM.",
            ),
        ],
    ),
    (
        "SIGNALS",
        &[
            (
                "SIGINT, SIGTERM",
                "Stop the server: it answers what it has read, closes all connections, and exits with 0. A second one ends it at once.",
            ),
            (
                "SIGHUP",
                "Reads the configuration file and the TLS certificate again. The log says what has changed and what needs a restart. \
                 If something is wrong, nothing changes.",
            ),
            ("SIGUSR1, SIGUSR2", "Ignored."),
        ],
    ),
    (
        "ENVIRONMENT",
        &[
            ("CHAT_CONFIG", "The configuration file, if --config does not name one."),
            (
                "CHAT_OPTION",
                "Each option of the server has a variable: CHAT_ and its name in capitals, with underscores. CHAT_DATA is \
                 --data and CHAT_TLS_LISTEN is --tls-listen. Lists are separated by commas, and options that are on or off take \
                 true, false, yes, no, 1 or 0. An empty variable counts as not set. Commands take only CHAT_CONFIG and CHAT_DATA.",
            ),
            ("NO_COLOR, TERM", "With NO_COLOR set, or TERM=dumb, nothing has colours."),
            (
                "LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES",
                "Sockets from systemd, which replace --listen, --tls-listen, --web and --tls-web. One with the name \"tls\", \"web\" or \
                 \"tls-web\" is for what --tls-listen, --web or --tls-web is for, any other one for what --listen is for.",
            ),
            (
                "NOTIFY_SOCKET, WATCHDOG_USEC",
                "Where systemd is told that the server is ready, is stopping, and still responds.",
            ),
        ],
    ),
    (
        "FILES",
        &[
            (
                "chat-data",
                "The data directory, unless --data or the configuration names another one; /var/lib/chat with the package.",
            ),
            (
                "chat.db",
                "In the data directory: the users, sessions and messages, an SQLite database, with chat.db-wal beside it.",
            ),
            ("control", "In the data directory: the socket over which commands reach the running server."),
            ("last-dump", "In the data directory: its time is that of the last dump."),
            ("/etc/chat/chat-server.toml", "The configuration file of the package's service, which --config names."),
            ("/etc/chat/tls", "The certificate and its key, as the package's deploy-certificate puts them there."),
            ("/var/backups/chat", "The daily backups of the package."),
        ],
    ),
    (
        "SEE ALSO",
        &[(
            "",
            "chat-cli(1), systemctl(1), journalctl(1); operating.md, settings.md and chat-server.toml in /usr/share/doc/chat-server.",
        )],
    ),
];
