//! With whom a user has conversations. Most users have few.

use std::collections::HashMap;

use crate::model::UserName;
use crate::store::log::StreamId;

/// The streams of each conversation of a user, by the name of the other one.
pub(super) enum Partners {
    /// Up to [`FEW`], in no order.
    Few(Vec<(UserName, Pair)>),
    #[expect(clippy::box_collection, reason = "those who have few are many, and a map is larger than a list")]
    Many(Box<HashMap<UserName, Pair>>),
}

/// The streams of a conversation as one of its members sees them. In notes, both are the same one.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) incoming: StreamId,
    pub(super) outgoing: StreamId,
}

impl Pair {
    pub(super) fn incoming(self) -> Option<StreamId> {
        Some(self.incoming).filter(|id| *id != NO_STREAM)
    }

    pub(super) fn outgoing(self) -> Option<StreamId> {
        Some(self.outgoing).filter(|id| *id != NO_STREAM)
    }
}

impl Default for Pair {
    fn default() -> Self {
        Self { incoming: NO_STREAM, outgoing: NO_STREAM }
    }
}

impl Partners {
    pub(super) const NONE: Self = Self::Few(Vec::new());

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Pair> {
        self.get_key_value(name).map(|(_, pair)| pair)
    }

    pub(super) fn get_key_value(&self, name: &str) -> Option<(&UserName, &Pair)> {
        match self {
            Self::Few(few) => few.iter().find(|(other, _)| other.as_str() == name).map(|(other, pair)| (other, pair)),
            Self::Many(many) => many.get_key_value(name),
        }
    }

    pub(super) fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The pair of that name, without streams if there was none.
    pub(super) fn pair(&mut self, name: &UserName) -> &mut Pair {
        if let Self::Few(few) = self
            && few.len() == FEW
            && !few.iter().any(|(other, _)| other == name)
        {
            *self = Self::Many(Box::new(std::mem::take(few).into_iter().collect()));
        }
        match self {
            Self::Few(few) => {
                let place = few.iter().position(|(other, _)| other == name).unwrap_or(few.len());
                if place == few.len() {
                    // Most stay as few as they are.
                    few.reserve_exact(1);
                    few.push((name.clone(), Pair::default()));
                }
                #[expect(clippy::indexing_slicing, reason = "it is there now")]
                &mut few[place].1
            }
            Self::Many(many) => many.entry(name.clone()).or_default(),
        }
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Pair> {
        match self {
            Self::Few(few) => {
                let place = few.iter().position(|(other, _)| other.as_str() == name)?;
                Some(few.swap_remove(place).1)
            }
            Self::Many(many) => many.remove(name),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&UserName, &Pair)> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few), None),
            Self::Many(many) => (None, Some(many)),
        };
        few.into_iter().flatten().map(|(name, pair)| (name, pair)).chain(many.into_iter().flat_map(|many| many.iter()))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &UserName> {
        self.iter().map(|(name, _)| name)
    }
}

/// Streams are counted from 1.
const NO_STREAM: StreamId = StreamId(0);

/// Looking at as many names takes no longer than finding one in a table.
const FEW: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_become_many() {
        let name = |number: u32| UserName::parse(&format!("user{number}")).unwrap();
        let mut partners = Partners::NONE;
        for number in 1..50 {
            partners.pair(&name(number)).incoming = StreamId(number);
            partners.pair(&name(number)).outgoing = StreamId(number + 100);
            assert_eq!(partners.len(), number as usize);
            for number in 1..=number {
                let pair = partners.get(name(number).as_str()).unwrap();
                assert_eq!((pair.incoming(), pair.outgoing()), (Some(StreamId(number)), Some(StreamId(number + 100))));
            }
            assert_eq!(partners.keys().count(), number as usize);
        }
        for number in 1..50 {
            assert!(partners.remove(name(number).as_str()).is_some());
            assert!(!partners.contains_key(name(number).as_str()));
        }
        assert_eq!(partners.len(), 0);
    }
}
