//! What must hold for any bytes. `cargo fuzz` looks for bytes for which it does not; the test beside
//! this file tries all that were ever found worth keeping.

pub mod calls;

use std::sync::atomic::{AtomicU8, Ordering};

use chat_lib::clock::ManualClock;
use chat_lib::entropy::Entropy;
use chat_lib::limits::Limits;
use chat_lib::model::{Framing, MessageId, PasswordCost};
use chat_lib::protocol::rpc::{self, Incoming};
use chat_lib::protocol::{Command, Frame, Frames, line};
use chat_lib::store::Position;
use chat_lib::{Chat, Config, Connection, Error, Outbox};
use serde_json::{Deserializer, Value};

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
                Frame::TooLong { .. } => None,
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
    let request = match line::parse(data) {
        Ok(request) => request,
        Err(error) => return assert!(matches!(error, Error::BadCommand | Error::NoSuchSession)),
    };
    let mut written = Vec::new();
    if line::write(&request, &mut written).is_err() {
        return;
    }
    let again = line::parse(&written).expect("a request that was written can be read");
    assert!(again.token == request.token);
    match (again.command, request.command) {
        // A request is written with CRLF, whatever framed the text.
        (Command::Send { to, text, key, .. }, Command::Send { to: r, text: x, key: k, .. }) => {
            assert!(to == r && text == x && key == k);
        }
        (Command::SendToAll { to, text, .. }, Command::SendToAll { to: r, text: x, .. }) => {
            assert!(to == r && text == x);
        }
        (again, command) => assert!(again == command),
    }
}

/// A line is a request of protocol 2, or is refused by one line. What is read and written again reads back as the same, be it a
/// request, an answer or an event.
pub fn rpc(data: &[u8]) {
    let mut line = Vec::new();
    match rpc::parse(data) {
        Ok(call) => {
            rpc::write_request(7, &call.command, &mut line).expect("what can be asked for can be written");
            let again = rpc::parse(&line).expect("a request that was written can be read");
            assert!(again.command == call.command && again.id.is_some_and(|id| id.as_json() == "7"));
        }
        Err(refused) => {
            if let Some(id) = refused.id {
                rpc::write_error(&id, &refused.error, &mut line);
                assert!(matches!(rpc::read(&line), Ok(Incoming::Refusal { .. })));
                assert!(is_one_line(&line));
            }
        }
    }
    match rpc::read(data) {
        Ok(Incoming::Event(event)) => {
            let mut line = Vec::new();
            rpc::write_event(&event, &mut line);
            assert!(is_one_line(&line));
            assert!(matches!(rpc::read(&line), Ok(Incoming::Event(again)) if again == event));
        }
        Ok(Incoming::Answer { result, .. }) => commands().iter().for_each(|command| reply(command, result)),
        Ok(_) | Err(Error::BadReply(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

/// The result of an answer to `command`, if it can be read as one.
fn reply(command: &Command<'_>, result: &str) {
    let Ok(reply) = rpc::read_reply(command, result) else { return };
    let (mut line, mut again) = (Vec::new(), Vec::new());
    rpc::write_reply(&rpc::Id::NULL, &reply, &mut line);
    assert!(is_one_line(&line));
    let Ok(Incoming::Answer { result, .. }) = rpc::read(&line) else {
        panic!("an answer that was written can be read")
    };
    let reply = rpc::read_reply(command, result).expect("a result that was written can be read");
    rpc::write_reply(&rpc::Id::NULL, &reply, &mut again);
    assert!(line == again);
}

fn is_one_line(line: &[u8]) -> bool {
    line.iter().position(|&byte| byte == b'\n') == Some(line.len() - 1)
}

/// One for each kind of result.
fn commands() -> [Command<'static>; 14] {
    let (name, after, limit) = (|| "a".into(), MessageId::NONE, 1);
    [
        Command::Server,
        Command::Ping,
        Command::Auth { user: name(), password: name() },
        Command::Sessions,
        Command::Send { to: name(), text: name(), framing: Framing::DEFAULT, key: None },
        Command::History { with: name(), position: Position::After(after), limit },
        Command::Sync { after, limit },
        Command::Read { with: name(), upto: after },
        Command::Conversations { before: MessageId::MAX, limit },
        Command::Subscribe { after: None },
        Command::Users { after: name(), limit },
        Command::Blocks,
        Command::Members { room: name(), after: name(), limit },
        Command::Rooms { after: name(), limit },
    ]
}

/// Every line but a notification is answered, once and in order, by JSON of its protocol, however the bytes are cut.
///
/// The first byte says how long the pieces are. Tokens count up from
/// `00000000-0000-4000-8000-000000000003`, so that the input can name them.
pub fn connection(data: &[u8]) {
    let Some((size, input)) = data.split_first() else { return };
    let (whole, over) = answers(input, input.len().max(1), usize::MAX);
    assert!(answers(input, usize::from(*size).max(1), usize::MAX).0 == whole, "pieces made a difference");
    assert!(answers(input, input.len().max(1), 1).0 == whole, "a full buffer made a difference");
    let asked = lines(input, LINE_BYTES, input.len().max(1));
    let answered = asked.iter().filter(|line| line.as_deref().is_none_or(is_answered)).count();
    // What comes after an HTTP request is not looked at.
    assert!(whole.len() == answered || over && (1..answered).contains(&whole.len()), "{whole:?} to {answered} lines");
}

/// Whether a line that is not too long gets an answer.
fn is_answered(line: &[u8]) -> bool {
    !rpc::is_rpc(line)
        || match rpc::parse(line) {
            Ok(call) => call.id.is_some(),
            Err(refused) => refused.id.is_some(),
        }
}

/// What is answered, but for events, and whether the connection is over then.
fn answers(input: &[u8], size: usize, room: usize) -> (Vec<Value>, bool) {
    let limits = Limits { line_bytes: LINE_BYTES, reply_bytes: room, ..Limits::default() };
    // A login of nobody takes as long as a user's, and there are many.
    let password_cost = PasswordCost::new(8, 1, 1).expect("it is the least");
    let entropy = Box::new(Counting(AtomicU8::new(0)));
    let clock = Box::new(ManualClock::default());
    let chat = Chat::new(Config { clock, entropy, limits, password_cost, ..Config::default() });
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
    let sent: Result<Vec<Value>, _> = Deserializer::from_slice(&sent).into_iter().collect();
    let mut sent = sent.expect("answers and events are JSON");
    sent.retain(|line| line["method"].is_null());
    for answer in &mut sent {
        match answer["status"].as_str() {
            Some(status) => assert!(status == "OK" || status == "ERROR"),
            None => assert!(answer["jsonrpc"] == "2.0" && answer["result"].is_object() != answer["error"].is_object()),
        }
        if let Some(result) = answer["result"].as_object_mut() {
            // Each chat has another one.
            result.remove("epoch");
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
