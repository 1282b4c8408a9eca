//! Snapshots, which are objects in an object store of JetStream, as other clients of NATS read and write them, too.
//!
//! async-nats has such a client, but checks names with regular expressions, which make the server larger by 5 %.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::object_store::{ObjectInfo, ObjectOptions};
use async_nats::{HeaderMap, header};
use base64::Engine;
use base64::prelude::{BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use chat_lib::entropy::{Entropy, OsEntropy};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use super::api::Api;
use super::error::NatsError;
use super::streams::Names;
use crate::SnapshotName;

/// The snapshots of a cluster.
pub(super) struct Snapshots {
    api: Api,
    stream: String,
    bucket: String,
}

impl Snapshots {
    pub(super) fn new(api: Api, names: &Names) -> Self {
        let bucket = names.snapshots();
        Self { api, stream: format!("OBJ_{bucket}"), bucket }
    }

    /// Those that are whole, the newest first.
    pub(super) async fn list(&self, patience: Duration) -> Result<Vec<SnapshotName>, NatsError> {
        let objects = self.objects(Instant::now() + patience).await?;
        let names = objects.iter().filter_map(|(_, object)| SnapshotName::parse(&object.name));
        Ok(names.collect::<BTreeSet<_>>().into_iter().rev().collect())
    }

    /// Keeps a file.
    pub(super) async fn put(&self, name: &SnapshotName, file: &Path, patience: Duration) -> Result<(), NatsError> {
        let mut content = File::open(file).await?;
        // What is put by the same name takes its place.
        let old = self.object(name, Instant::now() + patience).await?;
        let mut number = [0; 16];
        OsEntropy.fill(&mut number).map_err(failed)?;
        let mut object = ObjectInfo {
            name: name.to_string(),
            description: None,
            metadata: HashMap::new(),
            headers: None,
            options: Some(ObjectOptions { max_chunk_size: Some(CHUNK_BYTES), link: None }),
            bucket: self.bucket.clone(),
            nuid: BASE64_URL_SAFE_NO_PAD.encode(number),
            size: 0,
            chunks: 0,
            modified: None,
            digest: None,
            deleted: false,
        };
        let (subject, mut digest) = (self.chunks_of(&object), Sha256::new());
        loop {
            let mut chunk = Vec::with_capacity(CHUNK_BYTES);
            (&mut content).take(CHUNK_BYTES as u64).read_to_end(&mut chunk).await?;
            if chunk.is_empty() {
                break;
            }
            object.size += chunk.len();
            object.chunks += 1;
            digest.update(&chunk);
            self.publish(&subject, HeaderMap::new(), chunk).await?;
        }
        if object.size as u64 != content.metadata().await?.len() {
            return Err(NatsError::Snapshot("the file has changed while it was read".into()));
        }
        object.digest = Some(digest_of(digest));
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_ROLLUP, "sub");
        self.publish(&self.subject_of(name), headers, serde_json::to_vec(&object).map_err(failed)?).await?;
        if let Some(old) = old {
            self.purge(&self.chunks_of(&old), Instant::now() + patience).await?;
        }
        self.sweep(patience).await
    }

    /// Stores a message once: without an answer, it is not known whether it was stored.
    async fn publish(&self, subject: &str, headers: HeaderMap, message: Vec<u8>) -> Result<(), NatsError> {
        let stored = self.api.jetstream.publish_with_headers(subject.to_owned(), headers, message.into()).await;
        stored.map_err(failed)?.await.map_err(failed)?;
        Ok(())
    }

    /// Writes one to a file.
    pub(super) async fn get(&self, name: &SnapshotName, file: &Path) -> Result<(), NatsError> {
        let mut output = File::create_new(file).await?;
        let written = self.copy(name, &mut output).await;
        if written.is_err() {
            drop(output);
            let _ = fs::remove_file(file).await;
        }
        written
    }

    async fn copy(&self, name: &SnapshotName, output: &mut File) -> Result<(), NatsError> {
        let stalled = || NatsError::Snapshot("NATS sends no more of it".into());
        let mut deadline = Instant::now() + STALL_PATIENCE;
        let object = self.object(name, deadline).await?;
        let object = object.ok_or_else(|| NatsError::Snapshot("it is not there any more".into()))?;
        let (subject, mut digest) = (self.chunks_of(&object), Sha256::new());
        let (mut from, mut chunks, mut size) = (1, 0, 0);
        while chunks < object.chunks {
            let batch = self.api.batch(&self.stream, &subject, from, deadline).await?;
            if batch.is_empty() {
                // The server that has answered is behind the others.
                if Instant::now() + BEHIND_PAUSE >= deadline {
                    return Err(stalled());
                }
                sleep(BEHIND_PAUSE).await;
                continue;
            }
            deadline = Instant::now() + STALL_PATIENCE;
            for (at, chunk) in batch {
                from = at.saturating_add(1);
                chunks += 1;
                size += chunk.len();
                digest.update(&chunk);
                output.write_all(&chunk).await?;
            }
        }
        if size != object.size {
            return Err(NatsError::Snapshot(format!("it has {size} bytes, not {}", object.size)));
        }
        if object.digest != Some(digest_of(digest)) {
            return Err(NatsError::Snapshot("it has another digest than it should have".into()));
        }
        output.sync_all().await?;
        Ok(())
    }

    /// Drops one, if it is there.
    pub(super) async fn remove(&self, name: &SnapshotName, patience: Duration) -> Result<(), NatsError> {
        let (name, deadline) = (name.to_string(), Instant::now() + patience);
        for (subject, object) in self.objects(deadline).await? {
            if object.name == name {
                // First what it is found by.
                self.purge(&subject, deadline).await?;
                self.purge(&self.chunks_of(&object), deadline).await?;
            }
        }
        Ok(())
    }

    /// What the bucket says of an object.
    async fn object(&self, name: &SnapshotName, deadline: Instant) -> Result<Option<ObjectInfo>, NatsError> {
        let which = json!({ "last_by_subj": self.subject_of(name) });
        let stored = self.api.stored(&self.stream, which, deadline).await?;
        let object = stored.and_then(|stored| serde_json::from_slice::<ObjectInfo>(&stored.payload).ok());
        Ok(object.filter(|object| !object.deleted))
    }

    /// What the bucket says of its objects, and the subjects where it does.
    async fn objects(&self, deadline: Instant) -> Result<Vec<(String, ObjectInfo)>, NatsError> {
        let mut objects = Vec::new();
        for subject in self.api.subjects(&self.stream, &format!("$O.{}.M.>", self.bucket), deadline).await? {
            let stored = self.api.stored(&self.stream, json!({ "last_by_subj": subject }), deadline).await?;
            let object = stored.and_then(|stored| serde_json::from_slice::<ObjectInfo>(&stored.payload).ok());
            objects.extend(object.filter(|object| !object.deleted).map(|object| (subject, object)));
        }
        Ok(objects)
    }

    /// Frees the room of what was never kept whole, because its server has died.
    async fn sweep(&self, patience: Duration) -> Result<(), NatsError> {
        let deadline = Instant::now() + patience;
        let objects = self.objects(deadline).await?;
        let whole: BTreeSet<_> = objects.iter().map(|(_, object)| self.chunks_of(object)).collect();
        let last = self.api.info(&self.stream, deadline).await?.state.last_timestamp;
        for subject in self.api.subjects(&self.stream, &format!("$O.{}.C.>", self.bucket), deadline).await? {
            if whole.contains(&subject) {
                continue;
            }
            let Some(chunk) = self.api.stored(&self.stream, json!({ "last_by_subj": subject }), deadline).await? else {
                continue;
            };
            // Both times are the servers', and the end of an upload that goes on is new.
            if (last - chunk.time).whole_seconds() > ABANDONED.as_secs().cast_signed() {
                self.purge(&subject, deadline).await?;
            }
        }
        Ok(())
    }

    async fn purge(&self, subject: &str, deadline: Instant) -> Result<(), NatsError> {
        let call = format!("STREAM.PURGE.{}", self.stream);
        self.api.call::<serde_json::Value>(&call, &json!({ "filter": subject }), deadline).await?;
        Ok(())
    }

    /// The subject of what the bucket says of an object.
    fn subject_of(&self, name: &SnapshotName) -> String {
        format!("$O.{}.M.{}", self.bucket, BASE64_URL_SAFE.encode(name.to_string()))
    }

    /// The subject of an object's content.
    fn chunks_of(&self, object: &ObjectInfo) -> String {
        format!("$O.{}.C.{}", self.bucket, object.nuid)
    }
}

/// As the objects have it.
fn digest_of(content: Sha256) -> String {
    format!("SHA-256={}", BASE64_URL_SAFE.encode(content.finalize()))
}

fn failed(error: impl std::fmt::Display) -> NatsError {
    NatsError::Snapshot(error.to_string())
}

/// The size of the messages that a snapshot is cut into: far below what NATS takes in one, so that records come between.
const CHUNK_BYTES: usize = 128 * 1024;

/// How long NATS may send nothing of a snapshot.
const STALL_PATIENCE: Duration = Duration::from_secs(10);

/// The pause before more of a snapshot is asked for.
const BEHIND_PAUSE: Duration = Duration::from_millis(25);

/// An upload to which nothing was added for so long has ended.
const ABANDONED: Duration = Duration::from_secs(600);
