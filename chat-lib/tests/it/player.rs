//! Plays transcripts: dialogues with a server that has the three demo users, to the byte.
//!
//! A line each: `# comment`; `a> TEXT` sends TEXT on connection `a`, opened on first use; `a< TEXT`
//! reads an answer on `a`, which must be TEXT; `a close` closes it. TEXT knows `\r \n \t \\` and
//! `\xHH`. `$T1`, `$T2` … stand for tokens: the first answer that holds one binds it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chat_lib::model::SessionToken;

/// One connection to what is tested.
pub(crate) trait Wire {
    /// Sends request bytes.
    fn send(&mut self, bytes: &[u8]);
    /// The next answer, with its end.
    fn receive(&mut self) -> Vec<u8>;
}

/// Plays every transcript of the project; `connect` is told which one it is for, and gives a new
/// connection to a server that is fresh for each.
pub(crate) fn play_all<W: Wire>(pipelined: bool, mut connect: impl FnMut(&str) -> W) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../chat-lib/tests/transcripts");
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 13, "transcripts are missing");
    for name in names {
        let text = fs::read_to_string(&name).unwrap();
        let name = name.file_name().unwrap().to_string_lossy();
        let mut play = Play { connect: || connect(&name), wires: BTreeMap::new(), tokens: BTreeMap::new() };
        play.play(&name, &text, pipelined);
    }
}

struct Play<W, C> {
    connect: C,
    wires: BTreeMap<String, W>,
    tokens: BTreeMap<String, String>,
}

impl<W: Wire, C: FnMut() -> W> Play<W, C> {
    fn play(&mut self, name: &str, text: &str, pipelined: bool) {
        let mut requests: Vec<u8> = Vec::new();
        let mut waiting: Vec<(usize, String)> = Vec::new();
        let mut speaker = String::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((label, rest)) = line.split_once(['>', '<', ' ']) else {
                panic!("{name}:{number}: what is this?")
            };
            let mark = line.as_bytes()[label.len()];
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            let needs_answers = mark == b'>' && self.lacks_token(rest);
            if mark == b' ' || label != speaker || needs_answers || (mark == b'>' && !pipelined) {
                self.settle(name, &speaker, &mut requests, &mut waiting);
                label.clone_into(&mut speaker);
            }
            match mark {
                b'>' => requests.extend(self.request(rest)),
                b'<' => waiting.push((number, rest.to_owned())),
                _ => drop(self.wires.remove(label)),
            }
        }
        self.settle(name, &speaker, &mut requests, &mut waiting);
    }

    /// Sends what was gathered for one connection, and reads all answers to it.
    fn settle(&mut self, name: &str, label: &str, requests: &mut Vec<u8>, waiting: &mut Vec<(usize, String)>) {
        if !requests.is_empty() {
            let connect = &mut self.connect;
            self.wires.entry(label.to_owned()).or_insert_with(connect).send(requests);
            requests.clear();
        }
        for (number, wanted) in waiting.drain(..) {
            let answer = self.wires.get_mut(label).expect("it was sent on").receive();
            self.check(&answer, &wanted).unwrap_or_else(|problem| {
                let answer = answer.escape_ascii();
                panic!("{name}:{number}: {problem}\n wanted {wanted}\n got    {answer}")
            });
        }
    }

    fn check(&mut self, answer: &[u8], wanted: &str) -> Result<(), &'static str> {
        let mut answer = answer;
        for (literal, token) in pieces(wanted) {
            answer = answer.strip_prefix(&unescape(literal)[..]).ok_or("another text")?;
            if token.is_empty() {
                continue;
            }
            let (text, rest) = answer.split_at_checked(36).ok_or("no token")?;
            let text = std::str::from_utf8(text).map_err(|_| "no token")?;
            SessionToken::parse(text).map_err(|_| "no UUID of version 4")?;
            if self.tokens.entry(token.to_owned()).or_insert_with(|| text.to_owned()) != text {
                return Err("another token");
            }
            answer = rest;
        }
        answer.is_empty().then_some(()).ok_or("more than was wanted")
    }

    fn lacks_token(&self, template: &str) -> bool {
        pieces(template).any(|(_, token)| !token.is_empty() && !self.tokens.contains_key(token))
    }

    fn request(&self, template: &str) -> Vec<u8> {
        pieces(template)
            .flat_map(|(literal, token)| {
                let token = self.tokens.get(token).map(String::as_str).unwrap_or_default();
                [unescape(literal), token.into()].concat()
            })
            .collect()
    }
}

/// Texts, each with the token that follows it: none behind the last.
fn pieces(template: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = Some(template);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(start) = text.find("$T") else {
            rest = None;
            return Some((text, ""));
        };
        let digits = text[start + 2..].bytes().take_while(u8::is_ascii_digit).count();
        let end = start + 2 + digits;
        rest = Some(&text[end..]);
        Some((&text[..start], &text[start..end]))
    })
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.extend_from_slice(before.as_bytes());
        let (byte, length) = match after.as_bytes()[0] {
            b'r' => (b'\r', 1),
            b'n' => (b'\n', 1),
            b't' => (b'\t', 1),
            b'\\' => (b'\\', 1),
            b'x' => (u8::from_str_radix(&after[1..3], 16).unwrap(), 3),
            other => panic!("unknown escape {other}"),
        };
        out.push(byte);
        rest = &after[length..];
    }
    out.extend_from_slice(rest.as_bytes());
    out
}
