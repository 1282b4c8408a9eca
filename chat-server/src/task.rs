//! What an operator does with the data, with a server running on it or without.

use std::error::Error;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{self, Path};

use chat_lib::model::{Profile, UserName};
use chat_lib::store::{Durable, KeepRead, Options};
use chat_lib::{Chat, Config, Restored};

use crate::args::{ClusterTask, Data, Invite, PasswordSource, Room, Task, User};
use crate::control::{self, Request};
use crate::data;
use crate::terminal::Terminal;

pub(crate) fn run(task: Task) -> Result<(), Box<dyn Error>> {
    let (request, data) = match task {
        Task::Restore { data } => return restore(data.directory()),
        Task::Dump { data, without_passwords } => {
            if without_passwords {
                say!("chat-server: the dump has no passwords; after a restore, nobody can log in without a new one");
            }
            (Request::Dump { hashes: !without_passwords }, data)
        }
        Task::Check { data } => (Request::Check, data),
        Task::Status { data } => (Request::Status, data),
        Task::Cluster(ClusterTask::Status { data }) => (Request::ClusterStatus, data),
        // It works on no data, and was done before.
        Task::Config(_) => return Ok(()),
        Task::Invite { task: None, data } => {
            on_data(&data, &Request::Invite)?;
            say!("chat-server: this invitation lets one person register, within 7 days");
            let mut registration = Vec::new();
            write_answer(&data, &Request::Registration, &mut registration)?;
            if registration == b"closed\n" {
                say!(
                    "chat-server: nobody can use it now: the server runs with registration = \"closed\"; set it to \"invite\""
                );
            }
            return Ok(());
        }
        Task::Invite { task: Some(Invite::List { data }), .. } => (Request::ListInvitations, data),
        Task::Invite { task: Some(Invite::Revoke { id, data }), .. } => {
            (Request::RevokeInvitation { id: id.to_string() }, data)
        }
        Task::User(User::List { data }) => (Request::List, data),
        Task::User(User::Remove { name, data }) => (Request::Remove { name }, data),
        Task::User(User::Ban { name, data }) => (Request::Ban { name }, data),
        Task::User(User::Unban { name, data }) => (Request::Unban { name }, data),
        Task::User(User::Kick { name, data }) => (Request::Kick { name }, data),
        Task::User(User::Sessions { name, data }) => (Request::Sessions { name }, data),
        Task::User(User::Export { name, data }) => (Request::Export { name }, data),
        Task::User(User::Erase { name, data }) => (Request::Erase { name }, data),
        Task::Room(Room::List { data }) => (Request::Rooms, data),
        Task::Room(Room::Show { room, data }) => (Request::Room { room: with_hash(&room) }, data),
        Task::Room(Room::Set { room, data, keep }) => (Request::KeepRoom { room: with_hash(&room), keep }, data),
        Task::Room(Room::Delete { room, data }) => (Request::DeleteRoom { room: with_hash(&room) }, data),
        Task::Announce { text, data } => (Request::Announce { text }, data),
        Task::User(User::Edit { name, data, full_name, country }) => (Request::Edit { name, full_name, country }, data),
        Task::User(User::Passwd { name, data, password }) => {
            let request = |password| Request::Passwd { name: name.clone(), password };
            return with_password(&data, password, request);
        }
        Task::User(User::Add { name, data, full_name, country, password }) => {
            // Without data, nobody has the name.
            Profile::new(UserName::parse(&name)?, &full_name, &country)?;
            let request = |password| Request::Add {
                name: name.clone(),
                full_name: full_name.clone(),
                country: country.clone(),
                password,
            };
            return with_password(&data, password, request);
        }
    };
    on_data(&data, &request)
}

/// Does it on the data, or has the server do it that runs there, and prints what there is to say.
fn on_data(data: &Data, request: &Request) -> Result<(), Box<dyn Error>> {
    write_answer(data, request, &mut io::BufWriter::new(io::stdout().lock()))
}

fn write_answer(data: &Data, request: &Request, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let directory = data.directory();
    let creates = data.is_named() && matches!(request, Request::Add { password: Some(_), .. } | Request::Invite);
    if !data::exists(directory)? && !creates {
        let directory = path::absolute(directory)?;
        return Err(format!(
            "there is no chat data in {}; name another directory with --data or CHAT_CONFIG, or start a server to create it",
            directory.display()
        )
        .into());
    }
    let store = match Durable::open(directory, Options { read_only: request.only_looks(), ..nothing_dropped() }) {
        Err(in_use @ chat_lib::Error::DataInUse { .. }) => Err(in_use),
        Err(chat_lib::Error::Io(problem)) => {
            return Err(format!("{} cannot be opened: {problem}", directory.display()).into());
        }
        outcome => Ok(outcome?),
    };
    let outcome = match store {
        Ok(_) if matches!(request, Request::Announce { .. }) => {
            Err(format!("no server runs on {}, so that nobody could be told", directory.display()).into())
        }
        Ok(_) if matches!(request, Request::Status | Request::ClusterStatus) => {
            Err(format!("no server is running on {}", directory.display()).into())
        }
        Ok(store) => {
            let chat = Chat::new(Config { store: Box::new(store), ..Config::default() });
            control::perform(&chat, None, request, out).map_err(Into::into)
        }
        Err(in_use) => control::ask(directory, &in_use, request, out, control::PATIENCE),
    };
    let outcome = outcome.and_then(|()| Ok(out.flush().map_err(chat_lib::Error::Io)?));
    if outcome.is_ok() && matches!(request, Request::Dump { .. }) {
        data::note_dump(directory);
    }
    match outcome.map_err(|problem| problem.downcast().map(|problem| *problem)) {
        Ok(()) => Ok(()),
        // Whoever read the output has enough of it.
        Err(Ok(chat_lib::Error::Io(problem))) if problem.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(Ok(chat_lib::Error::Io(problem))) => Err(format!("standard output cannot be written: {problem}").into()),
        Err(Ok(problem)) => Err(problem.into()),
        Err(Err(problem)) => Err(problem),
    }
}

/// The full name of a room.
fn with_hash(room: &str) -> String {
    if room.starts_with('#') { room.to_owned() } else { format!("#{room}") }
}

/// Does what takes a password. A person is asked for one only if it can be done then.
fn with_password(
    data: &Data,
    source: PasswordSource,
    request: impl Fn(Option<String>) -> Request,
) -> Result<(), Box<dyn Error>> {
    let asks = !source.stdin;
    let first = request(None);
    let creates = data.is_named() && matches!(first, Request::Add { .. });
    if asks && (data::exists(data.directory())? || !creates) {
        on_data(data, &first)?;
    }
    on_data(data, &request(Some(read_password(source)?)))
}

fn restore(directory: &Path) -> Result<(), Box<dyn Error>> {
    data::exists(directory)?;
    let store = Durable::open(directory, nothing_dropped())?;
    let chat = Chat::new(Config { store: Box::new(store), ..Config::default() });
    let restored = chat.restore(&mut io::stdin().lock()).map_err(|problem| -> Box<dyn Error> {
        match problem {
            chat_lib::Error::Io(problem) => unreadable(&problem).into(),
            problem => problem.into(),
        }
    });
    let Restored { users, messages, without_password, .. } = restored?;
    say!("chat-server: restored users: {users}, messages: {messages}");
    if without_password > 0 {
        say!(
            "chat-server: {without_password} of the users have no password and cannot log in; \
             give them one with chat-server user passwd"
        );
    }
    Ok(())
}

/// How long messages are kept that were read is for the server to say, and not for a task.
fn nothing_dropped() -> Options {
    Options { keep_read: Some(KeepRead::Everything), ..Options::default() }
}

fn read_password(source: PasswordSource) -> Result<String, Box<dyn Error>> {
    if source.stdin {
        return password_from_stdin();
    }
    let no_terminal = "there is no terminal to ask for a password; give it on standard input with --password-stdin";
    if !io::stdin().is_terminal() {
        return Err(no_terminal.into());
    }
    let mut terminal = Terminal::open().map_err(|problem| format!("{no_terminal}: {problem}"))?;
    let password = terminal.ask("Password: ")?;
    if password.is_empty() {
        return Err("no password was given; nothing was done".into());
    }
    if terminal.ask("The same again: ")? != password {
        return Err("the two passwords differ; nothing was done".into());
    }
    Ok(password)
}

fn unreadable(problem: &io::Error) -> String {
    format!("standard input cannot be read: {problem}")
}

fn password_from_stdin() -> Result<String, Box<dyn Error>> {
    let mut line = Vec::new();
    io::stdin().lock().read_until(b'\n', &mut line).map_err(|problem| unreadable(&problem))?;
    let line = str::from_utf8(&line).map_err(|_| "the password on standard input is not UTF-8")?;
    // Some editors and shells put a byte order mark in front of a text.
    let password = line.strip_prefix('\u{feff}').unwrap_or(line).trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err("there is no password on standard input".into());
    }
    Ok(password.to_owned())
}
