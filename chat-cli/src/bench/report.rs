//! What was measured, for a person or as JSON.

use std::time::Duration;

use chat_lib::printable;
use hdrhistogram::Histogram;

use super::advice::advice;
use super::args::Bench;
use super::endpoint::Endpoint;
use super::ledger::Verdict;
use super::pace::Length;
use super::pipe::Protocol;
use super::tally::{Figures, Tally};
use super::words::{grouped, many, time};

/// All that is known of a run.
pub(super) struct Report<'a> {
    pub(super) args: &'a Bench,
    pub(super) endpoints: &'a [Endpoint],
    pub(super) protocol: Protocol,
    pub(super) accounts: &'a [String],
    /// Whether they were registered for the run.
    pub(super) accounts_are_new: bool,
    pub(super) tally: &'a Tally,
    /// What was read back, or why nothing is known of it.
    pub(super) verdict: Result<Verdict, String>,
    /// Of the thread that makes the load: its processor time, and the time that the load took, with the warm-up.
    pub(super) busy: Duration,
    pub(super) took: Duration,
    pub(super) is_interrupted: bool,
}

impl Report<'_> {
    /// Whether nothing went wrong.
    pub(super) fn is_good(&self) -> bool {
        self.tally.is_clean() && self.verdict.as_ref().is_ok_and(|verdict| verdict.faults.0.is_empty())
    }

    pub(super) fn per_second(&self, count: u64) -> f64 {
        match self.tally.elapsed() {
            Duration::ZERO => 0.0,
            elapsed => count as f64 / elapsed.as_secs_f64(),
        }
    }

    /// Microseconds of the generator's processor time for each answer or delivery.
    pub(super) fn own_micros(&self) -> f64 {
        self.busy.as_secs_f64() * 1e6 / (self.tally.answers as f64).max(1.0)
    }

    /// The part of a processor that the generator used.
    pub(super) fn own_part(&self) -> f64 {
        self.busy.as_secs_f64() / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// For a person: a block of lines for each question.
    pub(super) fn text(&self) -> String {
        let mut lines = self.load();
        lines.push(String::new());
        if self.tally.kinds().next().is_some() {
            lines.extend(self.throughput());
            lines.push(String::new());
            lines.extend(self.latencies());
            lines.push(String::new());
        }
        lines.extend(self.problems());
        lines.extend(self.verification());
        lines.extend(self.generator());
        lines.extend(self.leftovers());
        printable_lines(&lines)
    }

    /// What was done.
    fn load(&self) -> Vec<String> {
        let Self { args, protocol, .. } = self;
        let servers: Vec<String> = self.endpoints.iter().map(ToString::to_string).collect();
        let number = protocol.number();
        let texts =
            if args.sends() { format!(", texts of {} bytes", grouped(args.bytes as u64)) } else { String::new() };
        let load = match args.fan_out {
            Some(subscribers) => {
                let subscribers = many(subscribers as u64, "subscriber");
                format!(
                    "1 sender to {subscribers}, {} under way, protocol {number}{texts}",
                    many(args.depth as u64, "message")
                )
            }
            None => {
                let connections = many(args.connections as u64, "connection");
                let with = if args.connections == 1 { " with" } else { ", each with" };
                format!(
                    "{connections}{with} {} in flight, protocol {number}{texts}",
                    many(args.depth as u64, "request")
                )
            }
        };
        let mix: Vec<_> = args.mix().0.iter().map(|(kind, weight)| format!("{}={weight}", kind.name())).collect();
        let mix = if mix.len() > 1 { format!(" of {}", mix.join(",")) } else { String::new() };
        let way = match args.rate {
            Some(rate) => format!("open loop, {} requests/s{mix}", grouped(rate.into())),
            None => format!("closed loop{mix}"),
        };
        let length = match args.length() {
            Length::Time(time) => format!("{} s", time.as_secs_f64()),
            Length::Requests(count) => many(count, "request"),
        };
        let warm_up = args.warm_up().as_secs_f64();
        let warm_up = if warm_up > 0.0 { format!(" after {warm_up} s of warm-up") } else { String::new() };
        let early = if self.is_interrupted { ", ended early" } else { "" };
        vec![servers.join(" "), format!("  {load}"), format!("  {way}, {length}{warm_up}{early}")]
    }

    fn throughput(&self) -> Vec<String> {
        let seconds = self.tally.elapsed().as_secs_f64();
        let row = |what: &str, Figures { count, .. }: &Figures| {
            let rate = grouped(self.per_second(*count) as u64);
            format!("  {what:<10} {rate:>11}/s {:>15} in {seconds:.2} s", grouped(*count))
        };
        let mut lines = vec!["Throughput".to_owned()];
        lines.extend(self.rows(row));
        lines
    }

    fn latencies(&self) -> Vec<String> {
        let corrected = if self.args.rate.is_some() { ", from when requests were due" } else { "" };
        let mut lines = vec![format!("Latency{corrected}")];
        let heads: String = POINTS.iter().map(|(name, _)| format!(" {name:>9}")).collect();
        lines.push(format!("  {:<10}{heads}", ""));
        let row = |what: &str, Figures { latencies, .. }: &Figures| {
            let values: String =
                points(latencies).map(|nanos| format!(" {:>9}", nanos.map_or("–".to_owned(), time))).collect();
            format!("  {what:<10}{values}")
        };
        lines.extend(self.rows(row));
        lines
    }

    /// A row for each kind, and one for all.
    fn rows(&self, row: impl Fn(&str, &Figures) -> String) -> Vec<String> {
        let mut rows: Vec<_> = self.tally.kinds().map(|(what, figures)| row(what, figures)).collect();
        rows.extend(self.all().map(|all| row("all", &all)));
        rows
    }

    /// The figures of all requests together, if there are several kinds.
    pub(super) fn all(&self) -> Option<Figures> {
        (self.tally.kinds().count() > 1 && self.args.fan_out.is_none()).then(|| {
            let mut all = Figures::new();
            self.tally.kinds().for_each(|(_, figures)| all.add(figures));
            all
        })
    }

    /// What was refused or failed, and what to do about it.
    fn problems(&self) -> Vec<String> {
        let Tally { refused, failed, unanswered, missed, .. } = self.tally;
        let mut lines = Vec::new();
        for (code, count) in refused {
            lines.push(problem("Refused", &format!("{}, {code}", many(*count, "request"))));
            lines.extend(advice(code).map(continued));
        }
        for (code, count) in failed {
            lines.push(problem("Lost", &format!("{}, {code}", many(*count, "connection"))));
            lines.extend(advice(code).map(continued));
        }
        if *unanswered > 0 {
            lines.push(problem("Unanswered", &many(*unanswered, "request")));
        }
        if *missed > 0 {
            lines.push(problem("Late", &format!("{} due and not made in time", many(*missed, "request"))));
            lines.push(continued("they count with the time that they had waited so far; use more"));
            lines.push(continued("--connections or --depth, or a lower --rate"));
        }
        if lines.is_empty() {
            lines.push(problem("Refused", "nothing"));
        }
        lines
    }

    fn verification(&self) -> Vec<String> {
        let verdict = match &self.verdict {
            Err(problem_text) => return vec![problem("NOT CHECKED", problem_text)],
            Ok(verdict) => verdict,
        };
        if verdict.faults.0.is_empty() {
            let live = if self.args.fan_out.is_some() { "; so have all subscribers" } else { "" };
            let count = many(verdict.acknowledged, "message");
            return vec![match verdict.acknowledged {
                0 => problem("Verified", "no message was acknowledged"),
                _ => problem("Verified", &format!("{count}, read back once, unaltered, in order{live}")),
            }];
        }
        let faults = verdict.faults.0.iter();
        let fault = |(kind, (count, case)): (&&str, &(u64, String))| {
            [
                problem("FAULT", &format!("{} {}", many(*count, "message"), kind.replace('_', " "))),
                continued(&format!("first: {case}")),
            ]
        };
        faults.flat_map(fault).collect()
    }

    fn generator(&self) -> Vec<String> {
        let what = if self.args.fan_out.is_some() { "answer or delivery" } else { "request" };
        let (micros, part) = (self.own_micros(), self.own_part());
        let mut lines = vec![problem(
            "Generator",
            &format!("{micros:.2} µs of CPU time per {what}, {:.0} % of a core", part * 100.0),
        )];
        if part > BUSY {
            lines.push(continued("it may have been the limit, and not the server"));
        }
        lines
    }

    /// The accounts that the run leaves behind.
    fn leftovers(&self) -> Vec<String> {
        let (Some(first), true) = (self.accounts.first(), self.accounts_are_new) else { return Vec::new() };
        let others = match self.accounts.len() {
            0 | 1 => " is".to_owned(),
            2 => " and -2 are".to_owned(),
            count => format!(" to -{count} are"),
        };
        let them = if self.accounts.len() == 1 { "it" } else { "them" };
        vec![
            problem("Accounts", &format!("{first}{others} left;")),
            continued(&format!("remove {them} with chat-server user remove")),
        ]
    }
}

/// The points of a distribution that are shown: their names, and the part of all values that is not above them.
pub(super) const POINTS: [(&str, f64); 6] =
    [("min", 0.0), ("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

/// The points in nanoseconds; each is `None` if the distribution is empty.
pub(super) fn points(latencies: &Histogram<u64>) -> impl Iterator<Item = Option<u64>> + '_ {
    POINTS.iter().map(|(name, part)| {
        (!latencies.is_empty()).then(|| match *name {
            "min" => latencies.min(),
            "max" => latencies.max(),
            // It is the end of a range that the histogram does not distinguish.
            _ => latencies.value_at_quantile(*part).min(latencies.max()),
        })
    })
}

/// A line with a word in front.
fn problem(word: &str, text: &str) -> String {
    format!("{word:<12}{text}")
}

/// A line below one with a word.
fn continued(text: &str) -> String {
    problem("", text)
}

/// The names of accounts and codes are a peer's words.
fn printable_lines(lines: &[String]) -> String {
    lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
}

/// From what part of a processor on the generator is said to be the limit.
const BUSY: f64 = 0.9;
