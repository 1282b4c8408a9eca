//! The chat protocol, version 2: JSON-RPC 2.0, one object a line; live delivery to subscribed connections.

use std::borrow::Cow;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use memchr::{memchr, memmem};
use serde_json::{Value, json};

use super::live::{Audience, Heard, Publisher, Subscriber};
use super::{Lane, Peer, Side, Talk, Took, Wire};
use crate::{options::Options, text};

const ROOM: &str = "#bench";
/// Sends are numbered from here on; what goes before has the numbers below.
const FIRST: u64 = 10;

pub struct Chat2<'a> {
    options: &'a Options,
    /// Whether each pair's subscriber is a user of its own.
    apart: OnceLock<bool>,
}

impl<'a> Chat2<'a> {
    pub fn new(options: &'a Options) -> Self {
        Self { options, apart: OnceLock::new() }
    }

    /// The user that number `index` receives as, and whether others do too.
    fn receiver(&self, audience: Audience, index: usize) -> (String, bool) {
        match audience {
            Audience::Room => (self.options.users[index % self.options.users.len()].clone(), false),
            Audience::Pairs if *self.apart.get().unwrap_or(&false) => (own(index), false),
            Audience::Pairs => (self.options.receiver(index).to_owned(), true),
        }
    }
}

impl Peer for Chat2<'_> {
    fn login(&self, user: &str) -> Result<Wire> {
        let mut wire = Wire::connect(self.options.addr)?;
        let result = must(&mut wire, 1, "login", json!({ "user": user, "password": self.options.password }))?;
        match result["token"].as_str() {
            Some(token) if !token.is_empty() => Ok(wire),
            _ => bail!("login answered by {result}"),
        }
    }

    fn sender(&self, lane: usize) -> Result<Lane> {
        let publisher = Publishes::new(self.options.receiver(lane));
        let talk = Sends { publisher, lane, size: self.options.size, text: Vec::new() };
        Ok(Lane { sending: self.login(self.options.sender(lane))?, receiving: None, talk: Box::new(talk) })
    }

    /// One room with all users in it, or a user for each pair's subscriber. A server that registers nobody has pairs share
    /// its users, and each subscriber gets what is sent to any of its name.
    fn gather(&self) -> Result<()> {
        let options = self.options;
        if options.mode != "live" {
            let fresh = call(&mut self.login(&options.users[0])?, 2, "room.create", json!({ "room": ROOM }))?.is_ok();
            for user in &options.users[1..] {
                let joined = call(&mut self.login(user)?, 2, "room.join", json!({ "room": ROOM }))?;
                // Who refuses a second room of that name may refuse a second join as well.
                if let (Err(error), true) = (joined, fresh) {
                    bail!("room.join answered by {error}");
                }
            }
            return Ok(());
        }
        for lane in 0..options.lanes {
            let user = own(lane);
            let params = json!({ "user": user, "password": options.password, "name": user });
            // It binds a session to the connection, so each takes one of its own. Users of an earlier run are refused here
            // and can log in all the same.
            let _ = call(&mut Wire::connect(options.addr)?, 2, "register", params)?;
        }
        self.apart.get_or_init(|| self.login(&own(options.lanes - 1)).is_ok());
        Ok(())
    }

    fn subscriber(&self, audience: Audience, index: usize) -> Result<(Wire, Box<dyn Subscriber>)> {
        let (user, shared) = self.receiver(audience, index);
        let mut wire = self.login(&user)?;
        must(&mut wire, 3, "subscribe", json!({}))?;
        let (from, with) = match audience {
            Audience::Room => (self.options.users[0].clone(), ROOM.to_owned()),
            Audience::Pairs => (self.options.sender(index).to_owned(), self.options.sender(index).to_owned()),
        };
        let lane = shared.then_some(index);
        Ok((wire, Box::new(Events { lane, from, with, checked: false })))
    }

    fn publisher(&self, audience: Audience, index: usize) -> Result<(Wire, Box<dyn Publisher>)> {
        let (user, to) = match audience {
            Audience::Room => (&*self.options.users[0], ROOM.to_owned()),
            Audience::Pairs => (self.options.sender(index), self.receiver(audience, index).0),
        };
        Ok((self.login(user)?, Box::new(Publishes::new(&to))))
    }
}

fn own(lane: usize) -> String {
    format!("live{lane}")
}

/// One request and its result, or the error that the server answers.
fn call(wire: &mut Wire, id: u64, method: &str, params: Value) -> Result<std::result::Result<Value, Value>> {
    let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    wire.write(format!("{request}\n").as_bytes())?;
    loop {
        let answer = parse(&wire.until(b"\n")?)?;
        match (&answer["result"], &answer["error"]) {
            // An event.
            _ if answer["method"].is_string() => {}
            (result, Value::Null) if answer["id"] == id && !result.is_null() => return Ok(Ok(result.clone())),
            (Value::Null, error) if answer["id"] == id && !error.is_null() => return Ok(Err(error.clone())),
            _ => bail!("{method} answered by {answer}"),
        }
    }
}

fn must(wire: &mut Wire, id: u64, method: &str, params: Value) -> Result<Value> {
    call(wire, id, method, params)?.map_err(|error| anyhow::anyhow!("{method} answered by {error}"))
}

struct Publishes {
    prefix: Vec<u8>,
    sent: u64,
    answered: u64,
}

impl Publishes {
    fn new(to: &str) -> Self {
        let prefix = format!(",\"method\":\"send\",\"params\":{{\"to\":{},\"text\":\"", json!(to)).into_bytes();
        Self { prefix, sent: 0, answered: 0 }
    }
}

impl Publisher for Publishes {
    fn answered(&self) -> bool {
        true
    }

    fn put(&mut self, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
        out.extend_from_slice((FIRST + self.sent).to_string().as_bytes());
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(text);
        out.extend_from_slice(b"\"}}\n");
        self.sent += 1;
    }

    fn take(&mut self, data: &[u8], _: &mut Vec<u8>) -> Took {
        let Some(end) = memchr(b'\n', data) else { return Took::More };
        let (line, after) = (&data[..end], end + 1);
        let id = FIRST + self.answered;
        if plain_answer(line, id).is_none() {
            let answer = parse(line).unwrap_or_default();
            if answer["method"].is_string() && answer["method"] != "closed" {
                return Took::Skip(after);
            }
            if answer["id"] != id || !answer["result"]["id"].is_u64() || !answer["result"]["time"].is_u64() {
                self.answered += 1;
                return Took::Wrong(after, String::from_utf8_lossy(line).into_owned());
            }
        }
        self.answered += 1;
        Took::Done(after)
    }
}

/// Sends that complete when they are answered; nobody need listen.
struct Sends {
    publisher: Publishes,
    lane: usize,
    size: usize,
    text: Vec<u8>,
}

impl Talk for Sends {
    fn put(&mut self, seq: u64, out: &mut Vec<u8>) {
        self.text.clear();
        text::write(self.lane, seq, self.size, &mut self.text);
        self.publisher.put(&self.text, out);
    }

    fn take(&mut self, _: Side, data: &[u8], out: &mut Vec<u8>) -> Took {
        self.publisher.take(data, out)
    }
}

struct Events {
    /// Whose messages are for this subscriber, where others share its name.
    lane: Option<usize>,
    from: String,
    with: String,
    /// Whether a whole message was looked at; the others differ in number, time and text.
    checked: bool,
}

impl Events {
    /// The text of a message event; `None` for another event.
    fn text<'a>(&mut self, line: &'a [u8]) -> Result<Option<Cow<'a, [u8]>>> {
        if self.checked
            && memmem::find(line, b"\"method\":\"message\"").is_some()
            && let Some(text) = plain_text(line)
        {
            return Ok(Some(text.into()));
        }
        let event = parse(line)?;
        let params = &event["params"];
        match event["method"].as_str().context("no event")? {
            "message" => {}
            "lagged" | "closed" => bail!("the server gave up on a subscriber"),
            _ => return Ok(None),
        }
        let text = params["text"].as_str().context("message without text")?.as_bytes().to_vec();
        if self.lane.is_none_or(|lane| text::identity(&text).is_some_and(|(of, _)| of == lane)) {
            let numbers = params["id"].is_u64() && params["time"].is_u64();
            if !numbers || !params["name"].is_string() || params["from"] != self.from || params["with"] != self.with {
                bail!("not as it was sent");
            }
            self.checked = true;
        }
        Ok(Some(text.into()))
    }
}

impl Subscriber for Events {
    fn take<'a>(&mut self, data: &'a [u8], _: &mut Vec<u8>) -> Heard<'a> {
        let Some(end) = memchr(b'\n', data) else { return Heard::More };
        let (line, after) = (&data[..end], end + 1);
        match self.text(line) {
            Ok(None) => Heard::Skip(after),
            Ok(Some(text)) => {
                match self.lane.is_some_and(|lane| text::identity(&text).is_some_and(|(of, _)| of != lane)) {
                    true => Heard::Copy(after),
                    false => Heard::Text(after, text),
                }
            }
            Err(error) => Heard::Wrong(after, format!("{error:#}: {}", String::from_utf8_lossy(line))),
        }
    }
}

/// The right answer to send number `id`, spelled without spaces and in the order of the documentation.
fn plain_answer(line: &[u8], id: u64) -> Option<()> {
    let number = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = line.strip_prefix(b"{\"jsonrpc\":\"2.0\",\"id\":")?.strip_prefix(id.to_string().as_bytes())?;
    let rest = rest.strip_prefix(b",\"result\":{\"id\":")?;
    let (message, rest) = rest.split_at(number(rest));
    let rest = rest.strip_prefix(b",\"time\":")?;
    let (time, rest) = rest.split_at(number(rest));
    (!message.is_empty() && !time.is_empty() && rest == b"}}").then_some(())
}

/// The text in a message, if it is spelled without spaces and escapes. In a string, the quotes of this key would be escaped.
fn plain_text(line: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = b"\"text\":\"";
    let text = &line[memmem::find(line, KEY)? + KEY.len()..];
    let text = &text[..memchr(b'"', text)?];
    memchr(b'\\', text).is_none().then_some(text)
}

fn parse(line: &[u8]) -> Result<Value> {
    serde_json::from_slice(line)
        .with_context(|| format!("no JSON: {}", String::from_utf8_lossy(&line[..line.len().min(200)])))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r##"{"jsonrpc":"2.0","method":"message","params":{"id":7,"with":"#bench","from":"messi","name":"Lionel \"text\":\"no\"","text":"c00000 s000000000","time":1}}"##;

    fn events(lane: Option<usize>) -> Events {
        Events { lane, from: "messi".into(), with: ROOM.into(), checked: false }
    }

    fn heard(events: &mut Events, event: &str) -> String {
        match events.take(format!("{event}\nnext").as_bytes(), &mut Vec::new()) {
            Heard::Text(count, text) if count == event.len() + 1 => String::from_utf8(text.into_owned()).unwrap(),
            Heard::Copy(_) => "copy".into(),
            Heard::Skip(_) => "skip".into(),
            Heard::Wrong(..) => "wrong".into(),
            _ => "more".into(),
        }
    }

    #[test]
    fn texts_need_no_escapes() {
        for size in text::MIN..400 {
            let mut text = Vec::new();
            text::write(3, 14, size, &mut text);
            assert_eq!(json!(std::str::from_utf8(&text).unwrap()).to_string().len(), size + 2);
        }
    }

    #[test]
    fn fields_come_in_any_order_and_spelling() {
        let spaced = EVENT.replace("\":", "\" :").replace(",\"", ", \"");
        let moved = r##"{"method":"message","params":{"time":1,"text":"c00000 s000000000","name":"","from":"messi","with":"#bench","id":7},"jsonrpc":"2.0"}"##;
        let escaped = EVENT.replace("c00000 s", "c\\u0030000\\u0030 s");
        let mut events = events(None);
        for _ in 0..2 {
            for event in [EVENT, &spaced, moved, &escaped] {
                assert_eq!(heard(&mut events, event), "c00000 s000000000", "{event}");
            }
        }
        assert!(matches!(events.take(&EVENT.as_bytes()[..60], &mut Vec::new()), Heard::More));
    }

    #[test]
    fn other_events_are_no_messages() {
        let mut events = events(None);
        assert_eq!(heard(&mut events, r#"{"jsonrpc":"2.0","method":"typing","params":{"with":"messi"}}"#), "skip");
        assert_eq!(heard(&mut events, r#"{"jsonrpc":"2.0","method":"lagged","params":{}}"#), "wrong");
        assert_eq!(heard(&mut events, &EVENT.replace("messi", "lineker")), "wrong");
        assert_eq!(heard(&mut events, "hello"), "wrong");
    }

    #[test]
    fn a_shared_name_brings_copies() {
        assert_eq!(heard(&mut events(Some(0)), EVENT), "c00000 s000000000");
        assert_eq!(heard(&mut events(Some(5)), EVENT), "copy");
    }

    #[test]
    fn answers_are_judged() {
        let mut sends = Publishes::new("henderson");
        let mut out = Vec::new();
        sends.put(b"hi", &mut out);
        assert_eq!(
            out,
            b"{\"jsonrpc\":\"2.0\",\"id\":10,\"method\":\"send\",\"params\":{\"to\":\"henderson\",\"text\":\"hi\"}}\n"
        );
        let mut take = |line: &str| sends.take(line.as_bytes(), &mut Vec::new());
        assert!(matches!(take(r#"{"jsonrpc":"2.0","#), Took::More));
        assert!(matches!(take("{\"method\":\"presence\"}\n"), Took::Skip(22)));
        assert!(matches!(take("{\"result\":{\"time\":2,\"id\":1},\"id\":10}\n"), Took::Done(37)));
        assert!(matches!(take("{\"jsonrpc\":\"2.0\",\"id\":11,\"result\":{\"id\":1,\"time\":2}}\n{"), Took::Done(53)));
        assert!(matches!(
            take("{\"jsonrpc\":\"2.0\",\"id\":11,\"result\":{\"id\":1,\"time\":2}}\n"),
            Took::Wrong(53, _)
        ));
        assert!(matches!(take("{\"id\":13,\"error\":{\"code\":-1}}\n"), Took::Wrong(30, _)));
        assert!(plain_answer(br#"{"jsonrpc":"2.0","id":1,"result":{"id":1,"time":2}}"#, 1).is_some());
        assert!(plain_answer(br#"{"jsonrpc":"2.0","id":1,"result":{"id":,"time":2}}"#, 1).is_none());
    }
}
