//! How a chat is opened.

use std::ffi::{CStr, c_char, c_void};
use std::path::Path;
use std::sync::Arc;
use std::{mem, ptr};

use chat_lib::settings::Settings;
use chat_lib::store::{Durable, Memory, Store};
use chat_lib::{Authenticator, Chat, Config};

use crate::authenticator::{Callback, chat_authenticate_fn};
use crate::error::Failure;

/// When what was done is safe from a loss of power. A process that ends or crashes loses nothing, whichever
/// it is.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub enum chat_sync {
    /// When the call returns: nothing is lost.
    CHAT_SYNC_ALWAYS = 0,
    /// Within a second: that second can be lost.
    CHAT_SYNC_EVERY_SECOND = 1,
    /// When the system likes: half a minute or more can be lost.
    CHAT_SYNC_NEVER = 2,
}

/// Who may create an account with `register`.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub enum chat_registration {
    /// Nobody.
    CHAT_REGISTER_NOBODY = 0,
    /// Anyone who can connect.
    CHAT_REGISTER_OPEN = 1,
    /// Whoever has an invitation: chat_invite().
    CHAT_REGISTER_INVITE = 2,
}

/// How a chat is opened. Begin with CHAT_OPTIONS_INIT, and set what should be otherwise: 0 and NULL stand for
/// the defaults, which docs/settings.md lists. Later versions add fields at the end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub struct chat_options {
    /// sizeof(chat_options).
    pub size: usize,
    /// Where to keep everything; made if it is not there. Any path, UTF-8 or not. NULL keeps it in memory.
    pub directory: *const c_char,
    /// When a change is safe from a power failure: a chat_sync. Ignored in memory.
    pub sync: i32,
    /// Who may create an account with `register`: a chat_registration.
    pub registration: i32,
    /// What hashing a password with Argon2id costs: KiB of memory. This and the next two are set together;
    /// the defaults are 19456, 2 and 1.
    pub password_memory_kib: u32,
    /// How often that memory is passed over.
    pub password_passes: u32,
    /// In how many lanes.
    pub password_lanes: u32,
    /// How many logins of one user, or from one address, may fail before the next one has to wait.
    pub failed_logins: u32,
    /// How long read messages are kept, counted from when they were sent; 0 is as when the directory was last
    /// opened. New ones keep them.
    pub keep_read_seconds: u64,
    /// How many messages are kept, in all conversations together; 0 for no limit.
    pub keep_messages: u64,
    /// How many bytes of messages are kept on the disk; 0 for no limit.
    pub keep_bytes: u64,
    /// How long a session lasts without being used. One that gets events is in use.
    pub session_idle_seconds: u64,
    /// How many unread messages a mailbox holds.
    pub mailbox_messages: u64,
    /// How many bytes the texts of a mailbox's unread messages may have together.
    pub mailbox_bytes: u64,
    /// How many members a room has at most, invitations included.
    pub room_members: u64,
    /// How many rooms a user can be a member of.
    pub rooms_per_user: u64,
    /// The longest request line, including its end.
    pub line_bytes: u64,
    /// How many bytes of answers may wait for one peer before no more of its requests are read.
    pub reply_bytes: u64,
    /// How many bytes may be held for the answers of all connections together before `inbox` is refused.
    pub answers_bytes: u64,
    /// How many bytes of events may wait for one subscriber before its subscription ends.
    pub events_bytes: u64,
    /// How long a line may take from its first byte to its end before the connection is closed.
    pub line_time_millis: u64,
    /// How long answers may wait while the peer reads none of them before the connection is closed.
    pub stall_time_millis: u64,
    /// How long a server that is stopping waits for peers to read their answers.
    pub shutdown_grace_millis: u64,
    /// How many connections a server has at once.
    pub connections: u64,
    /// How many connections a server has at once from one address.
    pub connections_per_address: u64,
    /// How many connections use sessions of one user at once.
    pub connections_per_user: u64,
    /// How many requests a connection may send in a second for any length of time.
    pub requests_per_second: u32,
    /// How many requests a connection may send at once.
    pub requests_burst: u32,
    /// How long a connection may be open until it has logged in or used a session.
    pub login_time_millis: u64,
    /// How long a connection may send nothing while it is not subscribed to events before it is closed.
    pub idle_time_millis: u64,
    /// Whether the limits for each address and each user, and the rate of requests, apply to connections from this machine, too: 0
    /// or 1.
    pub limit_loopback: i32,
    /// What checks logins in place of the chat; NULL for the passwords that the chat has.
    pub authenticate: chat_authenticate_fn,
    /// Passed to `authenticate`; may be NULL. It is used until the chat and all that was made of it are freed, and by calls
    /// that are still running then.
    pub authenticate_data: *mut c_void,
}

impl Default for chat_options {
    fn default() -> Self {
        // SAFETY: zeros are valid for pointers, for numbers and for no function.
        Self { size: size_of::<Self>(), ..unsafe { mem::zeroed() } }
    }
}

impl chat_options {
    /// Copies options of a program that was compiled for this or another version.
    ///
    /// # Safety
    ///
    /// `options` is NULL or points to as many bytes as its first field says.
    pub(crate) unsafe fn read(options: *const Self) -> Result<Self, Failure> {
        // SAFETY: the size comes first, every bit pattern is one of the fields (the caller promises that what is not NULL in
        // `authenticate` is a function), and the rest is this function's condition.
        unsafe { sized(options, Self::default(), FIRST_SIZE, "sizeof(chat_options); begin with CHAT_OPTIONS_INIT") }
    }

    /// # Safety
    ///
    /// `directory` is NULL or text that ends with NUL.
    pub(crate) unsafe fn open(&self) -> Result<Chat, Failure> {
        let settings = self.settings()?;
        let store: Box<dyn Store> = match self.directory.is_null() {
            true => Box::new(Memory::new()),
            false => {
                // SAFETY: it is not NULL, and the rest is this function's condition.
                let directory = unsafe { path(CStr::from_ptr(self.directory)) };
                if directory == Path::new("") {
                    return Err(Failure::argument("options.directory is empty"));
                }
                Box::new(Durable::open(directory, settings.store_options())?)
            }
        };
        let authenticator = self.authenticate.map(|authenticate| -> Arc<dyn Authenticator> {
            Arc::new(Callback { authenticate, data: self.authenticate_data })
        });
        Ok(Chat::new(Config { authenticator, ..Config::new(store, &settings) }))
    }

    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = Settings::default();
        for (name, text) in self.texts()? {
            if let Some(text) = text {
                settings.set(name, &text).map_err(|problem| Failure::argument(format!("options.{problem}")))?;
            }
        }
        Ok(settings)
    }

    /// What is set, in the settings' text form.
    fn texts(&self) -> Result<[(&'static str, Option<String>); 27], Failure> {
        let number = |value: u64| (value != 0).then(|| value.to_string());
        let millis = |value: u64| (value != 0).then(|| format!("{}s {}ms", value / 1000, value % 1000));
        let cost = [self.password_memory_kib, self.password_passes, self.password_lanes];
        let [memory, passes, lanes] = cost;
        Ok([
            ("sync", Some(sync(self.sync)?.to_owned())),
            ("registration", Some(registration(self.registration)?.to_owned())),
            ("password_cost", (cost != [0; 3]).then(|| format!("{memory},{passes},{lanes}"))),
            ("failed_logins", number(self.failed_logins.into())),
            ("keep_read", number(self.keep_read_seconds)),
            ("keep_messages", number(self.keep_messages)),
            ("keep_bytes", number(self.keep_bytes)),
            ("session_idle", number(self.session_idle_seconds)),
            ("mailbox_messages", number(self.mailbox_messages)),
            ("mailbox_bytes", number(self.mailbox_bytes)),
            ("room_members", number(self.room_members)),
            ("rooms_per_user", number(self.rooms_per_user)),
            ("line_bytes", number(self.line_bytes)),
            ("reply_bytes", number(self.reply_bytes)),
            ("answers_bytes", number(self.answers_bytes)),
            ("events_bytes", number(self.events_bytes)),
            ("line_time", millis(self.line_time_millis)),
            ("stall_time", millis(self.stall_time_millis)),
            ("shutdown_grace", millis(self.shutdown_grace_millis)),
            ("connections", number(self.connections)),
            ("connections_per_address", number(self.connections_per_address)),
            ("connections_per_user", number(self.connections_per_user)),
            ("requests_per_second", number(self.requests_per_second.into())),
            ("requests_burst", number(self.requests_burst.into())),
            ("login_time", millis(self.login_time_millis)),
            ("idle_time", millis(self.idle_time_millis)),
            ("limit_loopback", Some(limit_loopback(self.limit_loopback)?.to_owned())),
        ])
    }
}

/// Copies options whose first field says how many bytes they have, which depends on the version that the program was compiled
/// for. `own` has the defaults, and `first_size` is that of the first version.
///
/// # Safety
///
/// `options` is NULL or points to as many bytes as its first field says, which is a `usize`. Every bit pattern of them is a `T`.
pub(crate) unsafe fn sized<T: Copy>(
    options: *const T,
    mut own: T,
    first_size: usize,
    expected: &str,
) -> Result<T, Failure> {
    if options.is_null() {
        return Ok(own);
    }
    // SAFETY: it is not NULL, and whatever its size, that comes first.
    let size = unsafe { options.cast::<usize>().read() };
    if !(first_size..=LARGEST).contains(&size) {
        return Err(Failure::argument(format!("options.size is not {expected}")));
    }
    // SAFETY: as many bytes are there, and they make a `T`.
    unsafe {
        ptr::copy_nonoverlapping(options.cast::<u8>(), (&raw mut own).cast::<u8>(), size.min(size_of::<T>()));
    }
    for place in size_of::<T>()..size {
        // SAFETY: as many bytes are there.
        if unsafe { options.cast::<u8>().add(place).read() } != 0 {
            return Err(Failure::argument("options has a field set that this version of libchat does not know"));
        }
    }
    Ok(own)
}

fn sync(value: i32) -> Result<&'static str, Failure> {
    match value {
        value if value == chat_sync::CHAT_SYNC_ALWAYS as i32 => Ok("always"),
        value if value == chat_sync::CHAT_SYNC_EVERY_SECOND as i32 => Ok("everysec"),
        value if value == chat_sync::CHAT_SYNC_NEVER as i32 => Ok("never"),
        value => Err(Failure::argument(format!("options.sync is no chat_sync: {value}"))),
    }
}

fn registration(value: i32) -> Result<&'static str, Failure> {
    match value {
        value if value == chat_registration::CHAT_REGISTER_NOBODY as i32 => Ok("closed"),
        value if value == chat_registration::CHAT_REGISTER_OPEN as i32 => Ok("open"),
        value if value == chat_registration::CHAT_REGISTER_INVITE as i32 => Ok("invite"),
        value => Err(Failure::argument(format!("options.registration is no chat_registration: {value}"))),
    }
}

fn limit_loopback(value: i32) -> Result<&'static str, Failure> {
    match value {
        0 => Ok("no"),
        1 => Ok("yes"),
        _ => Err(Failure::argument("options.limit_loopback is neither 0 nor 1")),
    }
}

/// A path need not be UTF-8.
pub(crate) fn path(path: &CStr) -> &Path {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    Path::new(OsStr::from_bytes(path.to_bytes()))
}

/// What the struct had in version 0.1: programs that were compiled for it pass that.
const FIRST_SIZE: usize = mem::offset_of!(chat_options, authenticate_data) + size_of::<*mut c_void>();

/// Far above what the struct will ever have.
const LARGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use chat_lib::settings::Kind;

    use super::*;

    const HEADER: &str = include_str!("../../include/chat.h");

    /// What `chat.h` has in the struct for settings.
    fn fields() -> Vec<&'static str> {
        let (_, fields) = HEADER.split_once("typedef struct chat_options {").unwrap();
        let (fields, _) = fields.split_once("} chat_options;").unwrap();
        let code = fields.lines().filter(|line| !line.trim_start().starts_with("//"));
        let declared = code.filter_map(|line| line.strip_suffix(';'));
        let names = declared.map(|line| line.rsplit([' ', '*']).next().unwrap());
        names.filter(|name| !["size", "directory", "authenticate", "authenticate_data"].contains(name)).collect()
    }

    #[test]
    fn each_setting_has_its_field_and_each_field_its_setting() {
        let mut left = fields();
        assert_eq!(HEADER.matches("#define CHAT_OPTIONS_INIT").count(), 1);
        let (_, init) = HEADER.split_once("#define CHAT_OPTIONS_INIT {sizeof(chat_options), NULL").unwrap();
        assert_eq!(init.lines().next().unwrap(), format!("{}, NULL, NULL}}", ", 0".repeat(left.len())));
        for setting in Settings::ALL {
            let names: &[&str] = match setting.kind {
                Kind::PasswordCost => &["password_memory_kib", "password_passes", "password_lanes"],
                Kind::Duration => &[&format!("{}_seconds", setting.name), &format!("{}_millis", setting.name)],
                Kind::DurationOr(_) => &[&format!("{}_seconds", setting.name)],
                _ => &[setting.name],
            };
            let before = left.len();
            left.retain(|field| !names.contains(field));
            let wanted = if setting.kind == Kind::PasswordCost { 3 } else { 1 };
            assert_eq!(before - left.len(), wanted, "chat_options has no field for {}", setting.name);
        }
        assert!(left.is_empty(), "these fields belong to no setting: {left:?}");
    }

    #[test]
    fn each_field_sets_its_own_setting() {
        let default = chat_options::default();
        assert_eq!(default.settings().ok().unwrap(), Settings::default());
        let options = chat_options {
            sync: chat_sync::CHAT_SYNC_NEVER as i32,
            registration: chat_registration::CHAT_REGISTER_INVITE as i32,
            password_memory_kib: 8,
            password_passes: 1,
            password_lanes: 1,
            failed_logins: 11,
            keep_read_seconds: 12,
            keep_messages: 31,
            keep_bytes: 33,
            session_idle_seconds: 13,
            mailbox_messages: 14,
            mailbox_bytes: 15,
            room_members: 21,
            rooms_per_user: 22,
            line_bytes: 16,
            reply_bytes: 17,
            answers_bytes: 18,
            events_bytes: 23,
            line_time_millis: 1_019,
            stall_time_millis: 1_020,
            shutdown_grace_millis: u64::MAX,
            connections: 24,
            connections_per_address: 25,
            connections_per_user: 26,
            requests_per_second: 27,
            requests_burst: 28,
            login_time_millis: 1_029,
            idle_time_millis: 1_030,
            limit_loopback: 1,
            ..default
        };
        let settings = options.settings().ok().unwrap();
        let values: Vec<String> = Settings::ALL.iter().map(|it| format!("{}={}", it.name, it.get(&settings))).collect();
        let wanted = "line_bytes=16 reply_bytes=17 answers_bytes=18 events_bytes=23 line_time=1019ms stall_time=1020ms \
            shutdown_grace=18446744073709551615ms connections=24 connections_per_address=25 connections_per_user=26 \
            requests_per_second=27 requests_burst=28 login_time=1029ms idle_time=1030ms limit_loopback=yes session_idle=13s mailbox_messages=14 mailbox_bytes=15 \
            room_members=21 rooms_per_user=22 failed_logins=11 registration=invite password_cost=8,1,1 sync=never keep_read=12s keep_messages=31 keep_bytes=33";
        assert_eq!(values.join(" "), wanted);
    }
}
