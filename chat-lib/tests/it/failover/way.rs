//! A way to a server that loses answers, refuses requests, and can be cut.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What becomes of requests that contain a word.
#[derive(Default)]
pub(crate) struct Trouble {
    /// So many are done, and their connection is cut before the answer.
    losses: AtomicUsize,
    /// So many of the others are refused with `busy`.
    refusals: AtomicUsize,
    /// How many there were.
    pub(crate) requests: AtomicUsize,
}

impl Trouble {
    pub(crate) fn lose(&self, count: usize) {
        self.losses.store(count, Ordering::SeqCst);
    }

    pub(crate) fn refuse(&self, count: usize) {
        self.refusals.store(count, Ordering::SeqCst);
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Whether one of so many is left, which is taken.
fn take(count: &AtomicUsize) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// Passes on whole lines of clients, and bytes of the server.
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Way {
    /// A way to `server`, with trouble for the requests that contain `word`.
    pub(crate) fn to(server: SocketAddr, word: &'static str, trouble: &Arc<Trouble>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::<Mutex<Vec<TcpStream>>>::default();
        let (shared, trouble) = (Arc::clone(&open), Arc::clone(trouble));
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                // The server is gone, and so is the way.
                let Ok(server) = TcpStream::connect(server) else { continue };
                shared.lock().unwrap().push(client.try_clone().unwrap());
                let losing = Arc::<AtomicBool>::default();
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap(), Arc::clone(&losing));
                thread::spawn(move || pass_back(back.0, back.1, &back.2));
                let trouble = Arc::clone(&trouble);
                thread::spawn(move || pass_on(client, server, word, &trouble, &losing));
            }
        });
        Self { address, open }
    }

    /// Cuts all connections. Returns how many there were.
    pub(crate) fn cut(&self) -> usize {
        let open = std::mem::take(&mut *self.open.lock().unwrap());
        open.iter().filter(|connection| connection.shutdown(Shutdown::Both).is_ok()).count()
    }
}

fn pass_on(client: TcpStream, mut server: TcpStream, word: &str, trouble: &Trouble, losing: &AtomicBool) {
    let mut lines = BufReader::new(client);
    let mut line = String::new();
    while lines.read_line(&mut line).is_ok_and(|count| count > 0) {
        if line.contains(word) {
            trouble.requests.fetch_add(1, Ordering::SeqCst);
            let is_lost = take(&trouble.losses);
            losing.fetch_or(is_lost, Ordering::SeqCst);
            if !is_lost && take(&trouble.refusals) {
                let refusal = match line.split_once("\"id\":").and_then(|(_, rest)| rest.split_once(',')) {
                    Some((id, _)) => {
                        format!(
                            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":19,"message":"busy","data":{{"code":"busy"}}}}}}"#
                        ) + "\n"
                    }
                    None => "{\"status\": \"ERROR\", \"message\": \"busy\", \"code\": \"busy\"}\r\n\r\n".to_owned(),
                };
                lines.get_mut().write_all(refusal.as_bytes()).unwrap();
                line.clear();
                continue;
            }
        }
        if server.write_all(line.as_bytes()).is_err() {
            break;
        }
        line.clear();
    }
    end(lines.get_ref(), &server);
}

fn pass_back(mut server: TcpStream, mut client: TcpStream, losing: &AtomicBool) {
    let mut bytes = [0; 64 * 1024];
    while let Ok(count @ 1..) = server.read(&mut bytes) {
        if losing.load(Ordering::SeqCst) || client.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    end(&client, &server);
}

fn end(client: &TcpStream, server: &TcpStream) {
    client.shutdown(Shutdown::Both).ok();
    server.shutdown(Shutdown::Both).ok();
}
