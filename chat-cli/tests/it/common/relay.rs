//! A server that says something else than the one behind it.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// A server between the client and another server: what the other one sends passes through `change`, line by line.
pub(crate) fn relay(
    server: SocketAddr,
    change: impl Fn(String) -> Option<String> + Clone + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let Ok(mut server) = TcpStream::connect(server) else { continue };
            let (mut to_server, from_server) =
                (server.try_clone().unwrap(), BufReader::new(server.try_clone().unwrap()));
            let mut from_client = client.try_clone().unwrap();
            let change = change.clone();
            thread::spawn(move || {
                std::io::copy(&mut from_client, &mut to_server).ok();
                to_server.shutdown(Shutdown::Write).ok();
            });
            thread::spawn(move || {
                for line in from_server.split(b'\n') {
                    let line = String::from_utf8(line.unwrap()).unwrap() + "\n";
                    if let Some(line) = change(line) {
                        client.write_all(line.as_bytes()).ok();
                    }
                }
                server.flush().ok();
                client.shutdown(Shutdown::Both).ok();
            });
        }
    });
    address
}
