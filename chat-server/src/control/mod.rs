//! What is asked of the data, by whoever may read the data directory. If a server runs on it, it is
//! asked through a socket there.

mod ask;
mod socket;

use std::fmt;
use std::io::Write;

use chat_lib::{Chat, Error, NewUser};
use serde::{Deserialize, Serialize};

pub(crate) use self::ask::ask;
pub(crate) use self::socket::Control;

/// What is asked.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Add { name: String, full_name: String, country: String, password: String },
    List,
    Passwd { name: String, password: String },
    Edit { name: String, full_name: Option<String>, country: Option<String> },
    Remove { name: String },
    Dump { hashes: bool },
    Check,
}

/// Does it, and writes what there is to say.
pub(crate) fn perform(chat: &Chat, request: &Request, out: &mut dyn Write) -> Result<(), Error> {
    match request {
        Request::Add { name, full_name, country, password } => {
            chat.add_user(NewUser { name, password, full_name, country })
        }
        Request::List => {
            for user in chat.users()? {
                writeln!(out, "{}\t{}\t{}", user.user(), user.full_name(), user.country()).map_err(Error::Io)?;
            }
            Ok(())
        }
        Request::Passwd { name, password } => chat.set_password(name, password),
        Request::Edit { name, full_name, country } => chat.edit_user(name, full_name.as_deref(), country.as_deref()),
        Request::Remove { name } => chat.remove_user(name),
        Request::Dump { hashes } => chat.dump(*hashes, out),
        Request::Check => {
            chat.check()?;
            writeln!(out, "all is well").map_err(Error::Io)
        }
    }
}

/// Without the password.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { name, .. } => write!(f, "add {name}"),
            Self::List => f.write_str("list"),
            Self::Passwd { name, .. } => write!(f, "passwd {name}"),
            Self::Edit { name, .. } => write!(f, "edit {name}"),
            Self::Remove { name } => write!(f, "remove {name}"),
            Self::Dump { hashes } => write!(f, "dump, hashes: {hashes}"),
            Self::Check => f.write_str("check"),
        }
    }
}
