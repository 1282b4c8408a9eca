//! A `Connection` in the caller's own poll loop: one thread, no `Server`.
//!
//! ```sh
//! cargo run -p chat-lib --example own_loop   # in another terminal: nc 127.0.0.1 8890
//! ```

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;

use chat_lib::{Chat, Connection, Outbox};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);

struct Peer {
    stream: TcpStream,
    connection: Connection,
    /// Received, and not yet taken by the connection.
    received: Vec<u8>,
    /// Answers that are still to be sent.
    out: Outbox,
}

/// Tells the loop that there are events for a peer. They may come from any thread.
struct PeerWaker {
    peer: Token,
    woken: Mutex<Sender<Token>>,
    waker: Arc<Waker>,
}

impl Wake for PeerWaker {
    fn wake(self: Arc<Self>) {
        let sent = self.woken.lock().unwrap_or_else(PoisonError::into_inner).send(self.peer);
        // A loop that has ended need not be woken.
        if sent.is_ok()
            && let Err(problem) = self.waker.wake()
        {
            eprintln!("the loop could not be woken: {problem}");
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let chat = Chat::memory();
    chat.add_demo_users()?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(64));
    let mut listener = TcpListener::bind("127.0.0.1:8890".parse()?)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
    let (wake, woken) = channel();
    let mut peers: HashMap<Token, Peer> = HashMap::new();
    let mut tokens = (2..).map(Token);
    loop {
        poll.poll(&mut events, None)?;
        let mut ready: Vec<Token> = events.iter().map(|event| event.token()).collect();
        if ready.contains(&LISTENER) {
            while let (Ok((mut stream, address)), Some(token)) = (listener.accept(), tokens.next()) {
                poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
                let mut connection = Connection::with_peer(chat.clone(), address);
                let (woken, waker) = (Mutex::new(wake.clone()), Arc::clone(&waker));
                connection.set_waker(Arc::new(PeerWaker { peer: token, woken, waker }).into());
                peers.insert(token, Peer { stream, connection, received: Vec::new(), out: Outbox::new(&chat) });
            }
        }
        ready.extend(woken.try_iter());
        for token in ready {
            if let Some(peer) = peers.get_mut(&token)
                && !matches!(serve(peer), Err(problem) if problem.kind() == ErrorKind::WouldBlock)
                && let Some(mut peer) = peers.remove(&token)
            {
                // An inbox whose answer was not sent is unread again.
                peer.out.abandon()?;
            }
        }
    }
}

/// Sends, answers and reads until the socket would block or the peer is gone. A peer that does not
/// take its answers is not read from.
fn serve(peer: &mut Peer) -> io::Result<()> {
    let Peer { stream, connection, received, out } = peer;
    loop {
        while !out.is_empty() {
            let count = stream.write(out.output())?;
            out.sent(count);
        }
        if connection.is_over() {
            // It speaks HTTP, and was told that we do not.
            return Err(ErrorKind::ConnectionAborted.into());
        }
        if received.is_empty() && !connection.wants_turn(out) {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes)?;
            received.extend_from_slice(bytes.get(..count).unwrap_or_default());
            if received.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let taken = connection.receive(received, out);
        received.drain(..taken);
    }
}
