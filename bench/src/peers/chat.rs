//! The chat protocol: one line in, one JSON object and an empty line out.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use memchr::memmem;
use serde_json::Value;

use super::{Inbox, Lane, Message, Peer, Side, Talk, Took, Wire};
use crate::{options::Options, text};

const END: &[u8] = b"\r\n\r\n";
const SENT: &[u8] = b"{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n";
const NAMES: [(&str, &str); 3] =
    [("messi", "Lionel Messi"), ("henderson", "Jordan Henderson"), ("lineker", "Gary Lineker")];

pub struct Chat<'a>(pub &'a Options);

impl Chat<'_> {
    fn session(&self, user: &str) -> Result<(Wire, String)> {
        let mut wire = Wire::connect(self.0.addr)?;
        wire.write(self.auth_line(user).as_bytes())?;
        let reply = parse(&wire.until(END)?)?;
        Ok((wire, token(&reply)?.to_owned()))
    }

    fn auth_line(&self, user: &str) -> String {
        format!("auth {user} {}\r\n", self.0.password)
    }
}

impl Peer for Chat<'_> {
    fn login(&self, user: &str) -> Result<Wire> {
        Ok(self.session(user)?.0)
    }

    fn sender(&self, lane: usize) -> Result<Lane> {
        let (sending, token) = self.session(self.0.sender(lane))?;
        let prefix = match self.0.spread {
            None => format!("send {token} {} ", self.0.receiver(lane)),
            Some(_) => format!("send {token} u"),
        };
        let talk = Sends { prefix: prefix.into_bytes(), spread: self.0.spread, lane, size: self.0.size };
        Ok(Lane { sending, receiving: None, talk: Box::new(talk) })
    }

    fn inbox(&self, user: &str) -> Result<Box<dyn Inbox>> {
        let (wire, token) = self.session(user)?;
        let name = NAMES.iter().find(|(id, _)| *id == user).map(|(_, name)| *name);
        Ok(Box::new(Drain { wire, request: format!("inbox {token}\r\n"), name }))
    }
}

struct Sends {
    /// All before the text; before the number of the recipient, if there are many.
    prefix: Vec<u8>,
    spread: Option<u64>,
    lane: usize,
    size: usize,
}

impl Talk for Sends {
    fn put(&mut self, seq: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix);
        if let Some(users) = self.spread {
            out.extend_from_slice(format!("{} ", scattered(self.lane as u64, seq) % users).as_bytes());
        }
        text::write(self.lane, seq, self.size, out);
        out.extend_from_slice(b"\r\n");
    }

    fn take(&mut self, _: Side, data: &[u8], _: &mut Vec<u8>) -> Took {
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
        let mut talk = Sends { prefix: b"send t u ".to_vec(), spread: None, lane: 0, size: 20 };
        let mut take = |data: &[u8]| talk.take(Side::Sending, data, &mut Vec::new());
        assert!(matches!(take(SENT), Took::Done(n) if n == SENT.len()));
        assert!(matches!(take(&SENT[..20]), Took::More));
        assert!(matches!(take(b"{\"message\":\"Message Sent\",\"status\":\"OK\"}\r\n\r\n{"), Took::Done(44)));
        assert!(matches!(take(b"{\"status\":\"ERROR\"}\r\n\r\n"), Took::Wrong(22, _)));
        assert!(matches!(take(b"hello\r\n\r\n"), Took::Wrong(9, _)));
    }

    #[test]
    fn recipients_are_scattered_over_all_users() {
        let mut talk = Sends { prefix: b"send t u".to_vec(), spread: Some(10), lane: 3, size: 20 };
        let mut seen = [false; 10];
        for seq in 0..100 {
            let mut out = Vec::new();
            talk.put(seq, &mut out);
            let line = std::str::from_utf8(&out).unwrap();
            let (user, text) = line.strip_prefix("send t u").unwrap().split_once(' ').unwrap();
            seen[user.parse::<usize>().unwrap()] = true;
            assert_eq!(text, format!("c00003 s{seq:09} lo\r\n"));
        }
        assert_eq!(seen, [true; 10]);
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
