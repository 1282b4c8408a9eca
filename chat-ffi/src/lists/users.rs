//! Users: of the chat, of a room, or blocked.

use std::ffi::{CString, c_char, c_int};
use std::sync::Arc;

use chat_lib::UserInfo;
use chat_lib::model::{Profile, UserName};
use chat_lib::protocol::{MemberView, UserView};
use chat_lib::store::{RoomMember, Standing};

use super::{Element, next};
use crate::error::c_string;
use crate::handle::{chat_users, free};
use crate::status::chat_status;

/// A user. All pointers are to NUL-terminated UTF-8.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_user {
    /// The user name.
    pub name: *const c_char,
    /// The full name; "" in a list that has user names only.
    pub full_name: *const c_char,
    /// The country. Empty if the user has none, or if the list contains user names only.
    pub country: *const c_char,
    /// Whether the user is banned: 0 or 1; always 0 but in the list of chat_list_users().
    pub banned: c_int,
    /// Whether the user owns the room: 0 or 1; always 0 but in the lists of
    /// chat_session_members() and chat_list_members().
    pub owner: c_int,
    /// Whether somebody receives events as the user: 0 or 1; -1 if that is not known. It is known only in the list of
    /// chat_session_users(), of users with whom one has a conversation.
    pub online: c_int,
    /// When the user was last online, in milliseconds since 1970 (UTC); 0 if that is not known.
    pub last_seen: u64,
}

/// What a [`chat_user`] points to.
pub struct User {
    name: CString,
    full_name: CString,
    country: CString,
    banned: bool,
    owner: bool,
    online: Option<bool>,
    last_seen: u64,
}

impl From<&UserName> for User {
    fn from(name: &UserName) -> Self {
        let (full_name, country) = Default::default();
        let name = c_string(name.as_str());
        Self { name, full_name, country, banned: false, owner: false, online: None, last_seen: 0 }
    }
}

impl From<&Profile> for User {
    fn from(profile: &Profile) -> Self {
        let (full_name, country) = (c_string(profile.full_name()), c_string(profile.country()));
        Self { full_name, country, ..Self::from(profile.user()) }
    }
}

impl From<Arc<Profile>> for User {
    fn from(profile: Arc<Profile>) -> Self {
        Self::from(&*profile)
    }
}

impl From<UserInfo> for User {
    fn from(UserInfo { profile, banned, .. }: UserInfo) -> Self {
        Self { banned, ..Self::from(profile) }
    }
}

impl From<UserView> for User {
    fn from(UserView { profile, presence }: UserView) -> Self {
        let last_seen = presence.and_then(|presence| presence.last_seen);
        Self {
            online: presence.map(|presence| presence.online),
            last_seen: last_seen.map_or(0, |time| time.as_millis()),
            ..Self::from(profile)
        }
    }
}

impl From<MemberView> for User {
    fn from(MemberView { profile, owner }: MemberView) -> Self {
        Self { owner, ..Self::from(profile) }
    }
}

impl From<RoomMember> for User {
    fn from(RoomMember { user, standing }: RoomMember) -> Self {
        Self { owner: standing == Standing::Owner, ..Self::from(user) }
    }
}

impl Element for User {
    type View = chat_user;

    fn view(&self) -> chat_user {
        let Self { name, full_name, country, banned, owner, online, last_seen } = self;
        chat_user {
            name: name.as_ptr(),
            full_name: full_name.as_ptr(),
            country: country.as_ptr(),
            banned: c_int::from(*banned),
            owner: c_int::from(*owner),
            online: online.map_or(-1, c_int::from),
            last_seen: *last_seen,
        }
    }
}

/// Gives the next user of a list.
///
/// - `users`: a list of users.
/// - `user_out`: receives the user.
///
/// Returns CHAT_END if there are no more.
/// Memory: what the user points to belongs to the list, and is valid until the next call with it.
/// Thread: one at a time for one list.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_users_next(users: *mut chat_users, user_out: *mut chat_user) -> chat_status {
    // SAFETY: the caller's promise.
    unsafe { next(users, user_out, "user_out") }
}

/// Frees a list of users.
///
/// - `users`: a list of users; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_users_free(users: *mut chat_users) -> chat_status {
    free(users)
}
