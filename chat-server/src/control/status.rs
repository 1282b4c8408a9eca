//! What an operator asks first: how long the server has been running, who is there, how much it has to do, what the disk has, and what
//! should be looked at. The numbers are those of the [metrics](Chat::metrics); rates need two looks at them, so the control socket's
//! thread takes a [sample](Status::sample) now and then.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::cluster::Watched;
use crate::data::{self, Disk};
use crate::listen::expiry_warning;
use chat_lib::Chat;
use chat_lib::server::TlsIdentity;

/// What a server knows of itself.
pub(crate) struct Status {
    began: Instant,
    directory: PathBuf,
    /// Where the server listens, and whether others than this machine reach it there without encryption.
    listening: Vec<(String, bool)>,
    identity: Option<TlsIdentity>,
    cluster: Option<Watched>,
    samples: Mutex<VecDeque<Sample>>,
}

/// Numbers that only grow, at some time.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    totals: [f64; RATES.len()],
}

/// What is shown as a rate: a name, and the metric.
const RATES: [(&str, &str); 4] = [
    ("requests", "chat_requests_total"),
    ("refusals", "chat_refusals_total"),
    ("messages", "chat_messages_total"),
    ("new connections", "chat_connections_opened_total"),
];

impl Status {
    /// Of a server that has just begun. Each address says whether it can be reached from elsewhere without encryption.
    pub(crate) fn new(
        directory: &Path,
        listening: Vec<(String, bool)>,
        identity: Option<TlsIdentity>,
        cluster: Option<Watched>,
    ) -> Self {
        let (began, directory, samples) = (Instant::now(), directory.to_owned(), Mutex::default());
        Self { began, directory, listening, identity, cluster, samples }
    }

    /// The server's part in a cluster, if it is in one.
    pub(crate) fn cluster(&self) -> Option<&Watched> {
        self.cluster.as_ref()
    }

    /// Takes a look at the numbers, to tell rates by later.
    pub(super) fn sample(&self, chat: &Chat) {
        self.add_sample(&Numbers::of(chat));
    }

    fn add_sample(&self, numbers: &Numbers) -> Sample {
        let sample = Sample { at: Instant::now(), totals: RATES.map(|(_, metric)| numbers.get(metric)) };
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back(sample);
        // The first one that is kept is the last that is a minute old.
        while samples.get(1).is_some_and(|second| sample.at.duration_since(second.at) >= MINUTE) {
            samples.pop_front();
        }
        sample
    }

    /// Writes all of it, a line for each thing.
    pub(super) fn write(&self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        let numbers = Numbers::of(chat);
        let now = self.add_sample(&numbers);
        let then = self.samples.lock().unwrap_or_else(PoisonError::into_inner).front().copied().unwrap_or(now);
        let mut line = |name: &str, text: String| writeln!(out, "{name:<18}{text}");
        let get = |metric: &str| numbers.get(metric);

        line("version", env!("CARGO_PKG_VERSION").to_owned())?;
        line("running for", duration(self.began.elapsed()))?;
        for (address, _) in &self.listening {
            line("listening on", address.clone())?;
        }
        line("users", format!("{} online of {}", get("chat_users_online"), get("chat_users")))?;
        line("sessions", get("chat_sessions").to_string())?;
        line("connections", get("chat_connections").to_string())?;
        for ((name, _), (before, after)) in RATES.iter().zip(then.totals.iter().zip(now.totals)) {
            let rate = per_minute(after - before, now.at.duration_since(then.at));
            line(name, rate.map_or("not known yet".to_owned(), |rate| format!("{rate:.0} in the last minute")))?;
        }
        let disk = Disk::of(&self.directory);
        let free = disk.map(|disk| format!(", {} free of {}", bytes(disk.free), bytes(disk.size))).unwrap_or_default();
        line("data", format!("{} in {}{free}", bytes(get("chat_data_bytes") as u64), self.directory.display()))?;
        let dumped = data::last_dump(&self.directory);
        let ago =
            dumped.map(|at| format!("{} ago", duration(SystemTime::now().duration_since(at).unwrap_or_default())));
        line("last dump", ago.unwrap_or_else(|| "never".to_owned()))?;
        for warning in self.warnings(chat, disk, dumped) {
            line("warning", warning)?;
        }
        Ok(())
    }

    fn warnings(&self, chat: &Chat, disk: Option<Disk>, dumped: Option<SystemTime>) -> Vec<String> {
        let mut warnings = Vec::new();
        if chat.is_read_only() {
            warnings.push("the data can only be read, so everything that would change it is refused".to_owned());
        } else if let Some(problem) = self.cluster.as_ref().and_then(Watched::unready) {
            warnings.push(problem.to_owned());
        } else if let Err(problem) = chat.check_writable()
            && self.cluster.is_none()
        {
            warnings.push(format!("changes cannot be stored: {}", problem.with_reasons()));
        }
        if disk.is_some_and(|disk| disk.free < disk.size / 10) {
            warnings.push("less than a tenth of the disk is free".to_owned());
        }
        for (address, _) in self.listening.iter().filter(|(_, exposed)| *exposed) {
            warnings.push(format!("passwords and messages to and from {address} are not encrypted"));
        }
        warnings.extend(self.identity.as_ref().and_then(expiry_warning));
        let old = dumped.is_some_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > DUMP_AGE));
        match dumped {
            None => warnings.push("there is no backup: nobody has run \"chat-server dump\" yet".to_owned()),
            Some(_) if old => warnings.push("the last backup is more than two days old".to_owned()),
            Some(_) => {}
        }
        warnings
    }
}

/// The metrics, each with the sum of its series.
struct Numbers(HashMap<String, f64>);

impl Numbers {
    fn of(chat: &Chat) -> Self {
        Self::parse(&chat.metrics())
    }

    fn parse(metrics: &str) -> Self {
        let mut sums = HashMap::new();
        for line in metrics.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let name = series.split('{').next().unwrap_or(series);
            *sums.entry(name.to_owned()).or_default() += value.parse().unwrap_or(0.0);
        }
        Self(sums)
    }

    fn get(&self, metric: &str) -> f64 {
        self.0.get(metric).copied().unwrap_or_default()
    }
}

/// `None` if the time is too short to tell.
fn per_minute(count: f64, time: Duration) -> Option<f64> {
    let minutes = time.as_secs_f64() / MINUTE.as_secs_f64();
    if time < Duration::from_secs(1) { None } else { Some(count / minutes.max(1.0)) }
}

/// In the two largest units.
fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut name = "bytes";
    for unit in UNITS {
        if value < 1024.0 {
            break;
        }
        (value, name) = (value / 1024.0, unit);
    }
    if name == "bytes" { format!("{count} bytes") } else { format!("{value:.1} {name}") }
}

const MINUTE: Duration = Duration::from_secs(60);

/// After how long a backup counts as old: the package makes one a day.
const DUMP_AGE: Duration = Duration::from_secs(2 * 86_400);

/// How often a sample should be taken.
pub(super) const SAMPLE_INTERVAL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_a_metric_are_added_up() {
        let text = "# TYPE a counter\na{b=\"c d\",e=\"1\"} 1\na{b=\"{\"} 2.5\nb 7\n";
        let numbers = Numbers::parse(text);
        assert_eq!((numbers.get("a"), numbers.get("b"), numbers.get("none")), (3.5, 7.0, 0.0));
    }

    #[test]
    fn numbers_are_for_people() {
        for (time, wanted) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (3600, "1 h 0 min"),
            (90_000, "1 d 1 h"),
            (864_000, "10 d 0 h"),
        ] {
            assert_eq!(duration(Duration::from_secs(time)), wanted);
        }
        for (count, wanted) in [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (5 << 40, "5.0 TiB")] {
            assert_eq!(bytes(count), wanted);
        }
        for (count, seconds, wanted) in [(5.0, 0, None), (5.0, 10, Some(5.0)), (120.0, 120, Some(60.0))] {
            assert_eq!(per_minute(count, Duration::from_secs(seconds)), wanted);
        }
    }

    /// Backups failed for a week before anybody was warned.
    #[test]
    fn a_backup_is_missed_after_two_days() {
        let status = Status::new(Path::new("/"), Vec::new(), None, None);
        let warns = |hours: u64| {
            let dumped = SystemTime::now().checked_sub(Duration::from_secs(hours * 3600));
            !status.warnings(&Chat::memory(), None, dumped).is_empty()
        };
        assert_eq!([warns(1), warns(47), warns(49)], [false, false, true]);
    }

    #[test]
    fn a_rate_is_that_of_about_a_minute() {
        let status = Status::new(Path::new("/"), Vec::new(), None, None);
        let numbers = Numbers(HashMap::new());
        for _ in 0..3 {
            status.add_sample(&numbers);
        }
        for (age, sample) in [150, 100, 20].iter().zip(status.samples.lock().unwrap().iter_mut()) {
            sample.at = sample.at.checked_sub(Duration::from_secs(*age)).unwrap();
        }
        let now = status.add_sample(&numbers);
        let ages: Vec<u64> =
            status.samples.lock().unwrap().iter().map(|sample| now.at.duration_since(sample.at).as_secs()).collect();
        assert_eq!(ages, [100, 20, 0]);
    }
}
