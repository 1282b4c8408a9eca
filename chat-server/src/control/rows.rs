//! Lists as an operator reads them: a row for each entry, its fields separated by tabs, and nothing in it that controls a
//! terminal. Older data may have names in it that are refused today.

use std::time::{Duration, UNIX_EPOCH};

use chat_lib::clock::Timestamp;
use chat_lib::model::{Invitation, Registration};
use chat_lib::settings::Settings;
use chat_lib::store::{RoomMember, RoomState, SessionInfo, Standing};
use chat_lib::{UserInfo, printable};

pub(super) fn user(user: &UserInfo) -> String {
    let profile = &user.profile;
    let mut fields = vec![profile.user().as_str(), profile.full_name(), profile.country()];
    fields.extend(user.banned.then_some("banned"));
    row(&fields)
}

pub(super) fn session(session: &SessionInfo) -> String {
    let name: String = session.id.to_string().chars().take(SESSION_NAME).collect();
    let from = session.from.map_or_else(|| "the process".to_owned(), |address| address.to_string());
    row(&[&name, &time(session.opened), &time(session.last_used), &from])
}

pub(super) fn invitation(invitation: &Invitation) -> String {
    row(&[&invitation.id.to_string(), &time(invitation.expires)])
}

pub(super) fn announced(connections: usize) -> String {
    match connections {
        1 => "sent to 1 connection".to_owned(),
        _ => format!("sent to {connections} connections"),
    }
}

/// As the setting has it.
pub(super) fn registration(registration: Registration) -> String {
    let mut settings = Settings::default();
    settings.registration = registration;
    Settings::find("registration").map(|setting| setting.get(&settings)).unwrap_or_default()
}

pub(super) fn room(room: &RoomState) -> String {
    let open = if room.open { "open" } else { "invite-only" };
    row(&[room.name.as_str(), &room.title, open, &room.members.to_string()])
}

/// The limits that a room has of its own.
pub(super) fn limits(room: &RoomState) -> Option<String> {
    let limits: Vec<_> = room.keep.texts().map(|(name, text)| format!("{name}={text}")).collect();
    let fields = [room.name.as_str()].into_iter().chain(limits.iter().map(String::as_str));
    (!limits.is_empty()).then(|| row(&fields.collect::<Vec<_>>()))
}

pub(super) fn member(member: &RoomMember) -> String {
    let standing = match member.standing {
        Standing::Owner => "owner",
        Standing::Member => "member",
        Standing::Invited => "invited",
    };
    row(&[member.user.user().as_str(), member.user.full_name(), standing])
}

fn row(fields: &[&str]) -> String {
    fields.iter().map(|field| printable(field)).collect::<Vec<_>>().join("\t")
}

/// In UTC; in milliseconds since 1970 where no calendar has the time.
fn time(time: Timestamp) -> String {
    let millis = time.as_millis();
    let calendar = UNIX_EPOCH.checked_add(Duration::from_millis(millis)).filter(|_| millis < END_OF_CALENDAR);
    calendar.map_or_else(|| millis.to_string(), |time| humantime::format_rfc3339_seconds(time).to_string())
}

/// How many digits of a session's id are its name, as users see it, too.
const SESSION_NAME: usize = 16;

/// The year 10000, in milliseconds.
const END_OF_CALENDAR: u64 = 253_402_300_800_000;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chat_lib::model::{Profile, UserName};

    use super::*;

    /// What is printed raw, a terminal obeys.
    #[test]
    fn names_in_a_list_cannot_control_a_terminal() {
        assert_eq!(row(&["ana", "Ana\u{202e}", "Br\u{e9}sil", "banned"]), "ana\tAna\\u{202e}\tBr\u{e9}sil\tbanned");
        let profile = Profile::kept(UserName::parse("ana").unwrap(), "Ana\u{202e}", "Br\u{e9}sil").unwrap();
        let member = RoomMember { user: Arc::new(profile), standing: Standing::Invited };
        assert_eq!(super::member(&member), "ana\tAna\\u{202e}\tinvited");
    }

    #[test]
    fn a_time_is_shown_whatever_it_is() {
        let shown = |millis| time(Timestamp::from_millis(millis));
        assert_eq!(shown(1_000), "1970-01-01T00:00:01Z");
        assert_eq!(shown(END_OF_CALENDAR - 1), "9999-12-31T23:59:59Z");
        assert_eq!(shown(u64::MAX), i64::MAX.to_string(), "the latest that there is");
    }
}
