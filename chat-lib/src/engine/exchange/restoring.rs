//! Takes in the lines of a dump, in their order, and says what is wrong with one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::Restored;
use super::line::{Counts, Cursor, Line, Seat, VERSION, framing};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::limits::RESTORED_ID;
use crate::model::{
    Account, ConversationName, Invitation, InvitationId, MessageId, MessageKey, PasswordHash, Profile, RoomName,
    UserName, check_title,
};
use crate::store::{Batch, Member, NewMessage, Record, RoomKeep, RoomMembership};

/// A restore that goes on.
#[derive(Default)]
pub(super) struct Restoring {
    /// By user and full name.
    senders: HashMap<(String, String), Arc<Profile>>,
    part: Part,
    counts: Counts,
    without_password: u64,
}

/// The part of the dump that the last line belonged to. They come in this order.
#[derive(Clone, Copy, Default, Eq, Ord, PartialEq, PartialOrd)]
enum Part {
    #[default]
    Start,
    Users,
    Invitations,
    Blocks,
    Conversations,
    Rooms,
    Messages,
    Keys,
    Over,
}

/// Makes an error of what is wrong with the line.
type Bad<'a> = &'a dyn Fn(String) -> Error;

impl Restoring {
    /// What was taken, after the last line.
    pub(super) fn restored(&self) -> Option<Restored> {
        let Counts { users, messages, .. } = self.counts;
        (self.part == Part::Over).then_some(Restored { users, without_password: self.without_password, messages })
    }

    /// Takes in a line.
    pub(super) fn restore(&mut self, line: Line<'_>, batch: &mut dyn Batch, bad: Bad<'_>) -> Result<(), Error> {
        let part = match &line {
            Line::ChatDump { .. } | Line::User { .. } => Part::Users,
            Line::Invitation { .. } => Part::Invitations,
            Line::Block { .. } => Part::Blocks,
            Line::Conversation { .. } => Part::Conversations,
            Line::Room { .. } => Part::Rooms,
            Line::Message { .. } => Part::Messages,
            Line::Key { .. } => Part::Keys,
            Line::End(_) => Part::Over,
        };
        if part < self.part || self.part == Part::Over || (self.part == Part::Start) != line.is_header() {
            return Err(bad("it is out of place".to_owned()));
        }
        self.part = part;
        self.counts.add(&line);
        match line {
            Line::ChatDump { version, .. } => {
                let problem = format!(
                    "it is version {version}, and only {VERSION} is known here; restore it with the version that wrote it"
                );
                must(version == VERSION, &problem, bad)
            }
            Line::User { name, full_name, country, banned, password } => {
                let profile = UserName::parse(&name).and_then(|user| Profile::kept(user, &full_name, &country));
                let profile = Arc::new(parsed(profile, bad)?);
                let password = parsed(password.map(|phc| PasswordHash::from_phc(&phc)).transpose(), bad)?;
                self.senders.insert((name.into_owned(), full_name.into_owned()), Arc::clone(&profile));
                self.without_password += u64::from(password.is_none());
                let account = Account { banned, ..Account::new(profile, password) };
                must(batch.restore(Record::Account(&account))?, "the user is there twice", bad)
            }
            Line::Invitation { id, created, expires } => {
                let id = parsed(InvitationId::parse(&id), bad)?;
                let invitation = Invitation::new(id, timestamp(created, bad)?, timestamp(expires, bad)?);
                must(batch.restore(Record::Invitation(&invitation))?, "the invitation is there twice", bad)
            }
            Line::Block { user, blocked } => {
                must(user != blocked, "a user cannot block themselves", bad)?;
                let record = Record::Block { user: &user, blocked: &blocked };
                must(batch.restore(record)?, "one of them is no user, or it is there twice", bad)
            }
            Line::Conversation { members } => {
                let members = members.iter().map(|Cursor { user, read }| Ok(Member { user, read: id(*read, bad)? }));
                let members = members.collect::<Result<Vec<_>, Error>>()?;
                let fits = match &*members {
                    [_] => true,
                    [one, other] => one.user != other.user,
                    _ => false,
                };
                let fits = fits && batch.restore(Record::Conversation(&members))?;
                must(fits, "its members are not one or two users, or it is there twice", bad)
            }
            Line::Room { name, title, open, keep, members } => {
                room(&name, &title, open, keep.keep(), &members, batch, bad)
            }
            Line::Message { id: number, to, from, from_name, former, time, key, before, after, deleted, text } => {
                let framing = framing(before.as_deref(), after.as_deref());
                let framing =
                    framing.ok_or_else(|| bad("protocol 1 has nothing like that around a text".to_owned()))?;
                must(!deleted || text.is_empty(), "it was deleted, and has a text", bad)?;
                let from = &parsed(self.sender(from, from_name), bad)?;
                let key = parsed(key.map(|key| MessageKey::parse(&key)).transpose(), bad)?;
                let (id, time) = (id(number, bad)?, timestamp(time, bad)?);
                let message = NewMessage { to: &to, from, text: &text, framing, time, key: key.as_ref() };
                let record = Record::Message { id, message, from_former_user: former, deleted };
                let problem = "the message is to nobody or from nobody, or its id is not greater than the one before";
                must(batch.restore(record)?, problem, bad)
            }
            Line::Key { user, to, key, id: number, time } => {
                parsed(ConversationName::parse(&to), bad)?;
                let key = &parsed(MessageKey::parse(&key), bad)?;
                let (id, time) = (id(number, bad)?, timestamp(time, bad)?);
                let record = Record::Key { user: &user, to: &to, key, id, time };
                must(batch.restore(record)?, "it is the key of no user", bad)
            }
            Line::End(counts) => must(counts == self.counts, "it counts other lines than there are", bad),
        }
    }

    /// The sender of a message, once for all that were sent under the same name.
    fn sender(&mut self, from: Cow<'_, str>, from_name: Cow<'_, str>) -> Result<Arc<Profile>, Error> {
        let sender = (from.into_owned(), from_name.into_owned());
        if let Some(profile) = self.senders.get(&sender) {
            return Ok(Arc::clone(profile));
        }
        let profile = Arc::new(Profile::kept(UserName::parse(&sender.0)?, &sender.1, "")?);
        self.senders.insert(sender, Arc::clone(&profile));
        Ok(profile)
    }
}

fn room(
    name: &str,
    title: &str,
    open: bool,
    keep: RoomKeep,
    members: &[Seat<'_>],
    batch: &mut dyn Batch,
    bad: Bad<'_>,
) -> Result<(), Error> {
    let name = &parsed(RoomName::parse(name), bad)?;
    parsed(check_title(title), bad)?;
    must(members.is_sorted_by(|one, next| one.user < next.user), "its members are not in order of name", bad)?;
    let member = |seat: &'_ Seat<'_>| {
        let standing = seat.standing().ok_or_else(|| bad("an owner cannot be invited".to_owned()))?;
        let (since, read) = (id(seat.since, bad)?, id(seat.read, bad)?);
        must(since <= read, "a member has read less than they can see", bad)?;
        must(standing.is_member() || read == MessageId::NONE, "who is invited has read nothing", bad)?;
        Ok((standing, since, read))
    };
    let seats = members.iter().map(member).collect::<Result<Vec<_>, Error>>()?;
    let members = members.iter().zip(seats);
    let members =
        members.map(|(seat, (standing, since, read))| RoomMembership { user: &seat.user, standing, since, read });
    let record = Record::Room { name, title, open, keep, members: &members.collect::<Vec<_>>() };
    must(batch.restore(record)?, "one of its members is no user, or the room is there twice", bad)
}

fn id(number: u64, bad: Bad<'_>) -> Result<MessageId, Error> {
    let id = MessageId::new(number).filter(|id| id.get() <= RESTORED_ID);
    id.ok_or_else(|| bad("an id is too large".to_owned()))
}

fn timestamp(time: u64, bad: Bad<'_>) -> Result<Timestamp, Error> {
    must(i64::try_from(time).is_ok(), "the time is none", bad)?;
    Ok(Timestamp::from_millis(time))
}

fn must(fits: bool, problem: &str, bad: Bad<'_>) -> Result<(), Error> {
    if fits { Ok(()) } else { Err(bad(problem.to_owned())) }
}

/// What was parsed, or why it could not be.
fn parsed<T>(outcome: Result<T, Error>, bad: Bad<'_>) -> Result<T, Error> {
    outcome.map_err(|problem| bad(problem.to_string()))
}
