//! Invitations that were not used yet, for an operator.

use std::ffi::{CString, c_char};

use chat_lib::model::Invitation;

use super::{Element, next};
use crate::error::c_string;
use crate::handle::{chat_invitations, free};
use crate::status::chat_status;

/// An invitation.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_invitation {
    /// Its id, NUL-terminated, which is not its code: nobody can register with it.
    pub id: *const c_char,
    /// When it was created, in milliseconds since 1970 (UTC).
    pub created: u64,
    /// When it ends unless it is used before, in milliseconds since 1970 (UTC).
    pub expires: u64,
}

/// What a [`chat_invitation`] points to.
pub struct OpenInvitation {
    id: CString,
    created: u64,
    expires: u64,
}

impl From<Invitation> for OpenInvitation {
    fn from(invitation: Invitation) -> Self {
        let (created, expires) = (invitation.created.as_millis(), invitation.expires.as_millis());
        Self { id: c_string(invitation.id.to_string()), created, expires }
    }
}

impl Element for OpenInvitation {
    type View = chat_invitation;

    fn view(&self) -> chat_invitation {
        chat_invitation { id: self.id.as_ptr(), created: self.created, expires: self.expires }
    }
}

/// Gives the next invitation of a list.
///
/// - `invitations`: a list of invitations.
/// - `invitation_out`: receives the invitation.
///
/// Returns CHAT_END if there are no more.
/// Memory: what it points to belongs to the list, and is valid until the next call with it.
/// Thread: one at a time for one list.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_invitations_next(
    invitations: *mut chat_invitations,
    invitation_out: *mut chat_invitation,
) -> chat_status {
    // SAFETY: the caller's promise.
    unsafe { next(invitations, invitation_out, "invitation_out") }
}

/// Frees a list of invitations. The invitations themselves stay valid.
///
/// - `invitations`: a list of invitations; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_invitations_free(invitations: *mut chat_invitations) -> chat_status {
    free(invitations)
}
