//! How a chat is opened.

use std::ffi::{CStr, c_char};
use std::path::Path;
use std::time::Duration;
use std::{mem, ptr};

use chat_lib::limits::Limits;
use chat_lib::model::PasswordCost;
use chat_lib::store::{Durable, KeepRead, Memory, Options, Store, SyncMode};
use chat_lib::{Chat, Config};

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

/// How a chat is opened. Begin with CHAT_OPTIONS_INIT, and set what should be otherwise: 0 and NULL stand for
/// the defaults, which docs/protocol.md lists under "Limits". Later versions add fields at the end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub struct chat_options {
    /// sizeof(chat_options).
    pub size: usize,
    /// Where to keep everything; made if it is not there. Any path, UTF-8 or not. NULL keeps it in memory.
    pub directory: *const c_char,
    /// A chat_sync.
    pub sync: i32,
    /// Whether peers may make accounts for themselves, with the command `register`: 0 or 1.
    pub registration: i32,
    /// How long messages are kept that were read, in seconds from when they were sent; 0 is what the directory was last
    /// opened with. New ones drop them within an hour.
    pub keep_read_seconds: u64,
    /// How long a session lives without being used, in seconds.
    pub session_idle_seconds: u64,
    /// How many unread messages a mailbox holds.
    pub mailbox_messages: u64,
    /// How many bytes the texts of a mailbox's unread messages have together.
    pub mailbox_bytes: u64,
    /// The longest request line, in bytes, its end included.
    pub line_bytes: u64,
    /// How many bytes of answers may wait for a peer before no more of its requests are taken.
    pub reply_bytes: u64,
    /// What hashing a password with Argon2id costs: KiB of memory. This and the next two are set together;
    /// the defaults are 19456, 2 and 1.
    pub password_memory_kib: u32,
    /// How often that memory is passed over.
    pub password_passes: u32,
    /// In how many lanes.
    pub password_lanes: u32,
    /// How many logins may fail before the next must wait.
    pub failed_logins: u32,
}

impl chat_options {
    const DEFAULT: Self = Self {
        size: size_of::<Self>(),
        directory: ptr::null(),
        sync: 0,
        registration: 0,
        keep_read_seconds: 0,
        session_idle_seconds: 0,
        mailbox_messages: 0,
        mailbox_bytes: 0,
        line_bytes: 0,
        reply_bytes: 0,
        password_memory_kib: 0,
        password_passes: 0,
        password_lanes: 0,
        failed_logins: 0,
    };

    /// Copies options of a program that was compiled for this or another version.
    ///
    /// # Safety
    ///
    /// `options` is NULL or points to as many bytes as its first field says.
    pub(crate) unsafe fn read(options: *const Self) -> Result<Self, Failure> {
        let mut own = Self::DEFAULT;
        if options.is_null() {
            return Ok(own);
        }
        // SAFETY: it is not NULL, and whatever its size, that comes first.
        let size = unsafe { options.cast::<usize>().read() };
        if !(FIRST_SIZE..=LARGEST).contains(&size) {
            return Err(Failure::argument("options.size is not sizeof(chat_options); begin with CHAT_OPTIONS_INIT"));
        }
        // SAFETY: as many bytes are there, and every bit pattern is one of the fields.
        unsafe {
            ptr::copy_nonoverlapping(options.cast::<u8>(), (&raw mut own).cast::<u8>(), size.min(size_of::<Self>()));
        }
        for place in size_of::<Self>()..size {
            // SAFETY: as many bytes are there.
            if unsafe { options.cast::<u8>().add(place).read() } != 0 {
                return Err(Failure::argument("options has a field set that this version of libchat does not know"));
            }
        }
        Ok(own)
    }

    /// # Safety
    ///
    /// `directory` is NULL or text that ends with NUL.
    pub(crate) unsafe fn open(&self) -> Result<Chat, Failure> {
        let registration = flag(self.registration, "registration")?;
        let (limits, password_cost, options) = (self.limits(), self.password_cost()?, self.store_options()?);
        let store: Box<dyn Store> = match self.directory.is_null() {
            true => Box::new(Memory::new()),
            false => {
                // SAFETY: it is not NULL, and the rest is this function's condition.
                let directory = unsafe { path(CStr::from_ptr(self.directory)) };
                if directory == Path::new("") {
                    return Err(Failure::argument("options.directory is empty"));
                }
                Box::new(Durable::open(directory, options)?)
            }
        };
        Ok(Chat::new(Config { store, limits, registration, password_cost, ..Config::default() }))
    }

    fn store_options(&self) -> Result<Options, Failure> {
        let sync = match self.sync {
            sync if sync == chat_sync::CHAT_SYNC_ALWAYS as i32 => SyncMode::Always,
            sync if sync == chat_sync::CHAT_SYNC_EVERY_SECOND as i32 => SyncMode::EverySecond,
            sync if sync == chat_sync::CHAT_SYNC_NEVER as i32 => SyncMode::Never,
            sync => return Err(Failure::argument(format!("options.sync is no chat_sync: {sync}"))),
        };
        let keep_read = Some(self.keep_read_seconds).filter(|&seconds| seconds > 0);
        Ok(Options { sync, keep_read: keep_read.map(Duration::from_secs).map(KeepRead::For), ..Options::default() })
    }

    fn limits(&self) -> Limits {
        let defaults = Limits::default();
        let or = |value: u64, default| if value == 0 { default } else { usize::try_from(value).unwrap_or(usize::MAX) };
        Limits {
            line_bytes: or(self.line_bytes, defaults.line_bytes),
            reply_bytes: or(self.reply_bytes, defaults.reply_bytes),
            mailbox_messages: or(self.mailbox_messages, defaults.mailbox_messages),
            mailbox_bytes: or(self.mailbox_bytes, defaults.mailbox_bytes),
            session_idle: match self.session_idle_seconds {
                0 => defaults.session_idle,
                seconds => Duration::from_secs(seconds),
            },
            failed_logins: if self.failed_logins == 0 { defaults.failed_logins } else { self.failed_logins },
            ..defaults
        }
    }

    fn password_cost(&self) -> Result<PasswordCost, Failure> {
        match (self.password_memory_kib, self.password_passes, self.password_lanes) {
            (0, 0, 0) => Ok(PasswordCost::default()),
            (memory, passes, lanes) => PasswordCost::new(memory, passes, lanes)
                .map_err(|problem| Failure::argument(format!("options.password_…: {problem}"))),
        }
    }
}

fn flag(value: i32, what: &str) -> Result<bool, Failure> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Failure::argument(format!("options.{what} is neither 0 nor 1"))),
    }
}

/// A path need not be UTF-8.
fn path(path: &CStr) -> &Path {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    Path::new(OsStr::from_bytes(path.to_bytes()))
}

/// What the struct had in version 0.1: programs that were compiled for it pass that.
const FIRST_SIZE: usize = mem::offset_of!(chat_options, failed_logins) + size_of::<u32>();

/// Far above what the struct will ever have.
const LARGEST: usize = 4096;
