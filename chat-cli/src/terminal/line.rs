//! The line that is being typed.

use unicode_width::UnicodeWidthChar;

use super::keys::Key;

/// A line and the place in it where the next character goes.
#[derive(Default)]
pub(super) struct Line {
    text: Vec<char>,
    cursor: usize,
    /// How many lines back in the history this one is; 0 for the line that is new.
    back: usize,
    /// The new line, while one of the history is shown.
    draft: Vec<char>,
}

impl Line {
    /// Does what `key` asks for; ignores a key that does not edit.
    pub(super) fn press(&mut self, key: Key, history: &[String]) {
        let (start, end) = (0, self.text.len());
        match key {
            Key::Char(c) => self.insert(c),
            Key::Tab => self.insert('\t'),
            Key::NotText => self.insert(NOT_TEXT),
            Key::Backspace => self.cut(self.left(), self.cursor),
            Key::Delete | Key::EndOfInput => self.cut(self.cursor, self.right()),
            Key::CutToStart => self.cut(start, self.cursor),
            Key::CutToEnd => self.cut(self.cursor, end),
            Key::CutWord => self.cut(self.word_left(), self.cursor),
            Key::Left => self.cursor = self.left(),
            Key::Right => self.cursor = self.right(),
            Key::WordLeft => self.cursor = self.word_left(),
            Key::WordRight => self.cursor = self.word_right(),
            Key::Home => self.cursor = start,
            Key::End => self.cursor = end,
            Key::Up => self.recall(self.back + 1, history),
            Key::Down => self.recall(self.back.saturating_sub(1), history),
            _ => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// What stands before the cursor, and what after it.
    pub(super) fn halves(&self) -> (String, String) {
        let (before, after) = self.text.split_at(self.cursor);
        (before.iter().collect(), after.iter().collect())
    }

    /// Has `text` stand in the place of the last `count` characters before the cursor.
    pub(super) fn replace(&mut self, count: usize, text: &str) {
        self.cut(self.cursor.saturating_sub(count), self.cursor);
        text.chars().for_each(|c| self.insert(c));
    }

    /// The whole line; `None` if bytes of it were not UTF-8.
    pub(super) fn text(&self) -> Option<String> {
        (!self.text.contains(&NOT_TEXT)).then(|| self.text.iter().collect())
    }

    fn insert(&mut self, c: char) {
        self.text.insert(self.cursor, c);
        self.cursor += 1;
    }

    fn cut(&mut self, from: usize, to: usize) {
        self.text.drain(from..to);
        self.cursor = from;
    }

    /// Where the character before the cursor begins, with the marks that stand on it.
    fn left(&self) -> usize {
        let before = self.text.iter().take(self.cursor);
        before.enumerate().filter(|(_, c)| !is_mark(**c)).map(|(place, _)| place).next_back().unwrap_or(0)
    }

    fn right(&self) -> usize {
        let after = self.text.iter().enumerate().skip(self.cursor + 1);
        after.filter(|(_, c)| !is_mark(**c)).map(|(place, _)| place).next().unwrap_or(self.text.len())
    }

    fn word_left(&self) -> usize {
        let mut before = self.text.iter().take(self.cursor).enumerate().rev();
        let word = before.by_ref().find(|(_, c)| **c != ' ');
        word.and_then(|_| before.find(|(_, c)| **c == ' ')).map_or(0, |(place, _)| place + 1)
    }

    fn word_right(&self) -> usize {
        let mut after = self.text.iter().enumerate().skip(self.cursor);
        let word = after.by_ref().find(|(_, c)| **c != ' ');
        word.and_then(|_| after.find(|(_, c)| **c == ' ')).map_or(self.text.len(), |(place, _)| place)
    }

    fn recall(&mut self, back: usize, history: &[String]) {
        if back > history.len() || back == self.back {
            return;
        }
        if self.back == 0 {
            self.draft = std::mem::take(&mut self.text);
        }
        self.text = match history.len().checked_sub(back).and_then(|place| history.get(place)) {
            Some(line) => line.chars().collect(),
            None => std::mem::take(&mut self.draft),
        };
        self.back = back;
        self.cursor = self.text.len();
    }
}

fn is_mark(c: char) -> bool {
    c.width() == Some(0)
}

/// Stands for a byte that was not UTF-8. It is no character, so nobody types it.
const NOT_TEXT: char = '\u{10ffff}';

#[cfg(test)]
mod tests {
    use super::Key::*;
    use super::*;

    fn line(keys: &[Key]) -> Line {
        let history = ["inbox".to_owned(), "send a b".to_owned()];
        let mut line = Line::default();
        keys.iter().for_each(|&key| line.press(key, &history));
        line
    }

    #[test]
    fn keys_and_the_line_they_make() {
        let cases: &[(&[Key], (&str, &str))] = &[
            (&[Char('a'), Char('b'), Left, Char('c')], ("ac", "b")),
            (&[Char('a'), Char('b'), Home, Delete, Delete, Delete], ("", "")),
            (&[Char('a'), Char('e'), Char('\u{301}'), Backspace], ("a", "")),
            (&[Char('e'), Char('\u{301}'), Char('x'), Left, Left, Char('c')], ("c", "e\u{301}x")),
            (&[Up], ("send a b", "")),
            (&[Char('x'), Up, Up, Up, Down, Down, Down], ("x", "")),
            (&[Up, WordLeft, WordLeft], ("send ", "a b")),
            (&[Up, WordLeft, WordLeft, WordLeft, WordLeft, WordRight], ("send", " a b")),
            (&[Up, CutWord], ("send a ", "")),
            (&[Up, Left, CutToStart], ("", "b")),
            (&[Up, Home, Right, CutToEnd], ("s", "")),
            (&[Down, Left, Right, Backspace, Delete, CutWord], ("", "")),
        ];
        for (keys, (before, after)) in cases {
            assert_eq!(line(keys).halves(), ((*before).to_owned(), (*after).to_owned()), "{keys:?}");
        }
    }

    #[test]
    fn a_byte_that_is_not_text() {
        assert_eq!(line(&[Char('a'), NotText]).text(), None);
        assert_eq!(line(&[Char('a'), NotText, Backspace]).text().unwrap(), "a");
    }
}
