//! The fan-out loop: one publisher and many subscribers, on one thread and one epoll. It keeps `depth` messages under way
//! that not every subscriber has yet, and checks that each gets every message once, unaltered and in order.

use std::collections::{HashSet, VecDeque};

use anyhow::{Result, bail};
use mio::event::Event;
use mio::{Events, Poll, Token};

use crate::engine::{self, Outcome, Sock, Span, Tally, Window};
use crate::peers::live::{Account, Heard, Publisher, Subscriber};
use crate::peers::{Took, Wire};
use crate::text;

const SENDER: Token = Token(usize::MAX);

pub struct Fan {
    sending: Sock,
    account: Account,
    audience: Vec<(Sock, Box<dyn Subscriber>)>,
    ledger: Ledger,
    depth: usize,
}

impl Fan {
    pub fn new(
        (wire, publisher): (Wire, Box<dyn Publisher>),
        audience: Vec<(Wire, Box<dyn Subscriber>)>,
        size: usize,
        depth: usize,
    ) -> Result<Self> {
        let ledger = Ledger::new(size, audience.len());
        let audience =
            audience.into_iter().map(|(wire, subscriber)| Ok((Sock::new(wire)?, subscriber))).collect::<Result<_>>()?;
        Ok(Self { sending: Sock::new(wire)?, account: Account::new(publisher), audience, ledger, depth })
    }

    /// Runs the loop. What the outcome calls done, and its latency, are deliveries.
    pub fn run(mut self, span: Span, pid: Option<u32>) -> Result<(Outcome, Faults)> {
        let mut poll = Poll::new()?;
        self.sending.register(&poll, SENDER)?;
        for (index, (sock, _)) in self.audience.iter_mut().enumerate() {
            sock.register(&poll, Token(index))?;
        }
        let mut tally = Tally::new(span);
        let mut window = Window::new(span, pid);
        window.turn(&mut tally)?;

        let mut events = Events::with_capacity(1024);
        let mut scratch = vec![0; 64 * 1024];
        let mut ended = self.issue(&mut tally);
        while ended.is_ok() && self.busy() && engine::wait(&mut poll, &mut events, &mut tally)? {
            ended = events.iter().try_for_each(|event| self.serve(event, &mut scratch, &mut tally));
            window.turn(&mut tally)?;
        }
        if let Err(why) = ended {
            tally.error(why);
        }
        window.close(&mut tally)?;
        let (mut outcome, faults) = (tally.outcome, self.ledger.faults());
        outcome.issued = vec![self.ledger.issued()];
        outcome.errors += faults.lost + faults.duplicated + faults.misordered + faults.altered;
        if outcome.done == 0 && outcome.errors == 0 {
            bail!("nothing was delivered in the measured time");
        }
        Ok((outcome, faults))
    }

    fn busy(&self) -> bool {
        !self.ledger.flight.is_empty() || self.account.owed()
    }

    fn serve(&mut self, event: &Event, scratch: &mut [u8], tally: &mut Tally) -> Result<(), String> {
        match event.token() {
            SENDER if event.is_readable() => self.read_answers(scratch, tally)?,
            SENDER => {}
            Token(index) => {
                if event.is_readable() {
                    self.read_messages(index, scratch, tally)?;
                }
                self.audience[index].0.flush().map_err(|error| error.to_string())?;
            }
        }
        self.issue(tally)
    }

    /// Sends as many messages as may be under way.
    fn issue(&mut self, tally: &mut Tally) -> Result<(), String> {
        while tally.budget > 0 && self.ledger.flight.len() < self.depth {
            tally.budget -= 1;
            self.account.put(self.ledger.issue(tally.now()), &mut self.sending.out);
        }
        self.sending.flush().map_err(|error| error.to_string())
    }

    fn read_answers(&mut self, scratch: &mut [u8], tally: &mut Tally) -> Result<(), String> {
        let account = &mut self.account;
        self.sending.read(scratch, |data, out| {
            let mut used = 0;
            while used < data.len() {
                match account.take(&data[used..], out) {
                    Took::More => break,
                    Took::Skip(count) | Took::Copy(count) | Took::Done(count) => used += count,
                    Took::Wrong(count, what) => {
                        used += count;
                        tally.error(what);
                    }
                }
            }
            used
        })
    }

    fn read_messages(&mut self, index: usize, scratch: &mut [u8], tally: &mut Tally) -> Result<(), String> {
        let Self { audience, ledger, .. } = self;
        let (sock, subscriber) = &mut audience[index];
        sock.read(scratch, |data, out| {
            // One read brought all this, so it has all arrived by now.
            let now = tally.now();
            let mut used = 0;
            while used < data.len() {
                match subscriber.take(&data[used..], out) {
                    Heard::More => break,
                    Heard::Skip(count) | Heard::Copy(count) => used += count,
                    Heard::Text(count, text) => {
                        used += count;
                        if let Some(issued) = ledger.hear(index, &text) {
                            tally.outcome.latency.record(now - issued);
                        }
                    }
                    Heard::Wrong(count, what) => {
                        used += count;
                        tally.error(what);
                    }
                }
            }
            used
        })
    }
}

/// How deliveries differ from one of each message to each subscriber.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    pub lost: u64,
    pub duplicated: u64,
    pub misordered: u64,
    /// Not a message of this run, or not its text.
    pub altered: u64,
}

/// Which messages are under way, and how far each subscriber has come.
struct Ledger {
    size: usize,
    /// Messages that some subscriber does not have, oldest first.
    flight: VecDeque<Flying>,
    /// The number of the oldest.
    first: u64,
    /// The number that each subscriber must get next.
    next: Vec<u64>,
    /// Subscribers and the numbers that they got a later one before.
    skipped: HashSet<(usize, u64)>,
    seen: Faults,
}

struct Flying {
    issued_at: u64,
    text: Vec<u8>,
    /// Subscribers that do not have it.
    missing: usize,
}

impl Ledger {
    fn new(size: usize, subscribers: usize) -> Self {
        let (next, skipped) = (vec![0; subscribers], HashSet::new());
        Self { size, flight: VecDeque::new(), first: 0, next, skipped, seen: Faults::default() }
    }

    fn issued(&self) -> u64 {
        self.first + self.flight.len() as u64
    }

    /// The text of the next message.
    fn issue(&mut self, now: u64) -> &[u8] {
        let mut text = Vec::with_capacity(self.size);
        text::write(0, self.issued(), self.size, &mut text);
        self.flight.push_back(Flying { issued_at: now, text, missing: self.next.len() });
        &self.flight[self.flight.len() - 1].text
    }

    /// Takes note of a delivery; returns when that message was issued, unless something is wrong with it.
    fn hear(&mut self, subscriber: usize, got: &[u8]) -> Option<u64> {
        let next = self.next[subscriber];
        match self.flight.get((next - self.first) as usize) {
            Some(flying) if flying.text == got => {
                self.next[subscriber] += 1;
                Some(self.settle(next))
            }
            _ => {
                self.blame(subscriber, got);
                None
            }
        }
    }

    /// A delivery that is not the next one as it was sent.
    fn blame(&mut self, subscriber: usize, got: &[u8]) {
        let Some((_, seq)) = text::identity(got).filter(|(lane, seq)| *lane == 0 && *seq < self.issued()) else {
            self.seen.altered += 1;
            return;
        };
        let mut sent = Vec::new();
        text::write(0, seq, self.size, &mut sent);
        self.seen.altered += (got != sent) as u64;
        let next = self.next[subscriber];
        if seq >= next {
            self.next[subscriber] = seq + 1;
            for number in next..=seq {
                self.settle(number);
            }
            self.skipped.extend((next..seq).map(|number| (subscriber, number)));
        } else if self.skipped.remove(&(subscriber, seq)) {
            self.seen.misordered += 1;
        } else {
            self.seen.duplicated += 1;
        }
    }

    /// One subscriber fewer needs message `seq`; returns when it was issued.
    fn settle(&mut self, seq: u64) -> u64 {
        let flying = &mut self.flight[(seq - self.first) as usize];
        flying.missing -= 1;
        let issued_at = flying.issued_at;
        while self.flight.front().is_some_and(|flying| flying.missing == 0) {
            self.flight.pop_front();
            self.first += 1;
        }
        issued_at
    }

    fn faults(&self) -> Faults {
        let pending: u64 = self.next.iter().map(|next| self.issued() - next).sum();
        Faults { lost: self.skipped.len() as u64 + pending, ..self.seen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Issues three messages to two subscribers; the first gets them all, the second gets `heard`.
    fn after(heard: &[u64]) -> Ledger {
        let mut ledger = Ledger::new(20, 2);
        let mut texts = Vec::new();
        for now in [10, 20, 30] {
            texts.push(ledger.issue(now).to_vec());
        }
        for (text, issued) in texts.iter().zip([10, 20, 30]) {
            assert_eq!(ledger.hear(0, text), Some(issued));
        }
        for seq in heard {
            ledger.hear(1, &texts[*seq as usize]);
        }
        ledger
    }

    #[test]
    fn a_message_is_under_way_until_all_have_it() {
        assert_eq!(after(&[]).flight.len(), 3);
        assert_eq!(after(&[0, 1]).flight.len(), 1);
        let ledger = after(&[0, 1, 2]);
        assert_eq!((ledger.flight.len(), ledger.issued(), ledger.faults()), (0, 3, Faults::default()));
    }

    #[test]
    fn every_fault_is_found() {
        assert_eq!(after(&[0, 1]).faults(), Faults { lost: 1, ..Faults::default() });
        assert_eq!(after(&[0, 2]).faults(), Faults { lost: 1, ..Faults::default() });
        assert_eq!(after(&[0, 1, 1, 2]).faults(), Faults { duplicated: 1, ..Faults::default() });
        assert_eq!(after(&[0, 2, 1]).faults(), Faults { misordered: 1, ..Faults::default() });
        assert_eq!(after(&[2, 0, 1, 0]).faults(), Faults { misordered: 2, duplicated: 1, ..Faults::default() });
        let mut ledger = after(&[0, 1]);
        for text in ["c00000 s000000002..X", "c00000 s000000002xxx", "c00001 s000000002 lo", "c00000 s000000003 lo", ""]
        {
            ledger.hear(1, text.as_bytes());
        }
        assert_eq!(ledger.faults(), Faults { altered: 5, duplicated: 1, ..Faults::default() });
    }
}
