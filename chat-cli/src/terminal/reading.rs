//! A line that is being typed, and what becomes of it.

use super::display::{Display, Prompt};
use super::line::Line;

/// A line that is being typed.
pub(crate) struct Reading {
    pub(super) line: Line,
    pub(super) display: Display,
    pub(super) secret: bool,
}

impl Reading {
    /// What stands before the cursor.
    pub(crate) fn before(&self) -> String {
        self.line.halves().0
    }

    /// Has `text` stand in the place of the last `count` characters before the cursor.
    pub(crate) fn replace(&mut self, count: usize, text: &str) {
        self.line.replace(count, text);
    }

    /// Puts another prompt before the line. The next step shows it.
    pub(crate) fn set_prompt(&mut self, prompt: &Prompt) {
        self.display.set_prompt(prompt);
    }

    /// The line as an answer.
    pub(super) fn input(&self) -> Input {
        self.line.text().map_or(Input::NotText, Input::Line)
    }
}

/// Why reading a line stops for a moment.
pub(crate) enum Step {
    /// The line is complete, or there will be none.
    Over(Input),
    /// The Tab key, which has not changed the line.
    Tab,
    /// The line has changed, and all of it that was typed is shown.
    Changed,
    /// The waker was used, or the time is over.
    Woken,
}

/// What a person answers to a prompt.
pub(crate) enum Input {
    Line(String),
    /// A line with bytes that are not UTF-8.
    NotText,
    /// Ctrl-C: not this one.
    Interrupted,
    /// Ctrl-D, or the terminal is gone: no more lines.
    End,
}
