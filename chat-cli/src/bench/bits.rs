//! A set of numbers of messages, with a bit for each.

/// A set of numbers, most of which are there.
#[derive(Clone, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// Adds a number, and returns whether it was there.
    pub(super) fn set(&mut self, number: u64) -> bool {
        let Ok(place) = usize::try_from(number / 64) else { return false };
        if self.0.len() <= place {
            self.0.resize(place + 1, 0);
        }
        let Some(word) = self.0.get_mut(place) else { return false };
        let bit = 1 << (number % 64);
        let was_set = *word & bit != 0;
        *word |= bit;
        was_set
    }

    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Adds all of `other`, and returns how many of them were there, and the first one.
    pub(super) fn merge(&mut self, other: &Self) -> (u64, Option<u64>) {
        let twice = self.both(other);
        self.0.resize(self.0.len().max(other.0.len()), 0);
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own |= other);
        twice
    }

    /// How many are in both, and the first one.
    pub(super) fn both(&self, other: &Self) -> (u64, Option<u64>) {
        found(self.0.iter().zip(&other.0).map(|(own, other)| own & other))
    }

    /// How many are not in `other`, and the first one.
    pub(super) fn without(&self, other: &Self) -> (u64, Option<u64>) {
        let others = other.0.iter().copied().chain(std::iter::repeat(0));
        found(self.0.iter().zip(others).map(|(own, other)| own & !other))
    }
}

fn found(words: impl Iterator<Item = u64>) -> (u64, Option<u64>) {
    let (mut count, mut first) = (0, None);
    for (place, word) in (0..).zip(words) {
        count += u64::from(word.count_ones());
        if word != 0 && first.is_none() {
            first = Some(place * 64 + u64::from(word.trailing_zeros()));
        }
    }
    (count, first)
}
