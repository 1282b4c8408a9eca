//! Who is the owner, and which servers there are: two key-value buckets.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use chat_lib::server::ServerId;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::api::Api;
use super::error::NatsError;
use super::streams::{Names, bucket};
use crate::{OWNER_PATIENCE, ServerCard};

/// The cards of the owner and of all servers.
pub(super) struct Election {
    api: Api,
    owner: Key,
    servers: (String, String),
    seen: Mutex<Option<Seen>>,
}

/// A key of a bucket.
struct Key {
    stream: String,
    subject: String,
}

/// The revision of the owner's card that was seen last, and when it was seen first.
///
/// An owner that is there replaces its card again and again. One whose card stays the same for [`OWNER_PATIENCE`] while NATS answers is gone. So
/// no clocks of different machines are compared, and an owner that could not reach NATS as nobody could stays the owner.
struct Seen {
    revision: u64,
    since: Instant,
}

/// A card and its revision, which is 0 where there was never one.
#[derive(Default)]
struct Held {
    revision: u64,
    card: Option<ServerCard>,
}

impl Election {
    pub(super) fn new(api: Api, names: &Names) -> Self {
        let (stream, prefix) = bucket(&names.owner());
        let owner = Key { stream, subject: format!("{prefix}owner") };
        Self { api, owner, servers: bucket(&names.servers()), seen: Mutex::new(None) }
    }

    /// Makes a server the owner if there is none, or renews its ownership.
    pub(super) async fn claim(&self, card: &ServerCard, deadline: Instant) -> Result<ServerCard, NatsError> {
        loop {
            let (held, gone) = self.look(deadline).await?;
            if let Some(other) = held.card.filter(|other| other.id != card.id && !gone) {
                return Ok(other);
            }
            if self.replace(held.revision, Some(card), deadline).await? {
                return Ok(card.clone());
            }
        }
    }

    /// The owner.
    pub(super) async fn owner(&self, deadline: Instant) -> Result<Option<ServerCard>, NatsError> {
        let (held, gone) = self.look(deadline).await?;
        Ok(held.card.filter(|_| !gone))
    }

    /// Ends a server's ownership, if it has it.
    pub(super) async fn release(&self, server: ServerId, deadline: Instant) -> Result<(), NatsError> {
        loop {
            let (held, _) = self.look(deadline).await?;
            if held.card.is_none_or(|card| card.id != server) || self.replace(held.revision, None, deadline).await? {
                return Ok(());
            }
        }
    }

    /// Says that a server is there.
    pub(super) async fn announce(&self, card: &ServerCard, deadline: Instant) -> Result<(), NatsError> {
        let subject = format!("{}{}", self.servers.1, card.id);
        self.api.publish(&subject, HeaderMap::new(), encode(card), deadline).await?;
        Ok(())
    }

    /// The servers that are there.
    pub(super) async fn servers(&self, deadline: Instant) -> Result<Vec<ServerCard>, NatsError> {
        let (stream, prefix) = &self.servers;
        let mut cards = BTreeMap::new();
        for subject in self.api.subjects(stream, &format!("{prefix}>"), deadline).await? {
            let stored = self.api.stored(stream, json!({ "last_by_subj": subject }), deadline).await?;
            // What another version has written is not understood, and not counted.
            let card = stored.and_then(|stored| serde_json::from_slice::<ServerCard>(&stored.payload).ok());
            cards.extend(card.map(|card| ((card.name.clone(), card.id), card)));
        }
        Ok(cards.into_values().collect())
    }

    /// The owner's card, and whether the owner is gone.
    async fn look(&self, deadline: Instant) -> Result<(Held, bool), NatsError> {
        let mut seen = self.seen.lock().await;
        // What it is now is all that is known if this fails.
        let before = seen.take();
        let which = json!({ "last_by_subj": self.owner.subject });
        let stored = self.api.stored(&self.owner.stream, which, deadline).await?;
        let held = stored.map_or_else(Held::default, |stored| Held {
            revision: stored.sequence,
            // A card that was removed is empty.
            card: serde_json::from_slice(&stored.payload).ok(),
        });
        let now = seen.insert(match before {
            Some(before) if before.revision == held.revision => before,
            _ => Seen { revision: held.revision, since: Instant::now() },
        });
        Ok((held, now.since.elapsed() >= OWNER_PATIENCE))
    }

    /// Replaces the owner's card, unless somebody else has.
    async fn replace(&self, revision: u64, card: Option<&ServerCard>, deadline: Instant) -> Result<bool, NatsError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(revision));
        if card.is_none() {
            headers.insert("KV-Operation", "DEL");
        }
        let payload = card.map_or_else(Bytes::new, encode);
        match self.api.publish(&self.owner.subject, headers, payload, deadline).await {
            Ok(_) => Ok(true),
            Err(NatsError::Refused { failure, .. })
                if failure.is(ErrorCode::STREAM_WRONG_LAST_SEQUENCE)
                    || failure.is(ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT) =>
            {
                // Where the revision is the same as before, another's change is not agreed on yet.
                tokio::time::sleep(CONTENTION_PAUSE).await;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

fn encode(card: &ServerCard) -> Bytes {
    serde_json::to_vec(card).unwrap_or_default().into()
}

/// The pause after somebody else was faster.
const CONTENTION_PAUSE: Duration = Duration::from_millis(5);
