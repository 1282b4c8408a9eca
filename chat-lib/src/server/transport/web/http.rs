//! A connection before it is a WebSocket: requests of HTTP, and what is sent in answer.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::IpAddr;

use super::request::{Answer, Then, answer, unavailable};
use super::websocket::WebSocket;
use super::{Wire, empty_line};
use crate::limits::HTTP_HEAD_BYTES;
use crate::server::site::WebSite;

pub(super) struct Http {
    site: WebSite,
    message_bytes: usize,
    /// The part of the next request that has arrived.
    received: Vec<u8>,
    /// The answer being sent, and how many of its bytes are out.
    answering: Option<(Answer, usize)>,
    /// A request has come whole since this was last asked.
    has_completed: bool,
    /// The last answer has been sent, and the end of the stream after it.
    is_over: bool,
    /// The WebSocket that the peer has asked for, and the client's address if a proxy gave it.
    websocket: Option<(WebSocket, Option<IpAddr>)>,
}

impl Http {
    pub(super) fn new(site: WebSite, message_bytes: usize) -> Self {
        Self {
            site,
            message_bytes,
            received: Vec::new(),
            answering: None,
            has_completed: false,
            is_over: false,
            websocket: None,
        }
    }

    /// Returns the WebSocket once the peer has asked for it, and the client's address if a proxy gave it.
    pub(super) fn take_websocket(&mut self) -> Option<(WebSocket, Option<IpAddr>)> {
        self.websocket.take()
    }

    /// Answers one request. Returns how many bytes of `buffer` the connection gets: one, and 0 at the end.
    pub(super) fn read(&mut self, wire: &mut Wire<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        self.flush(wire)?;
        if self.is_over {
            return wire.discard(buffer);
        }
        loop {
            if let Some((length, answer)) = answer(&self.received, &self.site) {
                self.has_completed = true;
                let rest = self.received.split_off(length.min(self.received.len()));
                match answer.then {
                    Then::WebSocket { forwarded_for } => {
                        let websocket = WebSocket::new(answer.head, rest, self.message_bytes);
                        self.websocket = Some((websocket, forwarded_for));
                    }
                    Then::KeepAlive | Then::Close => {
                        self.received = rest;
                        self.answering = Some((answer, 0));
                    }
                }
                return Ok(empty_line(buffer));
            }
            let room = buffer.len().min(HTTP_HEAD_BYTES - self.received.len());
            let piece = buffer.get_mut(..room).unwrap_or_default();
            match wire.read(piece)? {
                0 => return Ok(0),
                count => self.received.extend_from_slice(piece.get(..count).unwrap_or_default()),
            }
        }
    }

    /// Sends the rest of an answer.
    pub(super) fn flush(&mut self, wire: &mut Wire<'_>) -> io::Result<()> {
        while let Some((answer, sent)) = &mut self.answering {
            let rest = answer.head.get(*sent..).filter(|rest| !rest.is_empty());
            let rest = rest.or_else(|| answer.body.bytes().get(*sent - answer.head.len()..)).unwrap_or_default();
            if !rest.is_empty() {
                match wire.write(rest)? {
                    0 => return Err(ErrorKind::WriteZero.into()),
                    count => *sent += count,
                }
                continue;
            }
            let is_last = answer.then == Then::Close;
            wire.flush()?;
            self.answering = None;
            if is_last {
                self.is_over = true;
                wire.finish()?;
            }
        }
        Ok(())
    }

    /// Refuses whatever is asked for, for a reason that is a line of protocol 2.
    pub(super) fn refuse(&mut self, wire: &mut Wire<'_>, reason: &[u8]) -> io::Result<usize> {
        match &mut self.answering {
            Some((answer, _)) => answer.then = Then::Close,
            None if self.is_over => {}
            None => self.answering = Some((unavailable(String::from_utf8_lossy(reason).trim_end()), 0)),
        }
        match self.flush(wire) {
            Err(problem) if problem.kind() != ErrorKind::WouldBlock => Err(problem),
            _ => Ok(reason.len()),
        }
    }

    /// Whether the peer is to send something soon.
    pub(super) fn awaits_request(&self) -> bool {
        self.answering.is_none()
    }

    /// Whether a request has come whole since this was last asked.
    pub(super) fn take_completed(&mut self) -> bool {
        std::mem::take(&mut self.has_completed)
    }

    pub(super) fn held(&self) -> usize {
        self.received.capacity()
    }
}
