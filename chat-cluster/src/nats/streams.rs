//! The streams of a cluster: how they are made, and what makes one unfit.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Info, PersistenceMode, Republish, RetentionPolicy, StorageType,
};
use serde_json::json;
use tokio::time::Instant;

use super::api::Api;
use super::error::NatsError;
use crate::OWNER_PATIENCE;

/// What the parts of a cluster are called in NATS.
#[derive(Clone)]
pub(super) struct Names {
    cluster: String,
}

impl Names {
    pub(super) fn new(cluster: &str) -> Self {
        Self { cluster: cluster.to_owned() }
    }

    /// The stream that is the log.
    pub(super) fn log(&self) -> String {
        format!("chat-{}-log", self.cluster)
    }

    /// The subject of its records.
    pub(super) fn records(&self) -> String {
        format!("chat.{}.log", self.cluster)
    }

    /// Where it says that it has another record.
    pub(super) fn news(&self) -> String {
        format!("chat.{}.news", self.cluster)
    }

    /// A subject that nothing is ever published to.
    pub(super) fn nothing(&self) -> String {
        format!("chat.{}.nothing", self.cluster)
    }

    /// Where a server gets packets of other servers.
    pub(super) fn packets(&self, server: chat_lib::server::ServerId) -> String {
        format!("chat.{}.to.{server}", self.cluster)
    }

    /// The key-value bucket of the owner.
    pub(super) fn owner(&self) -> String {
        format!("chat-{}-owner", self.cluster)
    }

    /// The key-value bucket of the servers.
    pub(super) fn servers(&self) -> String {
        format!("chat-{}-servers", self.cluster)
    }

    /// The object store of the snapshots.
    pub(super) fn snapshots(&self) -> String {
        format!("chat-{}-snapshots", self.cluster)
    }
}

/// The stream of a key-value bucket, and what its subjects begin with.
pub(super) fn bucket(name: &str) -> (String, String) {
    (format!("KV_{name}"), format!("$KV.{name}."))
}

/// All the streams of a cluster.
pub(super) fn wanted(names: &Names, replicas: usize) -> [Config; 4] {
    let stream = |name: String, subjects: Vec<String>| Config {
        name,
        subjects,
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        num_replicas: replicas,
        allow_direct: true,
        ..Config::default()
    };
    let log = Config {
        deny_delete: true,
        republish: Some(Republish { source: names.records(), destination: names.news(), headers_only: true }),
        ..stream(names.log(), vec![names.records()])
    };
    let key_value = |name: String, max_age: Duration| {
        let (stream_name, prefix) = bucket(&name);
        Config {
            max_messages_per_subject: 1,
            deny_delete: true,
            allow_rollup: true,
            max_age,
            ..stream(stream_name, vec![format!("{prefix}>")])
        }
    };
    let objects = names.snapshots();
    let snapshots = Config {
        allow_rollup: true,
        ..stream(format!("OBJ_{objects}"), vec![format!("$O.{objects}.C.>"), format!("$O.{objects}.M.>")])
    };
    [log, key_value(names.owner(), Duration::ZERO), key_value(names.servers(), OWNER_PATIENCE * 3), snapshots]
}

/// Makes a stream unless it is there, and makes sure that it is fit for its purpose.
pub(super) async fn provide(api: &Api, wanted: &Config, deadline: Instant) -> Result<Info, NatsError> {
    let name = &wanted.name;
    let found = match api.info(name, deadline).await {
        Err(NatsError::Refused { failure, .. }) if failure.is(ErrorCode::STREAM_NOT_FOUND) => {
            let request = serde_json::to_value(wanted).unwrap_or_else(|_| json!({}));
            match api.call::<Info>(&format!("STREAM.CREATE.{name}"), &request, deadline).await {
                // Another server has made it in the meantime, in another way.
                Err(NatsError::Refused { failure, .. }) if failure.is(ErrorCode::STREAM_NAME_EXIST) => {
                    api.info(name, deadline).await?
                }
                Err(NatsError::Refused { failure, .. }) => {
                    return Err(NatsError::Unfit(format!(
                        "NATS cannot make the stream {name}, which needs {} servers with JetStream, storage on disk and \
                         room there: {failure}",
                        wanted.num_replicas
                    )));
                }
                made => made?,
            }
        }
        found => found?,
    };
    match unfit(wanted, &found.config) {
        None => Ok(found),
        Some(reason) => Err(NatsError::Unfit(format!(
            "the stream {name} in NATS {reason}: correct that, or use another --cluster-name"
        ))),
    }
}

/// What is wrong with a stream, if anything is. What an operator may choose freely, such as placement and compression, is not.
fn unfit(wanted: &Config, found: &Config) -> Option<String> {
    let none = |limit: i64| limit <= 0;
    let kept = |limit: i64, wanted: i64| if none(wanted) { none(limit) } else { limit == wanted };
    let checks = [
        (
            found.num_replicas >= wanted.num_replicas,
            format!("keeps {} copies, not {} or more", found.num_replicas, wanted.num_replicas),
        ),
        (found.storage == wanted.storage, "does not keep its data on disk".into()),
        (
            found.persist_mode.is_none_or(|mode| mode == PersistenceMode::Default),
            "acknowledges before it has stored (persist_mode)".into(),
        ),
        (!found.no_ack, "does not acknowledge".into()),
        (!found.sealed, "is sealed".into()),
        (found.retention == wanted.retention, "drops what was read (retention)".into()),
        (found.max_age == wanted.max_age, format!("drops data by age ({:?})", found.max_age)),
        (none(found.max_messages), "limits the number of messages".into()),
        (none(found.max_bytes), "limits its size; limit it per account".into()),
        (
            kept(found.max_messages_per_subject, wanted.max_messages_per_subject),
            "limits the number of messages per subject in another way".into(),
        ),
        (none(found.max_message_size.into()), "limits the size of messages".into()),
        (found.allow_rollup == wanted.allow_rollup, "has another setting of allow_rollup_hdrs".into()),
        (!found.deny_purge, "cannot be trimmed (deny_purge)".into()),
        (found.allow_direct, "cannot be read from all servers (allow_direct)".into()),
        (same(&found.subjects, &wanted.subjects), format!("takes {:?}, not {:?}", found.subjects, wanted.subjects)),
        (found.subject_transform.is_none(), "changes subjects".into()),
        (found.mirror.is_none() && found.sources.is_none(), "is a copy of another stream".into()),
        (!found.allow_message_ttl, "lets messages expire (allow_msg_ttl)".into()),
        (wanted.republish.is_none() || found.republish == wanted.republish, "does not republish as needed".into()),
    ];
    checks.into_iter().find_map(|(fit, reason)| (!fit).then_some(reason))
}

fn same(left: &[String], right: &[String]) -> bool {
    left.len() == right.len() && left.iter().all(|subject| right.contains(subject))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_lose_records_is_unfit() {
        let [log, ..] = wanted(&Names::new("a"), 3);
        assert_eq!(unfit(&log, &log), None);
        type Change = fn(&mut Config);
        let changes: [(Change, &str); 12] = [
            (|log| log.num_replicas = 1, "keeps 1 copies, not 3 or more"),
            (|log| log.storage = StorageType::Memory, "does not keep its data on disk"),
            (|log| log.persist_mode = Some(PersistenceMode::Async), "acknowledges before"),
            (|log| log.retention = RetentionPolicy::Interest, "drops what was read"),
            (|log| log.max_age = Duration::from_secs(60), "drops data by age (60s)"),
            (|log| log.max_messages = 5, "limits the number"),
            (|log| log.max_bytes = 5, "limits its size"),
            (|log| log.max_messages_per_subject = 1, "limits the number of messages per subject"),
            (|log| log.allow_rollup = true, "allow_rollup_hdrs"),
            (|log| log.deny_purge = true, "cannot be trimmed"),
            (|log| log.subjects = vec!["x".into()], "takes [\"x\"]"),
            (|log| log.republish = None, "does not republish"),
        ];
        for (change, reason) in changes {
            let mut found = log.clone();
            change(&mut found);
            let told = unfit(&log, &found).unwrap();
            assert!(told.contains(reason), "{told}");
        }
        let chosen =
            Config { num_replicas: 5, max_bytes: -1, max_messages: -1, description: Some("x".into()), ..log.clone() };
        assert_eq!(unfit(&log, &chosen), None);
    }
}
