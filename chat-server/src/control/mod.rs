//! What is asked of the data, by whoever may read the data directory. If a server runs on it, it is
//! asked through a socket there.

mod ask;
mod rows;
mod socket;
mod status;

use std::fmt;
use std::io::{self, Write};

use chat_lib::model::{InvitationId, Profile, UserName};
use chat_lib::store::RoomState;
use chat_lib::{Chat, Error, NewUser};
use serde::{Deserialize, Serialize};

pub(crate) use self::ask::{PATIENCE, ask};
pub(crate) use self::socket::Control;
pub(crate) use self::status::Status;
use crate::args::Keep;
use crate::cluster::Watched;

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
    Kick { name: String },
    Sessions { name: String },
    Export { name: String },
    Erase { name: String },
    Rooms,
    Room { room: String },
    KeepRoom { room: String, keep: Keep },
    DeleteRoom { room: String },
    Announce { text: String },
    Invite,
    Registration,
    ListInvitations,
    RevokeInvitation { id: String },
    Dump { hashes: bool },
    Check,
    Status,
    ClusterStatus,
}

impl Request {
    /// Whether it changes nothing.
    pub(crate) fn only_looks(&self) -> bool {
        matches!(
            self,
            Self::List
                | Self::ListInvitations
                | Self::Dump { .. }
                | Self::Export { .. }
                | Self::Rooms
                | Self::Room { .. }
                | Self::Announce { .. }
                | Self::Registration
                | Self::Check
                | Self::Status
                | Self::ClusterStatus
                | Self::Add { password: None, .. }
                | Self::Passwd { password: None, .. }
        )
    }
}

/// Does it, and writes what there is to say. `status` is that of the server that does it, if one does.
pub(crate) fn perform(
    chat: &Chat,
    status: Option<&Status>,
    request: &Request,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let outcome = work(chat, status, request, out);
    match (&outcome, status.and_then(Status::cluster).and_then(Watched::elsewhere)) {
        (Err(Error::Busy), Some(why)) => Err(Error::Io(io::Error::new(io::ErrorKind::ResourceBusy, why))),
        _ => outcome,
    }
}

fn work(chat: &Chat, status: Option<&Status>, request: &Request, out: &mut dyn Write) -> Result<(), Error> {
    match request {
        Request::Add { name, full_name, country, password: Some(password) } => {
            chat.add_user(NewUser { name, password, full_name, country })
        }
        Request::Add { name, full_name, country, password: None } => {
            Profile::new(UserName::parse(name)?, full_name, country)?;
            if is_user(chat, name)? { Err(Error::UserExists) } else { Ok(()) }
        }
        Request::List => write_rows(out, chat.users()?.iter().map(rows::user)),
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
        Request::Kick { name } => chat.end_sessions(name),
        Request::Sessions { name } => {
            if !is_user(chat, name)? {
                return Err(Error::NoSuchUser);
            }
            let sessions = chat.sessions()?;
            write_rows(out, sessions.iter().filter(|it| it.user.user().as_str() == name).map(rows::session))
        }
        Request::Export { name } => chat.export_user(name, out),
        Request::Erase { name } => write_rows(out, [format!("deleted messages: {}", chat.erase_user(name)?)]),
        Request::Rooms => write_rows(out, chat.rooms()?.iter().map(rows::room)),
        Request::Room { room } => {
            let members = chat.room_members(room)?;
            write_rows(out, rows::limits(&find_room(chat, room)?))?;
            write_rows(out, members.iter().map(rows::member))
        }
        Request::KeepRoom { room, keep } => {
            let mut limits = find_room(chat, room)?.keep;
            // The command line has none that are invalid, but anything may be asked through the socket.
            keep.change(&mut limits)
                .map_err(|invalid| Error::Io(io::Error::new(io::ErrorKind::InvalidInput, invalid)))?;
            chat.set_room_keep(room, limits)
        }
        Request::DeleteRoom { room } => chat.delete_room(room),
        Request::Announce { text } => write_rows(out, [rows::announced(chat.announce(text)?)]),
        Request::Invite => write_rows(out, [chat.invite()?.to_string()]),
        // It is the server's, so that nobody knows it without one.
        Request::Registration => write_rows(out, status.map(|_| rows::registration(chat.registration()))),
        Request::ListInvitations => write_rows(out, chat.invitations()?.iter().map(rows::invitation)),
        Request::RevokeInvitation { id } => chat.revoke_invitation(&InvitationId::parse(id)?),
        Request::Dump { hashes } => chat.dump(*hashes, out),
        Request::Check => {
            chat.check()?;
            writeln!(out, "all is well").map_err(Error::Io)
        }
        Request::Status => status.map_or(Ok(()), |status| status.write(chat, out).map_err(Error::Io)),
        Request::ClusterStatus => {
            let Some(cluster) = status.and_then(Status::cluster) else {
                let alone = "the server is not part of a cluster";
                return Err(Error::Io(io::Error::new(io::ErrorKind::Unsupported, alone)));
            };
            cluster.write(out).map_err(Error::Io)
        }
    }
}

fn write_rows(out: &mut dyn Write, rows: impl IntoIterator<Item = String>) -> Result<(), Error> {
    rows.into_iter().try_for_each(|row| writeln!(out, "{row}")).map_err(Error::Io)
}

fn find_room(chat: &Chat, name: &str) -> Result<RoomState, Error> {
    chat.rooms()?.into_iter().find(|room| room.name.as_str() == name).ok_or(Error::NoSuchRoom)
}

fn is_user(chat: &Chat, name: &str) -> Result<bool, Error> {
    Ok(chat.users()?.iter().any(|user| user.profile.user().as_str() == name))
}

/// Without passwords and texts.
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
            Self::Kick { name } => write!(f, "kick {name:?}"),
            Self::Sessions { name } => write!(f, "sessions {name:?}"),
            Self::Export { name } => write!(f, "export {name:?}"),
            Self::Erase { name } => write!(f, "erase {name:?}"),
            Self::Rooms => f.write_str("rooms"),
            Self::Room { room } => write!(f, "room {room:?}"),
            Self::KeepRoom { room, .. } => write!(f, "set room {room:?}"),
            Self::DeleteRoom { room } => write!(f, "delete room {room:?}"),
            Self::Announce { .. } => f.write_str("announce"),
            Self::Invite => f.write_str("invite"),
            Self::Registration => f.write_str("registration"),
            Self::ListInvitations => f.write_str("invite list"),
            Self::RevokeInvitation { id } => write!(f, "invite revoke {id:?}"),
            Self::Dump { hashes } => write!(f, "dump, hashes: {hashes}"),
            Self::Check => f.write_str("check"),
            Self::Status => f.write_str("status"),
            Self::ClusterStatus => f.write_str("cluster status"),
        }
    }
}
