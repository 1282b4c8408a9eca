//! Snapshots, which are objects in an object store.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::object_store::{ObjectInfo, ObjectMetadata, ObjectStore};
use serde_json::json;
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::api::Api;
use super::error::NatsError;
use super::streams::Names;
use crate::SnapshotName;

/// The snapshots of a cluster.
pub(super) struct Snapshots {
    api: Api,
    store: ObjectStore,
    stream: String,
    bucket: String,
}

impl Snapshots {
    pub(super) async fn open(api: Api, names: &Names) -> Result<Self, NatsError> {
        let bucket = names.snapshots();
        let store = api.jetstream.get_object_store(&bucket).await.map_err(failed)?;
        Ok(Self { api, store, stream: format!("OBJ_{bucket}"), bucket })
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
        let about =
            ObjectMetadata { name: name.to_string(), chunk_size: Some(CHUNK_BYTES), ..ObjectMetadata::default() };
        let stored = self.store.put(about, &mut content).await.map_err(failed)?;
        if stored.size as u64 != content.metadata().await?.len() {
            return Err(NatsError::Snapshot("the file has changed while it was read".into()));
        }
        self.sweep(patience).await
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
        let stalled = |_| NatsError::Snapshot("NATS sends no more of it".into());
        let mut object =
            timeout(STALL_PATIENCE, self.store.get(name.to_string())).await.map_err(stalled)?.map_err(failed)?;
        if object.info().digest.is_none() {
            return Err(NatsError::Snapshot("it has no digest".into()));
        }
        let (mut buffer, mut size) = (vec![0; CHUNK_BYTES], 0);
        loop {
            // The last read fails if the digest is another.
            let read = timeout(STALL_PATIENCE, object.read(&mut buffer)).await.map_err(stalled)?;
            let read = read.map_err(failed)?;
            if read == 0 {
                break;
            }
            output.write_all(buffer.get(..read).unwrap_or_default()).await?;
            size += read;
        }
        if size != object.info().size {
            return Err(NatsError::Snapshot(format!("it has {size} bytes, not {}", object.info().size)));
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

    /// The subject of an object's content.
    fn chunks_of(&self, object: &ObjectInfo) -> String {
        format!("$O.{}.C.{}", self.bucket, object.nuid)
    }
}

fn failed(error: impl std::fmt::Display) -> NatsError {
    NatsError::Snapshot(error.to_string())
}

/// The size of the messages that a snapshot is cut into: far below what NATS takes in one, so that records come between.
const CHUNK_BYTES: usize = 128 * 1024;

/// How long NATS may send nothing of a snapshot.
const STALL_PATIENCE: Duration = Duration::from_secs(10);

/// An upload to which nothing was added for so long has ended.
const ABANDONED: Duration = Duration::from_secs(600);
