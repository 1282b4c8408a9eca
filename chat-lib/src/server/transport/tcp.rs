//! Plain TCP: the connection's bytes are the socket's. It has no state, so a box of it takes no memory.

use std::io::{self, Read, Write};

use super::Transport;
use crate::server::disconnect::Disconnect;
use crate::server::socket::Socket;

pub(in crate::server) struct Tcp;

impl Transport for Tcp {
    fn read(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> io::Result<usize> {
        socket.read(buffer)
    }

    fn write(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
        socket.write(bytes)
    }

    fn flush(&mut self, _: &mut Socket) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, socket: &mut Socket, _: &Disconnect) -> io::Result<()> {
        socket.finish()
    }

    fn mid_frame(&self) -> bool {
        false
    }

    fn is_handshaking(&self) -> bool {
        false
    }
}
