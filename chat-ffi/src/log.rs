//! The log, passed to a callback of the program.

use std::ffi::{CStr, c_char, c_void};
use std::io::{self, Write};
use std::sync::{LazyLock, Mutex, PoisonError, RwLock};

use chat_lib::printable;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;

use crate::boundary::boundary;
use crate::error::{Failure, c_string};
use crate::status::chat_status;

/// The level of a log line.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub enum chat_log_level {
    /// No lines.
    CHAT_LOG_OFF = 0,
    /// Something failed.
    CHAT_LOG_ERROR = 1,
    /// Something may fail.
    CHAT_LOG_WARN = 2,
    /// Connections, logins, logouts, refusals.
    CHAT_LOG_INFO = 3,
    /// Also every send, inbox and list of users.
    CHAT_LOG_DEBUG = 4,
    /// Everything.
    CHAT_LOG_TRACE = 5,
}

/// A callback that receives log lines.
///
/// - `user_data`: the pointer that was passed to chat_set_log().
/// - `level`: a chat_log_level.
/// - `line`: the line, without line end, time and level; control characters are escaped. Valid until the callback
///   returns.
///
/// It is called from any thread, from several at once, and possibly while the library holds locks. It must not call the
/// library, and must return normally, without longjmp() or an exception.
#[allow(non_camel_case_types)]
pub type chat_log_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, level: i32, line: *const c_char)>;

/// Sets the callback for the log of all chats in the process. The log contains no passwords, tokens or texts.
///
/// - `level`: the most detailed level to log, as a chat_log_level; CHAT_LOG_OFF to stop.
/// - `callback`: the callback; NULL to stop.
/// - `user_data`: passed to the callback; may be NULL.
///
/// Once it returns, the previous callback is not running and will not be called again.
///
/// Fails with CHAT_INTERNAL if Rust code in the process has set up a log of its own.
/// Memory: the callback and `user_data` are kept until others are set.
/// Thread: not from the callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_set_log(level: i32, callback: chat_log_fn, user_data: *mut c_void) -> chat_status {
    boundary(|| {
        let level = match level {
            0 => LevelFilter::OFF,
            1 => LevelFilter::ERROR,
            2 => LevelFilter::WARN,
            3 => LevelFilter::INFO,
            4 => LevelFilter::DEBUG,
            5 => LevelFilter::TRACE,
            _ => return Err(Failure::argument(format!("level is not a chat_log_level: {level}"))),
        };
        let set = SET_LEVEL.as_ref().map_err(|problem| Failure::new(chat_status::CHAT_INTERNAL, problem))?;
        let listener = callback.map(|callback| Listener { callback, user_data, level });
        let _one_at_a_time = SETTING.lock().unwrap_or_else(PoisonError::into_inner);
        set(listener.as_ref().map_or(LevelFilter::OFF, |listener| listener.level));
        *LISTENER.write().unwrap_or_else(PoisonError::into_inner) = listener;
        Ok(())
    })
}

struct Listener {
    callback: unsafe extern "C" fn(*mut c_void, i32, *const c_char),
    user_data: *mut c_void,
    level: LevelFilter,
}

// SAFETY: `user_data` is passed on and never looked at; the header says from where it is.
unsafe impl Send for Listener {}
// SAFETY: as above.
unsafe impl Sync for Listener {}

impl Listener {
    fn tell(&self, level: i32, line: &CStr) {
        // SAFETY: the host has promised that it can be called so, with this `user_data`.
        unsafe { (self.callback)(self.user_data, level, line.as_ptr()) }
    }
}

static SETTING: Mutex<()> = Mutex::new(());

static LISTENER: RwLock<Option<Listener>> = RwLock::new(None);

type SetLevel = Box<dyn Fn(LevelFilter) + Send + Sync>;

/// Made with the first call: a process has one log, for good.
static SET_LEVEL: LazyLock<Result<SetLevel, String>> = LazyLock::new(|| {
    let (filter, handle) = reload::Layer::new(LevelFilter::OFF);
    let lines = fmt::layer().without_time().with_level(false).with_target(false).with_ansi(false).with_writer(Lines);
    let log = tracing_subscriber::registry().with(filter).with(lines);
    tracing::subscriber::set_global_default(log).map_err(|problem| problem.to_string())?;
    Ok(Box::new(move |level| {
        // It fails only when the log is gone, which it never is.
        handle.reload(level).ok();
    }))
});

/// Makes a writer for each line.
struct Lines;

impl MakeWriter<'_> for Lines {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line { level: Level::INFO, text: Vec::new() }
    }

    fn make_writer_for(&self, event: &Metadata<'_>) -> Line {
        Line { level: *event.level(), text: Vec::new() }
    }
}

/// A line that is told when it is whole.
struct Line {
    level: Level,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let line = c_string(printable(String::from_utf8_lossy(&self.text).trim_end()).into_owned());
        let level = match self.level {
            Level::ERROR => chat_log_level::CHAT_LOG_ERROR,
            Level::WARN => chat_log_level::CHAT_LOG_WARN,
            Level::INFO => chat_log_level::CHAT_LOG_INFO,
            Level::DEBUG => chat_log_level::CHAT_LOG_DEBUG,
            Level::TRACE => chat_log_level::CHAT_LOG_TRACE,
        };
        let listener = LISTENER.read().unwrap_or_else(PoisonError::into_inner);
        // It may be another's by now, who wants to hear less.
        if let Some(listener) = listener.as_ref().filter(|listener| self.level <= listener.level) {
            listener.tell(level as i32, &line);
        }
    }
}
