//! Other users, and the user's own account and sessions.

use std::ffi::{c_char, c_int};

use crate::argument::{Out, optional_text, text};
use crate::boundary::boundary;
use crate::handle::{chat_session, chat_sessions, chat_users, get, put};
use crate::lists::list;
use crate::lists::sessions::OpenSession;
use crate::status::chat_status;

/// Lists the users of the chat, in order of user name.
///
/// - `session`: a session.
/// - `after`: only users whose names come after this one, such as the last of the page before; "" for the first page.
/// - `limit`: how many users at most; more than 1,000 means 1,000.
/// - `users_out`: receives the list.
/// - `more_out`: receives 1 if there are more, and 0 if not; may be NULL.
///
/// Fails as every function of a session.
/// Memory: free the list with chat_users_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_users(
    session: *mut chat_session,
    after: *const c_char,
    limit: usize,
    users_out: *mut *mut chat_users,
    more_out: *mut c_int,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (out, more, after) =
            unsafe { (Out::new(users_out, "users_out")?, Out::optional(more_out), text(after, "after")?) };
        let page = get(session)?.session.users(after, limit)?;
        more.set(page.more.into());
        out.set(put(list(page.entries)));
        Ok(())
    })
}

/// Lists each user with a live session once, in order of login. Only their names are given.
///
/// - `session`: a session.
/// - `users_out`: receives the list.
///
/// Fails as every function of a session.
/// Memory: free the list with chat_users_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_active_users(
    session: *mut chat_session,
    users_out: *mut *mut chat_users,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(users_out, "users_out")? };
        out.set(put(list(&get(session)?.session.active_users()?)));
        Ok(())
    })
}

/// Takes no more direct messages from a user, and hides from them whether this user is there or types. Rooms stay as they are.
/// Blocking a user twice is the same as once.
///
/// - `session`: a session.
/// - `user`: the user to block.
///
/// Fails with CHAT_NO_SUCH_USER; or as every function of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_block(session: *mut chat_session, user: *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let user = unsafe { text(user, "user")? };
        Ok(get(session)?.session.block(user)?)
    })
}

/// Takes direct messages from a user again.
///
/// - `session`: a session.
/// - `user`: the user to block no longer.
///
/// Fails with CHAT_NO_SUCH_USER; or as every function of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_unblock(session: *mut chat_session, user: *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let user = unsafe { text(user, "user")? };
        Ok(get(session)?.session.unblock(user)?)
    })
}

/// Lists the users whom the user has blocked, in order of user name.
///
/// - `session`: a session.
/// - `users_out`: receives the list.
///
/// Fails as every function of a session.
/// Memory: free the list with chat_users_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_blocks(
    session: *mut chat_session,
    users_out: *mut *mut chat_users,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(users_out, "users_out")? };
        out.set(put(list(get(session)?.session.blocks()?)));
        Ok(())
    })
}

/// Changes the user's full name, country, or both. Messages sent earlier keep the name they were sent under.
///
/// - `session`: a session.
/// - `full_name`: the new full name; NULL keeps the old one.
/// - `country`: the new country; NULL keeps the old one.
///
/// Fails with CHAT_INVALID_FULL_NAME or CHAT_INVALID_COUNTRY; or as every function of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_set_profile(
    session: *mut chat_session,
    full_name: *const c_char,
    country: *const c_char,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (full_name, country) =
            unsafe { (optional_text(full_name, "full_name")?, optional_text(country, "country")?) };
        Ok(get(session)?.session.set_profile(full_name, country)?)
    })
}

/// Changes the user's password, and ends the user's other sessions. Takes tens of milliseconds, because passwords are checked
/// and hashed.
///
/// - `session`: a session.
/// - `old_password`: the password until now.
/// - `new_password`: the new one.
///
/// Fails with CHAT_WRONG_PASSWORD, also where the program checks logins and users have no passwords; CHAT_INVALID_PASSWORD;
/// CHAT_TOO_MANY_ATTEMPTS; CHAT_BUSY if too many passwords wait to be checked, or it was changed meanwhile; or as every function
/// of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_set_password(
    session: *mut chat_session,
    old_password: *const c_char,
    new_password: *const c_char,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (old, new) = unsafe { (text(old_password, "old_password")?, text(new_password, "new_password")?) };
        Ok(get(session)?.session.set_password(old, new)?)
    })
}

/// Lists the user's live sessions, in order of login.
///
/// - `session`: a session.
/// - `sessions_out`: receives the list.
///
/// Fails as every function of a session.
/// Memory: free the list with chat_sessions_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_sessions(
    session: *mut chat_session,
    sessions_out: *mut *mut chat_sessions,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(sessions_out, "sessions_out")? };
        let session = &get(session)?.session;
        out.set(put(list(session.sessions()?.into_iter().map(|view| OpenSession::of(session.user(), view)))));
        Ok(())
    })
}

/// Ends one of the user's sessions.
///
/// - `session`: a session, of the same user.
/// - `id`: the id of the session to end, as chat_session_sessions() lists it.
///
/// Fails with CHAT_NO_SUCH_SESSION if the user has no such session; or as every function of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_end_session(session: *mut chat_session, id: *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let id = unsafe { text(id, "id")? };
        Ok(get(session)?.session.end_session(id)?)
    })
}
