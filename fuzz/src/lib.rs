//! What must hold for any bytes. `cargo fuzz` looks for bytes for which it does not; the test beside
//! this file tries all that were ever found worth keeping.

pub mod calls;

use std::sync::atomic::{AtomicU8, Ordering};

use chat_lib::entropy::Entropy;
use chat_lib::limits::Limits;
use chat_lib::model::PasswordCost;
use chat_lib::protocol::{Command, Frame, Frames};
use chat_lib::{Chat, Config, Connection, Error, Outbox};

/// Lines are the same however the bytes are cut, end where the rule says, and are never too long.
pub fn frame(data: &[u8]) {
    let Some(([limit, size], input)) = data.split_first_chunk() else { return };
    let limit = usize::from(*limit).max(1);
    let whole = lines(input, limit, input.len().max(1));
    let ends = ends(input);
    assert_eq!(whole.len(), ends.len() + usize::from(input.len() - ends.last().unwrap_or(&0) >= limit));
    let mut begin = 0;
    for (line, end) in whole.iter().zip(ends) {
        assert_eq!(line.as_deref(), Some(&input[begin..end]).filter(|line| line.len() <= limit));
        begin = end;
    }
    assert_eq!(lines(input, limit, usize::from(*size).max(1)), whole);
    assert_eq!(lines(input, limit, 1), whole);
}

/// All lines of `input`, too long ones as `None`.
fn lines(input: &[u8], limit: usize, size: usize) -> Vec<Option<Vec<u8>>> {
    let mut frames = Frames::new(limit);
    let mut lines = Vec::new();
    for mut piece in input.chunks(size) {
        while let Some(frame) = frames.next(&mut piece) {
            lines.push(match frame {
                Frame::Line(line) => Some(line.to_vec()),
                Frame::TooLong => None,
            });
        }
        assert!(piece.is_empty());
    }
    lines
}

/// Where each line ends, its end included: the rule of `docs/protocol.md`, written to be obvious.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let ends: Vec<usize> = (1..=bytes.len()).filter(|&end| bytes[end - 1] == b'\n').collect();
    let after_cr = |end: &usize| bytes[..*end].ends_with(b"\r\n");
    match ends.first() {
        Some(first) if after_cr(first) => ends.into_iter().filter(after_cr).collect(),
        _ => ends,
    }
}

/// A line is read or refused; what is read and can be written reads back as the same.
pub fn command(data: &[u8]) {
    let command = match Command::parse(data) {
        Ok(command) => command,
        Err(error) => return assert!(matches!(error, Error::BadCommand | Error::NoSuchSession)),
    };
    let mut line = Vec::new();
    if command.write(&mut line).is_err() {
        return;
    }
    match (Command::parse(&line), command) {
        (Ok(Command::Send { token, to, text }), Command::Send { token: t, to: r, text: x }) => {
            // Without a text, the line end belongs to the recipient's word.
            let text = if x.is_empty() { Some(text) } else { text.strip_suffix("\r\n") };
            assert!(token == t && to == r && text == Some(x));
        }
        (again, command) => assert!(again.is_ok_and(|again| again == command)),
    }
}

/// Every line is answered, once and in order, by JSON in ASCII, however the bytes are cut.
///
/// The first byte says how long the pieces are. Tokens count up from
/// `00000000-0000-4000-8000-000000000003`, so that the input can name them.
pub fn connection(data: &[u8]) {
    let Some((size, input)) = data.split_first() else { return };
    let (whole, over) = answers(input, input.len().max(1), usize::MAX);
    assert!(answers(input, usize::from(*size).max(1), usize::MAX).0 == whole, "pieces made a difference");
    assert!(answers(input, input.len().max(1), 1).0 == whole, "a full buffer made a difference");
    let text = std::str::from_utf8(&whole).expect("answers are ASCII");
    let ends = ends(input);
    let unended = input.len() - ends.last().unwrap_or(&0);
    let (answered, lines) =
        (text.split_terminator("\r\n\r\n").count(), ends.len() + usize::from(unended >= LINE_BYTES));
    // What comes after an HTTP request is not looked at.
    assert!(answered == lines || over && (1..lines).contains(&answered), "{answered} answers to {lines} lines");
    for answer in text.split_terminator("\r\n\r\n") {
        let answer: serde_json::Value = serde_json::from_str(answer).expect("answers are JSON");
        assert!(answer["status"] == "OK" || answer["status"] == "ERROR");
    }
}

/// What is answered, and whether the connection is over then.
fn answers(input: &[u8], size: usize, room: usize) -> (Vec<u8>, bool) {
    let limits = Limits { line_bytes: LINE_BYTES, reply_bytes: room, ..Limits::default() };
    // A login of nobody takes as long as a user's, and there are many.
    let password_cost = PasswordCost::new(8, 1, 1).expect("it is the least");
    let entropy = Box::new(Counting(AtomicU8::new(0)));
    let chat = Chat::new(Config { entropy, limits, password_cost, ..Config::default() });
    chat.add_demo_users().expect("a store in memory does not fail");
    let (mut sent, mut out) = (Vec::new(), Outbox::new(&chat));
    let mut connection = Connection::new(chat);
    for mut piece in input.chunks(size) {
        while !piece.is_empty() {
            let taken = connection.receive(piece, &mut out);
            piece = &piece[taken..];
            sent.append(&mut out.take());
        }
    }
    (sent, connection.is_over())
}

struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        bytes.fill(0);
        if let Some(last) = bytes.last_mut() {
            *last = self.0.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

const LINE_BYTES: usize = 200;
