//! The transcripts: those that are built in, and those of a directory.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// A transcript's file.
pub(super) struct Text {
    /// Its path without `.chat`, such as `protocol-2/ping`.
    pub(super) name: String,
    pub(super) text: String,
}

/// The built-in ones.
pub(super) fn built_in() -> Vec<Text> {
    let text = |(name, text): &(&str, &str)| Text { name: (*name).to_owned(), text: (*text).to_owned() };
    BUILT_IN.iter().map(text).collect()
}

/// Those in a directory and one level below, in order of their names.
///
/// # Errors
///
/// With the path that could not be read.
pub(super) fn read(folder: &Path) -> io::Result<Vec<Text>> {
    let mut texts = Vec::new();
    for path in entries(folder)? {
        match path.is_dir() {
            true => texts.extend(entries(&path)?.iter().filter_map(|path| read_file(folder, path).transpose())),
            false => texts.extend(read_file(folder, &path).transpose()),
        }
    }
    texts.into_iter().collect()
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths: Vec<PathBuf> = entries.map_err(|problem| unreadable(folder, &problem))?;
    paths.sort();
    Ok(paths)
}

/// `None` if it is not a transcript.
fn read_file(folder: &Path, path: &Path) -> io::Result<Option<Text>> {
    if path.extension().is_none_or(|extension| extension != "chat") || !path.is_file() {
        return Ok(None);
    }
    let name = path.strip_prefix(folder).unwrap_or(path).with_extension("").to_string_lossy().into_owned();
    let text = fs::read_to_string(path).map_err(|problem| unreadable(path, &problem))?;
    Ok(Some(Text { name, text }))
}

fn unreadable(path: &Path, problem: &io::Error) -> io::Error {
    io::Error::new(problem.kind(), format!("{}: {problem}", path.display()))
}

macro_rules! transcripts {
    ($($group:literal in $folder:literal: $($name:literal)*;)*) => {
        /// Names and texts.
        const BUILT_IN: &[(&str, &str)] = &[$($((
            concat!($group, "/", $name),
            include_str!(concat!("../../../", $folder, "/", $name, ".chat")),
        ),)*)*];

        /// Where each group is.
        #[cfg(test)]
        const FOLDERS: &[(&str, &str)] = &[$(($group, $folder)),*];
    };
}

transcripts! {
    "protocol-1" in "chat-lib/tests/transcripts":
        "01-login"
        "02-login-refused"
        "03-send-and-inbox"
        "04-send-refused"
        "05-inbox-groups-by-sender"
        "06-active-users"
        "07-logout"
        "08-unknown-command"
        "09-text-is-verbatim"
        "10-unicode"
        "11-session-outlives-connection"
        "12-two-sessions-of-one-user"
        "13-invalid-utf8"
        "14-line-ends"
        "15-words"
        "16-control-characters"
        "17-order-of-login"
        "18-two-readers"
        "19-line-ends-in-a-text"
        "20-rooms"
        "21-several-recipients";
    "protocol-1-sockets" in "conformance/protocol-1":
        "01-http"
        "02-pipelining"
        "03-line-too-long"
        "04-register";
    "protocol-2" in "conformance/protocol-2":
        "01-server-and-ping"
        "02-login-and-logout"
        "03-login-refused"
        "04-resume"
        "05-methods-that-need-a-session"
        "06-standard-errors"
        "07-wrong-parameters"
        "08-unknown-members"
        "09-ids"
        "10-notifications"
        "11-batches"
        "12-pipelining"
        "13-line-too-long"
        "14-line-ends"
        "15-mixed-protocols"
        "16-texts"
        "17-send-refused"
        "18-keys"
        "19-direct-messages"
        "20-history"
        "21-sync"
        "22-reading"
        "23-notes-to-oneself"
        "24-conversations"
        "25-subscribe"
        "26-order-of-events"
        "27-replay"
        "28-reconnect"
        "29-unsubscribe"
        "30-another-login"
        "31-read-receipts"
        "32-delete"
        "33-typing"
        "34-logout-elsewhere"
        "35-lost-answer"
        "37-replay-while-sending"
        "40-open-room"
        "41-room-names"
        "42-invite-only-room"
        "43-owners"
        "44-room-settings"
        "45-room-messages"
        "46-rejoining-a-room"
        "47-rooms-in-both-protocols"
        "48-room-made-again"
        "50-register"
        "51-nothing-sent-yet"
        "52-presence"
        "53-block"
        "54-profile"
        "55-users"
        "56-password"
        "57-sessions";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::conform::transcript::{Action, Transcript};

    #[test]
    fn every_transcript_is_built_in() {
        let mut there = BTreeSet::new();
        for (group, folder) in FOLDERS {
            let folder = Path::new("..").join(folder);
            let names = read(&folder).unwrap().into_iter().map(|text| format!("{group}/{}", text.name));
            there.extend(names);
        }
        assert_eq!(built_in().into_iter().map(|text| text.name).collect::<BTreeSet<_>>(), there);
    }

    #[test]
    fn every_transcript_can_be_read() {
        for Text { name, text } in built_in() {
            let read = Transcript::read(&text).unwrap_or_else(|problem| panic!("{name}: {problem}"));
            assert!(!read.title.is_empty() && !read.steps.is_empty(), "{name}");
            for step in read.steps {
                if let Action::Json(json) | Action::Result(json) | Action::Call(_, json) | Action::Event(_, json) =
                    step.action
                    && !json.is_empty()
                {
                    serde_json::from_str::<serde_json::Value>(json)
                        .unwrap_or_else(|problem| panic!("{name}:{}: {problem}", step.number));
                }
            }
        }
    }
}
