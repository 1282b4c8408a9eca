//! The commands that send something: `send`, `sendgroup` and `typing`. Whether a message can be sent is the store's to say, in
//! the step that appends it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::notice::Notice;
use super::rooms::{find_member, find_room};
use super::{Chat, Step, Turn};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::limits::{GROUP_BYTES, Limits, MESSAGE_OVERHEAD, TYPING_INTERVAL, TYPING_MEMBERS};
use crate::model::{ConversationName, Framing, MessageKey, Profile, UserName};
use crate::protocol::Reply;
use crate::store::{Appended, NewMessage, Quota};

impl Chat {
    pub(super) fn send_message(
        &self,
        from: &Arc<Profile>,
        to: &str,
        text: &str,
        framing: Framing,
        key: Option<&MessageKey>,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let time = turn.now;
        match turn.batch.append(NewMessage { to, from, text, framing, time, key }, quota(turn.limits))? {
            Appended::Stored(id) => Ok(Step::Done(Reply::Sent { id, time })),
            Appended::Known(id, time) => Ok(Step::Done(Reply::Sent { id, time })),
            Appended::NotAMember => {
                // Not even that, if the room is one that the sender may not know of.
                find_room(to, from.user(), turn)?;
                Err(Error::NotAMember)
            }
            refused => Err(refusal(refused, to)),
        }
    }

    /// Sends a message to several users, or to none of them if one could not get it.
    pub(super) fn send_to_all(
        &self,
        from: &Arc<Profile>,
        to: &[Cow<'_, str>],
        text: &str,
        framing: Framing,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let time = turn.now;
        let mut seen = HashSet::new();
        let recipients = to.iter().map(|to| &**to).filter(|to| seen.insert(*to));
        let messages: Vec<_> = recipients.map(|to| NewMessage { to, from, text, framing, time, key: None }).collect();
        if messages.iter().any(|message| message.to.starts_with('#')) {
            return Err(Error::NoSuchRecipient);
        }
        if messages.len().saturating_mul(text.len() + MESSAGE_OVERHEAD) > GROUP_BYTES {
            return Err(Error::TooManyRecipients);
        }
        turn.count_work(messages.len().saturating_mul(1 + text.len() / BYTES_PER_WORK));
        match turn.batch.append_all(&messages, quota(turn.limits))? {
            Appended::Stored(id) => Ok(Step::Done(Reply::Sent { id, time })),
            refused => Err(refusal(refused, "")),
        }
    }

    /// Passes on that a user is typing, unless those who would be told should not know or have just been told.
    pub(super) fn typing(&self, user: &UserName, with: &str, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let is_heard = match with.starts_with('#') {
            true => find_member(with, user, turn)?.0.members <= TYPING_MEMBERS,
            false => {
                turn.batch.account(with)?.ok_or(Error::NoSuchConversation)?;
                turn.batch.conversation(user.as_str(), with)?.is_some() && !is_cut_off(user.as_str(), with, turn)?
            }
        };
        let with = ConversationName::parse(with)?;
        if is_heard && self.inner.typing.is_due(user, &with, turn.now) {
            turn.post(Notice::Typing { user: user.clone(), with });
        }
        Ok(Step::Done(Reply::Done))
    }
}

/// So many bytes of a message are stored in the time that a usual request takes.
const BYTES_PER_WORK: usize = 2048;

fn quota(limits: &Limits) -> Quota {
    Quota { messages: limits.mailbox_messages, bytes: limits.mailbox_bytes }
}

/// Whether one of two users has blocked the other, so that neither is told what the other does.
pub(super) fn is_cut_off(user: &str, other: &str, turn: &mut Turn<'_>) -> Result<bool, Error> {
    Ok(turn.batch.is_blocked(user, other)? || turn.batch.is_blocked(other, user)?)
}

/// The error for a message that was not appended.
fn refusal(refused: Appended, to: &str) -> Error {
    match refused {
        Appended::NoSuchRecipient if to.starts_with('#') => Error::NoSuchRoom,
        Appended::Stored(_) | Appended::Known(..) | Appended::NoSuchRecipient => Error::NoSuchRecipient,
        Appended::KeyReused => Error::KeyReused,
        Appended::NotAMember => Error::NotAMember,
        Appended::Blocked => Error::Blocked,
        Appended::Full => Error::MailboxFull,
    }
}

/// Who was passed on as typing in the last [`TYPING_INTERVAL`].
#[derive(Default)]
pub(super) struct Typing(Mutex<Recent>);

#[derive(Default)]
struct Recent {
    passed_on: HashMap<(UserName, ConversationName), Timestamp>,
    /// At how many entries those that do not count any more are dropped.
    sweep_at: usize,
}

impl Typing {
    /// Whether it is time to pass on that `user` types, which then counts as passed on.
    fn is_due(&self, user: &UserName, with: &ConversationName, now: Timestamp) -> bool {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The clock may have been set back.
        let counts = |at: &Timestamp| *at <= now && now.since(*at) < TYPING_INTERVAL;
        if recent.passed_on.len() >= recent.sweep_at {
            recent.passed_on.retain(|_, at| counts(at));
            recent.sweep_at = 2 * recent.passed_on.len() + 64;
        }
        match recent.passed_on.entry((user.clone(), with.clone())) {
            Entry::Occupied(at) if counts(at.get()) => false,
            at => {
                at.insert_entry(now);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_types_is_passed_on_at_intervals() {
        let typing = Typing::default();
        let [ana, bob] = ["ana", "bob"].map(|name| UserName::parse(name).unwrap());
        let [with_ana, with_bob] = [&ana, &bob].map(|user| ConversationName::from(user.clone()));
        let start = Timestamp::EPOCH.after(TYPING_INTERVAL);
        let later = start.after(TYPING_INTERVAL);
        assert!(typing.is_due(&ana, &with_bob, start));
        assert!(!typing.is_due(&ana, &with_bob, start));
        assert!(typing.is_due(&bob, &with_ana, start) && typing.is_due(&ana, &with_ana, start));
        assert!(!typing.is_due(&ana, &with_bob, Timestamp::from_millis(later.as_millis() - 1)));
        assert!(typing.is_due(&ana, &with_bob, later));
        assert!(typing.is_due(&ana, &with_bob, start), "a clock that was set back");
    }

    #[test]
    fn who_types_no_more_is_forgotten() {
        let typing = Typing::default();
        let with = ConversationName::parse("#a").unwrap();
        for number in 0..10_000 {
            let user = UserName::parse(&format!("user{number}")).unwrap();
            assert!(typing.is_due(&user, &with, Timestamp::EPOCH.after(number * TYPING_INTERVAL)));
        }
        assert!(typing.0.lock().unwrap().passed_on.len() <= 128);
    }
}
