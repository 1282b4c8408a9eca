//! The settings in effect, and changing them while the chat runs.
//!
//! Every request reads some, so reading takes no lock and counts no reference: settings that were replaced stay where they are
//! until the chat is gone, and only an index changes. A turn looks once, and all of its requests see the same settings.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Chat;
use crate::settings::{Scope, Setting, Settings};

/// Settings, one of which is in effect.
pub(super) struct InEffect {
    first: Settings,
    later: boxcar::Vec<Settings>,
    /// 0 for the first, and one more than the index of a later one.
    current: AtomicUsize,
    changing: Mutex<()>,
}

impl InEffect {
    pub(super) fn new(first: Settings) -> Self {
        Self { first, later: boxcar::Vec::new(), current: AtomicUsize::new(0), changing: Mutex::new(()) }
    }

    fn current(&self) -> &Settings {
        match self.current.load(Ordering::Acquire).checked_sub(1) {
            None => &self.first,
            // It is there: only what was stored becomes current.
            Some(index) => self.later.get(index).unwrap_or(&self.first),
        }
    }

    /// Puts other settings into effect, and returns the rows that are different now.
    fn replace(&self, settings: &Settings) -> Vec<&'static Setting> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.current();
        let is_changed = |row: &&Setting| row.scope != Scope::Directory && row.get(old) != row.get(settings);
        let changed: Vec<&Setting> = Settings::ALL.iter().filter(is_changed).collect();
        if !changed.is_empty() {
            self.current.store(self.later.push(settings.clone()) + 1, Ordering::Release);
        }
        changed
    }
}

impl Chat {
    /// Changes the settings while the chat is in use, and returns those that are different now. Connections and sessions stay
    /// as they are; the new values hold from the next request on. A subscriber keeps the `events_bytes` and a connection the
    /// `limit_loopback` that it began with, and time limits that are running end no earlier than they would have.
    ///
    /// Settings of [`Scope::Directory`] belong to the open store: they are left as they are, and are not in the result.
    ///
    /// The chat keeps replaced settings, some hundred bytes each time that something changes.
    ///
    /// ```
    /// use chat_lib::Chat;
    /// use chat_lib::settings::Settings;
    ///
    /// let chat = Chat::memory();
    /// let mut settings = Settings::default();
    /// settings.limits.line_bytes = 1024;
    /// let changed = chat.reload(&settings);
    /// assert_eq!(changed.iter().map(|setting| setting.name).collect::<Vec<_>>(), ["line_bytes"]);
    /// assert_eq!(chat.limits().line_bytes, 1024);
    /// ```
    pub fn reload(&self, settings: &Settings) -> Vec<&'static Setting> {
        self.inner.settings.replace(settings)
    }

    /// The settings in effect, except for those of the store.
    pub(super) fn settings(&self) -> &Settings {
        self.inner.settings.current()
    }
}
