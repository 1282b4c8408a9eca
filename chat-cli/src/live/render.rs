//! How messages and times are shown.

use chat_lib::clock::Timestamp;
use chat_lib::model::{HistoryMessage, UserName};
use chat_lib::printable;
use jiff::tz::TimeZone;

use crate::style::{Painter, Role};

/// Shows messages to one user.
pub(crate) struct Renderer {
    pub(super) painter: Painter,
    pub(super) zone: TimeZone,
    /// The user name of the reader.
    pub(super) me: String,
}

impl Renderer {
    /// A message. `with` says in which conversation it is.
    pub(super) fn message(&self, message: &HistoryMessage, with: bool, now: Timestamp) -> String {
        let place = match with {
            true => format!("{} ", self.painter.paint(Role::Place, format!("[{}]", printable(message.with.as_str())))),
            false => String::new(),
        };
        let role = if self.is_me(message.from.user()) { Role::Own } else { Role::Name };
        let name = self.painter.paint(role, printable(message.from.full_name()));
        let text = match message.deleted {
            true => self.painter.paint(Role::Dim, "(deleted)"),
            false => printable(&message.text).into_owned(),
        };
        format!("{} {place}{name}: {text}", self.moment(message.time, now))
    }

    /// The same with its number.
    pub(super) fn numbered(&self, message: &HistoryMessage, now: Timestamp) -> String {
        let number = self.painter.paint(Role::Dim, format!("{:>6}", message.id));
        format!("{number}  {}", self.message(message, false, now))
    }

    /// The local time of a moment, with the day if that is not today.
    pub(super) fn moment(&self, moment: Timestamp, now: Timestamp) -> String {
        self.painter.paint(Role::Dim, self.plain_moment(moment, now))
    }

    /// The same without colours.
    pub(super) fn plain_moment(&self, moment: Timestamp, now: Timestamp) -> String {
        let (Some(moment), Some(now)) = (self.local(moment), self.local(now)) else { return "--:--".to_owned() };
        let form = if moment.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        moment.strftime(form).to_string()
    }

    pub(super) fn dim(&self, text: &str) -> String {
        self.painter.paint(Role::Dim, text)
    }

    pub(super) fn is_me(&self, user: &UserName) -> bool {
        user.as_str() == self.me
    }

    fn local(&self, moment: Timestamp) -> Option<jiff::Zoned> {
        let millis = i64::try_from(moment.as_millis()).ok()?;
        Some(jiff::Timestamp::from_millisecond(millis).ok()?.to_zoned(self.zone.clone()))
    }
}

/// A message of a program as a sentence: with a capital and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let mut sentence: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    sentence.push_str(letters.as_str());
    if !sentence.ends_with(['.', '?', '!']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use chat_lib::model::{ConversationName, MessageId, Profile};

    use super::*;

    fn message(text: &str) -> HistoryMessage {
        let user = |name| UserName::parse(name).unwrap();
        let from = Arc::new(Profile::new(user("henderson"), "Jordan Henderson", "").unwrap());
        let time = Timestamp::from_millis(1_700_000_000_000);
        HistoryMessage::new(
            MessageId::new(7).unwrap(),
            ConversationName::User(user("henderson")),
            from,
            time,
            text.to_owned(),
        )
    }

    fn renderer(colors: bool) -> Renderer {
        let zone = TimeZone::fixed(jiff::tz::offset(7));
        Renderer { painter: Painter { colors }, zone, me: "messi".to_owned() }
    }

    #[test]
    fn a_message_and_its_moment() {
        let (message, renderer) = (message("halo\u{1b}[2J\n\u{202e}x"), renderer(false));
        let shown = "Jordan Henderson: halo\\u{1b}[2J\\n\\u{202e}x";
        let now = message.time;
        assert_eq!(renderer.message(&message, false, now), format!("05:13 {shown}"));
        assert_eq!(renderer.message(&message, true, now), format!("05:13 [henderson] {shown}"));
        assert_eq!(renderer.numbered(&message, now), format!("     7  05:13 {shown}"));
        let tomorrow = now.after(Duration::from_secs(24 * 60 * 60));
        assert_eq!(renderer.message(&message, false, tomorrow), format!("2023-11-15 05:13 {shown}"));
    }

    #[test]
    fn a_deleted_message_and_colours() {
        let mut message = message("");
        message.deleted = true;
        let shown = renderer(true).message(&message, false, message.time);
        assert_eq!(shown, "\x1b[2m05:13\x1b[0m \x1b[1m\x1b[33mJordan Henderson\x1b[0m: \x1b[2m(deleted)\x1b[0m");
    }

    #[test]
    fn sentences() {
        for (text, said) in [("there is no such room", "There is no such room."), ("What?", "What?"), ("", ".")] {
            assert_eq!(sentence(text), said);
        }
    }
}
