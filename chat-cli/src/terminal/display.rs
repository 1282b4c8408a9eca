//! What to write so that a terminal shows a prompt and a line.

use unicode_width::UnicodeWidthChar;

/// A prompt and a line on a terminal, over as many rows as they take.
pub(super) struct Display {
    prompt: Prompt,
    /// The terminal knows no escape sequences: its cursor stays at the end of the line.
    dumb: bool,
    /// What has been written; empty if nothing has.
    shown: String,
    /// How many rows below the prompt the cursor is.
    row: usize,
    at_end: bool,
}

/// What stands before a line.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Prompt {
    /// The text.
    pub(crate) text: String,
    /// The same with colours.
    pub(crate) painted: String,
}

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), painted: text.to_owned() }
    }
}

impl Display {
    pub(super) fn new(prompt: Prompt, dumb: bool) -> Self {
        Self { prompt, dumb, shown: String::new(), row: 0, at_end: true }
    }

    /// Puts another prompt before the line; the next update draws it.
    pub(super) fn set_prompt(&mut self, prompt: &Prompt) {
        if self.prompt != *prompt {
            self.prompt = prompt.clone();
        }
    }

    /// What to write so that the prompt and the line are gone, and other text can take their place. Without escape
    /// sequences, they stay, and that text begins on the next row.
    pub(super) fn clear(&mut self) -> String {
        let out = match (self.shown.is_empty(), self.dumb) {
            (true, _) => String::new(),
            (false, true) => "\r\n".to_owned(),
            (false, false) => move_by(self.row, 'A') + "\r\x1b[J",
        };
        self.forget();
        out
    }

    /// What to write so that the line is shown, with the cursor between `before` and `after`.
    pub(super) fn update(&mut self, before: &str, after: &str, columns: usize) -> String {
        let whole = format!("{}{before}{after}", self.prompt.text);
        let cursor = place(&format!("{}{before}", self.prompt.text), columns);
        let appends = !self.shown.is_empty() && whole.starts_with(&self.shown) && self.at_end && after.is_empty();
        let out = match whole.strip_prefix(&self.shown).filter(|_| appends) {
            Some("") => String::new(),
            Some(more) if self.dumb => more.to_owned(),
            Some(more) => more.to_owned() + wrap(cursor),
            None if self.dumb => self.rewrite(&whole),
            None => {
                let end = place(&whole, columns);
                let drawn =
                    move_by(self.row, 'A') + "\r" + &self.prompt.painted + before + after + wrap(end) + "\x1b[J";
                match cursor == end {
                    true => drawn,
                    false => drawn + &move_by(end.row - cursor.row, 'A') + "\r" + &move_by(cursor.column, 'C'),
                }
            }
        };
        (self.shown, self.row, self.at_end) = (whole, cursor.row, self.dumb || after.is_empty());
        out
    }

    /// Makes the next update draw everything again, because something else was written.
    pub(super) fn forget(&mut self) {
        (self.shown, self.row) = (String::new(), 0);
    }

    /// Without escape sequences, only the end of a row can be taken back.
    fn rewrite(&self, whole: &str) -> String {
        match self.shown.strip_prefix(whole) {
            _ if self.shown.is_empty() => whole.to_owned(),
            Some(removed) => "\x08 \x08".repeat(removed.chars().map(width).sum()),
            None => format!("\r\n{whole}"),
        }
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
struct Place {
    row: usize,
    column: usize,
}

/// Where what follows `text` is shown.
fn place(text: &str, columns: usize) -> Place {
    let mut place = Place { row: 0, column: 0 };
    for width in text.chars().map(width) {
        if place.column + width > columns {
            place = Place { row: place.row + 1, column: 0 };
        }
        place.column += width;
    }
    if place.column >= columns { Place { row: place.row + 1, column: 0 } } else { place }
}

/// A terminal waits at the end of a full row until there is more to show.
fn wrap(end: Place) -> &'static str {
    if end.row > 0 && end.column == 0 { "\r\n" } else { "" }
}

fn move_by(count: usize, direction: char) -> String {
    if count == 0 { String::new() } else { format!("\x1b[{count}{direction}") }
}

fn width(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written for each of these lines in turn, the cursor standing at the `|`.
    fn written(dumb: bool, lines: &[&str]) -> Vec<String> {
        let mut display = Display::new("> ".into(), dumb);
        let halves = lines.iter().map(|line| line.split_once('|').unwrap());
        halves.map(|(before, after)| display.update(before, after, 5)).collect()
    }

    #[test]
    fn on_a_terminal_of_five_columns() {
        assert_eq!(written(false, &["|", "a|", "a|"]), ["\r> \x1b[J", "a", ""]);
        assert_eq!(written(false, &["ab|", "a|b", "a|"]), ["\r> ab\x1b[J", "\r> ab\x1b[J\r\x1b[3C", "\r> a\x1b[J"]);
        // A full row is left at once, so that it is known where the cursor is.
        assert_eq!(written(false, &["ab|", "abc|", "abcd|"]), ["\r> ab\x1b[J", "c\r\n", "d"]);
        assert_eq!(written(false, &["abcd|", "|abcd"]), ["\r> abcd\x1b[J", "\x1b[1A\r> abcd\x1b[J\x1b[1A\r\x1b[2C"]);
        assert_eq!(written(false, &["ab汉|", "|"]), ["\r> ab汉\x1b[J", "\x1b[1A\r> \x1b[J"]);
    }

    #[test]
    fn other_text_takes_the_place_of_the_line() {
        let painted = "\x1b[1m> \x1b[0m".to_owned();
        let mut display = Display::new(Prompt { text: "> ".to_owned(), painted }, false);
        assert_eq!(display.clear(), "");
        assert_eq!(display.update("abcd", "", 5), "\r\x1b[1m> \x1b[0mabcd\x1b[J");
        assert_eq!(display.clear(), "\x1b[1A\r\x1b[J");
        assert_eq!(display.update("abcd", "", 5), "\r\x1b[1m> \x1b[0mabcd\x1b[J");
        display.set_prompt(&"# ".into());
        assert_eq!(display.update("abcd", "", 5), "\x1b[1A\r# abcd\x1b[J");

        let mut dumb = Display::new("> ".into(), true);
        assert_eq!(dumb.update("ab", "", 5), "> ab");
        assert_eq!(dumb.clear(), "\r\n");
        assert_eq!(dumb.update("ab", "", 5), "> ab");
    }

    #[test]
    fn on_a_terminal_that_knows_no_escape_sequences() {
        assert_eq!(written(true, &["|", "a|", "ab|", "|"]), ["> ", "a", "b", "\x08 \x08\x08 \x08"]);
        assert_eq!(written(true, &["abcdef|", "abc|def", "x|"]), ["> abcdef", "", "\r\n> x"]);
    }
}
