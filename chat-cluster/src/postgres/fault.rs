//! What may go wrong with PostgreSQL.

use crate::runtime::NoAnswer;
use chat_lib::with_reasons;

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the URL of PostgreSQL cannot be used: {0}")]
    Url(String),
    #[error("the cluster name {0:?} has other characters than a–z, 0–9, _ and -, or not 1 to 40 of them")]
    Name(String),
    #[error("no PostgreSQL server can be used: {0}")]
    Unreachable(String),
    #[error("PostgreSQL: {}", with_reasons(.0))]
    Statement(#[from] tokio_postgres::Error),
    #[error("PostgreSQL {0}")]
    Unsafe(String),
    #[error("PostgreSQL warned, so that it is unknown what it has done: {0}")]
    Warned(String),
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    #[error("others change the log or the ownership all the time")]
    Changing,
    #[error("{0} is not a place that a log can have")]
    Place(u64),
    #[error("a record has 1 to {max} bytes, and not {0}", max = chat_lib::store::RECORD_BYTES)]
    Record(usize),
    #[error("the tables of PostgreSQL are damaged: {0}")]
    Damaged(String),
    #[error("no such snapshot")]
    NoSnapshot,
    #[error("the snapshot's file: {0}")]
    File(#[from] std::io::Error),
    #[error("a server's card: {0}")]
    Card(#[from] serde_json::Error),
}
