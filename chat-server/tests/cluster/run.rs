//! One run: clients do what they do, machines die, and the judge looks at all of it.

use std::collections::BTreeMap;
use std::env;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use chat_cluster_testing::{PATIENCE, until};

use crate::clients::{Stage, inboxes, leavers, readers, senders, subscribers};
use crate::history::{History, Outcome, User};
use crate::judge::{Rule, Violation, judge};
use crate::random::Random;
use crate::world::faults::{Fault, Round, play};
use crate::world::{Kind, World};

const USERS: User = 8;
/// The one whose inbox is emptied.
const INBOX_USER: User = USERS - 1;

/// How many violations of each rule are shown.
const SHOWN: usize = 4;

/// A client's whole life: on this stage, with that number, as that user.
type Life = fn(&Stage, usize, User) -> History;

/// Plays rounds of faults, each kind once before any comes again.
///
/// # Panics
///
/// The chat has broken a promise.
pub(crate) fn run(kind: Kind) {
    // How long something takes is measured: there is no machine for two.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let seed = setting("CLUSTER_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("{kind:?}: CLUSTER_SEED={seed}");
    let mut random = Random::new(seed);
    let mut world = World::start(kind, USERS, setting("CLUSTER_USERS").unwrap_or(0));
    let stage = Stage::new(world.addresses(), USERS, seed);
    let faults = faults(kind, &mut random);
    let mut history = History::default();
    let rounds = thread::scope(|scope| {
        // Whatever happens: nobody waits for clients that go on for ever.
        let end = End(&stage);
        let (active, listening) = start_clients(scope, &stage);
        let rounds: Vec<Round> = faults
            .iter()
            .enumerate()
            .map(|(number, fault)| {
                println!("{:?}: round {number}: {fault}", stage.now());
                play(&mut world, &stage, &mut random, *fault)
            })
            .collect();
        stage.stop();
        active.into_iter().for_each(|client| history.append(client.join().unwrap()));
        let servers = stage.addresses.len();
        let all = |user: User| readers::read_all(&stage, usize::from(user) % servers, user);
        let (read, last): (Vec<History>, Vec<u64>) = (0..USERS).map(all).unzip();
        read.into_iter().for_each(|read| history.append(read));
        (0..servers).for_each(|server| history.append(readers::read_all(&stage, server, 0).0));
        stage.set_last(last);
        until(Instant::now() + PATIENCE, || listening.iter().all(ScopedJoinHandle::is_finished).then_some(()));
        drop(end);
        listening.into_iter().for_each(|client| history.append(client.join().unwrap()));
        rounds
    });
    let violations = judge(&history);
    print_numbers(&history);
    let late = print_recoveries(&history, &rounds);
    print_violations(&violations);
    assert!(violations.is_empty(), "{} violations; CLUSTER_SEED={seed}", violations.len());
    assert!(late.is_empty(), "came back too late after: {late:?}");
}

fn setting<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// What happens: each fault that there is once in random order, and so on.
fn faults(kind: Kind, random: &mut Random) -> Vec<Fault> {
    let all = Fault::all(kind);
    let short = if kind == Kind::Nats { all.len() } else { SHORT_ROUNDS };
    let rounds = setting("CLUSTER_ROUNDS").unwrap_or(short);
    let mut left = Vec::new();
    let next = |_| {
        if left.is_empty() {
            left.clone_from(&all);
        }
        left.swap_remove(random.within(0..left.len()))
    };
    (0..rounds).map(next).collect()
}

/// How many rounds there are unless somebody says so: over NATS there is one of each fault, and elsewhere some by chance.
const SHORT_ROUNDS: usize = 6;

type Clients<'scope> = Vec<ScopedJoinHandle<'scope, History>>;

/// Starts all clients: those that do something, and those that listen.
fn start_clients<'scope>(scope: &'scope Scope<'scope, '_>, stage: &'scope Stage) -> (Clients<'scope>, Clients<'scope>) {
    let mut number = 0;
    let mut start = |life: Life, user: User| {
        number += 1;
        scope.spawn(move || life(stage, number, user))
    };
    let (mut active, mut listening) = (Vec::new(), Vec::new());
    for user in 0..USERS {
        let lives: [Life; 3] = [senders::send, senders::send, senders::send_lines];
        active.extend(lives.map(|life| start(life, user)));
        listening.push(start(subscribers::listen, user));
    }
    for user in 0..4 {
        active.push(start(readers::read, user));
        active.push(start(leavers::come_and_go, user));
    }
    active.push(start(inboxes::empty, INBOX_USER));
    (active, listening)
}

/// Ends the clients when it is dropped.
struct End<'a>(&'a Stage);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.stop();
        self.0.end();
    }
}

fn print_numbers(history: &History) {
    let mut outcomes = BTreeMap::<String, usize>::new();
    for send in &history.sends {
        let outcome = match &send.outcome {
            Outcome::Acknowledged(_) => "acknowledged".to_owned(),
            Outcome::Refused(code) => format!("refused ({code})"),
            Outcome::Unknown => "unknown".to_owned(),
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    let heard: usize = history.subscribers.iter().map(|subscriber| subscriber.heard.len()).sum();
    let (reads, inboxes, sessions) = (history.reads.len(), history.inboxes.len(), history.sessions.len());
    println!("sends: {outcomes:?}; reads: {reads}; inboxes: {inboxes}; events: {heard}; sessions: {sessions}");
}

fn print_violations(violations: &[Violation]) {
    let mut rules = BTreeMap::<Rule, Vec<&Violation>>::new();
    violations.iter().for_each(|violation| rules.entry(violation.rule).or_default().push(violation));
    for (rule, violations) in rules {
        println!("{rule:?} is broken {} times:", violations.len());
        violations.iter().take(SHOWN).for_each(|violation| println!("    {violation}"));
    }
}

/// How long it took until a message that was sent after a fault was acknowledged. Gives those that took too long.
fn print_recoveries(history: &History, rounds: &[Round]) -> Vec<(Fault, Duration)> {
    let mut recoveries = BTreeMap::<Fault, Vec<Duration>>::new();
    for round in rounds {
        let acknowledged = history.sends.iter().filter(|send| matches!(send.outcome, Outcome::Acknowledged(_)));
        let after = acknowledged.filter(|send| send.began >= round.sent_since && send.ended >= round.since);
        let first = after.map(|send| send.ended - round.since).min().expect("it came back");
        recoveries.entry(round.fault).or_default().push(first);
    }
    println!("{:45} {:>6} {:>8} {:>8} {:>8}", "after", "times", "median", "longest", "limit");
    let mut late = Vec::new();
    for (fault, mut times) in recoveries {
        times.sort_unstable();
        let (median, longest, limit) = (times[times.len() / 2], times[times.len() - 1], fault.limit());
        let seconds = [median, longest, limit].map(|time| format!("{:8.2}", time.as_secs_f64()));
        println!("{:45} {:>6} {}", fault.to_string(), times.len(), seconds.join(" "));
        late.extend((longest > limit).then_some((fault, longest)));
    }
    late
}
