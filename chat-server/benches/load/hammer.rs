//! Floods a server as a [`Flood`] says: one thread for each address that the attack comes from, which gives way to the server and to
//! the client that measures, because attackers use processors of their own. A connection that has ended is opened anew.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::thread::gettid;
use socket2::{Domain, Socket, Type};

use crate::floods::Flood;
use crate::server::give_way;

/// Between two looks at all connections of a thread.
const PAUSE: Duration = Duration::from_millis(1);

pub(crate) struct Hammer {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Hammer {
    pub(crate) fn start(flood: &'static Flood, server: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (1..=flood.addresses).map(|number| {
            let stop = Arc::clone(&stop);
            let from = IpAddr::V4(Ipv4Addr::new(127, 0, 1, number));
            thread::spawn(move || attack(flood, from, server, &stop))
        });
        Self { threads: threads.collect(), stop }
    }

    /// Closes all connections.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

fn attack(flood: &Flood, from: IpAddr, server: SocketAddr, stop: &AtomicBool) {
    give_way(&[], gettid());
    let mut peers: Vec<Option<Peer>> = (0..flood.connections).map(|_| None).collect();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        for place in peers.iter_mut().take_while(|_| !stop.load(Ordering::Relaxed)) {
            match place {
                Some(peer) => {
                    if peer.go_on(flood, &mut number).is_err() {
                        *place = None;
                    }
                }
                None => *place = Peer::connect(from, server, (flood.first)()).ok(),
            }
        }
        thread::sleep(PAUSE);
    }
}

struct Peer {
    stream: TcpStream,
    /// What is still to be sent.
    rest: Vec<u8>,
}

impl Peer {
    fn connect(from: IpAddr, server: SocketAddr, first: Vec<u8>) -> std::io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(from, 0).into())?;
        // Closing resets the connection, so that the address does not run out of ports.
        socket.set_linger(Some(Duration::ZERO))?;
        socket.connect_timeout(&server.into(), Duration::from_secs(1))?;
        socket.set_nonblocking(true)?;
        Ok(Self { stream: socket.into(), rest: first })
    }

    /// Sends and receives what does not block. An error if the connection is over.
    fn go_on(&mut self, flood: &Flood, number: &mut usize) -> std::io::Result<()> {
        if self.rest.is_empty() {
            *number += 1;
            self.rest = (flood.again)(*number);
        }
        if !self.rest.is_empty()
            && let Some(count) = unless_blocked(self.stream.write(&self.rest))?
        {
            self.rest.drain(..count);
        }
        let mut buffer = [0; 64 * 1024];
        while flood.reads
            && let Some(count) = unless_blocked(self.stream.read(&mut buffer))?
        {
            if count == 0 || flood.leaves {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }
}

fn unless_blocked(result: std::io::Result<usize>) -> std::io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(problem) if problem.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(problem) => Err(problem),
    }
}
