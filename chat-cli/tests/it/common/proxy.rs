//! A way to a server that loses answers.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Passes bytes on in both directions. A connection with a request that contains `fatal` is cut once the server has
/// answered that, as often as `losses` says.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) losses: Arc<AtomicUsize>,
}

impl Proxy {
    pub(crate) fn new(server: SocketAddr, fatal: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let losses = Arc::<AtomicUsize>::default();
        let shared = Arc::clone(&losses);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
                let losing = Arc::<AtomicUsize>::default();
                let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (losses, noticed) = (Arc::clone(&shared), Arc::clone(&losing));
                thread::spawn(move || {
                    pass(ends.0, ends.1, |bytes| {
                        let lose = |left: usize| left.checked_sub(1);
                        if String::from_utf8_lossy(bytes).contains(fatal)
                            && losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose).is_ok()
                        {
                            noticed.store(1, Ordering::SeqCst);
                        }
                        true
                    });
                });
                thread::spawn(move || pass(server, client, |_| losing.load(Ordering::SeqCst) == 0));
            }
        });
        Self { address, losses }
    }
}

/// Passes bytes on until the connection ends, or `goes_on` says no.
fn pass(mut from: TcpStream, mut to: TcpStream, goes_on: impl Fn(&[u8]) -> bool) {
    let mut bytes = [0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if !goes_on(&bytes[..count]) || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}
