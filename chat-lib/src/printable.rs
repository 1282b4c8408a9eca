//! What may be shown to a person as it is.

use std::borrow::Cow;
use std::fmt::Write;

/// `text` with everything escaped that a terminal obeys, that changes how the text around it looks, or that shows
/// nothing: control characters, line ends among them, and the invisible characters of Unicode. What a peer wrote is
/// shown to people only like this.
///
/// ```
/// use chat_lib::printable;
///
/// assert_eq!(printable("Ana Lima"), "Ana Lima");
/// assert_eq!(printable("\u{1b}[2JAna\u{202e}\n"), r"\u{1b}[2JAna\u{202e}\n");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            // Writing to a string does not fail.
            write!(shown, "{}", c.escape_default()).ok();
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Unicode's categories Cc, Cf, Zl and Zp, and the letters that show nothing; without the joiners, which some scripts
/// and emoji need.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
            | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180e}' | '\u{200b}'
            | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_and_controls_do_not() {
        for plain in ["", "halo \"Ana\" \\", "é 日本 हिन्दी", "می\u{200c}خواهم", "👩\u{200d}💻 ❤\u{fe0f}"]
        {
            assert_eq!(printable(plain), plain);
        }
        for (hidden, shown) in [
            ("\t\r\n", r"\t\r\n"),
            ("\0\x07\x7f", r"\u{0}\u{7}\u{7f}"),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("a\u{2066}b", r"a\u{2066}b"),
        ] {
            assert_eq!(printable(hidden), shown);
        }
    }
}
