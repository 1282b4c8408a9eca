//! Redis as a store of inboxes: RPUSH sends, one MULTI of LRANGE and DEL drains. Live: PUBLISH and SUBSCRIBE.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use memchr::memmem;

use super::live::{Audience, Heard, Publisher, Subscriber};
use super::{Inbox, Lane, Message, Peer, Side, Talk, Took, Wire};
use crate::{options::Options, text};

const END: &[u8] = b"\r\n";

pub struct Redis<'a>(pub &'a Options);

impl Redis<'_> {
    fn auth(&self, user: &str) -> Vec<u8> {
        command(&["AUTH", user, &self.0.password])
    }
}

impl Peer for Redis<'_> {
    fn login(&self, user: &str) -> Result<Wire> {
        let mut wire = Wire::connect(self.0.addr)?;
        wire.write(&self.auth(user))?;
        wire.expect("+OK")?;
        Ok(wire)
    }

    fn sender(&self, lane: usize) -> Result<Lane> {
        let prefix = with_text(&["RPUSH", &key(self.0.receiver(lane))], self.0.size);
        let talk = Pushes { prefix, lane, size: self.0.size };
        Ok(Lane { sending: self.login(self.0.sender(lane))?, receiving: None, talk: Box::new(talk) })
    }

    fn inbox(&self, user: &str) -> Result<Box<dyn Inbox>> {
        let key = key(user);
        let words: [&[&str]; 4] = [&["MULTI"], &["LRANGE", &key, "0", "-1"], &["DEL", &key], &["EXEC"]];
        Ok(Box::new(Drain { wire: self.login(user)?, request: words.map(command).concat() }))
    }

    fn subscriber(&self, audience: Audience, index: usize) -> Result<(Wire, Box<dyn Subscriber>)> {
        let channel = audience.channel(index);
        let mut wire = self.login(self.0.receiver(index))?;
        wire.write(&command(&["SUBSCRIBE", &channel]))?;
        wire.expect("*3")?;
        wire.until(b":1\r\n")?;
        let prefix = with_text(&["message", &channel], self.0.size);
        Ok((wire, Box::new(Messages { prefix, size: self.0.size })))
    }

    fn publisher(&self, audience: Audience, index: usize) -> Result<(Wire, Box<dyn Publisher>)> {
        let prefix = with_text(&["PUBLISH", &audience.channel(index)], self.0.size);
        let receivers = match audience {
            Audience::Room => self.0.lanes,
            Audience::Pairs => 1,
        };
        Ok((
            self.login(self.0.sender(index))?,
            Box::new(Publishes { prefix, answer: format!(":{receivers}").into_bytes() }),
        ))
    }
}

struct Pushes {
    prefix: Vec<u8>,
    lane: usize,
    size: usize,
}

impl Talk for Pushes {
    fn put(&mut self, seq: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix);
        text::write(self.lane, seq, self.size, out);
        out.extend_from_slice(END);
    }

    fn take(&mut self, _: Side, data: &[u8], _: &mut Vec<u8>) -> Took {
        judge(data, |line| line.first() == Some(&b':') && line[1..].iter().all(u8::is_ascii_digit) && line != b":0")
    }
}

struct Publishes {
    prefix: Vec<u8>,
    /// Redis says how many got it.
    answer: Vec<u8>,
}

impl Publisher for Publishes {
    fn answered(&self) -> bool {
        true
    }

    fn put(&mut self, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(text);
        out.extend_from_slice(END);
    }

    fn take(&mut self, data: &[u8], _: &mut Vec<u8>) -> Took {
        judge(data, |line| line == self.answer)
    }
}

struct Messages {
    prefix: Vec<u8>,
    size: usize,
}

impl Subscriber for Messages {
    fn take<'a>(&mut self, data: &'a [u8], _: &mut Vec<u8>) -> Heard<'a> {
        let (start, end) = (self.prefix.len(), self.prefix.len() + self.size);
        match data.get(..end + END.len()) {
            None => Heard::More,
            Some(item) if item.starts_with(&self.prefix) && item.ends_with(END) => {
                Heard::Text(item.len(), item[start..end].into())
            }
            Some(_) => Heard::Wrong(data.len(), String::from_utf8_lossy(data).into_owned()),
        }
    }
}

fn judge(data: &[u8], right: impl Fn(&[u8]) -> bool) -> Took {
    let Some(end) = memmem::find(data, END) else { return Took::More };
    match right(&data[..end]) {
        true => Took::Done(end + END.len()),
        false => Took::Wrong(end + END.len(), String::from_utf8_lossy(&data[..end]).into_owned()),
    }
}

struct Drain {
    wire: Wire,
    request: Vec<u8>,
}

impl Inbox for Drain {
    fn drain(&mut self, _: usize) -> Result<(Duration, Vec<Message>)> {
        let start = Instant::now();
        self.wire.write(&self.request)?;
        // The answer ends with DEL's count, which no message text can look like.
        while !self.wire.held().ends_with(b"\r\n:1\r\n") && !self.wire.held().ends_with(b"\r\n:0\r\n") {
            self.wire.fill()?;
        }
        let took = start.elapsed();
        for want in ["+OK", "+QUEUED", "+QUEUED", "*2"] {
            self.wire.expect(want)?;
        }
        let count = size(&self.wire.expect("*")?)?;
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            let length = size(&self.wire.expect("$")?)?;
            let mut text = self.wire.exact(length + END.len())?;
            text.truncate(length);
            all.push(Message { from: None, text });
        }
        self.wire.expect(":")?;
        if !self.wire.held().is_empty() {
            bail!("bytes after the answer");
        }
        Ok((took, all))
    }
}

fn size(line: &str) -> Result<usize> {
    line[1..].parse().with_context(|| format!("no size: {line}"))
}

fn key(user: &str) -> String {
    format!("inbox:{user}")
}

fn command(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len());
    for word in words {
        out += &format!("${}\r\n{word}\r\n", word.len());
    }
    out.into_bytes()
}

/// The front of a command or an answer whose last word is a message text.
fn with_text(words: &[&str], size: usize) -> Vec<u8> {
    let mut out = command(words);
    out[1] += 1;
    out.extend_from_slice(format!("${size}\r\n").as_bytes());
    out
}
