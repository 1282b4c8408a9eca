//! `chat-cli bench`: measures a server, and checks what it measures. One thread makes the load, and another one reads back what
//! was sent.

mod accounts;
mod advice;
mod args;
mod bits;
mod connection;
mod driver;
mod endpoint;
mod fanout;
mod json;
mod ledger;
mod pace;
mod pipe;
mod progress;
mod readback;
mod report;
mod run;
mod tally;
mod text;
mod under_way;
mod waiting;
mod wire;
mod words;
mod workload;

pub(crate) use self::args::Bench;
pub(crate) use self::run::run;
