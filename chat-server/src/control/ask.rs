//! The asking side of the control socket.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::Request;
use super::socket::{SOCKET, reachable};

/// Has the server that runs on `directory` do what is asked, and writes what it has to say. `in_use` says that a
/// process has the directory, which need not be a server. The answer has to begin within `patience`.
///
/// The error is a [`chat_lib::Error::Io`] if `out` does not take it, and else a sentence.
pub(crate) fn ask(
    directory: &Path,
    in_use: &chat_lib::Error,
    request: &Request,
    out: &mut dyn Write,
    patience: Duration,
) -> Result<(), Box<dyn Error>> {
    let path = directory.join(SOCKET);
    let peer = reachable(&path, |path| UnixStream::connect(path)).map_err(|problem| match problem.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            format!("{in_use}, and there is no server on it that could be asked")
        }
        _ => format!("{in_use}, and cannot be asked: {}: {problem}", path.display()),
    })?;
    let request = format!("{}\n", serde_json::to_string(request)?);
    // A server that refuses without reading may be gone already, but its answer is still there.
    (&peer).write_all(request.as_bytes()).ok();
    peer.set_read_timeout(Some(patience))?;
    let mut answer = BufReader::new(&peer);
    if !begins(&mut answer) {
        let seconds = patience.as_secs_f32();
        return Err(format!("{in_use}, and has not responded within {seconds} s; it hangs or is stopped").into());
    }
    peer.set_read_timeout(None)?;
    relay(&mut answer, out)
}

/// Whether anything comes before the time limit passes, be it the end.
fn begins(answer: &mut impl BufRead) -> bool {
    loop {
        match answer.fill_buf().map_err(|problem| problem.kind()) {
            Err(io::ErrorKind::Interrupted) => {}
            Err(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return false,
            _ => return true,
        }
    }
}

/// Writes the pieces of an answer to `out`; gives the error that it ends with.
fn relay(answer: &mut impl BufRead, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    loop {
        let line = line(answer)?;
        if line.is_empty() {
            continue;
        }
        match line.parse().map_err(|_| format!("the server's answer makes no sense: {line:?} is not a length"))? {
            0 => break,
            length => copy(answer, length, out)?,
        }
    }
    match line(answer)? {
        problem if problem.is_empty() => Ok(()),
        problem => Err(problem.into()),
    }
}

fn line(answer: &mut impl BufRead) -> Result<String, &'static str> {
    let mut line = String::new();
    answer.read_line(&mut line).map_err(|_| CUT)?;
    line.strip_suffix('\n').map(str::to_owned).ok_or(CUT)
}

fn copy(answer: &mut impl BufRead, length: u64, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let mut piece = answer.take(length);
    loop {
        let bytes = match piece.fill_buf() {
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => continue,
            outcome => outcome.map_err(|_| CUT)?,
        };
        if bytes.is_empty() {
            break;
        }
        out.write_all(bytes).map_err(chat_lib::Error::Io)?;
        let count = bytes.len();
        piece.consume(count);
    }
    if piece.limit() > 0 { Err(CUT.into()) } else { Ok(()) }
}

/// How long a server has to respond. Even one that is busy takes a request at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

const CUT: &str = "the server ended before it had answered; what was written is not all of it";

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Whoever asked a server that was stopped waited for ever.
    #[test]
    fn a_server_that_hangs_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let _hangs = UnixListener::bind(directory.path().join(SOCKET)).unwrap();
        let in_use = chat_lib::Error::DataInUse { path: "data".into(), process: None };
        for request in [Request::Status, Request::List, Request::Dump { hashes: true }] {
            let asked = ask(directory.path(), &in_use, &request, &mut Vec::new(), Duration::from_millis(1));
            let said = asked.unwrap_err().to_string();
            let wanted = format!("{in_use}, and has not responded within 0.001 s; it hangs or is stopped");
            assert_eq!(said, wanted, "{request:?}");
        }
    }

    /// An answer that was cut was "invalid digit found in string".
    #[test]
    fn a_cut_is_told_from_nonsense() {
        let relayed = |mut answer: &[u8]| {
            let mut out = Vec::new();
            let problem = relay(&mut answer, &mut out).err().map(|problem| problem.to_string());
            (String::from_utf8(out).unwrap(), problem.unwrap_or_default())
        };
        for (answer, out, problem) in [
            (&b"4\none\n4\ntwo\n0\n\n"[..], "one\ntwo\n", ""),
            (b"\n4\none\n0\n\n", "one\n", ""),
            (b"\n", "", CUT),
            (b"4\none\n0\nno such user\n", "one\n", "no such user"),
            (b"", "", CUT),
            (b"4", "", CUT),
            (b"4\none", "one", CUT),
            (b"4\none\n", "one\n", CUT),
            (b"0\n", "", CUT),
            (b"0\nno such", "", CUT),
            (b"4\none\ntwo\n", "one\n", "the server's answer makes no sense: \"two\" is not a length"),
        ] {
            assert_eq!(relayed(answer), (out.to_owned(), problem.to_owned()), "{answer:?}");
        }
    }
}
