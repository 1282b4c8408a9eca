//! Bytes to lines, however they were cut into pieces. It relies on its caller for nothing, and holds one unfinished line.

use std::fmt;

use memchr::memchr;

/// Cuts received bytes into lines.
///
/// The first LF decides how lines end (`docs/protocol.md`, "Requests"): if a CR stands before it, they end
/// with CRLF, and a lone LF is part of its line; otherwise they end with LF.
///
/// A line that came in one piece is lent out of the caller's bytes; only an unfinished one is copied
/// and kept. No byte is looked at twice, and where the pieces were cut makes no difference.
pub struct Frames {
    /// The beginning of an unfinished line, shorter than `limit`; the whole line if the last call lent
    /// it out.
    partial: Vec<u8>,
    /// `partial` was lent out and is to be dropped.
    lent: bool,
    /// The line at hand was refused, and all of it up to its end is to be dropped.
    skipping: bool,
    /// The last byte that was taken of an unfinished line is a CR.
    after_cr: bool,
    /// Unknown until the first line has ended.
    ending: Option<Ending>,
    limit: u32,
}

/// How the lines of a connection end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    Lf,
    CrLf,
}

impl Frames {
    /// Lines of up to `limit` bytes, their end included; of up to 4 GiB whatever the limit.
    pub fn new(limit: usize) -> Self {
        let mut frames =
            Self { partial: Vec::new(), lent: false, skipping: false, after_cr: false, ending: None, limit: 0 };
        frames.set_limit(limit);
        frames
    }

    /// From here on, lines of up to `limit` bytes. A line that has begun is held to it as well.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = u32::try_from(limit).unwrap_or(u32::MAX);
    }

    fn limit(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
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
        let Some((piece, rest)) = self.line_end(input).and_then(|end| input.split_at_checked(end)) else {
            return self.keep(input);
        };
        *input = rest;
        if piece.len() > self.limit().saturating_sub(self.partial.len()) {
            return Some(self.refuse(piece));
        }
        if self.partial.is_empty() {
            return Some(Frame::Line(piece));
        }
        self.partial.extend_from_slice(piece);
        self.lent = true;
        Some(Frame::Line(&self.partial))
    }

    /// How many bytes of memory are held of an unfinished line.
    pub fn held(&self) -> usize {
        self.partial.capacity()
    }

    /// Whether a line has begun and its end has not come.
    pub fn mid_line(&self) -> bool {
        self.skipping || (!self.lent && !self.partial.is_empty())
    }

    /// How lines end, once one has.
    #[cfg(feature = "server")]
    pub(crate) fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Sets how lines end, which was decided elsewhere, unless a line has ended here.
    #[cfg(feature = "server")]
    pub(crate) fn set_ending(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
    }

    /// Where the line that goes on in `input` ends, its end included.
    fn line_end(&mut self, input: &[u8]) -> Option<usize> {
        let mut searched = 0;
        while let Some(place) = memchr(b'\n', input.get(searched..).unwrap_or_default()) {
            let end = searched + place;
            let after_cr = end.checked_sub(1).map_or(self.after_cr, |before| input.get(before) == Some(&b'\r'));
            let ending = *self.ending.get_or_insert(if after_cr { Ending::CrLf } else { Ending::Lf });
            searched = end + 1;
            if after_cr || matches!(ending, Ending::Lf) {
                self.after_cr = false;
                return Some(searched);
            }
        }
        if let Some(last) = input.last() {
            self.after_cr = *last == b'\r';
        }
        None
    }

    fn skip(&mut self, input: &mut &[u8]) {
        match self.line_end(input).and_then(|end| input.get(end..)) {
            Some(rest) => {
                self.skipping = false;
                *input = rest;
            }
            None => *input = &[],
        }
    }

    /// Drops the line at hand, which goes on with `piece`.
    fn refuse(&mut self, piece: &[u8]) -> Frame<'static> {
        let partial = std::mem::take(&mut self.partial);
        Frame::TooLong { first: partial.first().or(piece.first()).copied().unwrap_or_default() }
    }

    fn keep(&mut self, input: &mut &[u8]) -> Option<Frame<'static>> {
        let begun = std::mem::take(input);
        // A line of `limit` bytes that still lacks its end is too long already.
        if begun.len() >= self.limit().saturating_sub(self.partial.len()) && !begun.is_empty() {
            self.skipping = true;
            return Some(self.refuse(begun));
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
    TooLong {
        /// Its first byte, by which protocols are told apart.
        first: u8,
    },
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
            Self::TooLong { .. } => f.write_str("TooLong"),
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
                    Frame::TooLong { .. } => None,
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
            // After CRLF, a lone LF is part of its line.
            ("a\r\nb\nc\r\n\nd\r\r\n", &["a\r\n", "b\nc\r\n", "\nd\r\r\n"]),
            ("\r\n\n\r\n", &["\r\n", "\n\r\n"]),
            // After LF, a CR is.
            ("a\nb\r\nc\n", &["a\n", "b\r\n", "c\n"]),
            // The end of a line that was refused counts, too.
            ("123456789\r\na\nb\r\n", &[TOO_LONG, "a\nb\r\n"]),
            ("123456789\na\r\nb\n", &[TOO_LONG, "a\r\n", "b\n"]),
            ("a\r\n12345678\n9\r\nb\r\n", &["a\r\n", TOO_LONG, "b\r\n"]),
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
