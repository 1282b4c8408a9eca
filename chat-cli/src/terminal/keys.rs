//! Keys, read from the bytes that a terminal sends for them.

/// What a key asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Key {
    Char(char),
    /// A byte that is not UTF-8.
    NotText,
    Enter,
    Tab,
    Backspace,
    Delete,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Up,
    Down,
    CutToStart,
    CutToEnd,
    CutWord,
    ClearScreen,
    /// Ctrl-D: the end of input on an empty line, and otherwise as `Delete`.
    EndOfInput,
    Interrupt,
    Quit,
    Suspend,
}

/// Bytes in, keys out, however the bytes are cut. Unknown escape sequences are dropped whole, and
/// so are those around a bracketed paste: pasted text is treated like typed text.
#[derive(Default)]
pub(super) struct Keys {
    pending: Vec<u8>,
    /// CR was the last byte; LF after it is the same key.
    after_cr: bool,
}

impl Keys {
    pub(super) fn push(&mut self, byte: u8) {
        self.pending.push(byte);
    }

    /// The next key; `None` if that takes more bytes.
    pub(super) fn next(&mut self) -> Option<Key> {
        loop {
            let (length, key) = parse(&self.pending)?;
            let bytes: Vec<u8> = self.pending.drain(..length).collect();
            let repeated = self.after_cr && bytes == b"\n";
            self.after_cr = bytes == b"\r";
            if let Some(key) = key.filter(|_| !repeated) {
                return Some(key);
            }
        }
    }
}

/// How many bytes belong together, and the key that they stand for. `None` if it takes more to tell.
fn parse(bytes: &[u8]) -> Option<(usize, Option<Key>)> {
    match bytes {
        [ESC, b'[', b'[', key, ..] => Some((if key.is_ascii_control() { 3 } else { 4 }, None)),
        [] | [ESC] | [ESC, b'['] | [ESC, b'[', b'['] | [ESC, b'O'] => None,
        [ESC, b'[', rest @ ..] => {
            let end = rest.iter().position(|byte| !matches!(byte, b' '..=b'?'))?;
            let (parameters, rest) = rest.split_at(end);
            match rest {
                [last @ b'@'..=b'~', ..] => Some((end + 3, sequence(parameters, *last))),
                // No sequence has such a byte: it is a key.
                _ => Some((end + 2, None)),
            }
        }
        [ESC, b'O', last @ b'@'..=b'~', ..] => Some((3, sequence(b"", *last))),
        [ESC, b'b', ..] => Some((2, Some(Key::WordLeft))),
        [ESC, b'f', ..] => Some((2, Some(Key::WordRight))),
        // Escape alone does nothing, and what follows is a key.
        [ESC, ..] => Some((1, None)),
        [byte @ (..b' ' | 0x7f), ..] => Some((1, control(*byte))),
        _ => character(bytes),
    }
}

fn sequence(parameters: &[u8], last: u8) -> Option<Key> {
    let word = matches!(parameters, b"1;3" | b"1;5");
    match (parameters, last) {
        (_, b'A') => Some(Key::Up),
        (_, b'B') => Some(Key::Down),
        (_, b'C') => Some(if word { Key::WordRight } else { Key::Right }),
        (_, b'D') => Some(if word { Key::WordLeft } else { Key::Left }),
        (_, b'H') | (b"1" | b"7", b'~') => Some(Key::Home),
        (_, b'F') | (b"4" | b"8", b'~') => Some(Key::End),
        (b"3", b'~') => Some(Key::Delete),
        (b"", b'M') => Some(Key::Enter),
        _ => None,
    }
}

fn control(byte: u8) -> Option<Key> {
    Some(match byte {
        b'\r' | b'\n' => Key::Enter,
        b'\t' => Key::Tab,
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x04 => Key::EndOfInput,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7f => Key::Backspace,
        0x0b => Key::CutToEnd,
        0x0c => Key::ClearScreen,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x15 => Key::CutToStart,
        0x17 => Key::CutWord,
        0x1a => Key::Suspend,
        0x1c => Key::Quit,
        _ => return None,
    })
}

fn character(bytes: &[u8]) -> Option<(usize, Option<Key>)> {
    let start = bytes.get(..4).unwrap_or(bytes);
    let valid = match str::from_utf8(start) {
        Ok(text) => text,
        Err(problem) if problem.valid_up_to() == 0 => {
            return problem.error_len().map(|length| (length, Some(Key::NotText)));
        }
        Err(problem) => str::from_utf8(start.get(..problem.valid_up_to())?).ok()?,
    };
    valid.chars().next().map(|c| (c.len_utf8(), Some(Key::Char(c))))
}

const ESC: u8 = 0x1b;

#[cfg(test)]
mod tests {
    use super::Key::*;
    use super::*;

    #[test]
    fn bytes_and_their_keys() {
        let cases: &[(&[u8], &[Key])] = &[
            (b"ab\rc", &[Char('a'), Char('b'), Enter, Char('c')]),
            (b"a\r\nb\n\n\r\r", &[Char('a'), Enter, Char('b'), Enter, Enter, Enter, Enter]),
            ("é€😀".as_bytes(), &[Char('é'), Char('€'), Char('😀')]),
            (b"a\xff\r", &[Char('a'), NotText, Enter]),
            (b"\xe2\x82\rb", &[NotText, Enter, Char('b')]),
            (b"\xc3", &[]),
            (b"\x1b[A\x1bOB\x1b[1;5C\x1bb\x1b[3~\x1b[H\x1b[4~", &[Up, Down, WordRight, WordLeft, Delete, Home, End]),
            (b"\x1b[200~a\nb\x1b[201~", &[Char('a'), Enter, Char('b')]),
            (b"\x1b[5~\x1b[[Aa\x1bOPb", &[Char('a'), Char('b')]),
            (b"\x1b\x1b[Da\x1b\r", &[Left, Char('a'), Enter]),
            (b"\x1b[12\rb", &[Enter, Char('b')]),
            (b"\x01\x03\x04\t\x15\x7f\x08\x00", &[Home, Interrupt, EndOfInput, Tab, CutToStart, Backspace, Backspace]),
        ];
        for (bytes, expected) in cases {
            let mut whole = Keys { pending: bytes.to_vec(), after_cr: false };
            let keys: Vec<Key> = std::iter::from_fn(|| whole.next()).collect();
            assert_eq!(keys, *expected, "{}", bytes.escape_ascii());
            let mut keys = Keys::default();
            let one_by_one = bytes.iter().flat_map(|&byte| {
                keys.push(byte);
                std::iter::from_fn(|| keys.next()).collect::<Vec<_>>()
            });
            assert_eq!(one_by_one.collect::<Vec<_>>(), *expected, "{}", bytes.escape_ascii());
        }
    }
}
