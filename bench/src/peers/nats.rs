//! NATS: core publish with a ping for each request, core delivery, and JetStream as inboxes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use memchr::memmem;
use serde_json::{Value, json};

use super::live::{Audience, Heard, Publisher, Subscriber};
use super::{Inbox, Lane, Message, Peer, Side, Talk, Took, Wire};
use crate::{options::Options, text};

const END: &[u8] = b"\r\n";
const STREAM: &str = "INBOX";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// PUB and PING; the PONG completes it. Nobody listens.
    Flushed,
    /// PUB into a stream on file; the acknowledgement completes it.
    Stored,
}

pub struct Nats<'a>(pub &'a Options, pub Kind);

impl Nats<'_> {
    /// What a live publisher of this number publishes on. The stream has only subjects of inboxes.
    fn subject(&self, audience: Audience, index: usize) -> String {
        match self.1 {
            Kind::Flushed => audience.channel(index),
            Kind::Stored => format!("inbox.{}", audience.channel(index)),
        }
    }

    /// Creates the stream, or a consumer, by a request to JetStream's own subjects.
    fn api(&self, wire: &mut Wire, subject: &str, body: Value) -> Result<Value> {
        static REQUESTS: AtomicUsize = AtomicUsize::new(0);
        let reply = format!("_INBOX.api{}", REQUESTS.fetch_add(1, Ordering::Relaxed));
        let (body, listen) = (body.to_string(), format!("SUB {reply} api\r\nUNSUB api 1\r\n"));
        wire.write(format!("{listen}PUB $JS.API.{subject} {reply} {}\r\n{body}\r\n", body.len()).as_bytes())?;
        let (_, payload) = next_message(wire)?;
        let answer: Value = serde_json::from_slice(&payload)?;
        if !answer["error"].is_null() {
            bail!("{subject}: {answer}");
        }
        Ok(answer)
    }
}

impl Peer for Nats<'_> {
    fn prepare(&self) -> Result<()> {
        if self.1 != Kind::Stored {
            return Ok(());
        }
        let mut wire = self.login(&self.0.users[0])?;
        let stream = json!({ "name": STREAM, "subjects": ["inbox.>"], "storage": "file", "retention": "limits",
            "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "num_replicas": 1, "discard": "old" });
        self.api(&mut wire, &format!("STREAM.CREATE.{STREAM}"), stream)?;
        for user in &self.0.users {
            let config = json!({ "durable_name": user, "filter_subject": format!("inbox.{user}"),
                "deliver_policy": "all", "ack_policy": "all", "max_ack_pending": -1, "replay_policy": "instant" });
            let request = json!({ "stream_name": STREAM, "config": config });
            self.api(&mut wire, &format!("CONSUMER.DURABLE.CREATE.{STREAM}.{user}"), request)?;
        }
        Ok(())
    }

    fn login(&self, user: &str) -> Result<Wire> {
        let mut wire = Wire::connect(self.0.addr)?;
        wire.expect("INFO")?;
        let hello = json!({ "verbose": false, "pedantic": false, "user": user, "pass": self.0.password,
            "protocol": 1, "headers": true, "no_responders": true, "lang": "loadgen", "version": "0" });
        wire.write(format!("CONNECT {hello}\r\nPING\r\n").as_bytes())?;
        loop {
            match wire.expect("")?.as_str() {
                "PONG" => return Ok(wire),
                "PING" => wire.write(b"PONG\r\n")?,
                line if line.starts_with("-ERR") => bail!("login answered by {line}"),
                _ => {}
            }
        }
    }

    fn sender(&self, lane: usize) -> Result<Lane> {
        let mut sending = self.login(self.0.sender(lane))?;
        let mut reply = None;
        if self.1 == Kind::Stored {
            sending.write(format!("SUB _INBOX.{lane}.* 1\r\n").as_bytes())?;
            reply = Some(format!("_INBOX.{lane}."));
        }
        let subject = format!("inbox.{}", self.0.receiver(lane));
        Ok(Lane {
            sending,
            receiving: None,
            talk: Box::new(Publishes { subject, reply, lane, size: self.0.size, done: 0 }),
        })
    }

    fn inbox(&self, user: &str) -> Result<Box<dyn Inbox>> {
        if self.1 != Kind::Stored {
            bail!("core NATS keeps no inbox");
        }
        static DRAINS: AtomicUsize = AtomicUsize::new(0);
        let reply = format!("_INBOX.drain{}", DRAINS.fetch_add(1, Ordering::Relaxed));
        let mut wire = self.login(user)?;
        wire.write(format!("SUB {reply}.* 1\r\n").as_bytes())?;
        Ok(Box::new(Drain { wire, user: user.to_owned(), reply }))
    }

    fn gather(&self) -> Result<()> {
        self.prepare()
    }

    fn subscriber(&self, audience: Audience, index: usize) -> Result<(Wire, Box<dyn Subscriber>)> {
        let subject = self.subject(audience, index);
        let mut wire = self.login(self.0.receiver(index))?;
        if self.1 == Kind::Stored {
            let deliver = format!("_INBOX.live{index}");
            wire.write(format!("SUB {deliver} 1\r\n").as_bytes())?;
            let config = json!({ "deliver_subject": deliver, "filter_subject": subject, "deliver_policy": "new",
                "ack_policy": "none", "replay_policy": "instant" });
            let request = json!({ "stream_name": STREAM, "config": config });
            self.api(&mut wire, &format!("CONSUMER.CREATE.{STREAM}"), request)?;
            return Ok((wire, Box::new(Pushed { subject, size: self.0.size })));
        }
        wire.write(format!("SUB {subject} 1\r\nPING\r\n").as_bytes())?;
        wire.until(b"PONG\r\n")?;
        Ok((
            wire,
            Box::new(Live { command: format!("MSG {subject} 1 {}\r\n", self.0.size).into_bytes(), size: self.0.size }),
        ))
    }

    fn publisher(&self, audience: Audience, index: usize) -> Result<(Wire, Box<dyn Publisher>)> {
        let (subject, size) = (self.subject(audience, index), self.0.size);
        let mut wire = self.login(self.0.sender(index))?;
        if self.1 == Kind::Stored {
            let reply = format!("_INBOX.{index}.");
            wire.write(format!("SUB {reply}* 1\r\n").as_bytes())?;
            let publishes = Publishes { subject, reply: Some(reply), lane: index, size, done: 0 };
            return Ok((wire, Box::new(Acknowledged { publishes, sent: 0 })));
        }
        let command = format!("PUB {subject} {size}\r\n").into_bytes();
        Ok((wire, Box::new(Live { command, size })))
    }
}

/// Either end of core delivery: the line before each text, and the size of that.
struct Live {
    command: Vec<u8>,
    size: usize,
}

impl Publisher for Live {
    fn put(&mut self, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.command);
        out.extend_from_slice(text);
        out.extend_from_slice(END);
    }

    fn take(&mut self, data: &[u8], out: &mut Vec<u8>) -> Took {
        aside(data, out)
    }
}

impl Subscriber for Live {
    fn take<'a>(&mut self, data: &'a [u8], out: &mut Vec<u8>) -> Heard<'a> {
        if let Some(rest) = data.strip_prefix(&self.command[..]) {
            return match rest.get(..self.size + END.len()) {
                None => Heard::More,
                Some(item) if item.ends_with(END) => {
                    Heard::Text(self.command.len() + item.len(), item[..self.size].into())
                }
                Some(_) => Heard::Wrong(data.len(), String::from_utf8_lossy(data).into_owned()),
            };
        }
        match aside(data, out) {
            Took::Wrong(count, what) => Heard::Wrong(count, what),
            Took::Skip(count) => Heard::Skip(count),
            _ => Heard::More,
        }
    }
}

/// The end that gets what the stream has stored.
struct Pushed {
    subject: String,
    size: usize,
}

impl Subscriber for Pushed {
    fn take<'a>(&mut self, data: &'a [u8], out: &mut Vec<u8>) -> Heard<'a> {
        let Some(end) = memmem::find(data, END) else { return Heard::More };
        let (line, after) = (&data[..end], end + END.len());
        if line.starts_with(b"MSG ") {
            let right = message_line(line) == Some((&*self.subject, self.size));
            return match data.get(after..after + self.size + END.len()) {
                None => Heard::More,
                Some(item) if right && item.ends_with(END) => Heard::Text(after + item.len(), item[..self.size].into()),
                Some(_) => Heard::Wrong(data.len(), String::from_utf8_lossy(data).into_owned()),
            };
        }
        match aside(data, out) {
            Took::Wrong(count, what) => Heard::Wrong(count, what),
            Took::Skip(count) => Heard::Skip(count),
            _ => Heard::More,
        }
    }
}

/// The end that sends to the stream, which acknowledges each message.
struct Acknowledged {
    publishes: Publishes,
    sent: u64,
}

impl Publisher for Acknowledged {
    fn answered(&self) -> bool {
        true
    }

    fn put(&mut self, text: &[u8], out: &mut Vec<u8>) {
        self.publishes.head(self.sent, out);
        self.sent += 1;
        out.extend_from_slice(text);
        out.extend_from_slice(END);
    }

    fn take(&mut self, data: &[u8], out: &mut Vec<u8>) -> Took {
        self.publishes.take(Side::Sending, data, out)
    }
}

/// A line that is no message.
fn aside(data: &[u8], out: &mut Vec<u8>) -> Took {
    let Some(end) = memmem::find(data, END) else { return Took::More };
    let (line, after) = (&data[..end], end + END.len());
    match line {
        b"PING" => {
            out.extend_from_slice(b"PONG\r\n");
            Took::Skip(after)
        }
        _ if line.starts_with(b"INFO ") => Took::Skip(after),
        _ => odd(line, after),
    }
}

struct Publishes {
    subject: String,
    /// Where acknowledgements go; without it, a ping follows each message.
    reply: Option<String>,
    lane: usize,
    size: usize,
    done: u64,
}

impl Publishes {
    /// The line before the text of message `seq`.
    fn head(&self, seq: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(b"PUB ");
        out.extend_from_slice(self.subject.as_bytes());
        if let Some(reply) = &self.reply {
            out.extend_from_slice(format!(" {reply}{seq}").as_bytes());
        }
        out.extend_from_slice(format!(" {}\r\n", self.size).as_bytes());
    }
}

impl Talk for Publishes {
    fn put(&mut self, seq: u64, out: &mut Vec<u8>) {
        self.head(seq, out);
        text::write(self.lane, seq, self.size, out);
        out.extend_from_slice(END);
        if self.reply.is_none() {
            out.extend_from_slice(b"PING\r\n");
        }
    }

    fn take(&mut self, _: Side, data: &[u8], out: &mut Vec<u8>) -> Took {
        let Some(end) = memmem::find(data, END) else { return Took::More };
        let (line, after) = (&data[..end], end + END.len());
        match line {
            b"PONG" if self.reply.is_none() => Took::Done(after),
            _ if line.starts_with(b"MSG ") && self.reply.is_some() => {
                let Some((subject, length)) = message_line(line) else { return odd(line, after) };
                let Some(payload) = data.get(after..after + length) else { return Took::More };
                if data.len() < after + length + END.len() {
                    return Took::More;
                }
                let whole = after + length + END.len();
                // Acknowledgements of one publisher come back in order.
                let right = subject.rsplit('.').next() == Some(self.done.to_string().as_str())
                    && payload.starts_with(b"{\"stream\":\"INBOX\"")
                    && memmem::find(payload, b"\"seq\":").is_some();
                self.done += 1;
                if right { Took::Done(whole) } else { odd(&data[..whole], whole) }
            }
            _ => aside(data, out),
        }
    }
}

fn odd(what: &[u8], size: usize) -> Took {
    Took::Wrong(size, String::from_utf8_lossy(what).into_owned())
}

/// Subject and payload length of a MSG line.
fn message_line(line: &[u8]) -> Option<(&str, usize)> {
    let line = std::str::from_utf8(line).ok()?;
    Some((line.split(' ').nth(1)?, line.rsplit(' ').next()?.parse().ok()?))
}

struct Drain {
    wire: Wire,
    user: String,
    /// Where answers to this receiver, and to no other, go.
    reply: String,
}

impl Inbox for Drain {
    fn drain(&mut self, expect: usize) -> Result<(Duration, Vec<Message>)> {
        let start = Instant::now();
        let mut all = Vec::with_capacity(expect);
        let mut last = String::new();
        let batch = if expect > 0 { expect } else { 1000 };
        let request = json!({ "batch": batch, "no_wait": true }).to_string();
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{} {}.pull", self.user, self.reply);
        self.wire.write(format!("PUB {subject} {}\r\n{request}\r\n", request.len()).as_bytes())?;
        while all.len() < batch {
            let (line, text) = next_message(&mut self.wire)?;
            if line.starts_with("HMSG") {
                break; // a status: no more messages
            }
            last = line.split(' ').nth(3).context("message without a reply subject")?.to_owned();
            all.push(Message { from: None, text });
        }
        if !all.is_empty() {
            // Acknowledge all of them, and take them out of the stream.
            // $JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>...
            let seq: u64 = last.split('.').nth(5).context("acknowledge subject")?.parse()?;
            let purge = json!({ "filter": format!("inbox.{}", self.user), "seq": seq + 1 }).to_string();
            let subject = format!("$JS.API.STREAM.PURGE.{STREAM} {}.purge", self.reply);
            let text = format!("PUB {last} 4\r\n+ACK\r\nPUB {subject} {}\r\n{purge}\r\n", purge.len());
            self.wire.write(text.as_bytes())?;
            let (_, payload) = next_message(&mut self.wire)?;
            let answer: Value = serde_json::from_slice(&payload)?;
            if answer["purged"].as_u64() != Some(all.len() as u64) {
                bail!("purge answered by {answer}");
            }
        }
        Ok((start.elapsed(), all))
    }
}

/// The next MSG or HMSG: its line, and its payload (of an HMSG, with the headers).
fn next_message(wire: &mut Wire) -> Result<(String, Vec<u8>)> {
    loop {
        let line = wire.expect("")?;
        if line.starts_with("MSG ") || line.starts_with("HMSG ") {
            let (_, length) = message_line(line.as_bytes()).with_context(|| line.clone())?;
            let mut payload = wire.exact(length + END.len())?;
            payload.truncate(length);
            return Ok((line, payload));
        }
        match line.as_str() {
            "PING" => wire.write(b"PONG\r\n")?,
            line if line.starts_with("-ERR") => bail!("{line}"),
            _ => {}
        }
    }
}
