//! The protocol of a request, in which its answer is written.

use crate::error::Error;
use crate::protocol::line::reply as line;
use crate::protocol::{Reply, rpc};

/// A request, as far as its answer needs it.
#[derive(Default)]
pub(super) enum Asked {
    /// A line of protocol 1.
    #[default]
    Line,
    /// A call of protocol 2. One without an id is not answered.
    Call(Option<rpc::Id>),
}

impl Asked {
    /// A call whose id could not be read.
    pub(super) fn unread_call() -> Self {
        Self::Call(Some(rpc::Id::NULL))
    }

    pub(super) fn write_reply(&self, reply: &Reply, out: &mut Vec<u8>) {
        match self {
            Self::Line => line::write_reply(reply, out),
            Self::Call(Some(id)) => rpc::write_reply(id, reply, out),
            Self::Call(None) => {}
        }
    }

    pub(super) fn write_refusal(&self, refusal: &Error, out: &mut Vec<u8>) {
        match self {
            Self::Line => line::write_refusal(refusal, out),
            Self::Call(Some(id)) => rpc::write_error(id, refusal, out),
            Self::Call(None) => {}
        }
    }
}

/// The requests that were answered in a turn, in order: their answers become refusals if its commit fails.
#[derive(Default)]
pub(super) struct Uncommitted {
    /// How many lines of protocol 1 came before the first call.
    lines: u32,
    /// The calls of protocol 2, each with how many lines came after it.
    calls: Vec<(Option<rpc::Id>, u32)>,
}

impl Uncommitted {
    pub(super) fn push(&mut self, asked: Asked) {
        match (asked, self.calls.last_mut()) {
            (Asked::Line, None) => self.lines += 1,
            (Asked::Line, Some((_, lines))) => *lines += 1,
            (Asked::Call(id), _) => self.calls.push((id, 0)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines == 0 && self.calls.is_empty()
    }

    /// Refuses all of them.
    pub(super) fn refuse(self, refusal: &Error, out: &mut Vec<u8>) {
        let refuse_lines = |lines, out: &mut Vec<u8>| (0..lines).for_each(|_| line::write_refusal(refusal, out));
        refuse_lines(self.lines, out);
        for (id, lines) in self.calls {
            Asked::Call(id).write_refusal(refusal, out);
            refuse_lines(lines, out);
        }
    }
}
