//! What the transcripts have shown, for a person or as JSON.

use std::time::Duration;

use chat_lib::printable;
use serde_json::{Value as Json, json};

use super::player::Failure;
use crate::{All, Stop, say};

/// What became of a transcript.
pub(super) enum Outcome {
    Passed,
    Failed(Failure),
    /// The file could not be parsed.
    Unreadable(String),
    /// It was not played, for this reason.
    Skipped(String),
}

/// A transcript, and what became of it.
pub(super) struct Played {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
}

/// The report of a run. What a person reads is printed as it comes.
pub(super) struct Report<'a> {
    server: &'a str,
    as_json: bool,
    played: Vec<Json>,
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(server: &'a str, as_json: bool) -> Self {
        Self { server, as_json, played: Vec::new(), passed: 0, failed: 0, skipped: 0 }
    }

    pub(super) fn add(&mut self, played: Played) -> Result<(), Stop> {
        let Played { name, title, outcome, took } = played;
        let (name, title) = (printable(&name), printable(&title));
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let mut entry = json!({"name": name, "title": title, "milliseconds": millis});
        let (word, details) = match outcome {
            Outcome::Passed => {
                self.passed += 1;
                ("passed", json!({}))
            }
            Outcome::Failed(Failure { line, step, expected, came }) => {
                self.failed += 1;
                ("failed", json!({"line": line, "step": step, "expected": expected, "came": came}))
            }
            Outcome::Unreadable(problem) => {
                self.failed += 1;
                ("failed", json!({"reason": problem}))
            }
            Outcome::Skipped(reason) => {
                self.skipped += 1;
                ("skipped", json!({"reason": reason}))
            }
        };
        if !self.as_json {
            say(&told(word, &name, &title, &details))?;
        }
        if let (Some(entry), Json::Object(details)) = (entry.as_object_mut(), details) {
            entry.insert("outcome".to_owned(), word.into());
            entry.extend(details);
        }
        self.played.push(entry);
        Ok(())
    }

    /// Prints what is left to print. Skipped transcripts alone prove nothing.
    pub(super) fn finish(self) -> Result<All, Stop> {
        let Self { server, as_json, played, passed, failed, skipped } = self;
        say(&match as_json {
            true => json!({
                "server": server, "passed": passed, "failed": failed, "skipped": skipped, "transcripts": played,
            })
            .to_string(),
            false => format!("{passed} passed, {failed} failed, {skipped} skipped"),
        })?;
        Ok(if failed == 0 && passed > 0 { All::Well } else { All::NotWell })
    }
}

fn told(word: &str, name: &str, title: &str, details: &Json) -> String {
    let detail = |name: &str| details.get(name).and_then(Json::as_str);
    let mut told = format!("{word:7}  {name}");
    if let Some(reason) = detail("reason") {
        told += &format!(": {reason}");
    }
    if let (Some(step), Some(expected), Some(came)) = (detail("step"), detail("expected"), detail("came")) {
        let line = details.get("line").and_then(Json::as_u64).unwrap_or_default();
        told += &format!(
            "\n           {title}\n           line {line}   {step}\n           expected {expected}\n           came     {came}"
        );
    }
    told
}
