//! What can go wrong with NATS.

use std::io;
use std::path::PathBuf;

use async_nats::jetstream::ErrorCode;
use serde::Deserialize;

use crate::EngineError;
use crate::runtime::NoAnswer;

/// A request to NATS that has failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum NatsError {
    #[error("NATS: {0}")]
    Late(#[from] NoAnswer),
    #[error("NATS: {0}: no server can answer this now")]
    Unavailable(String),
    #[error("NATS: {0}")]
    Connection(String),
    #[error("NATS refuses {subject}: {failure}")]
    Refused { subject: String, failure: Failure },
    #[error("NATS has answered something unexpected to {subject}")]
    Unexpected { subject: String },
    #[error("NATS has lost the record {0} of the log, and has later ones")]
    Lost(u64),
    #[error("NATS has not decided yet what becomes of record {0}")]
    Undecided(u64),
    #[error("the credentials for NATS in {}: {cause}", file.display())]
    Credentials { file: PathBuf, cause: io::Error },
    #[error("the snapshot: {0}")]
    Snapshot(String),
    #[error("{0}")]
    File(#[from] io::Error),
    /// It works, but not as the chat needs it. The text says what to do.
    #[error("{0}")]
    Unfit(String),
}

impl From<NatsError> for EngineError {
    fn from(error: NatsError) -> Self {
        Self::new(error)
    }
}

impl From<NatsError> for chat_lib::store::LogError {
    fn from(error: NatsError) -> Self {
        Self::new(error)
    }
}

impl From<NoAnswer> for EngineError {
    fn from(error: NoAnswer) -> Self {
        NatsError::from(error).into()
    }
}

/// How JetStream says no.
#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    pub(super) code: u16,
    #[serde(default)]
    pub(super) err_code: u64,
    #[serde(default)]
    pub(super) description: String,
}

impl Failure {
    pub(super) fn is(&self, code: ErrorCode) -> bool {
        self.err_code == code.0
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, {})", self.description, self.code, self.err_code)
    }
}
