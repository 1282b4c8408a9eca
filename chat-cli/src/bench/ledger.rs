//! What was sent, what of it was read back, and whether the two agree.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::bits::Bits;
use super::text::Texts;

/// Who sends to whom, and what.
pub(super) struct Plan {
    pub(super) texts: Texts,
    /// The names of the accounts.
    pub(super) accounts: Vec<String>,
    /// How many messages each connection has sent. Their numbers begin at 0.
    pub(super) sent: Vec<AtomicU64>,
}

impl Plan {
    pub(super) fn new(texts: Texts, accounts: Vec<String>, senders: usize) -> Self {
        Self { texts, accounts, sent: (0..senders).map(|_| AtomicU64::new(0)).collect() }
    }

    /// The number of the next message of a sender.
    pub(super) fn next_number(&self, sender: usize) -> u64 {
        self.sent.get(sender).map_or(0, |sent| sent.fetch_add(1, Ordering::Relaxed))
    }

    fn was_sent(&self, sender: usize, number: u64) -> bool {
        self.sent.get(sender).is_some_and(|sent| number < sent.load(Ordering::Relaxed))
    }

    /// The account that a connection uses: each the next one.
    pub(super) fn account_of(&self, connection: usize) -> usize {
        connection % self.accounts.len().max(1)
    }

    /// The account that another one sends to: the next one, itself if it is alone.
    pub(super) fn receiver_of(&self, account: usize) -> usize {
        (account + 1) % self.accounts.len().max(1)
    }

    /// The account that sends to another one.
    pub(super) fn sender_to(&self, account: usize) -> usize {
        (account + self.accounts.len().saturating_sub(1)) % self.accounts.len().max(1)
    }

    pub(super) fn name(&self, account: usize) -> &str {
        self.accounts.get(account).map_or("", |name| name)
    }
}

/// What became of the messages of one connection.
#[derive(Clone, Default)]
pub(super) struct Sent {
    pub(super) acknowledged: Bits,
    pub(super) refused: Bits,
}

/// What was read back.
pub(super) struct Seen<'a> {
    plan: &'a Plan,
    /// Whether it is sent to everybody, as in a room.
    to_all: bool,
    by_sender: Vec<Bits>,
    faults: Faults,
    buffer: String,
}

/// The last message of each sender that one connection has read.
#[derive(Default)]
pub(super) struct Order(Vec<Option<u64>>);

/// What was wrong, and how often; and the first case of each.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Faults(pub(super) BTreeMap<&'static str, (u64, String)>);

impl Faults {
    pub(super) fn add(&mut self, kind: &'static str, case: impl FnOnce() -> String) {
        self.add_many(kind, 1, case);
    }

    fn add_many(&mut self, kind: &'static str, count: u64, case: impl FnOnce() -> String) {
        self.0.entry(kind).or_insert_with(|| (0, case())).0 += count;
    }

    fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(kind, (count, case))| self.add_many(kind, count, || case));
    }
}

impl<'a> Seen<'a> {
    pub(super) fn new(plan: &'a Plan, to_all: bool) -> Self {
        let by_sender = vec![Bits::default(); plan.sent.len()];
        Self { plan, to_all, by_sender, faults: Faults::default(), buffer: String::new() }
    }

    /// A message that `reader` has read: the account. It is checked at once that it is one that was sent, and came in order.
    /// Returns whether it is one of the run that was not read before.
    pub(super) fn read(&mut self, order: &mut Order, reader: usize, from: &str, text: &str) -> bool {
        let plan = self.plan;
        let Some((sender, number)) = plan.texts.read(text).filter(|(sender, number)| plan.was_sent(*sender, *number))
        else {
            // Somebody else may write to the account.
            if plan.accounts.iter().any(|account| account == from) {
                self.faults.add(ALTERED, || format!("one from {from} to {}", plan.name(reader)));
            }
            return false;
        };
        let account = plan.account_of(sender);
        let case =
            || format!("number {number} of connection {sender}, from {} to {}", plan.name(account), plan.name(reader));
        plan.texts.write(sender, number, &mut self.buffer);
        if self.buffer != text || plan.name(account) != from {
            self.faults.add(ALTERED, case);
        }
        if !self.to_all && plan.receiver_of(account) != reader {
            self.faults.add(MISDELIVERED, case);
            return false;
        }
        if self.by_sender.get_mut(sender).is_some_and(|seen| seen.set(number)) {
            self.faults.add(REPEATED, case);
            return false;
        }
        if !order.follows(sender, number) {
            self.faults.add(OUT_OF_ORDER, case);
        }
        true
    }

    /// Something else that was wrong with what was read.
    pub(super) fn fault(&mut self, kind: &'static str, case: impl FnOnce() -> String) {
        self.faults.add(kind, case);
    }

    /// Takes over what was read elsewhere.
    pub(super) fn merge(&mut self, other: Self) {
        self.faults.merge(other.faults);
        for (sender, (own, others)) in self.by_sender.iter_mut().zip(&other.by_sender).enumerate() {
            if let (count, Some(first)) = own.merge(others) {
                self.faults.add_many(REPEATED, count, || format!("number {first} of connection {sender}"));
            }
        }
    }

    /// Compares with what was sent.
    pub(super) fn conclude(mut self, sent: &[Sent]) -> Verdict {
        let mut verdict = Verdict::default();
        for (sender, (sent, seen)) in sent.iter().zip(&self.by_sender).enumerate() {
            verdict.acknowledged += sent.acknowledged.count();
            verdict.read += seen.count();
            let case = |number: u64| format!("number {number} of connection {sender}");
            let mut fault = |kind, (count, first): (u64, Option<u64>)| {
                if let Some(first) = first {
                    self.faults.add_many(kind, count, || case(first));
                }
            };
            fault(LOST, sent.acknowledged.without(seen));
            fault(REFUSED_AND_STORED, seen.both(&sent.refused));
        }
        verdict.faults = self.faults;
        verdict
    }
}

impl Order {
    /// Notes a message of a sender, and returns whether it comes after all others of that sender.
    fn follows(&mut self, sender: usize, number: u64) -> bool {
        if self.0.len() <= sender {
            self.0.resize(sender + 1, None);
        }
        let Some(last) = self.0.get_mut(sender) else { return false };
        let follows = last.is_none_or(|last| last < number);
        *last = Some(last.map_or(number, |last| last.max(number)));
        follows
    }
}

/// Whether what was sent was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    /// How many messages were acknowledged, and how many of the run were read.
    pub(super) acknowledged: u64,
    pub(super) read: u64,
    pub(super) faults: Faults,
}

/// The kinds of faults, as the report names them.
pub(super) const LOST: &str = "lost";
pub(super) const REPEATED: &str = "repeated";
pub(super) const ALTERED: &str = "altered";
pub(super) const OUT_OF_ORDER: &str = "out_of_order";
pub(super) const MISDELIVERED: &str = "misdelivered";
pub(super) const REFUSED_AND_STORED: &str = "refused_and_stored";

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let plan = Plan::new(Texts::new("1234abcd", 64), ["ana", "bob", "eve"].map(str::to_owned).to_vec(), 6);
        (0..4).for_each(|number| assert_eq!(plan.next_number(1), number));
        plan
    }

    /// What is found when connection 1, of bob, has sent four messages, of which the last was refused, and eve reads these.
    fn faults(reads: &[(&str, u64)]) -> Vec<(&'static str, u64)> {
        let plan = plan();
        let mut sent = vec![Sent::default(); 6];
        (0..3).for_each(|number| _ = sent[1].acknowledged.set(number));
        sent[1].refused.set(3);
        let (mut seen, mut order, mut text) = (Seen::new(&plan, false), Order::default(), String::new());
        for (from, number) in reads {
            plan.texts.write(1, *number, &mut text);
            seen.read(&mut order, 2, from, &text);
        }
        seen.conclude(&sent).faults.0.into_iter().map(|(kind, (count, _))| (kind, count)).collect()
    }

    #[test]
    fn what_was_sent_is_compared_with_what_was_read() {
        let bob = |number| ("bob", number);
        assert_eq!(faults(&[bob(0), bob(1), bob(2)]), []);
        assert_eq!(faults(&[bob(0), bob(2)]), [(LOST, 1)]);
        assert_eq!(faults(&[bob(0), bob(1), bob(2), bob(1)]), [(REPEATED, 1)]);
        assert_eq!(faults(&[bob(0), bob(2), bob(1)]), [(OUT_OF_ORDER, 1)]);
        assert_eq!(faults(&[bob(0), bob(1), bob(2), bob(3)]), [(REFUSED_AND_STORED, 1)]);
        assert_eq!(faults(&[bob(0), bob(1), bob(2), bob(4)]), [(ALTERED, 1)], "it was never sent");
        assert_eq!(faults(&[bob(0), bob(1), ("ana", 2)]), [(ALTERED, 1)], "another sender");
        assert_eq!(faults(&[bob(0), bob(1), bob(2), bob(u64::MAX)]), [(ALTERED, 1)], "made up");
    }

    #[test]
    fn what_is_not_a_text_of_the_run() {
        let plan = plan();
        let (mut seen, mut order, mut text) = (Seen::new(&plan, false), Order::default(), String::new());
        seen.read(&mut order, 2, "messi", "hello");
        assert_eq!(seen.faults, Faults::default(), "it is somebody else's");
        seen.read(&mut order, 2, "bob", "hello");
        plan.texts.write(1, 0, &mut text);
        seen.read(&mut order, 2, "bob", &text.replace("fox", "cat"));
        assert_eq!(seen.faults.0[ALTERED].0, 2);
        seen.read(&mut order, 0, "bob", &text);
        assert_eq!(seen.faults.0[MISDELIVERED], (1, "number 0 of connection 1, from bob to ana".to_owned()));
    }

    #[test]
    fn what_two_have_read_is_repeated() {
        let (plan, mut text) = (plan(), String::new());
        let (mut one, mut two) = (Seen::new(&plan, false), Seen::new(&plan, false));
        (4..201).for_each(|_| _ = plan.next_number(1));
        for number in [3, 70, 200] {
            plan.texts.write(1, number, &mut text);
            for seen in [&mut one, &mut two] {
                assert!(seen.read(&mut Order::default(), 2, "bob", &text));
            }
        }
        one.merge(two);
        assert_eq!(one.faults.0[REPEATED], (3, "number 3 of connection 1".to_owned()));
    }
}
