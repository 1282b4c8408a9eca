//! The tasks other than serving, as the command line has them.

use std::path::{Path, PathBuf};

use chat_lib::model::InvitationId;
use chat_lib::settings::InvalidSetting;
use chat_lib::store::RoomKeep;
use clap::{Args as Arguments, Subcommand};
use serde::{Deserialize, Serialize};

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

    /// Shows the cluster that the server is part of.
    #[command(subcommand)]
    Cluster(ClusterTask),

    /// Reads everything, and says what is damaged.
    Check {
        #[command(flatten)]
        data: Data,
    },
}

/// What can be done with a cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterTask {
    /// Shows who is the owner, which servers there are and how far they are, and how the engine is doing, as the server sees it
    /// that runs on the data.
    Status {
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

pub(super) const DATA: &str = "chat-data";
