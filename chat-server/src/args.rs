//! The command line, as data.

use std::env;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use chat_lib::model::InvitationId;
use chat_lib::server::Network;
use chat_lib::settings::InvalidSetting;
use chat_lib::store::RoomKeep;
use clap::{Args as Arguments, ColorChoice, Command, CommandFactory, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::LevelFilter;

use crate::flags::Flags;
use crate::log::{Format, has_colours};

/// A chat server that netcat can speak to.
///
/// It runs until SIGINT or SIGTERM, then answers what it has read, closes, and exits with 0. SIGHUP reads the
/// configuration file and the certificate for TLS again: limits, registration, password_cost, log and the
/// certificate change at once, and the log says what needs a restart. SIGUSR1 and SIGUSR2 do nothing.
///
/// Each option can also be set by an environment variable (CHAT_LISTEN) or in the configuration file
/// (listen); a flag overrides the variable, which overrides the file.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) task: Option<Task>,

    /// The configuration file, in TOML; CHAT_CONFIG can name it, too.
    ///
    /// "chat-server config default" prints one with every option. Tasks take from it only where the data is.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) serve: Serve,
}

/// How to serve.
#[derive(Arguments, Debug)]
pub(crate) struct Serve {
    /// Where to listen, as HOST:PORT; may be given more than once.
    ///
    /// HOST is an IP address or a name, and all addresses of a name are listened on; an IPv6 address stands in
    /// brackets. Port 0 takes a free port; the address that was bound is printed on stderr. Nothing is encrypted
    /// there, not even passwords, so only loopback addresses are taken unless --allow-cleartext is given. Sockets
    /// that systemd passes replace these addresses and those of --tls-listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8889", value_parser = addresses)]
    pub(crate) listen: Vec<Addresses>,

    /// Where to listen for connections with TLS, in the same form; the usual port is 8890.
    #[arg(long, value_name = "ADDR", value_parser = addresses)]
    pub(crate) tls_listen: Vec<Addresses>,

    /// The certificate for TLS, in PEM, followed by those that lead to its issuer.
    ///
    /// SIGHUP has it read again, with its key; connections go on.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_certificate: Option<PathBuf>,

    /// The certificate's private key, in PEM and not encrypted.
    ///
    /// Nobody else should be able to read the file.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Let --listen take addresses that are not loopback, although anyone on the way can read passwords and
    /// messages then: for networks that are trusted or encrypted, such as a VPN.
    #[arg(long)]
    pub(crate) allow_cleartext: bool,

    /// Trust these proxies in front of the server: addresses or networks such as 10.0.0.0/8, separated by commas.
    ///
    /// Each connection from there must begin with a header of the PROXY protocol, version 1 or 2, and counts as
    /// one from the address in it, for limits and the log.
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    pub(crate) proxy: Vec<Network>,

    /// Where to keep users, sessions and messages.
    ///
    /// The directory is created if it does not exist, with access for its owner only. Only one server at a time
    /// can use it.
    #[arg(long, value_name = "DIR", default_value = DATA)]
    pub(crate) data: PathBuf,

    /// Keep everything in memory instead: it is gone when the server stops.
    #[arg(long, conflicts_with = "data")]
    pub(crate) memory: bool,

    /// Add the users messi, henderson and lineker with the password surabaya.
    ///
    /// As everybody knows the password, the server then listens on loopback addresses only.
    #[arg(long)]
    pub(crate) demo: bool,

    /// What to log: at info connections, logins, logouts and refusals; at debug also each send, inbox and
    /// activeuser.
    ///
    /// The lines about a connection and its requests have its number, as in conn=7. A slow reader of the log does
    /// not hold up the server: lines are dropped, and their number is logged at the end.
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Level::Info)]
    pub(crate) log: Level,

    /// How to log, and where.
    ///
    /// On a terminal, text has colours unless NO_COLOR is set or TERM is dumb.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(crate) log_format: Format,

    /// Where to serve metrics over HTTP, as IP:PORT; off by default.
    ///
    /// /metrics is in the text format of Prometheus, /healthz fails if a thread hangs, and /readyz fails if nothing
    /// can be stored or the server is stopping. Nothing is encrypted there, so only loopback addresses are taken
    /// unless --allow-cleartext is given.
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<SocketAddr>,

    #[command(flatten)]
    pub(crate) settings: Flags,
}

impl Serve {
    /// All addresses to listen on without TLS.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        flat(&self.listen)
    }

    /// All addresses to listen on with TLS.
    pub(crate) fn tls_addresses(&self) -> Vec<SocketAddr> {
        flat(&self.tls_listen)
    }
}

/// Tasks other than serving. They work while a server is using the data, too, unless they say otherwise.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Adds, shows, changes and removes users.
    #[command(subcommand)]
    User(User),

    /// Checks and shows the configuration: from the file, the environment and the defaults.
    #[command(subcommand)]
    Config(ConfigTask),

    /// Shows, limits and deletes rooms.
    #[command(subcommand)]
    Room(Room),

    /// Sends a notice to every subscribed connection, such as when the server will be down.
    ///
    /// It is not stored. Prints how many connections it was sent to.
    Announce {
        /// The text, at most 4 KiB.
        text: String,
        #[command(flatten)]
        data: Data,
    },

    /// Creates an invitation, with which one person can register within 7 days, and prints its code.
    ///
    /// It is needed on a server with --registration invite.
    #[command(args_conflicts_with_subcommands = true)]
    Invite {
        #[command(subcommand)]
        task: Option<Invite>,
        #[command(flatten)]
        data: Data,
    },

    /// Writes all users and messages to standard output, a JSON object a line, as they are at one moment.
    ///
    /// Whoever can read a dump can read all messages and try to guess passwords.
    Dump {
        #[command(flatten)]
        data: Data,
        /// Leave out the hashes of passwords.
        ///
        /// Users then need new passwords after a restore.
        #[arg(long)]
        without_passwords: bool,
    },

    /// Takes a dump from standard input into a data directory without users; no server may run on it.
    ///
    /// Says on stderr what was restored, and how many users cannot log in because they have no password.
    Restore {
        #[command(flatten)]
        data: Data,
    },

    /// Shows how the server that runs on the data is doing.
    ///
    /// How long it has been running, who is there, the load of the last minute, what the disk has, when there was the
    /// last dump, and what should be looked at.
    Status {
        #[command(flatten)]
        data: Data,
    },

    /// Reads everything, and says what is damaged.
    Check {
        #[command(flatten)]
        data: Data,
    },
}

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigTask {
    /// Says what is wrong with the configuration.
    ///
    /// Exits with 2 if a server would not start with it.
    Check {
        /// The configuration file, in place of --config.
        file: Option<PathBuf>,
    },
    /// Prints the configuration that is in effect, and where each value comes from.
    Show {
        /// The configuration file, in place of --config.
        file: Option<PathBuf>,
    },
    /// Prints a configuration file with every option, what it does and its default, as comments.
    Default,
}

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Adds a user.
    ///
    /// The password is asked for on the terminal.
    Add {
        /// The name to log in with.
        name: String,
        #[command(flatten)]
        data: Data,
        /// The name that others see.
        #[arg(long, value_name = "NAME")]
        full_name: String,
        /// Where the user is from.
        #[arg(long, value_name = "COUNTRY", default_value = "")]
        country: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Lists all users: name, full name and country, separated by tabs, and `banned` after those who are.
    ///
    /// Control characters and invisible characters are escaped.
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Gives a user a new password, and ends the user's sessions.
    Passwd {
        /// The user's name.
        name: String,
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Changes what others see of a user.
    ///
    /// Messages that were sent keep the name they were sent under.
    Edit {
        /// The user's name.
        name: String,
        #[command(flatten)]
        data: Data,
        /// The name that others see.
        #[arg(long, value_name = "NAME", required_unless_present = "country")]
        full_name: Option<String>,
        /// Where the user is from.
        #[arg(long, value_name = "COUNTRY")]
        country: Option<String>,
    },
    /// Removes a user with sessions and inbox.
    ///
    /// Messages that the user has sent to others stay.
    Remove {
        /// The user's name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Bans a user: ends the user's sessions, and refuses new ones.
    ///
    /// Others can still send to the user.
    Ban {
        /// The user's name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Lets a banned user log in again.
    Unban {
        /// The user's name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Ends all of a user's sessions, who may log in again.
    Kick {
        /// The user's name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Lists a user's sessions in order of login: a name that is no secret, when it was opened, when it was last
    /// used, and the address that the user logged in from, separated by tabs.
    Sessions {
        /// The user's name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Writes all that there is of a user to standard output, a JSON object a line: account, sessions, blocks,
    /// conversations, rooms, all messages that the user has sent, and all direct ones that they were sent.
    Export {
        /// The user's name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Removes a user, and the texts of all messages that the user has sent; others see them as deleted.
    ///
    /// It cannot be undone. Says how many messages were deleted. Older dumps still have them.
    Erase {
        /// The user's name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
}

/// What can be done with rooms. ROOM may be given without its #, which is special to a shell.
#[derive(Debug, Subcommand)]
pub(crate) enum Room {
    /// Lists all rooms: name, title, open or invite-only, and how many members, separated by tabs.
    ///
    /// Control characters and invisible characters are escaped.
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Lists the people in a room: name, full name, and owner, member or invited, separated by tabs.
    ///
    /// If the room has limits of its own, they come first, after the name of the room: keep_for, keep_messages and
    /// keep_bytes.
    Show {
        /// The room's name.
        room: String,
        #[command(flatten)]
        data: Data,
    },
    /// Sets how much of a room is kept.
    ///
    /// What is set takes the place of the same limit of the whole chat, whether that keeps more or less, and messages of the
    /// room do not count for that one. What is beyond a limit is dropped within an hour, whether it was read or not.
    Set {
        /// The room's name.
        room: String,
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        keep: Keep,
    },
    /// Deletes a room with its messages.
    ///
    /// It cannot be undone.
    Delete {
        /// The room's name.
        room: String,
        #[command(flatten)]
        data: Data,
    },
}

/// How much of a room is kept.
#[derive(Arguments, Clone, Debug, Deserialize, Serialize)]
#[group(required = true, multiple = true)]
pub(crate) struct Keep {
    /// How long messages are kept: a duration such as 90days, forever, none or default.
    ///
    /// It is counted from when they were sent. With none, they are dropped within an hour; default is as the server's
    /// --keep-read has it.
    #[arg(long = "keep-for", value_name = "AGE", value_parser = |text: &str| limit("keep_for", text))]
    age: Option<String>,
    /// How many of the latest messages are kept: a number, unlimited, or default, as the server's --keep-messages has it.
    #[arg(long = "keep-messages", value_name = "N", value_parser = |text: &str| limit("keep_messages", text))]
    messages: Option<String>,
    /// How many bytes the latest messages may take: a size such as 64MiB, unlimited, or default, as the server's
    /// --keep-bytes has it.
    #[arg(long = "keep-bytes", value_name = "SIZE", value_parser = |text: &str| limit("keep_bytes", text))]
    bytes: Option<String>,
}

impl Keep {
    /// Changes the limits that were given.
    pub(crate) fn change(&self, keep: &mut RoomKeep) -> Result<(), InvalidSetting> {
        let all = [("keep_for", &self.age), ("keep_messages", &self.messages), ("keep_bytes", &self.bytes)];
        let mut given = all.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        given.try_for_each(|(name, text)| keep.set(name, text))
    }
}

/// A limit of a room that can be set.
fn limit(name: &str, text: &str) -> Result<String, String> {
    RoomKeep::default().set(name, text).map(|()| text.to_owned()).map_err(|invalid| invalid.problem)
}

/// What else can be done with invitations.
#[derive(Debug, Subcommand)]
pub(crate) enum Invite {
    /// Lists the invitations that can still be used: id and when they expire, separated by a tab.
    ///
    /// An id is not a code, and nobody can register with it.
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Revokes an invitation.
    Revoke {
        /// The id of the invitation, from invite list.
        #[arg(value_parser = InvitationId::parse)]
        id: InvitationId,
        #[command(flatten)]
        data: Data,
    },
}

/// Which data.
#[derive(Arguments, Clone, Debug)]
pub(crate) struct Data {
    /// The data directory; chat-data unless the configuration names one.
    #[arg(long = "data", value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Data {
    pub(crate) fn directory(&self) -> &Path {
        self.directory.as_deref().unwrap_or(Path::new(DATA))
    }

    /// Whether somebody has said which directory, so that it may be created.
    pub(crate) fn is_named(&self) -> bool {
        self.directory.is_some()
    }
}

/// Where a password comes from; never from the command line, which others can read.
#[derive(Arguments, Clone, Copy, Debug)]
pub(crate) struct PasswordSource {
    /// Read the password from the first line of standard input instead of the terminal.
    #[arg(long = "password-stdin")]
    pub(crate) stdin: bool,
}

const DATA: &str = "chat-data";

impl Args {
    /// The definition, with colours where they are wanted.
    pub(crate) fn definition() -> Command {
        // Left to itself, clap colours its help on any terminal where CI is set.
        let color = if has_colours(|name| env::var_os(name)) { ColorChoice::Auto } else { ColorChoice::Never };
        Self::command().color(color)
    }

    /// Says what is wrong with options that are right one by one.
    pub(crate) fn check(&self) -> Result<(), String> {
        let serve = &self.serve;
        let is_public = |address: &SocketAddr| !address.ip().to_canonical().is_loopback();
        let (cleartext, encrypted) = (serve.addresses(), serve.tls_addresses());
        if let Some(address) = cleartext.iter().chain(&encrypted).copied().find(is_public).filter(|_| serve.demo) {
            return Err(format!("--demo has a public password and cannot listen on {address}, which is not loopback"));
        }
        if let Some(address) = cleartext.into_iter().find(is_public).filter(|_| !serve.allow_cleartext) {
            return Err(format!(
                "--listen {address} is not loopback, and nothing is encrypted there; use --tls-listen, or add \
                 --allow-cleartext if the network is trusted"
            ));
        }
        if let Some(address) = serve.metrics.filter(is_public).filter(|_| !serve.allow_cleartext) {
            return Err(format!(
                "--metrics {address} is not loopback, and nothing is encrypted there; use 127.0.0.1 and let a proxy pass them \
                 on, or add --allow-cleartext if the network is trusted"
            ));
        }
        match (&serve.tls_certificate, &serve.tls_key) {
            (Some(_), None) => Err("--tls-certificate needs --tls-key".to_owned()),
            (None, Some(_)) => Err("--tls-key needs --tls-certificate".to_owned()),
            (None, None) if !encrypted.is_empty() => {
                Err("--tls-listen needs a certificate; add --tls-certificate and --tls-key".to_owned())
            }
            _ => Ok(()),
        }
    }
}

fn flat(addresses: &[Addresses]) -> Vec<SocketAddr> {
    addresses.iter().flat_map(|Addresses(addresses)| addresses).copied().collect()
}

/// The addresses that a HOST:PORT stands for.
#[derive(Clone, Debug)]
pub(crate) struct Addresses(Vec<SocketAddr>);

fn addresses(text: &str) -> Result<Addresses, String> {
    let form = || "it is HOST:PORT, such as 127.0.0.1:8889, localhost:8889 or [::1]:8889".to_owned();
    if let Ok(address) = text.parse() {
        return Ok(Addresses(vec![address]));
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(form)?;
    if host.is_empty() || host.contains([':', '[', ']']) {
        return Err(form());
    }
    let port: u16 = port.parse().map_err(|_| form())?;
    let found = (host, port).to_socket_addrs().map_err(|problem| format!("{host} has no address: {problem}"))?;
    let addresses: Vec<SocketAddr> = found.collect();
    if addresses.is_empty() { Err(format!("{host} has no address")) } else { Ok(Addresses(addresses)) }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Off => Self::OFF,
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace => Self::TRACE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn addresses_are_host_and_port() {
        for (good, wanted) in [("127.0.0.1:0", "127.0.0.1:0"), ("[::1]:8889", "[::1]:8889")] {
            assert_eq!(addresses(good).unwrap().0, [wanted.parse().unwrap()]);
        }
        let Addresses(localhost) = addresses("localhost:8890").unwrap();
        assert!(localhost.iter().all(|address| address.ip().is_loopback() && address.port() == 8890), "{localhost:?}");
        for bad in ["", "8889", ":8889", "localhost", "127.0.0.1", "::1:8889", "[::1]", "localhost:", "localhost:70000"]
        {
            assert!(addresses(bad).unwrap_err().starts_with("it is HOST:PORT"), "{bad}");
        }
    }
}
