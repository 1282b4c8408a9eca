//! What an operator does with the data, with a server running on it or without.

use std::error::Error;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use chat_lib::store::{Durable, KeepRead, Options};
use chat_lib::{Chat, Config, Restored};

use crate::args::{Data, PasswordSource, Task, User};
use crate::control::{self, Request};

pub(crate) fn run(task: Task) -> Result<(), Box<dyn Error>> {
    let options = nothing_dropped();
    let (request, Data { directory }) = match task {
        Task::Restore { data } => return restore(&data.directory),
        Task::Dump { data, without_passwords } => {
            if without_passwords {
                say!("chat-server: the dump has no passwords; after a restore, nobody can log in without a new one");
            }
            (Request::Dump { hashes: !without_passwords }, data)
        }
        Task::Check { data } => (Request::Check, data),
        Task::User(User::List { data }) => (Request::List, data),
        Task::User(User::Remove { name, data }) => (Request::Remove { name }, data),
        Task::User(User::Edit { name, data, full_name, country }) => (Request::Edit { name, full_name, country }, data),
        Task::User(User::Passwd { name, data, password }) => {
            (Request::Passwd { name, password: read_password(password)? }, data)
        }
        Task::User(User::Add { name, data, full_name, country, password }) => {
            (Request::Add { name, full_name, country, password: read_password(password)? }, data)
        }
    };
    let makes_data = matches!(request, Request::Add { .. });
    if !makes_data && !directory.join("chat.db").exists() {
        return Err(format!("there is no chat data in {}", directory.display()).into());
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    match Durable::open(&directory, options) {
        Ok(store) => {
            let chat = Chat::new(Config { store: Box::new(store), ..Config::default() });
            control::perform(&chat, &request, &mut out)?;
        }
        Err(chat_lib::Error::DataInUse { .. }) => control::ask(&directory, &request, &mut out)?,
        Err(problem) => return Err(problem.into()),
    }
    Ok(out.flush()?)
}

fn restore(directory: &Path) -> Result<(), Box<dyn Error>> {
    let store = Durable::open(directory, nothing_dropped())?;
    let chat = Chat::new(Config { store: Box::new(store), ..Config::default() });
    let Restored { users, messages, without_password, .. } = chat.restore(&mut io::stdin().lock())?;
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
    Options { keep_read: KeepRead::Everything, ..Options::default() }
}

fn read_password(source: PasswordSource) -> Result<String, Box<dyn Error>> {
    if source.stdin {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    if !io::stdin().is_terminal() {
        return Err(
            "there is no terminal to ask for a password; give it on standard input with --password-stdin".into()
        );
    }
    let password = rpassword::prompt_password("Password: ")?;
    if rpassword::prompt_password("The same again: ")? != password {
        return Err("the two passwords differ; nothing was done".into());
    }
    Ok(password)
}
