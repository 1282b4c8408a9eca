//! What an operator can do with invitations, with which people register themselves.

use std::ffi::c_char;

use chat_lib::model::InvitationId;

use crate::argument::{Out, text};
use crate::boundary::boundary;
use crate::buffer::chat_buffer;
use crate::handle::{chat, chat_invitations, get, put};
use crate::lists::list;
use crate::status::chat_status;

/// Creates an invitation, with which one person can register within 7 days (chat_register()). It is needed where
/// `registration` is CHAT_REGISTER_INVITE.
///
/// - `chat`: a chat.
/// - `code_out`: receives the code, 32 hexadecimal digits. The chat keeps only a digest of it, so this is the only time
///   that it is shown.
///
/// Fails with CHAT_STORAGE or CHAT_ENTROPY.
/// Memory: free the code with chat_buffer_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_invite(chat: *mut chat, code_out: *mut chat_buffer) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(code_out, "code_out")? };
        out.set(get(chat)?.invite()?.to_string().into_bytes().into());
        Ok(())
    })
}

/// Lists the invitations that can still be used, in order of creation.
///
/// - `chat`: a chat.
/// - `invitations_out`: receives the list.
///
/// Fails with CHAT_STORAGE.
/// Memory: free the list with chat_invitations_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_list_invitations(
    chat: *mut chat,
    invitations_out: *mut *mut chat_invitations,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(invitations_out, "invitations_out")? };
        out.set(put(list(get(chat)?.invitations()?)));
        Ok(())
    })
}

/// Revokes an invitation that was not used yet.
///
/// - `chat`: a chat.
/// - `id`: the id of the invitation, from chat_list_invitations().
///
/// Fails with CHAT_NO_SUCH_INVITATION or CHAT_STORAGE.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_revoke_invitation(chat: *mut chat, id: *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let id = unsafe { text(id, "id")? };
        Ok(get(chat)?.revoke_invitation(&InvitationId::parse(id)?)?)
    })
}
