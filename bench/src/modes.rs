//! What one call measures or checks; each mode returns one JSON object.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};

use crate::engine::{self, Outcome, Span};
use crate::fanout::Fan;
use crate::hist::Histogram;
use crate::options::Options;
use crate::peers::live::{self, Audience};
use crate::peers::{self, Message, Peer};
use crate::{process, text, tls};

const DRAINED: u64 = 100_000;

/// What a process has allocated, and not mapped from files, as its executable.
const OWN_MEMORY: &str = "RssAnon";
/// In which a server does all that a change of its connections makes it do.
const SETTLING: Duration = Duration::from_millis(500);
/// For how long a server that has nothing to do is watched.
const IDLING: Duration = Duration::from_secs(1);
/// How long a server may take until it serves, and until it has stopped.
const STARTING: Duration = Duration::from_secs(300);
const STOPPING: Duration = Duration::from_secs(60);

pub fn run(options: &Options) -> Result<Value> {
    let ends = if ["idle", "subscribed", "fanout"].contains(&options.mode.as_str()) { 1 } else { 2 };
    process::allow_files(options.lanes * ends)?;
    let peer = peers::find(options)?;
    let peer = &*peer;
    let result = match options.mode.as_str() {
        "send" => send(options, peer),
        "inbox" => inbox(options, peer),
        "idle" => idle(options, peer),
        "subscribed" => subscribed(options, peer),
        "fanout" => fanout(options, peer),
        "live" => live(options, peer),
        "ready" => ready(options, peer),
        other => bail!("unknown mode {other}"),
    }?;
    let mut report = json!({ "mode": options.mode, "peer": options.peer, "c": options.lanes, "p": options.depth, "b": options.size });
    report.as_object_mut().unwrap().extend(result);
    Ok(report)
}

type Report = Map<String, Value>;

fn report(value: Value) -> Report {
    match value {
        Value::Object(map) => map,
        _ => unreachable!("reports are objects"),
    }
}

/// Closed loop of sends.
fn send(options: &Options, peer: &dyn Peer) -> Result<Report> {
    peer.prepare()?;
    let lanes = open(options, |lane| peer.sender(lane))?;
    Ok(figures(&engine::run(lanes, options.depth, span(options), options.pid)?, options))
}

/// Fills one user's inbox, then takes it out in one go.
fn inbox(options: &Options, peer: &dyn Peer) -> Result<Report> {
    peer.prepare()?;
    let to = options.to.as_ref().context("inbox needs one receiver")?;
    let count = options.count.unwrap_or(DRAINED);
    let mut receiver = peer.inbox(to)?;
    receiver.drain(0)?;
    let lanes = open(options, |lane| peer.sender(lane))?;
    let filled = engine::run(lanes, options.depth, Span::Count(count), options.pid)?;
    let cpu = options.pid.map(process::cpu_us).transpose()?;
    let (took, got) = receiver.drain(count as usize)?;
    let cpu = options.pid.map(process::cpu_us).transpose()?.zip(cpu).map(|(end, start)| end - start);
    let check = Check::of(&[got], &filled.issued, options);
    Ok(report(json!({
        "n": count, "fill_secs": round(filled.secs, 3), "fill_errors": filled.errors,
        "drain_ms": round(took.as_secs_f64() * 1e3, 2), "rate": round(count as f64 / took.as_secs_f64(), 0),
        "srv_cpu_us_per_req": cpu.map(|us| round(us as f64 / count as f64, 3)), "check": check.report(),
        "errors": filled.errors + check.faults(),
    })))
}

/// What a server holds for connections that are logged in and silent.
fn idle(options: &Options, peer: &dyn Peer) -> Result<Report> {
    let Some(trusted) = &options.tls else {
        return held(options, |lane| match options.peer.as_str() {
            "irc" => peer.login(&format!("u{lane}")),
            _ => peer.login(options.sender(lane)),
        });
    };
    let config = tls::config(trusted)?;
    held(options, |lane| tls::login(options, &config, options.sender(lane)))
}

/// How much memory a server takes for subscribed connections while no messages come.
fn subscribed(options: &Options, peer: &dyn Peer) -> Result<Report> {
    peer.gather()?;
    held(options, |lane| peer.subscriber(Audience::Room, lane))
}

/// How the server's memory grows with connections that `connect` opens.
fn held<T: Send>(options: &Options, connect: impl Fn(usize) -> Result<T> + Sync) -> Result<Report> {
    let pid = options.pid.context("this mode needs --pid")?;
    drop(connect(0)?);
    std::thread::sleep(SETTLING);
    let before = process::status(pid, OWN_MEMORY)?;
    let start = Instant::now();
    // The first nick of IRC may still be taken.
    let open = open(options, |lane| connect(lane + 1))?;
    let took = start.elapsed();
    std::thread::sleep(SETTLING);
    let (after, cpu) = (process::status(pid, OWN_MEMORY)?, process::cpu_us(pid)?);
    std::thread::sleep(IDLING);
    let idle_cpu = process::cpu_us(pid)? - cpu;
    Ok(report(json!({
        "open": open.len(), "open_secs": round(took.as_secs_f64(), 3), "own_kib_before": before, "own_kib_after": after,
        "bytes_per_conn": round((after as f64 - before as f64) * 1024.0 / open.len() as f64, 0),
        "idle_cpu_percent": round(idle_cpu as f64 / IDLING.as_micros() as f64 * 100.0, 2), "errors": 0,
    })))
}

/// Closed loop of messages that one sends and all get.
fn fanout(options: &Options, peer: &dyn Peer) -> Result<Report> {
    peer.gather()?;
    let audience = open(options, |index| peer.subscriber(Audience::Room, index))?;
    let sender = peer.publisher(Audience::Room, 0)?;
    let (outcome, faults) = Fan::new(sender, audience, options.size, options.depth)?.run(span(options), options.pid)?;
    let mut figures = deliveries(&outcome, outcome.done as f64 / options.lanes as f64, outcome.done, options);
    figures.extend(report(json!({
        "sent": outcome.issued[0], "lost": faults.lost, "duplicated": faults.duplicated, "misordered": faults.misordered,
        "altered": faults.altered,
    })));
    Ok(figures)
}

/// Closed loop of pairs: what each sender says, its own receiver gets.
fn live(options: &Options, peer: &dyn Peer) -> Result<Report> {
    peer.gather()?;
    let lanes = open(options, |lane| live::pair(peer, lane, options.size))?;
    let outcome = engine::run(lanes, options.depth, span(options), options.pid)?;
    Ok(deliveries(&outcome, outcome.done as f64, outcome.done + outcome.copies, options))
}

/// Starts the server `command` and waits until it serves a login.
fn ready(options: &Options, peer: &dyn Peer) -> Result<Report> {
    let [program, args @ ..] = &options.command[..] else { bail!("ready needs -- and a command") };
    let start = Instant::now();
    let mut child =
        Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let deadline = start + STARTING;
    let user = &options.users[0];
    let result = loop {
        // The bare connection attempt is cheap; a login goes on only if somebody listens.
        match std::net::TcpStream::connect(options.addr).map_err(Into::into).and_then(|_| peer.login(user)) {
            Ok(_) => break Ok(start.elapsed()),
            Err(error) if Instant::now() > deadline => break Err(error),
            Err(_) => std::thread::sleep(Duration::from_micros(200)),
        }
    };
    kill_process(Pid::from_child(&child), Signal::TERM)?;
    let asked = Instant::now();
    let gone = loop {
        match child.try_wait()? {
            Some(_) => break true,
            None if asked.elapsed() > STOPPING => break false,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    if !gone {
        child.kill()?;
        child.wait()?;
    }
    Ok(report(json!({ "ready_ms": round(result?.as_secs_f64() * 1e3, 2), "errors": 0 })))
}

/// Opens all lanes, each thread an equal share of them.
fn open<T: Send>(options: &Options, lane: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let share = options.lanes.div_ceil(options.openers);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.lanes)
            .step_by(share)
            .map(|first| (first, &lane))
            .map(|(first, lane)| {
                scope.spawn(move || (first..options.lanes.min(first + share)).map(lane).collect::<Result<Vec<_>>>())
            })
            .collect();
        let shares = threads.into_iter().map(|thread| thread.join().expect("opener")).collect::<Result<Vec<_>>>()?;
        Ok(shares.into_iter().flatten().collect())
    })
}

fn span(options: &Options) -> Span {
    match options.count {
        Some(count) => Span::Count(count),
        None => Span::Secs { warm: options.warm_secs, secs: options.secs },
    }
}

fn figures(outcome: &Outcome, options: &Options) -> Report {
    let each = |us: u64| round(us as f64 / outcome.done as f64, 3);
    let mut figures = report(json!({
        "secs": round(outcome.secs, 3), "n": outcome.done, "rate": round(outcome.done as f64 / outcome.secs, 0),
        "srv_cpu_us_per_req": outcome.server_cpu_us.map(each), "own_cpu_us_per_req": each(outcome.own_cpu_us),
    }));
    figures.extend(service(outcome, options));
    figures
}

/// The figures of `messages` that were delivered `count` times in all.
fn deliveries(outcome: &Outcome, messages: f64, count: u64, options: &Options) -> Report {
    let each = |us: u64| round(us as f64 / count as f64, 3);
    let mut figures = report(json!({
        "secs": round(outcome.secs, 3), "n": messages.round() as u64, "rate": round(messages / outcome.secs, 1),
        "deliveries_per_s": round(count as f64 / outcome.secs, 0),
        "srv_cpu_us_per_delivery": outcome.server_cpu_us.map(each), "own_cpu_us_per_delivery": each(outcome.own_cpu_us),
    }));
    figures.extend(service(outcome, options));
    figures
}

/// Latency, errors, and the memory that the server has now.
fn service(outcome: &Outcome, options: &Options) -> Report {
    let us = |hist: &Histogram, share| round(hist.quantile(share) as f64 / 1e3, 1);
    let rss = options.pid.and_then(|pid| process::status(pid, "VmRSS").ok());
    report(json!({
        "p50_us": us(&outcome.latency, 0.5), "p99_us": us(&outcome.latency, 0.99), "p999_us": us(&outcome.latency, 0.999),
        "max_us": round(outcome.latency.max() as f64 / 1e3, 1),
        "srv_rss_kib": rss, "errors": outcome.errors, "first_error": outcome.first_error,
    }))
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}

/// How what was received differs from what was sent.
#[derive(Debug, Default, PartialEq)]
struct Check {
    right: u64,
    missing: u64,
    duplicated: u64,
    misordered: u64,
    /// Not a message of this run, or not its text, or under a wrong sender's name.
    altered: u64,
}

impl Check {
    /// Each stream is what one receiver got, in its order; lane `l` sent messages 0 to `issued[l]`.
    fn of(streams: &[Vec<Message>], issued: &[u64], options: &Options) -> Self {
        let mut check = Self::default();
        let mut seen: Vec<Vec<bool>> = issued.iter().map(|count| vec![false; *count as usize]).collect();
        let mut want = Vec::new();
        for stream in streams {
            let mut next = HashMap::new();
            for message in stream {
                let known = text::identity(&message.text)
                    .filter(|(lane, seq)| issued.get(*lane).is_some_and(|count| seq < count));
                let Some((lane, seq)) = known else {
                    check.altered += 1;
                    continue;
                };
                want.clear();
                text::write(lane, seq, options.size, &mut want);
                if message.text != want || message.from.as_deref().is_some_and(|from| from != options.sender(lane)) {
                    check.altered += 1;
                }
                match std::mem::replace(&mut seen[lane][seq as usize], true) {
                    true => check.duplicated += 1,
                    false => check.right += 1,
                }
                let next = next.entry(lane).or_insert(0);
                check.misordered += (seq < *next) as u64;
                *next = seq + 1;
            }
        }
        check.missing = seen.iter().flatten().filter(|seen| !**seen).count() as u64;
        check
    }

    fn faults(&self) -> u64 {
        self.missing + self.duplicated + self.misordered + self.altered
    }

    fn report(&self) -> Value {
        json!({ "arrived": self.right, "missing": self.missing, "duplicated": self.duplicated,
            "misordered": self.misordered, "altered": self.altered })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(received: &[(usize, u64)], issued: &[u64]) -> Check {
        let options = Options::parse(["verify".to_owned()].into_iter()).unwrap();
        let stream = received.iter().map(|(lane, seq)| {
            let mut text = Vec::new();
            text::write(*lane, *seq, options.size, &mut text);
            Message { from: Some(options.sender(*lane).to_owned()), text }
        });
        Check::of(&[stream.collect()], issued, &options)
    }

    #[test]
    fn exactly_once_and_in_order() {
        let good = check(&[(0, 0), (1, 0), (0, 1)], &[2, 1]);
        assert_eq!((good.right, good.faults()), (3, 0));
    }

    #[test]
    fn every_fault_is_found() {
        assert_eq!(check(&[(0, 0)], &[2]).missing, 1);
        assert_eq!(check(&[(0, 0), (0, 0)], &[1]).duplicated, 1);
        assert_eq!(check(&[(0, 1), (0, 0)], &[2]).misordered, 1);
        assert_eq!(check(&[(0, 5)], &[2]), Check { missing: 2, altered: 1, ..Check::default() });
    }
}
