//! Every setting of a chat and its server: name, unit, default, effect and reason, in one table (`table.rs`).
//!
//! Command-line flags, C options and Python keywords are made from [`Settings::ALL`] or checked against it, and so is
//! `docs/settings.md`. Each setting is a typed field here, and has a text form for flags and configuration files
//! (`form.rs`): `64MiB`, `90days`, `always`. What cannot be set is in [`limits`](crate::limits).

mod form;
mod room_keep;
mod row;
mod table;

pub use self::table::{Limits, Settings};
#[cfg(feature = "sqlite")]
use crate::store::{Keep, Options};

/// One row of the table.
#[derive(Debug)]
#[non_exhaustive]
pub struct Setting {
    /// The name, in snake case. Surfaces derive theirs from it: `--line-bytes`, `line_bytes`.
    pub name: &'static str,
    /// What kind of value it has, and in which unit.
    pub kind: Kind,
    /// Where it applies.
    pub scope: Scope,
    /// What it does, in sentences.
    pub what: &'static str,
    /// Why the default is what it is, in a sentence.
    pub why: &'static str,
    get: fn(&Settings) -> String,
    set: fn(&mut Settings, &str) -> Result<(), String>,
}

/// What kind of value a setting has. It decides the text form and the type in C and Python.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// A number of bytes: `65536` or `64KiB`, with `KiB`, `MiB` and `GiB`.
    Bytes,
    /// A number of things.
    Count,
    /// A duration: `12h`, `90days`, `1500ms`; a plain number is seconds.
    Duration,
    /// A duration or one of some words.
    DurationOr(&'static [Choice]),
    /// One of some words.
    Choice(&'static [Choice]),
    /// One of two words, `false` and `true` where the language has these.
    Switch {
        /// The word for `false`.
        off: &'static str,
        /// The word for `true`.
        on: &'static str,
    },
    /// Argon2id's parameters: KiB of memory, passes and lanes, separated by commas.
    PasswordCost,
}

/// A word that a setting may have as its value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Choice {
    /// The word.
    pub name: &'static str,
    /// What it means, as the end of a sentence.
    pub what: &'static str,
}

/// Where a setting applies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Scope {
    /// To any chat and server: it is one of the [`Limits`].
    Limits,
    /// To any chat.
    Chat,
    /// To a chat that is kept in a directory.
    Directory,
}

/// A setting that does not exist, or a value that it cannot have.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{name}: {problem}")]
#[non_exhaustive]
pub struct InvalidSetting {
    /// The setting's name as it was given.
    pub name: String,
    /// What is wrong, without the name.
    pub problem: String,
}

impl Settings {
    /// The setting with this name, if it exists.
    pub fn find(name: &str) -> Option<&'static Setting> {
        Self::ALL.iter().find(|setting| setting.name == name)
    }

    /// Changes the setting of that name to the value that `text` stands for.
    ///
    /// ```
    /// use chat_lib::settings::Settings;
    ///
    /// let mut settings = Settings::default();
    /// settings.set("mailbox_bytes", "8MiB")?;
    /// assert_eq!(settings.limits.mailbox_bytes, 8 * 1024 * 1024);
    /// assert!(settings.set("mailbox_bytes", "many").is_err());
    /// # Ok::<(), chat_lib::settings::InvalidSetting>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`] if there is no such setting, or `text` is not a value of its kind; nothing has changed then.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), InvalidSetting> {
        let invalid = |problem| InvalidSetting { name: name.to_owned(), problem };
        let setting = Self::find(name).ok_or_else(|| invalid("there is no such setting".to_owned()))?;
        (setting.set)(self, text).map_err(invalid)
    }

    /// The options to open a store on a disk with.
    #[cfg(feature = "sqlite")]
    pub fn store_options(&self) -> Options {
        let limit = |number: usize| (number > 0).then_some(number as u64);
        let keep = Keep { messages: limit(self.keep_messages), bytes: limit(self.keep_bytes) };
        Options { sync: self.sync, keep_read: self.keep_read, keep, ..Options::default() }
    }
}

impl Setting {
    /// Its value in `settings`, in the text form that [`Settings::set`] takes.
    pub fn get(&self, settings: &Settings) -> String {
        (self.get)(settings)
    }

    /// Its default, in text form.
    pub fn default(&self) -> String {
        self.get(&Settings::default())
    }
}

// The table is whole only then.
#[cfg(test)]
#[cfg(all(feature = "passwords", feature = "sqlite"))]
mod tests;
