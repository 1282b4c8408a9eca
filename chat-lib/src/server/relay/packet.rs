//! What servers tell each other, in bytes: packets of a header and any number of items. All numbers are in network order.
//!
//! A link is trusted, but not to be free of bugs: reading never panics, and returns `None` for anything that is not as written here.

use std::net::{IpAddr, SocketAddr};

use crate::connection::{Bound, ConnectionState};
use crate::model::{MessageId, SessionId, UserName};
use crate::protocol::Ending;

/// What a packet is, and to which session it belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::server) struct Header {
    pub(in crate::server) kind: Kind,
    /// Which reactor of the server whose clients are served has the session.
    pub(in crate::server) lane: u16,
    pub(in crate::server) session: u64,
    /// The packet's place among those of its session in its direction, from 0.
    pub(in crate::server) number: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::server) enum Kind {
    /// Items of [`ToOwner`].
    ToOwner,
    /// Items of [`ToStandby`].
    ToStandby,
    /// To a standby: there is no such session (any more).
    Gone,
    /// To an owner: the session is over.
    Leave,
}

/// What a standby tells the owner of a connection, by its number there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::server) enum ToOwner<'a> {
    Attach {
        conn: u64,
        arrival: Arrival,
    },
    /// Bytes of lines that are passed on whole, if need be in more than one packet.
    Lines {
        conn: u64,
        ending: Ending,
        bytes: &'a [u8],
    },
    /// A line that is too long.
    TooLong {
        conn: u64,
        first: u8,
        is_busy: bool,
    },
    /// So many bytes of output were sent to the client.
    Taken {
        conn: u64,
        bytes: u64,
    },
    /// The client is gone.
    Detach {
        conn: u64,
    },
}

/// A connection that is to be served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::server) struct Arrival {
    pub(in crate::server) address: SocketAddr,
    /// A line has ended, how lines end, and whether all are JSON.
    pub(in crate::server) form: (bool, Option<Ending>, bool),
    pub(in crate::server) state: ConnectionState,
}

/// What the owner tells a standby of its connections.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::server) enum ToStandby<'a> {
    /// Bytes for each of the clients, and what is true for each once it has them.
    Output { to: Vec<(u64, Option<Whole>)>, bytes: &'a [u8] },
    /// The connection is over.
    Closed { conn: u64, why: Why },
}

/// Output that ends between two answers or events.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::server) struct Whole {
    /// Of so many bytes of its lines, all requests are answered. A line that was too long counts as one byte.
    pub(in crate::server) answered: u64,
    pub(in crate::server) change: Change,
}

/// What has changed of a connection's state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::server) enum Change {
    Nothing,
    /// The last message that a subscriber was told of.
    ToldUpto(MessageId),
    State(ConnectionState),
}

/// Why the owner serves a connection no more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::server) enum Why {
    Http,
    OutcomeUnknown,
    RateLimited,
    Refused,
    /// Nothing is wrong with it: attach it again, here or elsewhere.
    Moved,
}

/// How many bytes a header has.
pub(in crate::server) const HEADER_BYTES: usize = 16;

impl Header {
    pub(in crate::server) fn write(&self) -> [u8; HEADER_BYTES] {
        let kind = match self.kind {
            Kind::ToOwner => 0,
            Kind::ToStandby => 1,
            Kind::Gone => 2,
            Kind::Leave => 3,
        };
        let [a, b] = self.lane.to_be_bytes();
        let mut bytes = [0; HEADER_BYTES];
        let (start, rest) = bytes.split_at_mut(4);
        start.copy_from_slice(&[VERSION, kind, a, b]);
        let (session, number) = rest.split_at_mut(8);
        session.copy_from_slice(&self.session.to_be_bytes());
        number.copy_from_slice(&self.number.to_be_bytes());
        bytes
    }

    /// The header of a packet, and its items.
    pub(in crate::server) fn read(packet: &[u8]) -> Option<(Self, Items<'_>)> {
        let mut items = Items(packet);
        if items.u8()? != VERSION {
            return None;
        }
        let kind = match items.u8()? {
            0 => Kind::ToOwner,
            1 => Kind::ToStandby,
            2 => Kind::Gone,
            3 => Kind::Leave,
            _ => return None,
        };
        let lane = u16::from_be_bytes(items.array()?);
        Some((Self { kind, lane, session: items.u64()?, number: items.u32()? }, items))
    }
}

impl ToOwner<'_> {
    pub(in crate::server) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Attach { conn, arrival: Arrival { address, form: (begun, ending, is_json), state } } => {
                put(out, 0, *conn);
                match address.ip() {
                    IpAddr::V4(ip) => {
                        out.push(4);
                        out.extend(ip.octets());
                    }
                    IpAddr::V6(ip) => {
                        out.push(6);
                        out.extend(ip.octets());
                    }
                }
                out.extend(address.port().to_be_bytes());
                out.extend([u8::from(*begun), ending_tag(*ending), u8::from(*is_json)]);
                put_state(out, state);
            }
            Self::Lines { conn, ending, bytes } => {
                put(out, 1, *conn);
                out.push(ending_tag(Some(*ending)));
                put_bytes(out, bytes);
            }
            Self::TooLong { conn, first, is_busy } => {
                put(out, 2, *conn);
                out.extend([*first, u8::from(*is_busy)]);
            }
            Self::Taken { conn, bytes } => {
                put(out, 3, *conn);
                out.extend(bytes.to_be_bytes());
            }
            Self::Detach { conn } => put(out, 4, *conn),
        }
    }
}

impl ToStandby<'_> {
    pub(in crate::server) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Output { to, bytes } => {
                out.push(0);
                out.extend(length(to.len()).to_be_bytes());
                for (conn, whole) in to {
                    put_entry(out, *conn, whole.as_ref());
                }
                put_bytes(out, bytes);
            }
            Self::Closed { conn, why } => {
                put(out, 1, *conn);
                out.push(match why {
                    Why::Http => 0,
                    Why::OutcomeUnknown => 1,
                    Why::RateLimited => 2,
                    Why::Refused => 3,
                    Why::Moved => 4,
                });
            }
        }
    }
}

fn put_entry(out: &mut Vec<u8>, conn: u64, whole: Option<&Whole>) {
    out.extend(conn.to_be_bytes());
    let Some(Whole { answered, change }) = whole else { return out.push(0) };
    out.push(1);
    out.extend(answered.to_be_bytes());
    match change {
        Change::Nothing => out.push(0),
        Change::ToldUpto(last) => {
            out.push(1);
            out.extend(last.get().to_be_bytes());
        }
        Change::State(state) => {
            out.push(2);
            put_state(out, state);
        }
    }
}

fn put_state(out: &mut Vec<u8>, ConnectionState { has_used_session, bound }: &ConnectionState) {
    out.push(u8::from(*has_used_session));
    let Some(Bound { user, session, told_upto }) = bound else { return out.push(0) };
    out.push(1);
    put_bytes(out, user.as_str().as_bytes());
    out.extend(session.as_bytes());
    out.push(u8::from(told_upto.is_some()));
    out.extend(told_upto.iter().flat_map(|last| last.get().to_be_bytes()));
}

fn put(out: &mut Vec<u8>, tag: u8, conn: u64) {
    out.push(tag);
    out.extend(conn.to_be_bytes());
}

/// Lines and output are cut so that they fit a packet, and a user's name is short.
fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(length(bytes.len()).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn ending_tag(ending: Option<Ending>) -> u8 {
    match ending {
        None => 0,
        Some(Ending::Lf) => 1,
        Some(Ending::CrLf) => 2,
    }
}

/// The items of a packet that are still to be read.
#[derive(Clone, Copy)]
pub(in crate::server) struct Items<'a>(&'a [u8]);

impl<'a> Items<'a> {
    pub(in crate::server) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::server) fn next_to_owner(&mut self) -> Option<ToOwner<'a>> {
        let (tag, conn) = (self.u8()?, self.u64()?);
        Some(match tag {
            0 => ToOwner::Attach { conn, arrival: self.arrival()? },
            1 => ToOwner::Lines { conn, ending: self.ending()??, bytes: self.bytes()? },
            2 => ToOwner::TooLong { conn, first: self.u8()?, is_busy: self.bool()? },
            3 => ToOwner::Taken { conn, bytes: self.u64()? },
            4 => ToOwner::Detach { conn },
            _ => return None,
        })
    }

    pub(in crate::server) fn next_to_standby(&mut self) -> Option<ToStandby<'a>> {
        Some(match self.u8()? {
            0 => {
                // It may be anything; the entries follow, or do not.
                let count = self.u32()?;
                let mut to = Vec::new();
                for _ in 0..count {
                    to.push((self.u64()?, self.whole()?));
                }
                ToStandby::Output { to, bytes: self.bytes()? }
            }
            1 => {
                let conn = self.u64()?;
                let why = match self.u8()? {
                    0 => Why::Http,
                    1 => Why::OutcomeUnknown,
                    2 => Why::RateLimited,
                    3 => Why::Refused,
                    4 => Why::Moved,
                    _ => return None,
                };
                ToStandby::Closed { conn, why }
            }
            _ => return None,
        })
    }

    fn arrival(&mut self) -> Option<Arrival> {
        let ip = match self.u8()? {
            4 => IpAddr::from(self.array::<4>()?),
            6 => IpAddr::from(self.array::<16>()?),
            _ => return None,
        };
        let address = SocketAddr::new(ip, u16::from_be_bytes(self.array()?));
        let form = (self.bool()?, self.ending()?, self.bool()?);
        Some(Arrival { address, form, state: self.state()? })
    }

    fn whole(&mut self) -> Option<Option<Whole>> {
        if !self.bool()? {
            return Some(None);
        }
        let answered = self.u64()?;
        let change = match self.u8()? {
            0 => Change::Nothing,
            1 => Change::ToldUpto(MessageId::new(self.u64()?)?),
            2 => Change::State(self.state()?),
            _ => return None,
        };
        Some(Some(Whole { answered, change }))
    }

    fn state(&mut self) -> Option<ConnectionState> {
        let (has_used_session, is_bound) = (self.bool()?, self.bool()?);
        let bound = if is_bound { Some(self.bound()?) } else { None };
        Some(ConnectionState { has_used_session, bound })
    }

    fn bound(&mut self) -> Option<Bound> {
        let user = UserName::parse(std::str::from_utf8(self.bytes()?).ok()?).ok()?;
        let session = SessionId::from_bytes(self.array()?);
        let told_upto = if self.bool()? { Some(MessageId::new(self.u64()?)?) } else { None };
        Some(Bound { user, session, told_upto })
    }

    fn ending(&mut self) -> Option<Option<Ending>> {
        match self.u8()? {
            0 => Some(None),
            1 => Some(Some(Ending::Lf)),
            2 => Some(Some(Ending::CrLf)),
            _ => None,
        }
    }

    fn bool(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

/// What is written first. Servers that do not write the same do not understand each other.
const VERSION: u8 = 1;

#[cfg(test)]
mod tests;
