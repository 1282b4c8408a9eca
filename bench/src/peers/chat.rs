//! The chat protocol: one line in, one JSON object and an empty line out.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use memchr::memmem;
use serde_json::Value;

use super::{Inbox, Lane, Message, Peer, Side, Talk, Took, Wire};
use crate::options::{Crowd, Options};
use crate::text;

const END: &[u8] = b"\r\n\r\n";
const SENT: &[u8] = b"{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n";
const NAMES: [(&str, &str); 3] =
    [("messi", "Lionel Messi"), ("henderson", "Jordan Henderson"), ("lineker", "Gary Lineker")];

/// A member of a crowd changes after so many messages, as a connection that stays with a session is quicker.
const TURN: u64 = 16;

pub struct Chat<'a> {
    options: &'a Options,
    /// The sessions of a crowd.
    tokens: OnceLock<Arc<Vec<String>>>,
}

impl<'a> Chat<'a> {
    pub fn new(options: &'a Options) -> Self {
        Self { options, tokens: OnceLock::new() }
    }

    /// The sessions of all who send, which are opened once.
    fn tokens(&self, crowd: Crowd) -> Result<Arc<Vec<String>>> {
        if let Some(tokens) = self.tokens.get() {
            return Ok(Arc::clone(tokens));
        }
        let mut wire = Wire::connect(self.options.addr)?;
        let lines = (0..crowd.senders).map(|number| self.auth_line(&format!("u{}", number * crowd.spacing)));
        wire.write(lines.collect::<String>().as_bytes())?;
        let tokens =
            (0..crowd.senders).map(|_| Ok(token(&parse(&wire.until(END)?)?)?.to_owned())).collect::<Result<_>>()?;
        Ok(Arc::clone(self.tokens.get_or_init(|| Arc::new(tokens))))
    }

    fn session(&self, user: &str) -> Result<(Wire, String)> {
        let mut wire = Wire::connect(self.options.addr)?;
        wire.write(self.auth_line(user).as_bytes())?;
        let reply = parse(&wire.until(END)?)?;
        Ok((wire, token(&reply)?.to_owned()))
    }

    fn auth_line(&self, user: &str) -> String {
        format!("auth {user} {}\r\n", self.options.password)
    }
}

impl Peer for Chat<'_> {
    fn login(&self, user: &str) -> Result<Wire> {
        Ok(self.session(user)?.0)
    }

    fn sender(&self, lane: usize) -> Result<Lane> {
        if let Some(crowd) = self.options.crowd {
            let talk = Talks { crowd, tokens: self.tokens(crowd)?, lane, size: self.options.size };
            return Ok(Lane { sending: Wire::connect(self.options.addr)?, receiving: None, talk: Box::new(talk) });
        }
        let (sending, token) = self.session(self.options.sender(lane))?;
        let prefix = format!("send {token} {} ", self.options.receiver(lane)).into_bytes();
        let talk = Sends { prefix, lane, size: self.options.size };
        Ok(Lane { sending, receiving: None, talk: Box::new(talk) })
    }

    fn inbox(&self, user: &str) -> Result<Box<dyn Inbox>> {
        let (wire, token) = self.session(user)?;
        let name = NAMES.iter().find(|(id, _)| *id == user).map(|(_, name)| *name);
        Ok(Box::new(Drain { wire, request: format!("inbox {token}\r\n"), name }))
    }
}

struct Sends {
    prefix: Vec<u8>,
    lane: usize,
    size: usize,
}

impl Talk for Sends {
    fn put(&mut self, seq: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix);
        text::write(self.lane, seq, self.size, out);
        out.extend_from_slice(b"\r\n");
    }

    fn take(&mut self, _: Side, data: &[u8], _: &mut Vec<u8>) -> Took {
        sent(data)
    }
}

/// Sends of a crowd.
struct Talks {
    crowd: Crowd,
    tokens: Arc<Vec<String>>,
    lane: usize,
    size: usize,
}

impl Talk for Talks {
    fn put(&mut self, seq: u64, out: &mut Vec<u8>) {
        let Crowd { users, senders, spacing, partners } = self.crowd;
        let number = scattered(self.lane as u64, seq / TURN) % senders;
        let to = (number * spacing + 1 + scattered(self.lane as u64, seq) % partners) % users;
        out.extend_from_slice(format!("send {} u{to} ", self.tokens[number as usize]).as_bytes());
        text::write(self.lane, seq, self.size, out);
        out.extend_from_slice(b"\r\n");
    }

    fn take(&mut self, _: Side, data: &[u8], _: &mut Vec<u8>) -> Took {
        sent(data)
    }
}

struct Drain {
    wire: Wire,
    request: String,
    name: Option<&'static str>,
}

impl Inbox for Drain {
    fn drain(&mut self, _: usize) -> Result<(Duration, Vec<Message>)> {
        let start = Instant::now();
        self.wire.write(self.request.as_bytes())?;
        let raw = self.wire.until(END)?;
        let took = start.elapsed();
        Ok((took, messages(&parse(&raw)?, self.name)?))
    }
}

/// A number that is as good as random, and the same in each run: SplitMix64.
fn scattered(lane: u64, seq: u64) -> u64 {
    let mixed = (lane << 40 | seq).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

fn messages(reply: &Value, receiver: Option<&str>) -> Result<Vec<Message>> {
    if reply["status"] != "OK" {
        bail!("inbox answered by {reply}");
    }
    let mut all = Vec::new();
    for (from, items) in reply["messages"].as_object().context("inbox without messages")? {
        let name = NAMES.iter().find(|(id, _)| id == from).map(|(_, name)| *name);
        for item in items.as_array().context("messages are no list")? {
            if name.is_some_and(|name| item["msg_from"] != name) || receiver.is_some_and(|name| item["msg_to"] != name)
            {
                bail!("wrong names in {item}");
            }
            let text = item["msg"].as_str().context("message without text")?;
            all.push(Message { from: Some(from.clone()), text: text.trim().as_bytes().to_vec() });
        }
    }
    Ok(all)
}

/// The answer to a send.
fn sent(data: &[u8]) -> Took {
    if data.starts_with(SENT) {
        return Took::Done(SENT.len());
    }
    judge(data, |reply| {
        if reply["status"] != "OK" || reply["message"] != "Message Sent" {
            bail!("send answered by {reply}");
        }
        Ok(())
    })
}

fn judge(data: &[u8], check: impl Fn(&Value) -> Result<()>) -> Took {
    let Some(end) = memmem::find(data, END) else { return Took::More };
    match parse(&data[..end]).and_then(|reply| check(&reply)) {
        Ok(()) => Took::Done(end + END.len()),
        Err(error) => Took::Wrong(end + END.len(), format!("{error:#}")),
    }
}

fn token(reply: &Value) -> Result<&str> {
    match reply["tokenid"].as_str() {
        Some(token) if reply["status"] == "OK" && !token.is_empty() => Ok(token),
        _ => bail!("auth answered by {reply}"),
    }
}

fn parse(raw: &[u8]) -> Result<Value> {
    serde_json::from_slice(raw)
        .with_context(|| format!("no JSON: {}", String::from_utf8_lossy(&raw[..raw.len().min(200)])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_in_any_spelling_are_judged_by_content() {
        let mut talk = Sends { prefix: b"send t u ".to_vec(), lane: 0, size: 20 };
        let mut take = |data: &[u8]| talk.take(Side::Sending, data, &mut Vec::new());
        assert!(matches!(take(SENT), Took::Done(n) if n == SENT.len()));
        assert!(matches!(take(&SENT[..20]), Took::More));
        assert!(matches!(take(b"{\"message\":\"Message Sent\",\"status\":\"OK\"}\r\n\r\n{"), Took::Done(44)));
        assert!(matches!(take(b"{\"status\":\"ERROR\"}\r\n\r\n"), Took::Wrong(22, _)));
        assert!(matches!(take(b"hello\r\n\r\n"), Took::Wrong(9, _)));
    }

    #[test]
    fn members_of_a_crowd_write_to_those_after_them() {
        let crowd = Crowd { users: 100, senders: 5, spacing: 20, partners: 3 };
        let tokens = Arc::new((0..5).map(|number| number.to_string()).collect());
        let mut talk = Talks { crowd, tokens, lane: 3, size: 20 };
        let mut seen = std::collections::BTreeSet::new();
        for seq in 0..2000 {
            let mut out = Vec::new();
            talk.put(seq, &mut out);
            let line = String::from_utf8(out).unwrap();
            let (sender, rest) = line.strip_prefix("send ").unwrap().split_once(" u").unwrap();
            let (to, text) = rest.split_once(' ').unwrap();
            assert_eq!(text, format!("c00003 s{seq:09} lo\r\n"));
            seen.insert((sender.parse::<u64>().unwrap(), to.parse::<u64>().unwrap()));
        }
        assert_eq!(seen, (0..5).flat_map(|sender| (1..4).map(move |next| (sender, sender * 20 + next))).collect());
    }

    #[test]
    fn inbox_texts_are_trimmed_and_names_checked() {
        let raw = br#"{"status":"OK","messages":{"messi":[{"msg_from":"Lionel Messi","msg_to":"Jordan Henderson","msg":" hello \r\n"}]}}"#;
        let reply = parse(raw).unwrap();
        let want = Message { from: Some("messi".into()), text: b"hello".to_vec() };
        assert_eq!(messages(&reply, Some("Jordan Henderson")).unwrap(), [want]);
        assert!(messages(&reply, Some("Gary Lineker")).is_err());
    }
}
