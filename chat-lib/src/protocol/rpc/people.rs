//! Users, and rooms with their members, as they are on the wire, converted from our types and back.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::forms::{profile, room};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::Profile;
use crate::protocol::{MemberView, Presence, RoomView, UserView};
use crate::store::Standing;

/// A user in a list.
#[derive(Deserialize, Serialize)]
pub(super) struct User<'a> {
    #[serde(borrow)]
    user: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    country: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    online: Option<bool>,
    /// `Some(None)` is null: it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_seen: Option<Option<u64>>,
}

impl<'a> From<&'a Arc<Profile>> for User<'a> {
    fn from(profile: &'a Arc<Profile>) -> Self {
        let (user, name, country) = (profile.user().as_str(), profile.full_name(), profile.country());
        Self { user: user.into(), name: name.into(), country: country.into(), online: None, last_seen: None }
    }
}

impl<'a> From<&'a UserView> for User<'a> {
    fn from(user: &'a UserView) -> Self {
        let online = user.presence.map(|presence| presence.online);
        let last_seen = user.presence.map(|presence| presence.last_seen.map(Timestamp::as_millis));
        Self { online, last_seen, ..(&user.profile).into() }
    }
}

impl TryFrom<User<'_>> for Arc<Profile> {
    type Error = Error;

    fn try_from(user: User<'_>) -> Result<Self, Error> {
        profile(&user.user, &user.name, &user.country)
    }
}

impl TryFrom<User<'_>> for UserView {
    type Error = Error;

    fn try_from(user: User<'_>) -> Result<Self, Error> {
        let last_seen = user.last_seen.flatten().map(Timestamp::from_millis);
        let presence = user.online.map(|online| Presence { online, last_seen });
        Ok(Self { profile: user.try_into()?, presence })
    }
}

/// A member of a room in a list.
#[derive(Deserialize, Serialize)]
pub(super) struct Member<'a> {
    #[serde(borrow)]
    user: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    country: Cow<'a, str>,
    owner: bool,
}

impl<'a> From<&'a MemberView> for Member<'a> {
    fn from(member: &'a MemberView) -> Self {
        let (user, profile) = (member.profile.user().as_str(), &member.profile);
        Self {
            user: user.into(),
            name: profile.full_name().into(),
            country: profile.country().into(),
            owner: member.owner,
        }
    }
}

impl TryFrom<Member<'_>> for MemberView {
    type Error = Error;

    fn try_from(member: Member<'_>) -> Result<Self, Error> {
        Ok(Self { profile: profile(&member.user, &member.name, &member.country)?, owner: member.owner })
    }
}

/// A room in a list.
#[derive(Deserialize, Serialize)]
pub(super) struct Room<'a> {
    #[serde(borrow)]
    room: Cow<'a, str>,
    #[serde(borrow)]
    title: Cow<'a, str>,
    open: bool,
    members: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    standing: Option<Cow<'a, str>>,
}

/// The words for a user's standing in a room.
pub(super) const STANDINGS: [(Standing, &str); 3] =
    [(Standing::Invited, "invited"), (Standing::Member, "member"), (Standing::Owner, "owner")];

impl<'a> From<&'a RoomView> for Room<'a> {
    fn from(room: &'a RoomView) -> Self {
        let word = |standing| STANDINGS.iter().find(|(known, _)| *known == standing).map(|(_, word)| (*word).into());
        Self {
            room: room.room.as_str().into(),
            title: room.title.as_str().into(),
            open: room.open,
            members: room.members,
            standing: room.standing.and_then(word),
        }
    }
}

impl TryFrom<Room<'_>> for RoomView {
    type Error = Error;

    fn try_from(read: Room<'_>) -> Result<Self, Error> {
        let standing = |word: Cow<'_, str>| {
            let known = STANDINGS.iter().find(|(_, known)| *known == word).map(|(standing, _)| *standing);
            known.ok_or_else(|| Error::BadReply("a standing in a room makes no sense".to_owned()))
        };
        Ok(Self {
            room: room(&read.room)?,
            title: read.title.into_owned(),
            open: read.open,
            members: read.members,
            standing: read.standing.map(standing).transpose()?,
        })
    }
}

/// The parameters of `presence`.
#[derive(Deserialize, Serialize)]
pub(super) struct UserOnline<'a> {
    #[serde(borrow)]
    pub(super) user: Cow<'a, str>,
    pub(super) online: bool,
    pub(super) last_seen: Option<u64>,
}
