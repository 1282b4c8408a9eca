//! The users who are in memory: by name, by profile, and in order of name.
//!
//! They may be many, and most do nothing: each is in one place, and all else has the number of the place.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use slab::Slab;

use super::User;
use crate::model::{Profile, UserName};
use crate::store::hash::spread;
use crate::store::log::ProfileId;

/// Users by name.
#[derive(Default)]
pub(super) struct Users {
    users: Slab<User>,
    by_name: HashTable<Place>,
    by_profile: HashTable<Place>,
    /// Places in order of name, in pieces of up to [`PIECE`]. None is empty.
    in_order: Vec<Vec<Place>>,
    /// Peers choose names.
    hasher: RandomState,
}

/// A place in the slab.
type Place = u32;

impl Users {
    pub(super) fn len(&self) -> usize {
        self.users.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    pub(super) fn get(&self, name: impl AsRef<str>) -> Option<&User> {
        self.users.get(self.place(name.as_ref())?)
    }

    pub(super) fn get_mut(&mut self, name: impl AsRef<str>) -> Option<&mut User> {
        self.users.get_mut(self.place(name.as_ref())?)
    }

    /// The user's own name, which shares its allocation with the profile, and the user.
    pub(super) fn get_key_value(&self, name: impl AsRef<str>) -> Option<(&UserName, &User)> {
        self.get(name).map(|user| (user.name(), user))
    }

    pub(super) fn contains_key(&self, name: impl AsRef<str>) -> bool {
        self.place(name.as_ref()).is_some()
    }

    /// The user with that profile.
    pub(super) fn of_profile(&self, profile: ProfileId) -> Option<&User> {
        let is = |place: &Place| self.at(*place).is_some_and(|user| user.profile_id == profile);
        self.by_profile.find(spread(profile.0.into()), is).and_then(|place| self.at(*place))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &User> {
        self.users.iter().map(|(_, user)| user)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut User> {
        self.users.iter_mut().map(|(_, user)| user)
    }

    /// The users after a name, in order of name.
    pub(super) fn after(&self, name: &str) -> impl Iterator<Item = &User> {
        let is_before = |place: &Place| self.name_at(*place) <= name;
        let piece = self.in_order.partition_point(|piece| piece.last().is_some_and(is_before));
        let pieces = self.in_order.get(piece..).unwrap_or_default();
        let skipped = pieces.first().map_or(0, |piece| piece.partition_point(is_before));
        pieces.iter().flatten().skip(skipped).filter_map(|place| self.at(*place))
    }

    /// Puts a user in, of whom there must not be one. `false` if there are as many as there can be.
    pub(super) fn insert(&mut self, user: User) -> bool {
        let entry = self.users.vacant_entry();
        let Ok(place) = Place::try_from(entry.key()) else { return false };
        let (name, profile) = (self.hasher.hash_one(user.name().as_str()), user.profile_id);
        let text = user.name().clone();
        entry.insert(user);
        let (users, hasher) = (&self.users, &self.hasher);
        self.by_name.insert_unique(name, place, |place| {
            users.get(*place as usize).map_or(0, |user| hasher.hash_one(user.name().as_str()))
        });
        self.put_profile(place, profile);
        self.put_in_order(text.as_str(), place);
        true
    }

    /// Gives a user another profile, of the same name.
    pub(super) fn set_profile(&mut self, name: &str, id: ProfileId, profile: Arc<Profile>) {
        let Some(place) = self.place(name) else { return };
        let Some(user) = self.users.get_mut(place) else { return };
        let before = std::mem::replace(&mut user.profile_id, id);
        user.profile = profile;
        let place = place as Place;
        self.drop_profile(place, before);
        self.put_profile(place, id);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<User> {
        let key = self.place(name)?;
        let place = key as Place;
        let profile = self.users.get(key)?.profile_id;
        self.drop_profile(place, profile);
        if let Ok(entry) = self.by_name.find_entry(self.hasher.hash_one(name), |other| *other == place) {
            entry.remove();
        }
        self.drop_from_order(name);
        self.users.try_remove(key)
    }

    fn place(&self, name: &str) -> Option<usize> {
        let is = |place: &Place| self.at(*place).is_some_and(|user| user.name().as_str() == name);
        self.by_name.find(self.hasher.hash_one(name), is).map(|place| *place as usize)
    }

    fn at(&self, place: Place) -> Option<&User> {
        self.users.get(place as usize)
    }

    fn name_at(&self, place: Place) -> &str {
        self.at(place).map_or("", |user| user.name().as_str())
    }

    fn put_profile(&mut self, place: Place, profile: ProfileId) {
        let users = &self.users;
        self.by_profile.insert_unique(spread(profile.0.into()), place, |place| {
            users.get(*place as usize).map_or(0, |user| spread(user.profile_id.0.into()))
        });
    }

    fn drop_profile(&mut self, place: Place, profile: ProfileId) {
        if let Ok(entry) = self.by_profile.find_entry(spread(profile.0.into()), |other| *other == place) {
            entry.remove();
        }
    }

    /// The piece that a name is in or belongs into, and the place in it.
    fn in_piece(&self, name: &str) -> (usize, usize) {
        let is_before = |place: &Place| self.name_at(*place) < name;
        let piece = self.in_order.partition_point(|piece| piece.last().is_some_and(is_before));
        let piece = piece.min(self.in_order.len().saturating_sub(1));
        (piece, self.in_order.get(piece).map_or(0, |piece| piece.partition_point(is_before)))
    }

    fn put_in_order(&mut self, name: &str, place: Place) {
        let (number, at) = self.in_piece(name);
        let Some(piece) = self.in_order.get_mut(number) else {
            self.in_order.push(vec![place]);
            return;
        };
        piece.insert(at, place);
        if piece.len() > PIECE {
            // Names that come in order leave full pieces.
            let rest = piece.split_off(if at == PIECE { PIECE } else { PIECE / 2 });
            self.in_order.insert(number + 1, rest);
        }
    }

    fn drop_from_order(&mut self, name: &str) {
        let (number, at) = self.in_piece(name);
        let Some(piece) = self.in_order.get_mut(number) else { return };
        if at < piece.len() {
            piece.remove(at);
        }
        if piece.is_empty() {
            self.in_order.remove(number);
        }
    }
}

/// Of up to so many places the list of names is made up: moving half of them takes less than a microsecond.
const PIECE: usize = 1024;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::{Account, MessageId};
    use crate::store::index::AccountId;

    fn user(number: u32) -> User {
        let profile = Profile::new(UserName::parse(&format!("user{number}")).unwrap(), "x", "").unwrap();
        let account = Account::new(Arc::new(profile), None);
        User::new(AccountId(number), ProfileId(number), MessageId::NONE, account)
    }

    #[test]
    fn they_are_found_by_name_by_profile_and_in_order() {
        let (mut users, mut wanted) = (Users::default(), BTreeSet::new());
        for step in 0..30_000_u32 {
            let number = (step.wrapping_mul(0x9e37_79b9) >> 8) % 6000;
            let name = format!("user{number}");
            if wanted.remove(&name) {
                assert_eq!(users.remove(&name).unwrap().id, AccountId(number));
            } else if step < 20_000 || number % 2 == 0 {
                assert!(users.insert(user(number)));
                wanted.insert(name.clone());
            }
            assert_eq!(users.get(&name).is_some(), wanted.contains(&name));
            assert_eq!(users.of_profile(ProfileId(number)).is_some(), wanted.contains(&name));
        }
        assert_eq!(users.len(), wanted.len());
        let after = |name: &str| users.after(name).map(|user| user.name().as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(after(""), wanted.iter().cloned().collect::<Vec<_>>());
        let wanted: Vec<_> = wanted.iter().filter(|name| name.as_str() > "user3").cloned().collect();
        assert_eq!(after("user3"), wanted);
        assert!(after("v").is_empty());
    }

    /// 250 bytes are to be enough for a user who does nothing, with the names, the password and the tables.
    #[test]
    fn a_user_takes_little() {
        assert!(size_of::<User>() <= 88, "{}", size_of::<User>());
    }
}
