//! A connection of either protocol to a server that may die.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

/// How long a client waits for a connection or an answer, until it takes another server.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Wire {
    stream: BufReader<TcpStream>,
    /// The beginning of a line, the rest of which has not come yet.
    line: Vec<u8>,
}

/// What comes next on a connection.
pub(crate) enum Next {
    Line(Value),
    /// Nothing, for [`PATIENCE`].
    Silence,
    /// Nothing ever.
    End,
}

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Self { stream: BufReader::new(stream), line: Vec::new() })
    }

    /// `false` if nobody takes it.
    pub(crate) fn write(&mut self, lines: &str) -> bool {
        self.stream.get_mut().write_all(lines.as_bytes()).is_ok()
    }

    /// The next line that is not empty, which is JSON in both protocols.
    pub(crate) fn next(&mut self) -> Next {
        loop {
            match self.stream.read_until(b'\n', &mut self.line) {
                Ok(_) if self.line.ends_with(b"\n") => {}
                Ok(_) => return Next::End,
                Err(problem) if matches!(problem.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Next::Silence;
                }
                Err(_) => return Next::End,
            }
            let line = std::mem::take(&mut self.line);
            if !line.trim_ascii().is_empty() {
                let text = String::from_utf8_lossy(&line);
                return Next::Line(serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}")));
            }
        }
    }

    /// The answer to the request of protocol 2 with that id; events before it are dropped. `None` if none comes in time.
    pub(crate) fn answer(&mut self, id: u32) -> Option<Value> {
        loop {
            let Next::Line(line) = self.next() else { return None };
            match line.get("id") {
                Some(Value::Null) => return None,
                Some(got) => {
                    assert_eq!(got, id, "{line}");
                    return Some(line);
                }
                None => {}
            }
        }
    }

    /// A request of protocol 2 and its answer.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Option<Value> {
        self.write(&request(0, method, params)).then(|| self.answer(0))?
    }

    /// A request of protocol 1 and its answer.
    pub(crate) fn ask_line(&mut self, line: &str) -> Option<Value> {
        if !self.write(&format!("{line}\r\n")) {
            return None;
        }
        let Next::Line(answer) = self.next() else { return None };
        Some(answer)
    }
}

pub(crate) fn request(id: u32, method: &str, params: &Value) -> String {
    format!("{}\n", json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
}

/// The code of a refusal in either protocol; `None` if it is none.
pub(crate) fn refusal(answer: &Value) -> Option<String> {
    let code = answer.pointer("/error/data/code").or_else(|| answer.get("code"));
    let words = || answer.get("message").filter(|_| answer["status"] == "ERROR");
    code.or_else(words).map(|code| code.as_str().unwrap_or_default().to_owned())
}
