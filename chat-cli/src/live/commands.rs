//! The commands: one row for each, from which help, completion, suggestions and the man page are made.

use std::fmt::Write;

use super::{Talk, messages, people, rooms};
use crate::shell::{Ask, Failure};

/// A command.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// Another name, which help does not mention on its own.
    pub(crate) alias: Option<&'static str>,
    /// The words after it, as help shows them.
    pub(crate) words: &'static str,
    pub(crate) about: &'static str,
    /// How to complete its words; the last kind is for all further ones.
    pub(crate) takes: &'static [Takes],
    pub(crate) group: Group,
    /// Runs it on the rest of the line; returns what to show.
    pub(super) run: Run,
}

type Run = fn(&mut Talk<'_>, &str, &mut dyn Ask) -> Result<String, Failure>;

/// The kind of a command's word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Takes {
    User,
    Room,
    /// Either.
    Conversation,
    /// One of these.
    One(&'static [&'static str]),
    /// Anything else, which is not completed.
    Text,
}

/// Where help lists a command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Group {
    Messages,
    People,
    Rooms,
    Account,
    /// The first client's, which need no slash as long as no conversation is open.
    First,
}

use Group::{Account, First, Messages, People, Rooms};
use Takes::{Conversation, One, Room, Text, User};

const fn row(group: Group, name: &'static str, words: &'static str, about: &'static str, run: Run) -> Command {
    Command { name, alias: None, words, about, takes: &[], group, run }
}

impl Command {
    const fn or(self, alias: &'static str) -> Self {
        Self { alias: Some(alias), ..self }
    }

    const fn takes(self, takes: &'static [Takes]) -> Self {
        Self { takes, ..self }
    }

    /// Whether a line with it may have a password in it.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self.name, "auth" | "register" | "password")
    }
}

/// All of them, in the order of help.
pub(crate) const COMMANDS: &[Command] = &[
    row(Messages, "to", "[NAME]", "open a conversation, or close it without NAME", messages::to).takes(&[Conversation]),
    row(Messages, "msg", "NAME TEXT", "send one message to a user or a room", messages::message)
        .or("m")
        .takes(&[Conversation, Text]),
    row(Messages, "history", "[NAME] [N]", "show the last N messages with their numbers", messages::history)
        .takes(&[Conversation, Text]),
    row(Messages, "delete", "[N|#ROOM]", "delete message N, your last one, or a room", messages::delete).takes(&[Room]),
    row(People, "who", "", "show which of your contacts are online", people::who),
    row(People, "users", "", "list all users", people::users),
    row(People, "block", "USER", "refuse messages from a user", people::block).takes(&[User]),
    row(People, "unblock", "USER", "accept messages from a user again", people::unblock).takes(&[User]),
    row(People, "blocks", "", "list the users you have blocked", people::blocks),
    row(Rooms, "rooms", "", "list open rooms and your own", rooms::list),
    row(Rooms, "create", "#ROOM [TITLE]", "create a room and open it", rooms::create).takes(&[Text]),
    row(Rooms, "join", "#ROOM", "join a room and open it", rooms::join).takes(&[Room]),
    row(Rooms, "leave", "[#ROOM]", "leave a room", rooms::leave).takes(&[Room]),
    row(Rooms, "members", "[#ROOM]", "list the members of a room", rooms::members).takes(&[Room]),
    row(Rooms, "invite", "USER [#ROOM]", "invite a user to a room", rooms::invite).takes(&[User, Room]),
    row(Rooms, "remove", "USER [#ROOM]", "remove a user from a room", rooms::remove).takes(&[User, Room]),
    row(Rooms, "set", "[#ROOM] CHANGE", "change a room: title TEXT, open, closed, owners", rooms::set).takes(&[
        Room,
        One(&["title", "open", "closed", "owners"]),
        User,
    ]),
    row(Account, "profile", "[name|country TEXT]", "show or change your profile", people::profile)
        .takes(&[One(&["name", "country"]), Text]),
    row(Account, "password", "", "change your password and end your other sessions", people::password),
    row(Account, "sessions", "[end ID]", "list your sessions, or end one", people::sessions)
        .takes(&[One(&["end"]), Text]),
    row(Account, "help", "", "show this list", |talk, _, _| Ok(talk.help())),
    row(Account, "quit", "", "leave (also exit, Ctrl-D); the session goes on", |talk, _, _| Ok(talk.quit())).or("exit"),
    row(First, "auth", "USER [PASSWORD]", "log in as another user", |talk, rest, ask| talk.first("auth", rest, ask))
        .takes(&[User, Text]),
    row(First, "register", "USER [PASSWORD …]", "create an account and log in", |talk, rest, ask| {
        talk.first("register", rest, ask)
    }),
    row(First, "send", "USER TEXT", "send a message", |talk, rest, ask| talk.first("send", rest, ask))
        .takes(&[Conversation, Text]),
    row(First, "inbox", "", "take all unread direct messages, as JSON", |talk, rest, ask| {
        talk.first("inbox", rest, ask)
    }),
    row(First, "activeuser", "", "list everyone who is logged in", |talk, rest, ask| {
        talk.first("activeuser", rest, ask)
    }),
    row(First, "logout", "", "end your session", |talk, rest, ask| talk.first("logout", rest, ask)),
];

/// What a typed line is.
pub(crate) enum Typed<'a> {
    Command(&'static Command, &'a str),
    /// A message for the current conversation.
    Text(&'a str),
    /// A command that does not exist.
    Unknown(&'a str),
    /// Text, where there is no current conversation.
    Nowhere(&'a str),
}

/// Parses a line. A line is a command if it begins with a slash; as long as no conversation is open, also if it begins
/// with one of the first client's commands. `exit` or `quit` alone always is one. Two slashes begin a text with a slash.
pub(crate) fn parse(line: &str, in_conversation: bool) -> Typed<'_> {
    if let Some(text) = line.strip_prefix('/').filter(|rest| rest.starts_with('/')) {
        return if in_conversation { Typed::Text(text) } else { Typed::Nowhere(text) };
    }
    let slashed = line.trim_start().strip_prefix('/');
    let (name, rest) = split(slashed.unwrap_or(line.trim_start()));
    let command = find(name).filter(|command| match slashed {
        Some(_) => true,
        None if command.name == "quit" => rest.trim().is_empty(),
        None => !in_conversation && (command.group == First || command.name == "help"),
    });
    match command {
        Some(command) => Typed::Command(command, rest),
        None if slashed.is_some() => Typed::Unknown(name),
        None if in_conversation => Typed::Text(line),
        None => Typed::Nowhere(name),
    }
}

/// The first word, and what follows the space after it.
pub(super) fn split(line: &str) -> (&str, &str) {
    line.split_once(' ').unwrap_or((line, ""))
}

/// The command of that name.
pub(crate) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name || command.alias == Some(name))
}

/// The refusal of a command whose words are wrong.
pub(super) fn usage(name: &str) -> Failure {
    let (words, about) = find(name).map_or(("", ""), |command| (command.words, command.about));
    Failure::Misused(format!("Usage: /{name} {words} - {about}"))
}

/// The command with the name most similar to `name`, if one is similar enough.
pub(crate) fn nearest(name: &str) -> Option<&'static Command> {
    let likeness = |command: &Command| strsim::jaro_winkler(command.name, name);
    let nearest = COMMANDS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(nearest) >= LIKE).then_some(nearest)
}

/// How similar a name must be, from 0 to 1, to be suggested. Two swapped letters give 0.9 and more.
const LIKE: f64 = 0.75;

/// The list of all commands; `heading` shows the name of a group.
pub(crate) fn help(heading: impl Fn(&str) -> String) -> String {
    let mut help = String::new();
    for (group, title) in [
        (Messages, "Messages"),
        (People, "People"),
        (Rooms, "Rooms"),
        (Account, "You"),
        (First, "The first client's commands, without a slash while no conversation is open"),
    ] {
        // Writing to a string does not fail.
        writeln!(help, "{}", heading(title)).ok();
        for command in COMMANDS.iter().filter(|command| command.group == group) {
            let form = format!("/{} {}", command.name, command.words);
            writeln!(help, "  {form:<WIDTH$} {}", command.about).ok();
        }
    }
    help + "Anything else is sent to the open conversation; // begins a message with /."
}

/// Columns for a command and its words.
const WIDTH: usize = 28;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn name(typed: &Typed<'_>) -> String {
        match typed {
            Typed::Command(command, rest) => format!("/{} {rest}", command.name),
            Typed::Text(text) => format!("text {text}"),
            Typed::Unknown(name) => format!("unknown {name}"),
            Typed::Nowhere(name) => format!("nowhere {name}"),
        }
    }

    #[test]
    fn what_a_line_is() {
        for (line, without, within) in [
            ("/msg henderson halo  you", "/msg henderson halo  you", "/msg henderson halo  you"),
            (" /m a b", "/msg a b", "/msg a b"),
            ("/exit", "/quit ", "/quit "),
            ("exit", "/quit ", "/quit "),
            ("quit now", "nowhere quit", "text quit now"),
            ("send help please", "/send help please", "text send help please"),
            ("inbox", "/inbox ", "text inbox"),
            ("help", "/help ", "text help"),
            ("who", "nowhere who", "text who"),
            (" halo ", "nowhere halo", "text  halo "),
            ("//etc/passwd", "nowhere /etc/passwd", "text /etc/passwd"),
            ("/hlep", "unknown hlep", "unknown hlep"),
            ("/", "unknown ", "unknown "),
        ] {
            assert_eq!(name(&parse(line, false)), without, "{line}");
            assert_eq!(name(&parse(line, true)), within, "{line}");
        }
    }

    #[test]
    fn the_nearest_name() {
        for (typed, meant) in
            [("hlep", "help"), ("joni", "join"), ("histroy", "history"), ("aut", "auth"), ("pasword", "password")]
        {
            assert_eq!(nearest(typed).map(|command| command.name), Some(meant));
        }
        assert!(nearest("xyz").is_none() && nearest("").is_none());
    }

    #[test]
    fn each_command_has_one_row_that_fits_the_screen() {
        let names: BTreeSet<&str> = COMMANDS.iter().flat_map(|row| [Some(row.name), row.alias]).flatten().collect();
        assert_eq!(names.len(), COMMANDS.len() + COMMANDS.iter().filter(|row| row.alias.is_some()).count());
        let help = help(str::to_owned);
        for line in help.lines() {
            assert!(line.chars().count() < 80, "{line}");
        }
        for command in COMMANDS {
            assert!(help.contains(&format!("  /{} ", command.name)), "{}", command.name);
        }
    }
}
