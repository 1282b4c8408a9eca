//! Logins that the program checks itself: a callback as an `Authenticator`.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

use chat_lib::limits::{COUNTRY_BYTES, FULL_NAME_BYTES};
use chat_lib::{Authenticator, AuthenticatorError, Credentials, Identity};

/// What a chat_authenticate_fn decides.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub enum chat_verdict {
    /// There is no such user, or the password is wrong: the login fails with CHAT_WRONG_PASSWORD.
    CHAT_LOGIN_REFUSED = 0,
    /// The login succeeds, unless the user is banned in the chat.
    CHAT_LOGIN_ACCEPTED = 1,
    /// It could not be decided: the login fails with CHAT_STORAGE.
    CHAT_LOGIN_FAILED = 2,
}

/// What a program knows of a user who logs in. Both texts are NUL-terminated UTF-8, and are "" when the callback is called.
/// What is left "" stays as it is in the chat; a new account then has its user name as full name, and no country.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_identity {
    /// The name that others see.
    pub full_name: [c_char; 257],
    /// Where the user is from.
    pub country: [c_char; 129],
}

/// A callback that checks logins in place of the chat, for a program that has users and passwords already. The chat then
/// does not look at the password hashes that it has itself. A user's first login creates their account, and later ones
/// update its names. `register` is refused with CHAT_REGISTRATION_CLOSED.
///
/// - `user_data`: the `authenticate_data` of the chat's options.
/// - `user`: the user name.
/// - `password`: the password as it was sent. One that contains a NUL is refused without a call.
/// - `from`: the peer's IP address and port; NULL for a login in the process.
/// - `identity`: may be filled in if the login is accepted.
///
/// Returns a chat_verdict; any other number counts as CHAT_LOGIN_FAILED.
///
/// Memory: the arguments are valid until it returns. It must not write past the ends of the texts in `identity`.
/// Thread: it is called from several threads at once; for chat_login() and chat_answer() from the thread that called them, and
/// for a login over a connection from a new one. The library holds no lock: it may use the chat, but must not close it,
/// nor wait for a server to stop. It must return normally, without longjmp() or an exception.
/// Time: a login over a connection is refused with CHAT_BUSY after 10 s. The call is then left alone, and may still be running
/// when everything else of the chat is freed.
#[allow(non_camel_case_types)]
pub type chat_authenticate_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        user: *const c_char,
        password: *const c_char,
        from: *const c_char,
        identity: *mut chat_identity,
    ) -> i32,
>;

/// A callback of the program, with its data.
pub(crate) struct Callback {
    pub(crate) authenticate:
        unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char, *const c_char, *mut chat_identity) -> i32,
    pub(crate) data: *mut c_void,
}

// SAFETY: `data` is passed on and never looked at; the header says from which threads it is.
unsafe impl Send for Callback {}
// SAFETY: as above.
unsafe impl Sync for Callback {}

impl Authenticator for Callback {
    fn authenticate(&self, login: &Credentials) -> Result<Option<Identity>, AuthenticatorError> {
        let user = CString::new(login.user.as_str())?;
        let Ok(password) = CString::new(login.password.as_str()) else {
            // What follows the NUL would not be compared.
            return Ok(None);
        };
        let from = login.from.map(|address| CString::new(address.to_string())).transpose()?;
        let from = from.as_ref().map_or(ptr::null(), |from| from.as_ptr());
        let mut identity = chat_identity { full_name: [0; FULL_NAME_BYTES + 1], country: [0; COUNTRY_BYTES + 1] };
        // SAFETY: the host has promised that it can be called so, with this data; all pointers are valid meanwhile.
        let verdict =
            unsafe { (self.authenticate)(self.data, user.as_ptr(), password.as_ptr(), from, &raw mut identity) };
        match verdict {
            verdict if verdict == chat_verdict::CHAT_LOGIN_REFUSED as i32 => Ok(None),
            verdict if verdict == chat_verdict::CHAT_LOGIN_ACCEPTED as i32 => identity.read().map(Some),
            verdict if verdict == chat_verdict::CHAT_LOGIN_FAILED as i32 => Err("the program could not tell".into()),
            verdict => Err(format!("the program's callback has returned {verdict}, which is no chat_verdict").into()),
        }
    }
}

impl chat_identity {
    fn read(&self) -> Result<Identity, AuthenticatorError> {
        let (full_name, country) = (text(&self.full_name)?, text(&self.country)?);
        let identity = Identity::default();
        let identity = if full_name.is_empty() { identity } else { identity.full_name(full_name) };
        Ok(if country.is_empty() { identity } else { identity.country(country) })
    }
}

fn text(bytes: &[c_char]) -> Result<String, AuthenticatorError> {
    let bytes: Vec<u8> = bytes.iter().flat_map(|byte| byte.to_ne_bytes()).collect();
    Ok(CStr::from_bytes_until_nul(&bytes)?.to_str()?.to_owned())
}
