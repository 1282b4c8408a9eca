//! What is asked of the data, by whoever may read the data directory. If a server runs on it, it is
//! asked through a socket there.

mod ask;
mod socket;

use std::fmt;
use std::io::Write;

use chat_lib::model::{Profile, UserName};
use chat_lib::{Chat, Error, NewUser, printable};
use serde::{Deserialize, Serialize};

pub(crate) use self::ask::ask;
pub(crate) use self::socket::Control;

/// What is asked. Without a password, one is only asked whether it could be done with one.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Add { name: String, full_name: String, country: String, password: Option<String> },
    List,
    Passwd { name: String, password: Option<String> },
    Edit { name: String, full_name: Option<String>, country: Option<String> },
    Remove { name: String },
    Ban { name: String },
    Unban { name: String },
    Dump { hashes: bool },
    Check,
}

impl Request {
    /// Whether it changes nothing.
    pub(crate) fn only_looks(&self) -> bool {
        matches!(
            self,
            Self::List
                | Self::Dump { .. }
                | Self::Check
                | Self::Add { password: None, .. }
                | Self::Passwd { password: None, .. }
        )
    }
}

/// Does it, and writes what there is to say.
pub(crate) fn perform(chat: &Chat, request: &Request, out: &mut dyn Write) -> Result<(), Error> {
    match request {
        Request::Add { name, full_name, country, password: Some(password) } => {
            chat.add_user(NewUser { name, password, full_name, country })
        }
        Request::Add { name, full_name, country, password: None } => {
            Profile::new(UserName::parse(name)?, full_name, country)?;
            if is_user(chat, name)? { Err(Error::UserExists) } else { Ok(()) }
        }
        Request::List => {
            for user in chat.users()? {
                writeln!(out, "{}", row(&user.profile, user.banned)).map_err(Error::Io)?;
            }
            Ok(())
        }
        Request::Passwd { name, password: Some(password) } => chat.set_password(name, password),
        Request::Passwd { name, password: None } => {
            if is_user(chat, name)? {
                Ok(())
            } else {
                Err(Error::NoSuchUser)
            }
        }
        Request::Edit { name, full_name, country } => chat.edit_user(name, full_name.as_deref(), country.as_deref()),
        Request::Remove { name } => chat.remove_user(name),
        Request::Ban { name } => chat.ban_user(name),
        Request::Unban { name } => chat.unban_user(name),
        Request::Dump { hashes } => chat.dump(*hashes, out),
        Request::Check => {
            chat.check()?;
            writeln!(out, "all is well").map_err(Error::Io)
        }
    }
}

/// Older data may have names in it that are refused today.
fn row(profile: &Profile, banned: bool) -> String {
    let mut row = [profile.user().as_str(), profile.full_name(), profile.country()].map(printable).join("\t");
    if banned {
        row.push_str("\tbanned");
    }
    row
}

fn is_user(chat: &Chat, name: &str) -> Result<bool, Error> {
    Ok(chat.users()?.iter().any(|user| user.profile.user().as_str() == name))
}

/// Without the password.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { name, .. } => write!(f, "add {name:?}"),
            Self::List => f.write_str("list"),
            Self::Passwd { name, .. } => write!(f, "passwd {name:?}"),
            Self::Edit { name, .. } => write!(f, "edit {name:?}"),
            Self::Remove { name } => write!(f, "remove {name:?}"),
            Self::Ban { name } => write!(f, "ban {name:?}"),
            Self::Unban { name } => write!(f, "unban {name:?}"),
            Self::Dump { hashes } => write!(f, "dump, hashes: {hashes}"),
            Self::Check => f.write_str("check"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is printed raw, a terminal obeys.
    #[test]
    fn names_in_a_list_cannot_control_a_terminal() {
        let profile = Profile::kept(UserName::parse("ana").unwrap(), "Ana\u{202e}", "Br\u{e9}sil").unwrap();
        assert_eq!(row(&profile, false), "ana\tAna\\u{202e}\tBr\u{e9}sil");
        assert_eq!(row(&profile, true), "ana\tAna\\u{202e}\tBr\u{e9}sil\tbanned");
    }
}
