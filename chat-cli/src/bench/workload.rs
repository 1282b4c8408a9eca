//! What is requested: a mix of commands, in a fixed order, so that runs are alike.

use std::str::FromStr;

use chat_lib::limits::LIST_DEFAULT;
use chat_lib::model::{Framing, MessageId};
use chat_lib::protocol::Command;
use chat_lib::store::Position;

use super::pipe::Protocol;

/// A kind of request.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    Send,
    Inbox,
    ActiveUser,
    History,
    Ping,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Send, Self::Inbox, Self::ActiveUser, Self::History, Self::Ping];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Inbox => "inbox",
            Self::ActiveUser => "activeuser",
            Self::History => "history",
            Self::Ping => "ping",
        }
    }

    pub(super) fn is_of(self, protocol: Protocol) -> bool {
        match self {
            Self::Send => true,
            Self::Inbox | Self::ActiveUser => protocol == Protocol::One,
            Self::History | Self::Ping => protocol == Protocol::Two,
        }
    }

    /// The request. `to` is whom a message is for, or the other one of a conversation.
    pub(super) fn command<'a>(self, to: &'a str, text: &'a str) -> Command<'a> {
        match self {
            Self::Send => Command::Send { to: to.into(), text: text.into(), framing: Framing::DEFAULT, key: None },
            Self::Inbox => Command::Inbox,
            Self::ActiveUser => Command::ActiveUser,
            Self::History => {
                let position = Position::Before(MessageId::MAX);
                Command::History { with: to.into(), position, limit: LIST_DEFAULT }
            }
            Self::Ping => Command::Ping,
        }
    }
}

/// How often which kind is requested.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Mix(pub(super) Vec<(Kind, usize)>);

impl Mix {
    /// Only messages.
    pub(super) fn send() -> Self {
        Self(vec![(Kind::Send, 1)])
    }

    /// The order of a round of requests, in which each kind comes as often as it should, as evenly as possible.
    pub(super) fn round(&self) -> Vec<Kind> {
        let total: usize = self.0.iter().map(|(_, weight)| weight).sum();
        let mut owed: Vec<(Kind, usize, i64)> = self.0.iter().map(|(kind, weight)| (*kind, *weight, 0)).collect();
        let mut next = || {
            owed.iter_mut().for_each(|(_, weight, owed)| *owed += *weight as i64);
            let (kind, _, most) = owed.iter_mut().rev().max_by_key(|(_, _, owed)| *owed)?;
            *most -= total as i64;
            Some(*kind)
        };
        (0..total).map_while(|_| next()).collect()
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut mix: Vec<(Kind, usize)> = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
            let Some(kind) = kind.filter(|kind| mix.iter().all(|(other, _)| other != kind)) else {
                let names = Kind::ALL.map(Kind::name).join(", ");
                return Err(format!("{name:?} is not one of {names}, or comes twice"));
            };
            match weight.parse() {
                Ok(weight @ 1..=MOST) => mix.push((kind, weight)),
                _ => return Err(format!("the weight of {name} is a number from 1 to {MOST}")),
            }
        }
        Ok(Self(mix))
    }
}

/// The largest weight: rounds are kept.
const MOST: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixes() {
        let mix: Mix = "send=4,inbox=1,activeuser".parse().unwrap();
        assert_eq!(mix, Mix(vec![(Kind::Send, 4), (Kind::Inbox, 1), (Kind::ActiveUser, 1)]));
        let round: Vec<_> = mix.round().into_iter().map(Kind::name).collect();
        assert_eq!(round, ["send", "send", "inbox", "send", "activeuser", "send"]);
        assert_eq!(Mix::send().round(), [Kind::Send]);
        for bad in ["", "send=0", "send=1001", "send=x", "halo=1", "send,send", "send=1,", "send=-1"] {
            assert!(bad.parse::<Mix>().is_err(), "{bad}");
        }
    }
}
