//! Ports that stay free while their server is down.

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range that Linux takes ports of clients from (32768 and up): a server that was killed finds its port again.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// So many TCP ports of loopback that nobody listens on, and that nobody else in this process was given.
pub fn free_ports(count: usize) -> Vec<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that run at the same time look in different places.
    let start = (process::id() % 997) * 20;
    let ports = (0..COUNT).map(|_| {
        let next = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        FIRST + u16::try_from((start + next) % u32::from(COUNT)).unwrap()
    });
    let free: Vec<u16> = ports.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).take(count).collect();
    assert_eq!(free.len(), count, "no more free ports");
    free
}
