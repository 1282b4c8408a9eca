//! Load generator and correctness checker for a store-and-forward chat server and its peers.

pub mod engine;
pub mod fanout;
pub mod hist;
pub mod modes;
pub mod options;
pub mod peers;
pub mod process;
pub mod text;
pub mod tls;
