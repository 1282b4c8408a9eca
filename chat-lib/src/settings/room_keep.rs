//! The limits of a room in text form, as commands have them. It relies on the forms of settings.

use std::time::Duration;

use super::InvalidSetting;
use super::form::{bytes_or_zero as bytes, count_or_zero as count, duration};
use crate::store::RoomKeep;

impl RoomKeep {
    /// Changes the limit of that name to the value that `text` stands for: `keep_for` to a duration, `forever` or `none`, which
    /// drops messages within an hour; `keep_messages` to a number and `keep_bytes` to a size, or `unlimited`. `default` is as in
    /// the whole chat. As in the [settings](super::Settings), 0 messages or bytes are no limit.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use chat_lib::store::RoomKeep;
    ///
    /// let mut keep = RoomKeep::default();
    /// keep.set("keep_for", "90days")?;
    /// keep.set("keep_messages", "unlimited")?;
    /// assert_eq!((keep.age, keep.messages), (Some(Duration::from_secs(90 * 24 * 60 * 60)), Some(u64::MAX)));
    /// assert!(keep.set("keep_bytes", "many").is_err());
    /// # Ok::<(), chat_lib::settings::InvalidSetting>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`] if there is no such limit, or `text` is not a value of it; nothing has changed then.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), InvalidSetting> {
        let invalid = |problem| InvalidSetting { name: name.to_owned(), problem };
        let number = |number: Result<usize, String>| match (text, number) {
            (DEFAULT, _) => Ok(None),
            (UNLIMITED, _) | (_, Ok(0)) => Ok(Some(u64::MAX)),
            (_, Ok(number)) => Ok(Some(number as u64)),
            (_, Err(problem)) => Err(invalid(format!("{problem}, or {UNLIMITED} or {DEFAULT}"))),
        };
        match name {
            FOR => {
                self.age = match text {
                    DEFAULT => None,
                    FOREVER => Some(Duration::MAX),
                    NONE => Some(Duration::ZERO),
                    _ => {
                        let or = |problem| invalid(format!("{problem}, or {FOREVER}, {NONE} or {DEFAULT}"));
                        Some(duration::parse(text).map_err(or)?)
                    }
                }
            }
            MESSAGES => self.messages = number(count::parse(text))?,
            BYTES => self.bytes = number(bytes::parse(text))?,
            _ => return Err(invalid("a room has no such limit".to_owned())),
        }
        Ok(())
    }

    /// The limits that are not as in the whole chat: their names, and their values in the text form that [`set`](Self::set)
    /// takes.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, String)> + use<> {
        let age = self.age.map(|age| match age {
            Duration::MAX => FOREVER.to_owned(),
            Duration::ZERO => NONE.to_owned(),
            age => duration::text(&age),
        });
        let number = |number: u64, text: fn(&usize) -> String| match usize::try_from(number) {
            Ok(number) if number < usize::MAX => text(&number),
            _ => UNLIMITED.to_owned(),
        };
        let messages = self.messages.map(|messages| number(messages, count::text));
        let bytes = self.bytes.map(|bytes| number(bytes, bytes::text));
        let all = [(FOR, age), (MESSAGES, messages), (BYTES, bytes)];
        all.into_iter().filter_map(|(name, text)| Some((name, text?)))
    }
}

const FOR: &str = "keep_for";
const MESSAGES: &str = "keep_messages";
const BYTES: &str = "keep_bytes";

const DEFAULT: &str = "default";
const FOREVER: &str = "forever";
const NONE: &str = "none";
const UNLIMITED: &str = "unlimited";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_shown_as_it_was_given() {
        for (name, text, shown) in [
            ("keep_for", "90days", "90days"),
            ("keep_for", "5400", "90min"),
            ("keep_for", "forever", "forever"),
            ("keep_for", "none", "none"),
            ("keep_messages", "1000", "1000"),
            ("keep_messages", "unlimited", "unlimited"),
            ("keep_messages", "0", "unlimited"),
            ("keep_bytes", "64MiB", "64MiB"),
            ("keep_bytes", "unlimited", "unlimited"),
        ] {
            let mut keep = RoomKeep::default();
            keep.set(name, text).unwrap();
            assert_eq!(keep.texts().collect::<Vec<_>>(), [(name, shown.to_owned())], "{text}");
            assert_eq!(RoomKeep::from_numbers(keep.numbers()), keep, "{text}");
            let before = keep;
            let problem = keep.set(name, "much").unwrap_err().to_string();
            assert!(problem.starts_with(&format!("{name}: expected")) && problem.ends_with(" or default"), "{problem}");
            assert_eq!(keep, before);
            keep.set(name, "default").unwrap();
            assert_eq!(keep, RoomKeep::default());
        }
        assert!(RoomKeep::default().set("keep_read", "90days").is_err());
    }
}
