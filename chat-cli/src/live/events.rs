//! How events are shown.

use std::time::{Duration, Instant};

use chat_lib::model::{ConversationName, HistoryMessage, RoomName, UserName};
use chat_lib::printable;
use chat_lib::protocol::{Event, RoomChange};

use super::feed::{Feed, News};
use super::render::sentence;
use super::talk::{End, Talk};
use crate::style::Role;

impl Talk<'_> {
    /// Handles all events that have come; returns the lines to show.
    pub(super) fn catch_up(&mut self, feed: &Feed) -> Vec<String> {
        let (mut lines, before) = (Vec::new(), self.shown);
        for news in feed.news.try_iter() {
            let line = match news {
                News::Event(event) => self.hear(event),
                News::Lost => {
                    (self.connected, self.typing) = (false, None);
                    self.dim("Connection lost; reconnecting.".to_owned())
                }
                News::Back => {
                    self.connected = true;
                    self.dim("Reconnected.".to_owned())
                }
                News::Failed(error) => {
                    self.shell.forget_session();
                    self.end = Some(End::Session);
                    Some(self.renderer.painter.paint(Role::Problem, sentence(&printable(&error.to_string()))))
                }
            };
            lines.extend(line);
        }
        if self.typing.as_ref().is_some_and(|(_, until)| *until <= Instant::now()) {
            self.typing = None;
        }
        if self.shown > before {
            self.mark_read();
        }
        if !self.outgoing.is_empty() {
            lines.push(self.send_waiting());
        }
        lines.retain(|line| !line.is_empty());
        lines
    }

    /// Handles an event; returns the line to show, if there is one.
    pub(super) fn hear(&mut self, event: Event) -> Option<String> {
        match event {
            Event::Message(message) => self.hear_message(&message),
            Event::Read { with, user, upto } => {
                if self.is_current(&with) && !self.is_me(&user) {
                    self.read_by_other = self.last_own.is_some_and(|own| own <= upto);
                }
                None
            }
            Event::Presence { user, online, .. } if !self.is_me(&user) => {
                let state = if online { "is online" } else { "is offline" };
                self.dim(format!("{} {state}.", self.known.full_name(user.as_str())))
            }
            Event::Typing { with, user } if self.is_current(&with) && !self.is_me(&user) => {
                self.typing = Some((self.known.full_name(user.as_str()), Instant::now() + TYPING_SHOWN));
                None
            }
            Event::Room { room, change, user, by } => self.hear_of_room(&room, change, &user, &by),
            Event::Deleted { with, id } => self.dim(format!("Message {id} in {with} was deleted.")),
            Event::Announcement { text, .. } => {
                let label = self.renderer.painter.paint(Role::Place, "Announcement:");
                Some(format!("{label} {}", printable(&text)))
            }
            Event::Closed { .. } => {
                let said = self.close();
                self.dim(said)
            }
            // After Lagged, messages come all the same.
            _ => None,
        }
    }

    fn hear_message(&mut self, message: &HistoryMessage) -> Option<String> {
        self.known.learn_user(message.from.user().as_str(), message.from.full_name());
        let current = self.is_current(&message.with);
        if current {
            self.have_shown(message);
        }
        let typed_here = message.key.as_ref().is_some_and(|key| self.outgoing.owns(key.as_str()));
        let shown = || self.renderer.message(message, !current, self.now());
        (!(typed_here && self.lines_stay)).then(shown)
    }

    fn hear_of_room(&mut self, room: &RoomName, change: RoomChange, user: &UserName, by: &UserName) -> Option<String> {
        let mine = self.is_me(user);
        match change {
            RoomChange::Deleted => self.known.forget_room(room.as_str()),
            RoomChange::Invited | RoomChange::Created if mine => self.known.learn_room(room.as_str()),
            _ => {}
        }
        let gone = change == RoomChange::Deleted || (change == RoomChange::Removed && mine);
        if gone && self.current() == Some(room.as_str()) {
            self.turn_to(None);
        }
        // A command has said that it was done.
        if self.is_me(by) {
            return None;
        }
        let (who, whom) = (self.known.full_name(by.as_str()), self.known.full_name(user.as_str()));
        self.dim(match change {
            RoomChange::Created => format!("{who} has created {room}."),
            RoomChange::Joined => format!("{whom} has joined {room}."),
            RoomChange::Left => format!("{whom} has left {room}."),
            RoomChange::Invited if mine => format!("{who} invites you to {room}: /join {room}"),
            RoomChange::Invited => format!("{who} has invited {whom} to {room}."),
            RoomChange::Removed if mine => format!("{who} has removed you from {room}."),
            RoomChange::Removed => format!("{who} has removed {whom} from {room}."),
            RoomChange::Deleted => format!("{who} has deleted {room}."),
            _ => format!("{who} has changed {room}."),
        })
    }

    fn is_current(&self, with: &ConversationName) -> bool {
        self.current() == Some(with.as_str())
    }

    fn is_me(&self, user: &UserName) -> bool {
        self.renderer.is_me(user)
    }

    fn dim(&self, text: String) -> Option<String> {
        Some(self.renderer.dim(&printable(&text)))
    }
}

/// How long somebody is shown as typing: a little more than the interval at which those who go on typing say so.
const TYPING_SHOWN: Duration = Duration::from_secs(5);
