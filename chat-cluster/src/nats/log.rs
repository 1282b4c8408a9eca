//! The log, which is a stream: the place of a record is its sequence number there.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{ErrorCode, stream::State};
use async_nats::{HeaderMap, HeaderValue, Subscriber, header};
use bytes::Bytes;
use chat_lib::store::{LogEntry, Placed, RECORD_BYTES};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::api::{Api, place};
use super::error::NatsError;
use super::streams::Names;

/// The log as a server of the cluster sees it.
pub(super) struct Log {
    api: Api,
    stream: String,
    subject: String,
    /// A subject without messages.
    nothing: String,
    /// The latest place that is known to have a record.
    latest: watch::Sender<u64>,
}

impl Log {
    /// The log of a cluster, and what has to run for it.
    pub(super) async fn open(
        api: Api,
        names: &Names,
    ) -> Result<(Arc<Self>, impl Future<Output = ()> + use<>), NatsError> {
        let told = api.client.subscribe(names.news()).await;
        let told = told.map_err(|error| NatsError::Connection(error.to_string()))?;
        let latest = watch::Sender::new(0);
        let listening = listen(told, latest.clone());
        let log = Self { api, stream: names.log(), subject: names.records(), nothing: names.nothing(), latest };
        Ok((Arc::new(log), listening))
    }

    /// Puts a record at a place.
    ///
    /// The fence is the sequence number that the stream is to end with, so that a record that comes twice is taken once, and one
    /// that comes too late is not taken: a request that was given up may still be on its way.
    pub(super) async fn append(&self, at: u64, record: Bytes, deadline: Instant) -> Result<Placed, NatsError> {
        if at == 0 || record.is_empty() || record.len() > RECORD_BYTES {
            return Err(NatsError::Unfit(format!(
                "a record of the log has 1 to {RECORD_BYTES} bytes and a place from 1; this one has {} bytes for {at}",
                record.len()
            )));
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_EXPECTED_LAST_SEQUENCE, HeaderValue::from(at - 1));
        headers.insert(header::NATS_EXPECTED_STREAM, self.stream.as_str());
        loop {
            match self.api.publish(&self.subject, headers.clone(), record.clone(), deadline).await {
                Ok(ack) if ack.seq == at && ack.stream == self.stream => {
                    note(&self.latest, at);
                    return Ok(Placed::Done);
                }
                Ok(_) => return Err(NatsError::Unexpected { subject: self.subject.clone() }),
                Err(NatsError::Refused { failure, .. })
                    if failure.is(ErrorCode::STREAM_WRONG_LAST_SEQUENCE)
                        || failure.is(ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT) => {}
                Err(error) => return Err(error),
            }
            if let Some(placed) = self.compare(at, &record, deadline).await? {
                return Ok(placed);
            }
            // Another record has been proposed for the place, or this one when it was sent before.
            if Instant::now() + UNDECIDED_PAUSE >= deadline {
                return Err(NatsError::Undecided(at));
            }
            sleep(UNDECIDED_PAUSE).await;
        }
    }

    /// What has become of a record that the stream did not take, because it does not end where it should; `None` if that is not decided.
    ///
    /// The refusal alone tells little: a leader counts what it has not agreed on with the others yet, and one that was deposed without knowing
    /// refuses by what it knew. What is stored in its place is agreed on, and stays.
    async fn compare(&self, at: u64, record: &Bytes, deadline: Instant) -> Result<Option<Placed>, NatsError> {
        if let Some(stored) = self.api.stored(&self.stream, json!({ "seq": at }), deadline).await? {
            return Ok(Some(if stored.payload == *record { Placed::Done } else { Placed::Taken }));
        }
        let state = self.state(deadline).await?;
        Ok(if at < state.first_sequence {
            Some(Placed::Taken)
        } else if state.last_sequence < at - 1 {
            Some(Placed::Short { last: state.last_sequence })
        } else {
            None
        })
    }

    /// Where the log begins and ends, as of now.
    ///
    /// The leader may have been deposed without knowing yet. To purge what a subject without messages has changes nothing, but needs the
    /// agreement of most servers as any change, so what is known after it is not older than the question.
    pub(super) async fn state(&self, deadline: Instant) -> Result<State, NatsError> {
        self.purge(json!({ "filter": self.nothing }), deadline).await?;
        let state = self.api.info(&self.stream, deadline).await?.state;
        note(&self.latest, state.last_sequence);
        Ok(state)
    }

    /// Drops all records before a place.
    pub(super) async fn trim(&self, before: u64, deadline: Instant) -> Result<(), NatsError> {
        // To purge up to a place past the end moves the end there, and some versions of NATS purge all if told to purge up to 1.
        let last = self.state(deadline).await?.last_sequence;
        let before = before.min(last.saturating_add(1));
        if before > 1 { self.purge(json!({ "seq": before }), deadline).await } else { Ok(()) }
    }

    async fn purge(&self, what: serde_json::Value, deadline: Instant) -> Result<(), NatsError> {
        #[derive(Deserialize)]
        struct Purged {
            success: bool,
        }
        let call = format!("STREAM.PURGE.{}", self.stream);
        match self.api.call::<Purged>(&call, &what, deadline).await? {
            Purged { success: true } => Ok(()),
            Purged { success: false } => Err(NatsError::Unexpected { subject: call }),
        }
    }

    /// The records from a place on.
    pub(super) async fn read(&self, from: u64, wait: Duration, patience: Duration) -> Result<Vec<LogEntry>, NatsError> {
        let from = from.max(1);
        let (end, mut latest, mut pause) = (Instant::now() + wait, self.latest.subscribe(), FIRST_PAUSE);
        loop {
            let deadline = Instant::now() + patience;
            let mut entries = self.batch(from, deadline).await?;
            let known = *latest.borrow_and_update() >= from;
            if entries.first().is_some_and(|entry| entry.at > from) {
                return self.after_trim(from, deadline).await;
            }
            if entries.is_empty() && known && pause >= LEADER_PAUSE {
                // The server that answers is behind the others.
                let stored = self.api.stored(&self.stream, json!({ "seq": from }), deadline).await?;
                entries.extend(stored.map(|stored| LogEntry { at: from, record: stored.payload.into() }));
            }
            if !entries.is_empty() || Instant::now() >= end && (!known || pause > LEADER_PAUSE) {
                return Ok(entries);
            }
            if known {
                sleep(pause).await;
                pause = (pause * 2).min(LOOK_PAUSE);
            } else {
                // The news may be lost with the connection.
                let _ = timeout_at(end.min(Instant::now() + LOOK_PAUSE), latest.changed()).await;
            }
        }
    }

    /// The records from a place on, where a server has none at that place, but later ones. It was trimmed if the leader says so;
    /// else that server has lost it.
    async fn after_trim(&self, from: u64, deadline: Instant) -> Result<Vec<LogEntry>, NatsError> {
        let first = self.state(deadline).await?.first_sequence;
        if first <= from {
            return Err(NatsError::Lost(from));
        }
        let entries = self.batch(first, deadline).await?;
        match entries.first() {
            Some(entry) if entry.at != first => Err(NatsError::Lost(first)),
            _ => Ok(entries),
        }
    }

    /// Some of the records from a place on, or from a later one if it is missing: what one server has.
    async fn batch(&self, from: u64, deadline: Instant) -> Result<Vec<LogEntry>, NatsError> {
        let stored = self.api.batch(&self.stream, &self.subject, from, deadline).await?;
        let mut entries: Vec<LogEntry> = Vec::with_capacity(stored.len());
        for (at, record) in stored {
            if entries.last().is_some_and(|entry| entry.at.checked_add(1) != Some(at)) {
                break;
            }
            entries.push(LogEntry { at, record: record.into() });
        }
        Ok(entries)
    }
}

/// Keeps the latest place that the stream tells of.
async fn listen(mut told: Subscriber, latest: watch::Sender<u64>) {
    while let Some(message) = told.next().await {
        if let Some(at) = message.headers.as_ref().and_then(place) {
            note(&latest, at);
        }
    }
}

fn note(latest: &watch::Sender<u64>, at: u64) {
    latest.send_if_modified(|latest| {
        let later = at > *latest;
        *latest = at.max(*latest);
        later
    });
}

/// How often it is looked for records without having heard of one.
const LOOK_PAUSE: Duration = Duration::from_millis(200);

/// The pause before a server is asked again for a record that is known to be there, at first; and when the leader is asked instead.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LEADER_PAUSE: Duration = Duration::from_millis(8);

/// The pause before a record is sent again whose place is not decided.
const UNDECIDED_PAUSE: Duration = Duration::from_millis(2);
