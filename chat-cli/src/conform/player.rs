//! Plays one transcript against a server, step by step.

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};
use std::io;
use std::time::Duration;

use chat_lib::printable;
use serde_json::{Value as Json, json};

use super::pattern::{self, Difference};
use super::transcript::{Action, Step, Transcript};
use super::values::Values;
use super::wire::{Missing, Wire};
use crate::args::Target;

/// The first thing that was not as expected.
#[derive(Debug)]
pub(super) struct Failure {
    /// The transcript's line.
    pub(super) line: usize,
    pub(super) step: String,
    pub(super) expected: String,
    pub(super) came: String,
}

/// Plays a transcript. The tokens that it was given end up in `values`.
pub(super) fn play(
    transcript: &Transcript<'_>,
    server: &Target,
    timeout: Duration,
    values: &mut Values,
) -> Result<(), Failure> {
    let mut player = Player { server, timeout, ignored: &transcript.ignored, values, peers: BTreeMap::new() };
    for step in &transcript.steps {
        player.step(step).map_err(|Mismatch { expected, came }| Failure {
            line: step.number,
            step: shown(step.line),
            expected: shown(&expected),
            came: shown(&came),
        })?;
    }
    Ok(())
}

struct Player<'a> {
    server: &'a Target,
    timeout: Duration,
    ignored: &'a [&'a str],
    values: &'a mut Values,
    peers: BTreeMap<String, Peer>,
}

/// A connection, and the calls on it.
struct Peer {
    wire: Wire,
    last_id: u64,
    unanswered: VecDeque<u64>,
}

struct Mismatch {
    expected: String,
    came: String,
}

impl Player<'_> {
    fn step(&mut self, step: &Step<'_>) -> Result<(), Mismatch> {
        let label = step.label;
        match step.action {
            Action::Send(text) => {
                let bytes = self.values.fill(text).map_err(author)?;
                sent(self.peer(label)?.wire.send(&bytes))
            }
            Action::Repeat(count, text) => {
                let (count, bytes) = (self.values.fill(count), self.values.fill(text).map_err(author)?);
                let count = String::from_utf8(count.map_err(author)?).ok().and_then(|count| count.parse().ok());
                let count = count.ok_or_else(|| author("how often is not a number".to_owned()))?;
                sent(self.peer(label)?.wire.send(&bytes.repeat(count)))
            }
            Action::Call(method, params) => {
                let params = self.params(params)?;
                let peer = self.peer(label)?;
                peer.last_id += 1;
                peer.unanswered.push_back(peer.last_id);
                peer.call(json!(peer.last_id), method, params)
            }
            Action::Notify(method, params) => {
                let params = self.params(params)?;
                self.peer(label)?.call(Json::Null, method, params)
            }
            Action::Answer(text) => {
                let answer = self.receive(label, text)?;
                self.values
                    .compare(text, &answer)
                    .map_err(|problem| Mismatch { expected: format!("{text} ({problem})"), came: visible(&answer) })
            }
            Action::Json(expected) => {
                let expected = parse(expected)?;
                self.compare(label, &expected)
            }
            Action::Result(result) => {
                let (result, id) = (parse(result)?, self.unanswered(label)?);
                self.compare(label, &json!({"jsonrpc": "2.0", "id": id, "result": result, "error": "$absent"}))
            }
            Action::Refusal(code, word) => {
                let id = self.unanswered(label)?;
                let error = json!({"code": code, "message": "$text", "data": {"code": word}});
                self.compare(label, &json!({"jsonrpc": "2.0", "id": id, "error": error, "result": "$absent"}))
            }
            Action::Event(method, params) => {
                let params = if params.is_empty() { json!({}) } else { parse(params)? };
                let event = json!({"jsonrpc": "2.0", "method": method, "params": params, "id": "$absent"});
                self.compare(label, &event)
            }
            Action::Silent => {
                let peer = self.peer(label)?;
                peer.last_id += 1;
                let id = peer.last_id;
                peer.call(json!(id), "ping", None)?;
                self.compare(label, &json!({"jsonrpc": "2.0", "id": id, "result": {}, "error": "$absent"}))
            }
            Action::Close => {
                self.peers.remove(label);
                Ok(())
            }
            Action::Closed => {
                let outcome = self.peer(label)?.wire.closed();
                self.peers.remove(label);
                outcome.map_err(|missing| missing.instead_of("the end of the connection"))
            }
        }
    }

    /// The connection with that label, which is made when it is used first.
    fn peer(&mut self, label: &str) -> Result<&mut Peer, Mismatch> {
        match self.peers.entry(label.to_owned()) {
            Entry::Occupied(peer) => Ok(peer.into_mut()),
            Entry::Vacant(place) => {
                let wire = Wire::connect(self.server, self.timeout)
                    .map_err(|problem| Mismatch { expected: "a connection".to_owned(), came: problem.to_string() })?;
                Ok(place.insert(Peer { wire, last_id: 0, unanswered: VecDeque::new() }))
            }
        }
    }

    fn unanswered(&mut self, label: &str) -> Result<u64, Mismatch> {
        let id = self.peer(label)?.unanswered.pop_front();
        id.ok_or_else(|| author("every call on this connection is answered".to_owned()))
    }

    fn params(&self, params: &str) -> Result<Option<Json>, Mismatch> {
        match params {
            "" => Ok(None),
            params => pattern::fill(&parse(params)?, self.values).map(Some).map_err(author),
        }
    }

    /// What comes next on a connection, and is not an event that may come at any time.
    fn receive(&mut self, label: &str, expected: &str) -> Result<Vec<u8>, Mismatch> {
        let ignored = self.ignored;
        let is_ignored = |line: &[u8]| {
            let method = serde_json::from_slice::<Json>(line).ok().and_then(|line| line.get("method").cloned());
            method.is_some_and(|method| ignored.iter().any(|name| method == *name))
        };
        let peer = self.peer(label)?;
        loop {
            let line = peer.wire.receive().map_err(|missing| missing.instead_of(expected))?;
            if ignored.is_empty() || !is_ignored(&line) {
                return Ok(line);
            }
        }
    }

    fn compare(&mut self, label: &str, expected: &Json) -> Result<(), Mismatch> {
        let line = self.receive(label, &expected.to_string())?;
        let mismatch = |expected, why: String| Mismatch { expected, came: format!("{why}, in {}", visible(&line)) };
        let not_a_line = |why: &str| mismatch("a line of JSON that LF ends".to_owned(), why.to_owned());
        if line.ends_with(b"\r\n") {
            return Err(not_a_line("one that CR LF ends"));
        }
        let came: Json = serde_json::from_slice(&line).map_err(|problem| not_a_line(&problem.to_string()))?;
        pattern::compare(expected, &came, self.values).map_err(|Difference { path, expected, came }| {
            let at = if path.is_empty() { String::new() } else { format!("{path}: ") };
            mismatch(format!("{at}{expected}"), format!("{at}{came}"))
        })
    }
}

impl Peer {
    /// Sends a request; without an id if that is null.
    fn call(&mut self, id: Json, method: &str, params: Option<Json>) -> Result<(), Mismatch> {
        let mut request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        if let Some(members) = request.as_object_mut() {
            members.retain(|_, member| !member.is_null());
        }
        sent(self.wire.send_line(&request.to_string()))
    }
}

impl Missing {
    fn instead_of(self, expected: &str) -> Mismatch {
        let after =
            |bytes: Vec<u8>| if bytes.is_empty() { String::new() } else { format!(", after {}", visible(&bytes)) };
        let came = match self {
            Self::TimedOut(bytes) => format!("nothing in time{}", after(bytes)),
            Self::Open(bytes) => visible(&bytes),
            Self::Closed(bytes) => format!("the end of the connection{}", after(bytes)),
            Self::Io(problem) => problem.to_string(),
        };
        Mismatch { expected: expected.to_owned(), came }
    }
}

fn sent(outcome: io::Result<()>) -> Result<(), Mismatch> {
    outcome
        .map_err(|problem| Mismatch { expected: "a connection that takes bytes".to_owned(), came: problem.to_string() })
}

/// The transcript cannot be played.
fn author(problem: String) -> Mismatch {
    Mismatch { expected: "a transcript that makes sense".to_owned(), came: problem }
}

fn parse(json: &str) -> Result<Json, Mismatch> {
    serde_json::from_str(json).map_err(|problem| author(problem.to_string()))
}

fn visible(bytes: &[u8]) -> String {
    printable(&String::from_utf8_lossy(bytes)).into_owned()
}

/// A step as the report shows it: shortened, and with control characters made visible.
fn shown(text: &str) -> String {
    let text = printable(text);
    let cut = text.char_indices().nth(SHOWN_CHARS).and_then(|(place, _)| text.split_at_checked(place));
    cut.map_or_else(|| text.to_string(), |(start, _)| format!("{start}…"))
}

/// The most characters of a line that a report quotes. A few lines of a terminal, and whole answers to most commands.
const SHOWN_CHARS: usize = 1_000;
