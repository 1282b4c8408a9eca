//! The commands about users, and about the user's own account.

use chat_lib::limits::LIST_MAX;
use chat_lib::model::Profile;
use chat_lib::printable;
use chat_lib::protocol::{Presence, UserView};

use super::commands::{split, usage};
use super::talk::{Talk, refused};
use crate::shell::{Ask, Failure};
use crate::style::Role;

pub(super) fn who(talk: &mut Talk<'_>, _: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let list = talk.ask(|session| session.users("", LIST_MAX))?;
    let mut partners: Vec<&UserView> = list.entries.iter().filter(|user| user.presence.is_some()).collect();
    partners.sort_by_key(|user| !user.presence.is_some_and(|presence| presence.online));
    let lines = partners.into_iter().map(|user| talk.person_and_presence(user)).collect();
    Ok(talk.listed(lines, list.more, "You have no direct conversations yet."))
}

pub(super) fn users(talk: &mut Talk<'_>, _: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let list = talk.ask(|session| session.users("", LIST_MAX))?;
    let mut lines = Vec::new();
    for user in &list.entries {
        talk.known.learn_user(user.profile.user().as_str(), user.profile.full_name());
        lines.push(talk.person_and_presence(user));
    }
    Ok(talk.listed(lines, list.more, "There are no users."))
}

pub(super) fn block(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let user = talk.named(rest)?;
    talk.ask(|session| session.block(&user))?;
    Ok(talk.renderer.dim(&format!("{} cannot write to you any more.", talk.known.full_name(&user))))
}

pub(super) fn unblock(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let user = talk.named(rest)?;
    talk.ask(|session| session.unblock(&user))?;
    Ok(talk.renderer.dim(&format!("{} can write to you again.", talk.known.full_name(&user))))
}

pub(super) fn blocks(talk: &mut Talk<'_>, _: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let blocked = talk.ask(|session| session.blocks())?;
    let lines = blocked.iter().map(|profile| talk.person(profile)).collect();
    Ok(talk.listed(lines, false, "You have blocked no one."))
}

pub(super) fn profile(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let (what, text) = split(rest.trim());
    let text = text.trim();
    match what {
        "" => {}
        "name" if !text.is_empty() => talk.ask(|session| session.set_profile(Some(text), None))?,
        "country" => talk.ask(|session| session.set_profile(None, Some(text)))?,
        _ => return Err(usage("profile")),
    }
    let me = talk.renderer.me.clone();
    // The names after the one before one's own begin with one's own.
    let before = me.strip_suffix(|_: char| true).unwrap_or_default().to_owned();
    let own = talk.ask(|session| {
        let mut after = before;
        loop {
            let page = session.users(&after, LIST_MAX)?;
            if let Some(own) = page.entries.iter().find(|user| user.profile.user().as_str() == me) {
                return Ok(Some(own.clone()));
            }
            match page.entries.last() {
                Some(last) if page.more => after = last.profile.user().as_str().to_owned(),
                _ => return Ok(None),
            }
        }
    })?;
    let own = own.ok_or_else(|| refused("Your account is gone."))?;
    talk.known.learn_user(&talk.renderer.me, own.profile.full_name());
    Ok(talk.person_and_presence(&own))
}

pub(super) fn password(talk: &mut Talk<'_>, rest: &str, ask: &mut dyn Ask) -> Result<String, Failure> {
    if !rest.trim().is_empty() {
        return Err(refused("Type /password alone: it asks for the passwords without showing them."));
    }
    let (old, new) = (ask.password("Old password: ")?, ask.new_password("New password: ")?);
    talk.ask(|session| session.set_password(&old, &new))?;
    Ok(talk.renderer.dim("Password changed; your other sessions have ended."))
}

pub(super) fn sessions(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    match split(rest.trim()) {
        ("", _) => {}
        ("end", id) if !id.trim().is_empty() => {
            talk.ask(|session| session.end_session(id.trim()))?;
            return Ok(talk.renderer.dim("The session has ended."));
        }
        _ => return Err(usage("sessions")),
    }
    let sessions = talk.ask(|session| session.sessions())?;
    let now = talk.now();
    let line = |session: &chat_lib::protocol::SessionView| {
        let from = session.from.map_or_else(|| "the server's own process".to_owned(), |from| from.ip().to_string());
        let (opened, used) =
            (talk.renderer.plain_moment(session.opened, now), talk.renderer.plain_moment(session.last_used, now));
        let here = if session.current { ", this one" } else { "" };
        let facts = format!("opened {opened}, last used {used}, from {from}{here}");
        format!("{}  {}", printable(&session.session), talk.renderer.dim(&facts))
    };
    Ok(sessions.iter().map(line).collect::<Vec<_>>().join("\n"))
}

impl Talk<'_> {
    /// A user in a list.
    pub(super) fn person(&self, profile: &Profile) -> String {
        let role = if self.renderer.is_me(profile.user()) { Role::Own } else { Role::Name };
        let padding = " ".repeat(NAME_WIDTH.saturating_sub(profile.user().as_str().len()));
        let user = self.renderer.painter.paint(role, profile.user());
        let country = match printable(profile.country()) {
            country if country.is_empty() => String::new(),
            country => self.renderer.dim(&format!(", {country}")),
        };
        format!("{user}{padding} {}{country}", printable(profile.full_name()))
    }

    fn person_and_presence(&self, user: &UserView) -> String {
        let presence = match user.presence {
            Some(Presence { online: true, .. }) => "  online".to_owned(),
            Some(Presence { last_seen: Some(seen), .. }) => {
                format!("  last seen {}", self.renderer.plain_moment(seen, self.now()))
            }
            _ => String::new(),
        };
        format!("{}{}", self.person(&user.profile), self.renderer.dim(&presence))
    }

    /// The lines of a list.
    pub(super) fn listed(&self, mut lines: Vec<String>, more: bool, none: &str) -> String {
        if lines.is_empty() {
            lines.push(self.renderer.dim(none));
        }
        if more {
            lines.push(self.renderer.dim(&format!("There are more than the first {LIST_MAX}.")));
        }
        lines.join("\n")
    }
}

/// Columns for user names in lists.
const NAME_WIDTH: usize = 16;
