//! Reads transcripts (`docs/conformance.md`): the lines of a file become steps, whose placeholders stay. It does not depend on who plays
//! them: the tests of the other packages read the transcripts of protocol 1 with it, too.

/// A dialogue with a server.
#[derive(Debug)]
pub(crate) struct Transcript<'a> {
    /// What it is about: its first comment.
    pub(crate) title: &'a str,
    /// It makes accounts, which some servers do not allow.
    pub(crate) needs_registration: bool,
    /// Events that may come at any time.
    pub(crate) ignored: Vec<&'a str>,
    pub(crate) steps: Vec<Step<'a>>,
}

/// A line that does something on a connection.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    /// The line's number, from 1 on.
    pub(crate) number: usize,
    /// The line.
    pub(crate) line: &'a str,
    /// The connection.
    pub(crate) label: &'a str,
    pub(crate) action: Action<'a>,
}

/// What a step does. Texts and JSON still have their placeholders.
#[derive(Debug, PartialEq)]
pub(crate) enum Action<'a> {
    /// `a> TEXT`: sends bytes.
    Send(&'a str),
    /// `a repeat COUNT TEXT`: sends bytes many times.
    Repeat(&'a str, &'a str),
    /// `a< TEXT`: the next thing that comes is an answer of protocol 1.
    Answer(&'a str),
    /// `a call METHOD PARAMS`: sends a request with the next id.
    Call(&'a str, &'a str),
    /// `a notify METHOD PARAMS`: sends a request without an id.
    Notify(&'a str, &'a str),
    /// `a json VALUE`: the next thing that comes is a line of JSON.
    Json(&'a str),
    /// `a result VALUE`: the next thing that comes is the answer to the oldest call that has none.
    Result(&'a str),
    /// `a error NUMBER WORD`: the same, and it is a refusal.
    Refusal(i64, &'a str),
    /// `a event METHOD PARAMS`: the next thing that comes is an event.
    Event(&'a str, &'a str),
    /// `a silent`: nothing has come, as a `ping` shows.
    Silent,
    /// `a close`: closes the connection.
    Close,
    /// `a closed`: the server has closed it.
    Closed,
}

impl<'a> Transcript<'a> {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Names the line that could not be parsed.
    pub(crate) fn read(text: &'a str) -> Result<Self, String> {
        let mut read = Self { title: "", needs_registration: false, ignored: Vec::new(), steps: Vec::new() };
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(comment) = line.strip_prefix('#') {
                if read.title.is_empty() {
                    read.title = comment.trim();
                }
            } else if line == "needs registration" {
                read.needs_registration = true;
            } else if let Some(methods) = line.strip_prefix("ignore ") {
                read.ignored.extend(methods.split(' '));
            } else if !line.is_empty() {
                let (label, action) = step(line).ok_or_else(|| format!("line {number} is not one of a transcript"))?;
                read.steps.push(Step { number, line, label, action });
            }
        }
        Ok(read)
    }
}

fn step(line: &str) -> Option<(&str, Action<'_>)> {
    let (label, rest) = line.split_at_checked(line.find(['>', '<', ' '])?)?;
    let text = |mark| Some(rest.strip_prefix(mark)?.strip_prefix(' ').unwrap_or_default());
    if let Some(text) = text('>') {
        return Some((label, Action::Send(text)));
    }
    if let Some(text) = text('<') {
        return Some((label, Action::Answer(text)));
    }
    let (word, rest) = words(rest.strip_prefix(' ')?);
    let (first, second) = words(rest);
    let action = match word {
        "repeat" => Action::Repeat(first, second),
        "call" => Action::Call(first, second),
        "notify" => Action::Notify(first, second),
        "json" => Action::Json(rest),
        "result" => Action::Result(rest),
        "error" => Action::Refusal(first.parse().ok()?, second),
        "event" => Action::Event(first, second),
        "silent" => Action::Silent,
        "close" => Action::Close,
        "closed" => Action::Closed,
        _ => return None,
    };
    Some((label, action))
}

/// A text up to its first space, and what is behind it.
fn words(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_their_actions() {
        for (line, action) in [
            ("a> auth \\r\\n", Action::Send("auth \\r\\n")),
            ("a>  x", Action::Send(" x")),
            ("a< {}", Action::Answer("{}")),
            ("a repeat 3 x y", Action::Repeat("3", "x y")),
            ("a call ping", Action::Call("ping", "")),
            ("a call send {\"to\": \"#a\"}", Action::Call("send", "{\"to\": \"#a\"}")),
            ("a notify ping {}", Action::Notify("ping", "{}")),
            ("a json {\"a\": 1}", Action::Json("{\"a\": 1}")),
            ("a result {\"a\": 1}", Action::Result("{\"a\": 1}")),
            ("a error -32600 bad_request", Action::Refusal(-32600, "bad_request")),
            ("a event read {}", Action::Event("read", "{}")),
            ("a silent", Action::Silent),
            ("a close", Action::Close),
            ("a closed", Action::Closed),
        ] {
            assert_eq!(step(line), Some(("a", action)), "{line}");
        }
        for bad in ["a", "a=", "a gets", "a error x", "a  close"] {
            assert_eq!(step(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_file() {
        let text = "# One.\n# More.\nneeds registration\nignore presence read\n\na close\n";
        let read = Transcript::read(text).unwrap();
        assert_eq!((read.title, read.needs_registration, read.steps.len()), ("One.", true, 1));
        assert_eq!((read.ignored, read.steps[0].number), (vec!["presence", "read"], 6));
        assert_eq!(Transcript::read("# One.\n\na what\n").unwrap_err(), "line 3 is not one of a transcript");
    }
}
