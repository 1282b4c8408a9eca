//! What one session of a person at a terminal knows and can do.

use std::time::{Duration, Instant};

use chat_lib::clock::{Clock, SystemClock, Timestamp};
use chat_lib::limits::TYPING_INTERVAL;
use chat_lib::model::{HistoryMessage, MessageId};
use chat_lib::{Error, Session, printable};
use jiff::tz::TimeZone;

use super::commands::{Typed, help, nearest, parse};
use super::hints::{Hint, Hints};
use super::known::Known;
use super::outgoing::Outgoing;
use super::render::{Renderer, sentence};
use crate::link::Trouble;
use crate::script::error;
use crate::shell::{Ask, Failure, Shell};
use crate::style::{Painter, Role};
use crate::terminal::Prompt;

/// A session, as its user sees it.
pub(crate) struct Talk<'a> {
    pub(super) shell: &'a mut Shell,
    pub(super) renderer: Renderer,
    pub(super) known: Known,
    pub(super) outgoing: Outgoing,
    hints: Hints,
    /// The open conversation, which lines go to: a user name, or a room with its `#`.
    current: Option<String>,
    /// The last message of it that was shown.
    pub(super) shown: MessageId,
    /// The last message of it, if it is the user's own; and whether the other user has read it.
    pub(super) last_own: Option<MessageId>,
    pub(super) read_by_other: bool,
    /// Who types in it, and until when that is believed.
    pub(super) typing: Option<(String, Instant)>,
    /// When the server was last told that the user types.
    told_typing: Option<Instant>,
    /// Whether events come.
    pub(super) connected: bool,
    /// Whether a line stays on the screen when it was typed, and is not to be shown again.
    pub(super) lines_stay: bool,
    pub(super) end: Option<End>,
}

/// Why a talk is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The user wants to leave.
    Quit,
    /// The session has ended, or another one is to be used.
    Session,
}

impl<'a> Talk<'a> {
    pub(super) fn new(shell: &'a mut Shell, painter: Painter, lines_stay: bool) -> Result<Self, Error> {
        let me = shell.session().map(|(user, _)| user.to_owned()).unwrap_or_default();
        Ok(Self {
            shell,
            renderer: Renderer { painter, zone: TimeZone::system(), me },
            known: Known::default(),
            outgoing: Outgoing::new()?,
            hints: Hints::start()?,
            current: None,
            shown: MessageId::NONE,
            last_own: None,
            read_by_other: false,
            typing: None,
            told_typing: None,
            connected: true,
            lines_stay,
            end: None,
        })
    }

    /// The prompt: the user and the open conversation, after what the other user is doing in it.
    pub(super) fn prompt(&self) -> Prompt {
        self.prompt_after(match &self.typing {
            Some((name, _)) => format!("({name} is typing) "),
            None if self.read_by_other => "(read) ".to_owned(),
            None => String::new(),
        })
    }

    /// The prompt of a line that stays on the screen: only what does not change.
    pub(super) fn lasting_prompt(&self) -> Prompt {
        self.prompt_after(String::new())
    }

    fn prompt_after(&self, status: String) -> Prompt {
        let (painter, me) = (self.renderer.painter, &self.renderer.me);
        let place = match &self.current {
            Some(room) if room.starts_with('#') => format!(" {room}"),
            Some(user) => format!(" @{user}"),
            None => String::new(),
        };
        let painted = [
            painter.paint(Role::Dim, &status),
            painter.paint(Role::Own, me),
            painter.paint(Role::Place, &place),
            "> ".to_owned(),
        ];
        Prompt { text: format!("{status}{me}{place}> "), painted: painted.concat() }
    }

    /// Runs a line; returns what to show, which may be nothing.
    pub(super) fn perform(&mut self, line: &str, ask: &mut dyn Ask) -> Result<String, Failure> {
        match parse(line, self.current.is_some()) {
            Typed::Command(command, rest) => (command.run)(self, rest, ask),
            Typed::Text(text) => {
                let to = self.current.clone().unwrap_or_default();
                Ok(self.send(&to, text))
            }
            Typed::Unknown(name) => Err(unknown(name, "")),
            Typed::Nowhere(name) => Err(unknown(name, " No conversation is open: /to NAME opens one.")),
        }
    }

    /// Sends a message, now or when the connection is back; returns what went wrong.
    pub(super) fn send(&mut self, to: &str, text: &str) -> String {
        self.outgoing.push(to, text);
        self.told_typing = None;
        self.send_waiting()
    }

    /// Sends what waits.
    pub(super) fn send_waiting(&mut self) -> String {
        let mut lines = match self.connected {
            true => self.outgoing.send(self.shell),
            false => Vec::new(),
        };
        lines.iter_mut().for_each(|line| *line = self.renderer.painter.paint(Role::Problem, &line));
        let waiting = self.outgoing.tell();
        lines.extend(waiting.iter().map(|line| self.renderer.dim(line)));
        lines.join("\n")
    }

    /// Makes a request of the session.
    pub(super) fn ask<T>(&mut self, ask: impl FnOnce(&Session) -> Result<T, Error>) -> Result<T, Failure> {
        if !self.connected {
            return Err(Failure::Lost(format!(
                "Not connected to {}; nothing was done.",
                self.shell.link.target().address
            )));
        }
        self.shell.link.forget_if_closed();
        self.shell.ask(ask).map_err(|trouble| match trouble {
            Trouble::Refused(error) => Failure::Refused(error),
            Trouble::Lost(problem) => {
                Failure::Lost(format!("{} It is not known whether this was done.", sentence(&problem)))
            }
        })
    }

    /// Runs a command of the first client, with its output.
    pub(super) fn first(&mut self, name: &str, rest: &str, ask: &mut dyn Ask) -> Result<String, Failure> {
        let before = self.shell.session().map(|(_, token)| token);
        self.shell.link.forget_if_closed();
        let line = if rest.is_empty() { name.to_owned() } else { format!("{name} {rest}") };
        let done = self.shell.execute(Some(&line), ask);
        if self.shell.session().map(|(_, token)| token) != before {
            self.end = Some(End::Session);
        }
        match done {
            Err(lost @ Failure::Lost(_)) => Err(lost),
            Err(refused) => Ok(self.renderer.painter.paint(Role::Problem, error(&refused))),
            done => done,
        }
    }

    /// What is shown first: what is unread, and how to go on.
    pub(super) fn welcome(&mut self) -> String {
        let known = self.shell.ask(|session| self.known.ask(session));
        let unread = match known {
            Ok(()) => self.unread().unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let name = self.known.full_name(&self.renderer.me);
        let hello = format!("Hello, {name}. /to NAME opens a conversation; /help lists commands.");
        let mut lines = vec![self.renderer.dim(&hello)];
        lines.extend(unread);
        lines.join("\n")
    }

    pub(super) fn painter(&self) -> Painter {
        self.renderer.painter
    }

    pub(super) fn help(&self) -> String {
        help(|title| self.renderer.painter.paint(Role::Place, title))
    }

    pub(super) fn quit(&mut self) -> String {
        self.end = Some(End::Quit);
        String::new()
    }

    /// The session has ended on the server.
    pub(super) fn close(&mut self) -> String {
        self.shell.forget_session();
        self.end = Some(End::Session);
        "Your session has ended.".to_owned()
    }

    pub(super) fn current(&self) -> Option<&str> {
        self.current.as_deref()
    }

    /// Makes another conversation the open one, or none.
    pub(super) fn turn_to(&mut self, conversation: Option<String>) {
        self.current = conversation;
        (self.shown, self.last_own, self.read_by_other, self.typing) = (MessageId::NONE, None, false, None);
    }

    /// The conversation that a command is about: `name`, with or without an `@` for a user, or the current one.
    pub(super) fn named(&self, name: &str) -> Result<String, Failure> {
        match (name.trim().trim_start_matches('@'), &self.current) {
            ("", Some(current)) => Ok(current.clone()),
            ("", None) => Err(refused("No conversation is open; name a user or a room.")),
            (name, _) => Ok(name.to_owned()),
        }
    }

    /// Takes note of a message of the current conversation that is shown.
    pub(super) fn have_shown(&mut self, message: &HistoryMessage) {
        self.shown = self.shown.max(message.id);
        let own = self.renderer.is_me(message.from.user());
        (self.last_own, self.read_by_other) = (own.then_some(message.id), false);
        if !own {
            self.typing = None;
        }
    }

    /// Tells the server how far the current conversation was shown.
    pub(super) fn mark_read(&mut self) {
        if let (Some(with), true) = (self.current.clone(), self.shown > MessageId::NONE) {
            self.hint(Hint::Read { with, upto: self.shown });
        }
    }

    /// Tells the other members that the user types, if the line is a message.
    pub(super) fn typed(&mut self, line: &str) {
        let lately = self.told_typing.is_some_and(|told| told.elapsed() < TYPING_INTERVAL);
        if let (Some(with), false, false) = (self.current.clone(), lately, line.is_empty() || line.starts_with('/')) {
            self.told_typing = Some(Instant::now());
            self.hint(Hint::Typing { with });
        }
    }

    fn hint(&self, hint: Hint) {
        if let (Some(client), Some((user, token)), true) =
            (self.shell.link.client(), self.shell.session(), self.connected)
        {
            self.hints.give(client.session_of(user, token), hint);
        }
    }

    /// How long nothing has to be done if nothing happens.
    pub(super) fn timeout(&self) -> Option<Duration> {
        let typing = self.typing.as_ref().map(|(_, until)| until.saturating_duration_since(Instant::now()));
        let sending = (self.connected && !self.outgoing.is_empty()).then_some(SENDING_INTERVAL);
        typing.into_iter().chain(sending).min()
    }

    pub(super) fn now(&self) -> Timestamp {
        SystemClock.now()
    }
}

fn unknown(name: &str, otherwise: &str) -> Failure {
    let name = printable(name);
    let meant = match nearest(&name) {
        Some(command) => format!(" Did you mean /{}?", command.name),
        None if otherwise.is_empty() => " /help lists all commands.".to_owned(),
        None => otherwise.to_owned(),
    };
    refused(&format!("There is no command {name:?}.{meant}"))
}

/// A refusal of the client's own.
pub(super) fn refused(sentence: &str) -> Failure {
    Failure::Misused(sentence.to_owned())
}

/// How long to wait before messages are sent again, where the events' connection stands and the other one does not.
const SENDING_INTERVAL: Duration = Duration::from_secs(1);
