//! Plays transcripts: dialogues with a server that has the three demo users, to the byte.
//!
//! `docs/conformance.md` describes the files. Those that every way into a chat can play only send, expect answers, and close.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use self::transcript::{Action, Transcript};
use self::values::{Values, pieces};

#[allow(dead_code, reason = "chat-cli plays more than these tests do")]
#[path = "../../../chat-cli/src/conform/transcript.rs"]
mod transcript;
#[allow(dead_code, reason = "chat-cli plays more than these tests do")]
#[path = "../../../chat-cli/src/conform/values.rs"]
mod values;

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
    assert!(names.len() >= 21, "transcripts are missing");
    for name in names {
        let text = fs::read_to_string(&name).unwrap();
        let name = name.file_name().unwrap().to_string_lossy();
        let values = Values::new("1", 65_536);
        let mut play = Play { connect: || connect(&name), wires: BTreeMap::new(), values };
        play.play(&name, &text, pipelined);
    }
}

struct Play<W, C> {
    connect: C,
    wires: BTreeMap<String, W>,
    values: Values,
}

impl<W: Wire, C: FnMut() -> W> Play<W, C> {
    fn play(&mut self, name: &str, text: &str, pipelined: bool) {
        let transcript = Transcript::read(text).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        let mut requests: Vec<u8> = Vec::new();
        let mut waiting: Vec<(usize, &str)> = Vec::new();
        let mut speaker = "";
        for step in transcript.steps {
            let must_settle = match step.action {
                Action::Send(text) => !pipelined || self.lacks_token(text),
                Action::Answer(_) => false,
                _ => true,
            };
            if must_settle || step.label != speaker {
                self.settle(name, speaker, &mut requests, &mut waiting);
                speaker = step.label;
            }
            match step.action {
                Action::Send(text) => requests.extend(self.values.fill(text).unwrap()),
                Action::Answer(text) => waiting.push((step.number, text)),
                Action::Close => drop(self.wires.remove(step.label)),
                other => panic!("{name}:{}: {other:?} is not for these tests", step.number),
            }
        }
        self.settle(name, speaker, &mut requests, &mut waiting);
    }

    /// Whether a request needs a token that an answer must bring first.
    fn lacks_token(&self, request: &str) -> bool {
        pieces(request).any(|(_, name)| !name.is_empty() && self.values.get(name).is_none())
    }

    /// Sends what was gathered for one connection, and reads all answers to it.
    fn settle(&mut self, name: &str, label: &str, requests: &mut Vec<u8>, waiting: &mut Vec<(usize, &str)>) {
        if !requests.is_empty() {
            let connect = &mut self.connect;
            self.wires.entry(label.to_owned()).or_insert_with(connect).send(requests);
            requests.clear();
        }
        for (number, wanted) in waiting.drain(..) {
            let answer = self.wires.get_mut(label).expect("it was sent on").receive();
            self.values.compare(wanted, &answer).unwrap_or_else(|problem| {
                let answer = answer.escape_ascii();
                panic!("{name}:{number}: {problem}\n wanted {wanted}\n got    {answer}")
            });
        }
    }
}
