//! Measures how many records one writer appends to an engine, one after the other:
//!
//! `appends nats://HOST:PORT,…|postgres://… [BYTES [SECONDS]]`
//!
//! It uses a cluster name of its own, and leaves its records there.

use std::error::Error;
use std::time::{Duration, Instant};

use chat_lib::store::{Placed, ReplicatedLog};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default: u64| arguments.get(index).map_or(Ok(default), |text| text.parse());
    let (url, bytes, seconds) = (arguments.first().ok_or("which engine?")?, number(1, 100)?, number(2, 5)?);
    let log = open(url)?;
    let (mut at, mut record) = (log.last()?, vec![b'x'; usize::try_from(bytes)?]);
    let (begin, mut times) = (Instant::now(), Vec::new());
    while begin.elapsed() < Duration::from_secs(seconds) {
        at += 1;
        // No two records are equal.
        record.iter_mut().zip(at.to_be_bytes()).for_each(|(byte, place)| *byte = place);
        let asked = Instant::now();
        match log.append(at, &record)? {
            Placed::Done => times.push(asked.elapsed()),
            other => return Err(format!("somebody else uses this log: {other:?} at {at}").into()),
        }
    }
    let rate = times.len() as f64 / begin.elapsed().as_secs_f64();
    times.sort_unstable();
    let part = |part: usize| times.get(times.len() * part / 1000).copied().unwrap_or_default();
    println!("{rate:.0} appends/s of {bytes} bytes; half within {:?}, 99 % within {:?}", part(500), part(990));
    Ok(())
}

/// The log that a URL leads to.
fn open(url: &str) -> Result<Box<dyn ReplicatedLog>, Box<dyn Error>> {
    #[cfg(feature = "nats")]
    if url.starts_with("nats://") || url.starts_with("tls://") {
        use chat_cluster::{Nats, NatsOptions};
        return Ok(Box::new(Nats::connect(NatsOptions::new(url, "appends")?)?));
    }
    #[cfg(feature = "postgres")]
    if url.starts_with("postgres") {
        use chat_cluster::{Postgres, PostgresOptions};
        return Ok(Box::new(Postgres::open(url, "appends", &PostgresOptions::default())?));
    }
    Err(format!("there is no engine for {url}").into())
}
