use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use mio::Waker;
use mio::net::TcpStream;

/// A connection that was accepted, on its way to the reactor that will serve it.
pub(super) type Arrival = (TcpStream, SocketAddr);

/// Hands connections to one reactor.
pub(super) struct Arrivals {
    sender: Sender<Arrival>,
    waker: Arc<Waker>,
}

impl Arrivals {
    pub(super) fn new(sender: Sender<Arrival>, waker: Arc<Waker>) -> Self {
        Self { sender, waker }
    }

    pub(super) fn hand_over(&self, stream: TcpStream, address: SocketAddr) -> io::Result<()> {
        // A reactor that is gone takes none, and the whole server is stopping.
        if self.sender.send((stream, address)).is_ok() {
            self.waker.wake()?;
        }
        Ok(())
    }

    pub(super) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }
}
