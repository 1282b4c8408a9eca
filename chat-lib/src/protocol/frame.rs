use std::fmt;

use memchr::memchr;

/// Cuts received bytes into lines.
///
/// A line that came in one piece is lent out of the caller's bytes; only one that is still to end is
/// copied and kept. No byte is looked at twice, and where the pieces were cut makes no difference.
pub struct Frames {
    /// The beginning of a line whose end has not come, shorter than `limit`; has no LF but at its
    /// end, and only when it was lent out as a whole line by the last call.
    partial: Vec<u8>,
    /// `partial` was lent out and is to be dropped.
    lent: bool,
    /// The line at hand was refused, and all of it up to its end is to be dropped.
    skipping: bool,
    limit: usize,
}

impl Frames {
    /// Lines of up to `limit` bytes, their end included.
    pub fn new(limit: usize) -> Self {
        Self { partial: Vec::new(), lent: false, skipping: false, limit }
    }

    /// Takes the next line off the front of `input`; `None` when all of `input` was taken and no
    /// line ended in it.
    ///
    /// A line over the limit is reported once, as soon as it is known to be, and skipped.
    pub fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<Frame<'s>> {
        if self.lent {
            self.lent = false;
            self.partial = Vec::new();
        }
        if self.skipping {
            self.skip(input);
        }
        let Some((piece, rest)) = memchr(b'\n', input).and_then(|end| input.split_at_checked(end + 1)) else {
            return self.keep(input);
        };
        *input = rest;
        if piece.len() > self.limit.saturating_sub(self.partial.len()) {
            self.partial = Vec::new();
            return Some(Frame::TooLong);
        }
        if self.partial.is_empty() {
            return Some(Frame::Line(piece));
        }
        self.partial.extend_from_slice(piece);
        self.lent = true;
        Some(Frame::Line(&self.partial))
    }

    /// Whether a line has begun and its end has not come.
    pub fn mid_line(&self) -> bool {
        self.skipping || (!self.lent && !self.partial.is_empty())
    }

    fn skip(&mut self, input: &mut &[u8]) {
        match memchr(b'\n', input).and_then(|end| input.get(end + 1..)) {
            Some(rest) => {
                self.skipping = false;
                *input = rest;
            }
            None => *input = &[],
        }
    }

    fn keep(&mut self, input: &mut &[u8]) -> Option<Frame<'static>> {
        let begun = std::mem::take(input);
        // A line of `limit` bytes that still lacks its end is too long already.
        if begun.len() >= self.limit.saturating_sub(self.partial.len()) && !begun.is_empty() {
            self.partial = Vec::new();
            self.skipping = true;
            return Some(Frame::TooLong);
        }
        self.partial.extend_from_slice(begun);
        None
    }
}

/// What [`Frames`] found.
#[derive(Eq, PartialEq)]
pub enum Frame<'a> {
    /// A whole line with its end.
    Line(&'a [u8]),
    /// A line over the limit; its rest will be skipped.
    TooLong,
}

/// Shows sizes only: a line may hold a password.
impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frames({} bytes of {}, skipping: {})", self.partial.len(), self.limit, self.skipping)
    }
}

/// Shows the size only: a line may hold a password.
impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "Line({} bytes)", line.len()),
            Self::TooLong => f.write_str("TooLong"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 8;

    /// All frames of `input` handed in as pieces of `size` bytes, too long ones as `None`.
    fn frames(input: &[u8], size: usize) -> Vec<Option<String>> {
        let mut frames = Frames::new(LIMIT);
        let mut found = Vec::new();
        for mut piece in input.chunks(size) {
            while let Some(frame) = frames.next(&mut piece) {
                found.push(match frame {
                    Frame::Line(line) => Some(String::from_utf8(line.to_vec()).unwrap()),
                    Frame::TooLong => None,
                });
                assert!(frames.partial.len() <= LIMIT);
            }
        }
        found
    }

    #[test]
    fn lines_are_the_same_in_any_pieces() {
        const TOO_LONG: &str = "too long";
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("abc", &[]),
            ("\n\r\n", &["\n", "\r\n"]),
            ("a\nbc\r\nd", &["a\n", "bc\r\n"]),
            ("1234567\n", &["1234567\n"]),
            ("12345678\nx\n", &[TOO_LONG, "x\n"]),
            ("12345678", &[TOO_LONG]),
            ("1234567", &[]),
            ("123456789012345678901234\n\n", &[TOO_LONG, "\n"]),
            ("a\n123456789\n12345678901234567890\nb\n", &["a\n", TOO_LONG, TOO_LONG, "b\n"]),
        ];
        for (input, wanted) in table {
            for size in 1..=input.len().max(1) {
                let found = frames(input.as_bytes(), size);
                let found: Vec<_> = found.iter().map(|line| line.as_deref().unwrap_or(TOO_LONG)).collect();
                assert_eq!(found, *wanted, "{input:?} by {size}");
            }
        }
    }

    #[test]
    fn nothing_is_kept_between_lines() {
        let mut frames = Frames::new(LIMIT);
        for mut piece in [&b"ab"[..], b"c\n"] {
            while frames.next(&mut piece).is_some() {}
        }
        assert_eq!(frames.partial.capacity(), 0);
        assert!(!frames.mid_line());
    }
}
