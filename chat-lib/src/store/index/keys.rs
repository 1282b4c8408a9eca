//! The keys of messages that were sent a short time ago, so that none is stored twice.
//!
//! A key is in the log with its message. The keys since the last flush are found there again after a crash, and each flush
//! writes those since the one before into one row, so the log need not be kept for them.

use std::collections::{HashMap, VecDeque};

use super::{AccountId, Change, Index};
use crate::clock::Timestamp;
use crate::limits::{KEY_AGE, KEYS_PER_USER};
use crate::model::{ConversationName, MessageId, MessageKey, UserName};
use crate::store::log::{read_number, write_number};
use crate::store::{Appended, NewMessage};

/// The keys of a user.
#[derive(Default)]
pub(super) struct Keys {
    by_key: HashMap<MessageKey, Known>,
    /// In order of arrival, with the ids of their messages: a key that came again later is here twice.
    order: VecDeque<(MessageKey, MessageId)>,
}

/// The message that has a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::store) struct Known {
    pub(in crate::store) id: MessageId,
    pub(in crate::store) time: Timestamp,
    pub(in crate::store) to: ConversationName,
}

/// Keys that are written together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::store) struct KeysRow {
    /// The first of them was the one at this place among all keys.
    pub(in crate::store) number: u64,
    /// The time of the latest message.
    pub(in crate::store) time: Timestamp,
    pub(in crate::store) body: Vec<u8>,
}

impl Keys {
    fn get(&self, key: &MessageKey, now: Timestamp) -> Option<&Known> {
        self.by_key.get(key).filter(|known| !is_old(known.time, now))
    }

    fn insert(&mut self, key: MessageKey, known: Known) {
        let now = known.time;
        self.order.push_back((key.clone(), known.id));
        self.by_key.insert(key, known);
        while let Some((key, id)) = self.order.front() {
            let found = self.by_key.get(key).filter(|known| known.id == *id);
            if found.is_some_and(|known| self.by_key.len() <= KEYS_PER_USER && !is_old(known.time, now)) {
                break;
            }
            if found.is_some() {
                self.by_key.remove(key);
            }
            self.order.pop_front();
        }
    }

    /// All of them, in order of arrival.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&MessageKey, &Known)> {
        let known =
            |(key, id): &(MessageKey, MessageId)| self.by_key.get_key_value(key).filter(|(_, known)| known.id == *id);
        self.order.iter().filter_map(known)
    }
}

fn is_old(time: Timestamp, now: Timestamp) -> bool {
    now.since(time) >= KEY_AGE
}

impl Index {
    /// What becomes of a message whose key is remembered.
    pub(super) fn known(&self, message: &NewMessage<'_>) -> Option<Appended> {
        let keys = &self.users.get(message.from.user())?.more.as_ref()?.keys;
        let known = keys.get(message.key?, message.time)?;
        Some(match known.to.as_str() == message.to {
            true => Appended::Known(known.id, known.time),
            false => Appended::KeyReused,
        })
    }

    /// Remembers the key of a message, if the sender exists.
    pub(super) fn remember(&mut self, sender: &str, key: &MessageKey, known: Known) {
        let Some(user) = self.users.get_mut(sender) else { return };
        if self.journal.is_on() {
            self.unwritten_keys.push((user.id, key.clone(), known.clone()));
        }
        user.more().keys.insert(key.clone(), known);
    }

    /// Remembers a key of a user that a dump has. `false` if there is no such user.
    pub(in crate::store) fn restore_key(&mut self, user: &str, key: &MessageKey, known: Known) -> bool {
        self.tail.skip_to(known.id);
        self.remember(user, key, known);
        self.users.contains_key(user)
    }

    /// The keys of a user, in order of arrival.
    pub(in crate::store) fn keys(&mut self, user: &str) -> impl Iterator<Item = (&MessageKey, &Known)> {
        self.load_user(user);
        self.users.get(user).and_then(|user| user.more.as_ref()).into_iter().flat_map(|more| more.keys.iter())
    }

    /// Has the keys written that are only in the log, and drops rows that are too old.
    pub(super) fn flush_keys(&mut self) {
        if self.unwritten_keys.is_empty() {
            return;
        }
        let keys = std::mem::take(&mut self.unwritten_keys);
        let latest = keys.iter().map(|(_, _, known)| known.time).max().unwrap_or_default();
        let row = KeysRow { number: self.summary.last_key, time: latest, body: pack(&keys) };
        self.summary.last_key += keys.len() as u64;
        self.summary.keyed = self.tail.last();
        self.key_rows.push_back((row.number, row.time));
        self.journal.push(|| Change::Keys(row));
        while let Some((number, _)) = self.key_rows.pop_front_if(|(_, time)| is_old(*time, latest)) {
            self.journal.push(|| Change::DropKeys(number));
        }
    }

    /// Takes in a row that was written.
    pub(super) fn load_keys(&mut self, row: &KeysRow, names: &HashMap<AccountId, UserName>) -> Result<(), String> {
        let keys = unpack(&row.body).ok_or_else(|| format!("the keys from {} on cannot be parsed", row.number))?;
        self.key_rows.push_back((row.number, row.time));
        for (account, key, known) in keys {
            // Those of a user who was removed stay until the row is dropped.
            if let Some(user) = names.get(&account).and_then(|name| self.users.get_mut(name)) {
                self.tail.skip_to(known.id);
                user.more().keys.insert(key, known);
            } else if let Some(on_disk) = &mut self.on_disk {
                self.tail.skip_to(known.id);
                on_disk.more.entry(account).or_default().keys.insert(key, known);
            }
        }
        Ok(())
    }
}

type Key = (AccountId, MessageKey, Known);

/// Each key as the number of the sender's account, the message's id and time, the recipient and the key; numbers are LEB128,
/// texts have their length in front.
fn pack(keys: &[Key]) -> Vec<u8> {
    let mut out = Vec::new();
    for (account, key, Known { id, time, to }) in keys {
        [account.0.into(), id.get(), time.as_millis()].iter().for_each(|number| write_number(&mut out, *number));
        for text in [to.as_str(), key.as_str()] {
            write_number(&mut out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
    }
    out
}

fn unpack(mut body: &[u8]) -> Option<Vec<Key>> {
    let mut keys = Vec::new();
    while !body.is_empty() {
        let account = AccountId(read_number(&mut body)?.try_into().ok()?);
        let id = MessageId::new(read_number(&mut body)?)?;
        let time = Timestamp::from_millis(read_number(&mut body)?);
        let to = ConversationName::parse(read_text(&mut body)?).ok()?;
        let key = MessageKey::parse(read_text(&mut body)?).ok()?;
        keys.push((account, key, Known { id, time, to }));
    }
    Some(keys)
}

fn read_text<'a>(body: &mut &'a [u8]) -> Option<&'a str> {
    let length = read_number(body)?.try_into().ok()?;
    let (text, rest) = body.split_at_checked(length)?;
    *body = rest;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(id: u64, millis: u64) -> Known {
        let to = ConversationName::parse("#lounge").unwrap();
        Known { id: MessageId::new(id).unwrap(), time: Timestamp::from_millis(millis), to }
    }

    fn key(number: u64) -> MessageKey {
        MessageKey::parse(&number.to_string()).unwrap()
    }

    #[test]
    fn the_oldest_keys_are_forgotten() {
        let mut keys = Keys::default();
        let count = KEYS_PER_USER as u64;
        (0..=count).for_each(|number| keys.insert(key(number), known(number + 1, number)));
        assert_eq!(keys.by_key.len(), KEYS_PER_USER);
        let now = Timestamp::from_millis(count);
        assert_eq!((keys.get(&key(0), now), keys.get(&key(1), now)), (None, Some(&known(2, 1))));
        let day = KEY_AGE.as_millis() as u64;
        assert!(keys.get(&key(count), Timestamp::from_millis(day + count - 1)).is_some());
        assert_eq!(keys.get(&key(count), Timestamp::from_millis(day + count)), None);
        // It comes again, and is as new as its last message.
        keys.insert(key(5), known(count + 2, day + count));
        assert_eq!(keys.iter().collect::<Vec<_>>(), [(&key(5), &known(count + 2, day + count))]);
        assert_eq!(keys.order.len(), 1);
    }

    #[test]
    fn packed_keys_read_back() {
        let keys: Vec<Key> = (1..200).map(|id| (AccountId(7), key(id), known(id, id * id))).collect();
        let body = pack(&keys);
        assert_eq!(unpack(&body), Some(keys));
        for length in 1..body.len().min(60) {
            unpack(body.get(..length).unwrap());
        }
    }
}
