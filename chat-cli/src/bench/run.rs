//! A run from its first login to its report.

use std::io::{IsTerminal, stdin};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use chat_lib::protocol::Command;
use chat_lib::{ClientOptions, Error};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use signal_hook::consts::SIGINT;
use signal_hook::flag;

use super::accounts::{self, Account, Who, lost, random, unreached};
use super::args::Bench;
use super::connection::Connection;
use super::driver::{Driver, Peer};
use super::endpoint::Endpoint;
use super::fanout::{FanOut, Subscriber};
use super::ledger::{Plan, Seen, Sent};
use super::pace::Pace;
use super::pipe::Protocol;
use super::progress::Progress;
use super::readback::{Readback, UNREAD_BYTES, UNREAD_MESSAGES, skip};
use super::report::Report;
use super::tally::Tally;
use super::text::Texts;
use super::under_way::UnderWay;
use crate::ask::StandardInput;
use crate::shell::Ask;
use crate::terminal::Terminal;
use crate::{All, Stop, say};

/// Runs the subcommand.
pub(crate) fn run(args: &Bench) -> Result<All, Stop> {
    let protocol = args.protocol().unwrap_or_else(|problem| crate::args::Args::exit_wrong(&problem));
    let who = who(args)?;
    raise_descriptors();
    let interrupted = Arc::new(AtomicBool::new(false));
    // A second Ctrl-C ends the program.
    flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&interrupted))?;
    flag::register(SIGINT, Arc::clone(&interrupted))?;
    let unit = if args.fan_out.is_some() { "deliveries" } else { "requests" };
    let mut run = Run {
        args,
        protocol,
        endpoints: args.endpoints(),
        options: args.security.options().patience(args.timeout()),
        name: random(4)?,
        progress: Progress::new(unit, interrupted),
    };
    let first = run.endpoints.first().cloned().ok_or_else(|| Stop::ServerLost("no server was named".to_owned()))?;
    run.progress.step(0, 1, if args.user.is_empty() { "registering accounts" } else { "logging in" });
    let mut accounts = accounts::open(&who, &run.name, &first, &run.options, protocol)?;
    let outcome = run.measure(&mut accounts);
    run.progress.finish();
    // The server has seen to it if it is gone.
    accounts.iter_mut().for_each(|account| _ = account.connection.ask(Some(account.token), &Command::Logout));
    outcome
}

struct Run<'a> {
    args: &'a Bench,
    protocol: Protocol,
    endpoints: Vec<Endpoint>,
    options: ClientOptions,
    /// What no other run has in its texts and names.
    name: String,
    progress: Progress,
}

/// What the load has left.
struct Loaded<'a> {
    tally: Tally,
    sent: Vec<Sent>,
    seen: Seen<'a>,
}

impl Run<'_> {
    fn measure(&mut self, accounts: &mut [Account]) -> Result<All, Stop> {
        let names = accounts.iter().map(|account| account.name.clone()).collect();
        let senders = if self.args.fan_out.is_some() { 1 } else { self.args.connections };
        let plan = Plan::new(Texts::new(&self.name, self.args.bytes), names, senders);
        let room = self.args.fan_out.map(|_| format!("#bench-{}", self.name));
        let first = self.endpoints.first().cloned();
        let failed =
            |error| first.as_ref().map_or_else(|| Stop::ServerLost(String::new()), |first| lost(first, &error));
        match &room {
            Some(room) => open_room(room, accounts).map_err(failed)?,
            None => {
                let mut numbered = accounts.iter_mut().enumerate();
                let skipped = numbered.try_for_each(|(number, account)| skip(number, account, &plan, self.protocol));
                skipped.map_err(failed)?;
            }
        }
        let outcome = self.load_and_read(&plan, accounts, room.as_deref());
        if let (Some(room), Some(owner)) = (&room, accounts.first_mut()) {
            owner.connection.ask(None, &Command::DeleteRoom { room: room.into() }).ok();
        }
        outcome
    }

    fn load_and_read<'p>(
        &mut self,
        plan: &'p Plan,
        accounts: &'p mut [Account],
        room: Option<&'p str>,
    ) -> Result<All, Stop> {
        let connections = self.connect(accounts)?;
        let (full, reader) = mpsc::channel();
        let protocol = self.protocol;
        let (loaded, read, busy, took) = thread::scope(|scope| {
            let readback = Readback { plan, protocol, accounts: &mut *accounts, room };
            let reading = scope.spawn(move || readback.run(&reader));
            let (began, busy_before) = (Instant::now(), thread_time());
            let loaded = match room {
                Some(room) => self.fan_out(plan, connections, room),
                None => self.drive(plan, connections, full.clone()),
            };
            let (busy, took) = (thread_time().saturating_sub(busy_before), began.elapsed());
            self.progress.step(1, 1, "reading back what was sent");
            drop(full);
            (loaded, reading.join(), busy, took)
        });
        let Loaded { tally, sent, mut seen } = loaded?;
        let verdict = match read {
            Ok(Ok(read)) => {
                seen.merge(read);
                Ok(seen.conclude(&sent))
            }
            Ok(Err(error)) => Err(format!("messages could not be read back: {error}")),
            Err(_) => Err("messages could not be read back: it is a bug of chat-cli".to_owned()),
        };
        self.progress.finish();
        let Self { args, endpoints, .. } = self;
        let accounts_are_new = args.user.is_empty();
        let (accounts, is_interrupted) = (&*plan.accounts, self.progress.is_interrupted());
        let report = Report {
            args,
            endpoints,
            protocol,
            accounts,
            accounts_are_new,
            tally: &tally,
            verdict,
            busy,
            took,
            is_interrupted,
        };
        say(&if args.json { report.json().to_string() } else { report.text() })?;
        Ok(if report.is_good() { All::Well } else { All::NotWell })
    }

    /// Makes the connections of the load, each with the session of an account. With fan-out, the last one is the sender's.
    fn connect(&self, accounts: &[Account]) -> Result<Vec<(Connection, chat_lib::model::SessionToken)>, Stop> {
        let count = self.args.fan_out.map_or(self.args.connections, |subscribers| subscribers + 1);
        let connect = |number: usize| {
            self.progress.step(number, count, &format!("connecting, {} of {}", number + 1, count));
            // Subscribers are others than the sender, if there are any.
            let place = match self.args.fan_out {
                Some(subscribers) if number == subscribers => 0,
                Some(_) if accounts.len() > 1 => 1 + number % (accounts.len() - 1),
                _ => number % accounts.len().max(1),
            };
            let endpoint = self.endpoints.get(number % self.endpoints.len().max(1));
            let (Some(endpoint), Some(account)) = (endpoint, accounts.get(place)) else {
                return Err(Stop::ServerLost("there is no server or account".to_owned()));
            };
            let connection = Connection::connect(endpoint, &self.options, self.protocol);
            let mut connection = connection.map_err(|error| unreached(endpoint, &error))?;
            let ask = |connection: &mut Connection| {
                if self.protocol == Protocol::Two {
                    connection.ask(None, &Command::Resume { token: account.token })?;
                }
                if self.args.fan_out.is_some_and(|subscribers| number < subscribers) {
                    connection.ask(None, &Command::Subscribe { after: None })?;
                }
                Ok::<(), Error>(())
            };
            ask(&mut connection).map_err(|error| unreached(endpoint, &error))?;
            Ok((connection, account.token))
        };
        (0..count).map(connect).collect()
    }

    fn drive<'p>(
        &mut self,
        plan: &'p Plan,
        connections: Vec<(Connection, chat_lib::model::SessionToken)>,
        full: mpsc::Sender<usize>,
    ) -> Result<Loaded<'p>, Stop> {
        let args = self.args;
        let peers: Vec<_> = connections.into_iter().map(|(connection, token)| Peer::new(connection, token)).collect();
        let pace = self.pace(peers.len());
        let mut driver = Driver {
            plan,
            tally: Tally::new(pace.measured_from),
            pace,
            round: args.mix().round(),
            depth: args.depth,
            patience: args.timeout(),
            sent: vec![Sent::default(); peers.len()],
            seen: Seen::new(plan, false),
            peers,
            in_flight: 0,
            full,
            full_at: UNREAD_MESSAGES.min(UNREAD_BYTES / args.bytes as u64).max(1),
            unread: vec![0; plan.accounts.len()],
        };
        driver.run(&mut self.progress)?;
        Ok(Loaded { tally: driver.tally, sent: driver.sent, seen: driver.seen })
    }

    fn fan_out<'p>(
        &mut self,
        plan: &'p Plan,
        mut connections: Vec<(Connection, chat_lib::model::SessionToken)>,
        room: &'p str,
    ) -> Result<Loaded<'p>, Stop> {
        let pace = self.pace(1);
        let sender = connections.pop().map(|(connection, _)| connection);
        let mut load = FanOut {
            plan,
            tally: Tally::new(pace.measured_from),
            pace,
            room,
            depth: self.args.depth,
            patience: self.args.timeout(),
            sent: Sent::default(),
            seen: Seen::new(plan, true),
            sender,
            subscribers: connections.into_iter().map(|(connection, _)| Subscriber::new(connection)).collect(),
            under_way: UnderWay::default(),
        };
        load.run(&mut self.progress)?;
        Ok(Loaded { tally: load.tally, sent: vec![load.sent], seen: load.seen })
    }

    fn pace(&self, connections: usize) -> Pace {
        let (args, now) = (self.args, Instant::now());
        Pace::new(connections, args.rate.map(f64::from), args.warm_up(), args.length(), now)
    }
}

/// Makes a room that only the accounts see, with all of them in it.
fn open_room(room: &str, accounts: &mut [Account]) -> Result<(), Error> {
    let Some((owner, others)) = accounts.split_first_mut() else { return Ok(()) };
    owner.connection.ask(None, &Command::CreateRoom { room: room.into(), title: "".into(), open: false })?;
    for other in others {
        let user = (&*other.name).into();
        owner.connection.ask(None, &Command::InviteToRoom { room: room.into(), user })?;
        other.connection.ask(None, &Command::JoinRoom { room: room.into() })?;
    }
    Ok(())
}

/// The accounts to use, with their passwords.
fn who(args: &Bench) -> Result<Who, Stop> {
    if args.user.is_empty() {
        // More accounts than connections would do nothing.
        let most = args.fan_out.map_or(args.connections, |subscribers| subscribers + 1);
        return Ok(Who::New(args.accounts.min(most)));
    }
    let mut ask: Box<dyn Ask> = match stdin().is_terminal() {
        true => Box::new(Terminal::new()?),
        false => Box::new(StandardInput::default()),
    };
    let mut password = |user: &String| {
        let password = ask.password(&format!("Password of {user}: "));
        let password = password.map_err(|failure| Stop::Local(std::io::Error::other(failure.to_string())))?;
        Ok((user.clone(), password))
    };
    args.user.iter().map(&mut password).collect::<Result<_, Stop>>().map(Who::Given)
}

/// Each connection has a descriptor. If the system allows no more, connecting says so.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).ok();
}

/// The processor time of this thread.
fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
