//! The closed loop: every lane keeps `depth` requests in flight, on one thread and one epoll.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::hist::Histogram;
use crate::peers::{self, Side, Talk, Took, Wire};
use crate::process;

/// A loop in which nothing arrives for this long is over.
const STALL: Duration = Duration::from_secs(10);

#[derive(Clone, Copy)]
pub enum Span {
    /// Measure from the first request until this many are answered.
    Count(u64),
    /// Leave out `warm` seconds, then measure for `secs`.
    Secs { warm: f64, secs: f64 },
}

#[derive(Default)]
pub struct Outcome {
    pub secs: f64,
    /// Requests answered rightly within `secs`.
    pub done: u64,
    /// Requests answered wrongly or not at all, in the whole run.
    pub errors: u64,
    pub first_error: Option<String>,
    /// Latency in nanoseconds.
    pub latency: Histogram,
    pub server_cpu_us: Option<u64>,
    pub own_cpu_us: u64,
    /// Requests issued on each lane in the whole run.
    pub issued: Vec<u64>,
    /// Deliveries beside the `done` ones, to receivers that share a name with another lane's.
    pub copies: u64,
}

pub fn run(lanes: Vec<peers::Lane>, depth: usize, span: Span, pid: Option<u32>) -> Result<Outcome> {
    let mut poll = Poll::new()?;
    let mut lanes = lanes.into_iter().map(Lane::new).collect::<Result<Vec<_>>>()?;
    for (index, lane) in lanes.iter_mut().enumerate() {
        lane.register(&poll, index)?;
    }
    let mut tally = Tally::new(span);
    let mut window = Window::new(span, pid);
    window.turn(&mut tally)?;
    for lane in &mut lanes {
        for _ in 0..depth {
            lane.issue(&mut tally);
        }
        lane.flush(&mut tally);
    }

    let mut events = Events::with_capacity(1024);
    let mut scratch = vec![0; 64 * 1024];
    while lanes.iter().any(Lane::busy) {
        if !wait(&mut poll, &mut events, &mut tally)? {
            break;
        }
        for event in &events {
            let (index, side) = place(event.token());
            let lane = &mut lanes[index];
            if event.is_readable() {
                lane.read(side, &mut scratch, &mut tally);
            }
            lane.flush(&mut tally);
        }
        window.turn(&mut tally)?;
    }
    window.close(&mut tally)?;
    let mut outcome = tally.outcome;
    outcome.errors += lanes.iter().map(|lane| lane.requests.flight.len() as u64).sum::<u64>();
    outcome.issued = lanes.iter().map(|lane| lane.requests.issued).collect();
    if outcome.done == 0 && outcome.errors == 0 {
        bail!("no request was answered in the measured time");
    }
    Ok(outcome)
}

/// Waits for the next events; false once the server has been silent for too long.
pub fn wait(poll: &mut Poll, events: &mut Events, tally: &mut Tally) -> Result<bool> {
    while let Err(error) = poll.poll(events, Some(STALL)) {
        if error.kind() != ErrorKind::Interrupted {
            return Err(error.into());
        }
    }
    if events.is_empty() {
        tally.error("the server is silent".to_owned());
    }
    Ok(!events.is_empty())
}

fn token(index: usize, side: Side) -> Token {
    Token(index * 2 + (side == Side::Receiving) as usize)
}

fn place(token: Token) -> (usize, Side) {
    (token.0 / 2, if token.0 % 2 == 1 { Side::Receiving } else { Side::Sending })
}

/// What all lanes count together.
pub struct Tally {
    start: Instant,
    /// Requests that may still be issued.
    pub budget: u64,
    copies: u64,
    pub outcome: Outcome,
}

impl Tally {
    pub fn new(span: Span) -> Self {
        let budget = match span {
            Span::Count(count) => count,
            Span::Secs { .. } => u64::MAX,
        };
        Self { start: Instant::now(), budget, copies: 0, outcome: Outcome::default() }
    }

    pub fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    pub fn error(&mut self, what: String) {
        self.outcome.errors += 1;
        self.outcome.first_error.get_or_insert(what);
    }
}

/// The measured part of the run.
pub struct Window {
    opens_at: Duration,
    closes_at: Duration,
    pid: Option<u32>,
    opened: Option<(Instant, Option<u64>, u64)>,
    closed: bool,
}

impl Window {
    pub fn new(span: Span, pid: Option<u32>) -> Self {
        let (opens_at, closes_at) = match span {
            Span::Count(_) => (Duration::ZERO, Duration::MAX),
            Span::Secs { warm, secs } => (Duration::from_secs_f64(warm), Duration::from_secs_f64(warm + secs)),
        };
        Self { opens_at, closes_at, pid, opened: None, closed: false }
    }

    /// Opens or closes it when its time has come.
    pub fn turn(&mut self, tally: &mut Tally) -> Result<()> {
        let passed = tally.start.elapsed();
        if self.opened.is_none() && passed >= self.opens_at {
            self.open(tally)?;
        }
        if !self.closed && passed >= self.closes_at {
            self.close(tally)?;
            tally.budget = 0;
        }
        Ok(())
    }

    fn open(&mut self, tally: &mut Tally) -> Result<()> {
        tally.outcome.latency.clear();
        tally.copies = 0;
        self.opened = Some((Instant::now(), self.pid.map(process::cpu_us).transpose()?, process::own_cpu_us()));
        Ok(())
    }

    pub fn close(&mut self, tally: &mut Tally) -> Result<()> {
        let (false, Some((start, server, own))) = (self.closed, self.opened) else { return Ok(()) };
        self.closed = true;
        let outcome = &mut tally.outcome;
        outcome.secs = start.elapsed().as_secs_f64();
        outcome.done = outcome.latency.count();
        outcome.copies = tally.copies;
        outcome.own_cpu_us = process::own_cpu_us() - own;
        let end = self.pid.map(process::cpu_us).transpose()?;
        outcome.server_cpu_us = end.zip(server).map(|(end, start)| end - start);
        Ok(())
    }
}

struct Lane {
    requests: Requests,
    sending: Sock,
    receiving: Option<Sock>,
    dead: bool,
}

impl Lane {
    fn new(lane: peers::Lane) -> Result<Self> {
        let receiving = lane.receiving.map(Sock::new).transpose()?;
        let requests = Requests { talk: lane.talk, flight: VecDeque::new(), issued: 0 };
        Ok(Self { requests, sending: Sock::new(lane.sending)?, receiving, dead: false })
    }

    fn register(&mut self, poll: &Poll, index: usize) -> Result<()> {
        self.sending.register(poll, token(index, Side::Sending))?;
        match &mut self.receiving {
            Some(sock) => sock.register(poll, token(index, Side::Receiving)),
            None => Ok(()),
        }
    }

    fn busy(&self) -> bool {
        !self.dead && (!self.requests.flight.is_empty() || self.requests.talk.owed())
    }

    fn issue(&mut self, tally: &mut Tally) {
        self.requests.issue(&mut self.sending.out, tally);
    }

    fn flush(&mut self, tally: &mut Tally) {
        let socks = [Some(&mut self.sending), self.receiving.as_mut()];
        if socks.into_iter().flatten().any(|sock| sock.flush().is_err()) {
            self.die("the server broke the connection", tally);
        }
    }

    fn read(&mut self, side: Side, scratch: &mut [u8], tally: &mut Tally) {
        if self.dead {
            return;
        }
        let Self { requests, sending, receiving, .. } = self;
        let read = match side {
            Side::Sending => sending.read(scratch, |data, out| requests.parse(side, data, out, None, tally)),
            Side::Receiving => receiving
                .as_mut()
                .expect("a lane that delivers")
                .read(scratch, |data, out| requests.parse(side, data, out, Some(&mut sending.out), tally)),
        };
        if let Err(why) = read {
            self.die(&why, tally);
        }
    }

    fn die(&mut self, why: &str, tally: &mut Tally) {
        if !self.dead {
            self.dead = true;
            tally.error(why.to_owned());
        }
    }
}

/// The requests of a lane.
struct Requests {
    talk: Box<dyn Talk>,
    /// When each unanswered request was issued, oldest first.
    flight: VecDeque<u64>,
    issued: u64,
}

impl Requests {
    fn issue(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        if tally.budget > 0 {
            tally.budget -= 1;
            self.flight.push_back(tally.now());
            self.talk.put(self.issued, out);
            self.issued += 1;
        }
    }

    /// Works off all whole items in `data`; returns how many bytes they were. What must be said back goes to `out`, new
    /// requests go to `sending`, if that is another connection.
    fn parse(
        &mut self,
        side: Side,
        data: &[u8],
        out: &mut Vec<u8>,
        mut sending: Option<&mut Vec<u8>>,
        tally: &mut Tally,
    ) -> usize {
        let mut used = 0;
        while used < data.len() {
            match self.talk.take(side, &data[used..], out) {
                Took::More => break,
                Took::Skip(count) => used += count,
                Took::Copy(count) => {
                    used += count;
                    tally.copies += 1;
                }
                Took::Done(count) => {
                    used += count;
                    match self.flight.pop_front() {
                        Some(issued) => tally.outcome.latency.record(tally.now() - issued),
                        None => tally.error("an answer without a request".to_owned()),
                    }
                    self.issue(sending.as_deref_mut().unwrap_or(out), tally);
                }
                Took::Wrong(count, what) => {
                    used += count;
                    tally.error(what);
                    self.flight.pop_front();
                    self.issue(sending.as_deref_mut().unwrap_or(out), tally);
                }
            }
        }
        used
    }
}

/// A connection in the loop.
pub struct Sock {
    stream: TcpStream,
    left: Vec<u8>,
    pub out: Vec<u8>,
}

impl Sock {
    pub fn new(wire: Wire) -> Result<Self> {
        let (stream, left) = wire.into_parts();
        stream.set_nonblocking(true)?;
        Ok(Self { stream: TcpStream::from_std(stream), left, out: Vec::new() })
    }

    pub fn register(&mut self, poll: &Poll, token: Token) -> Result<()> {
        Ok(poll.registry().register(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)?)
    }

    /// Reads all there is. `parse` works off whole items and returns how many bytes they were; it may append to `out`.
    pub fn read(
        &mut self,
        scratch: &mut [u8],
        mut parse: impl FnMut(&[u8], &mut Vec<u8>) -> usize,
    ) -> Result<(), String> {
        loop {
            match self.stream.read(scratch) {
                Ok(0) => return Err("the server closed the connection".to_owned()),
                Ok(count) => {
                    self.feed(&scratch[..count], &mut parse);
                    // A short read emptied the socket: the next bytes make a new event.
                    if count < scratch.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn feed(&mut self, fresh: &[u8], parse: &mut impl FnMut(&[u8], &mut Vec<u8>) -> usize) {
        let Self { left, out, .. } = self;
        if left.is_empty() {
            let used = parse(fresh, out);
            left.extend_from_slice(&fresh[used..]);
        } else {
            left.extend_from_slice(fresh);
            let used = parse(left, out);
            left.drain(..used);
        }
    }

    pub fn flush(&mut self) -> std::io::Result<()> {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(count) if count == self.out.len() => self.out.clear(),
                Ok(count) => drop(self.out.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
