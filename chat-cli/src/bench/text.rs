//! The texts that are sent: each says which message it is, so that it is recognised when it is read back.

use std::fmt::Write;

/// The texts of a run.
pub(super) struct Texts {
    /// What no other run begins its texts with.
    run: String,
    /// As long as a text.
    filler: String,
}

impl Texts {
    /// Texts of `size` bytes, at least [`MIN_BYTES`].
    pub(super) fn new(run: &str, size: usize) -> Self {
        Self { run: run.to_owned(), filler: FILLER.chars().cycle().take(size).collect() }
    }

    /// Writes the text of a sender's message.
    pub(super) fn write(&self, sender: usize, number: u64, text: &mut String) {
        text.clear();
        // Writing to a string does not fail.
        write!(text, "{} {sender} {number} ", self.run).ok();
        text.push_str(self.filler.get(text.len()..).unwrap_or_default());
    }

    /// Which message a text says it is: the sender and the number. `None` if it is not of this run.
    pub(super) fn read(&self, text: &str) -> Option<(usize, u64)> {
        let mut words = text.strip_prefix(&*self.run)?.strip_prefix(' ')?.split(' ');
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    }
}

/// The shortest text that holds what it is recognised by: a run of 8 characters, a sender of 5 digits, a number of 12, and spaces.
pub(super) const MIN_BYTES: usize = 32;

/// What a text is filled up with.
const FILLER: &str = "the quick brown fox jumps over the lazy dog ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_their_size_and_read_back() {
        for size in [MIN_BYTES, 64, 1000] {
            let (texts, mut text) = (Texts::new("1234abcd", size), String::new());
            for (sender, number) in [(0, 0), (99_999, 999_999_999_999)] {
                texts.write(sender, number, &mut text);
                assert_eq!((text.len(), texts.read(&text)), (size, Some((sender, number))));
            }
            assert_eq!(Texts::new("1234abce", size).read(&text), None);
        }
    }
}
