//! Colours, where the terminal has them.

use std::env;
use std::fmt;

use anstyle::{AnsiColor, Style};

/// Whether the terminal knows no escape sequences.
pub(crate) fn is_dumb() -> bool {
    env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// Whether colours are welcome on a terminal.
pub(crate) fn has_colors() -> bool {
    !is_dumb() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// What a piece of text is, which decides how it looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// What is there for those who look for it: times, comings and goings.
    Dim,
    /// The user's own name.
    Own,
    /// Somebody else's name.
    Name,
    /// The name of a conversation.
    Place,
    /// A refusal.
    Problem,
}

/// Paints, or does not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Painter {
    pub(crate) colors: bool,
}

impl Painter {
    /// `text` in the colours of its role.
    pub(crate) fn paint(self, role: Role, text: impl fmt::Display) -> String {
        let text = text.to_string();
        if !self.colors || text.is_empty() {
            return text;
        }
        let style = match role {
            Role::Dim => Style::new().dimmed(),
            Role::Own => AnsiColor::Green.on_default().bold(),
            Role::Name => AnsiColor::Yellow.on_default().bold(),
            Role::Place => AnsiColor::Cyan.on_default(),
            Role::Problem => AnsiColor::Red.on_default(),
        };
        format!("{style}{text}{style:#}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colors_text_is_left_alone() {
        assert_eq!(Painter { colors: false }.paint(Role::Problem, "halo"), "halo");
        assert_eq!(Painter { colors: true }.paint(Role::Dim, ""), "");
        assert_eq!(Painter { colors: true }.paint(Role::Dim, "halo"), "\x1b[2mhalo\x1b[0m");
    }
}
