//! The rules of protocol 1 once more, written to be obvious and not to be fast.

use std::collections::BTreeMap;

pub(crate) struct Model {
    /// In seconds.
    pub(crate) now: u64,
    line_bytes: usize,
    idle: u64,
    fresh_tokens: Box<dyn Iterator<Item = String>>,
    /// In order of login, ended ones among them.
    sessions: Vec<Session>,
    /// Of each user: sender and text.
    inboxes: BTreeMap<&'static str, Vec<(&'static str, String)>>,
}

struct Session {
    token: String,
    user: &'static str,
    ends: u64,
}

const USERS: [(&str, &str); 3] =
    [("messi", "Lionel Messi"), ("henderson", "Jordan Henderson"), ("lineker", "Gary Lineker")];

impl Model {
    pub(crate) fn new(line_bytes: usize, idle: u64, fresh_tokens: impl Iterator<Item = String> + 'static) -> Self {
        let fresh_tokens = Box::new(fresh_tokens);
        Self { now: 0, line_bytes, idle, fresh_tokens, sessions: Vec::new(), inboxes: BTreeMap::new() }
    }

    pub(crate) fn answer(&mut self, line: &[u8]) -> String {
        if line.len() > self.line_bytes {
            let message = format!("the line is longer than {} bytes; send a shorter one", self.line_bytes);
            return format!(
                "{{\"status\": \"ERROR\", \"message\": \"{message}\", \"code\": \"line_too_long\"}}\r\n\r\n"
            );
        }
        match self.obey(line) {
            Ok(fields) => format!("{{\"status\": \"OK\", {fields}}}\r\n\r\n"),
            Err(message) => format!("{{\"status\": \"ERROR\", \"message\": \"{message}\"}}\r\n\r\n"),
        }
    }

    fn obey(&mut self, line: &[u8]) -> Result<String, &'static str> {
        const BAD: &str = "Command tidak benar";
        let line = std::str::from_utf8(line).map_err(|_| BAD)?;
        let words: Vec<&str> = line.split(' ').collect();
        let word = |nth: usize| words.get(nth).map(|word| strip(word)).ok_or(BAD);
        match word(0)? {
            "auth" => {
                let (user, password) = (word(1)?, word(2)?);
                let user = known(user).ok_or("User Tidak Ada")?;
                if password != "surabaya" {
                    return Err("Password Salah");
                }
                let token = self.fresh_tokens.next().unwrap();
                self.sessions.push(Session { token: token.clone(), user, ends: self.now + self.idle });
                Ok(format!("\"tokenid\": \"{token}\""))
            }
            "send" => {
                let (token, to) = (word(1)?, word(2)?);
                let from = self.user_of(token)?;
                let to = known(to).ok_or("User tidak ditemukan")?;
                let text = words[3..].iter().flat_map(|word| [" ", word]).collect();
                self.inboxes.entry(to).or_default().push((from, text));
                Ok("\"message\": \"Message Sent\"".to_owned())
            }
            "inbox" => {
                let user = self.user_of(word(1)?)?;
                let unread = self.inboxes.remove(user).unwrap_or_default();
                let mut senders: Vec<&str> = Vec::new();
                for (from, _) in &unread {
                    if !senders.contains(from) {
                        senders.push(from);
                    }
                }
                let lists: Vec<String> = senders.iter().map(|sender| list(sender, user, &unread)).collect();
                Ok(format!("\"messages\": {{{}}}", lists.join(", ")))
            }
            "activeuser" => {
                self.user_of(word(1)?)?;
                let mut names = String::new();
                for session in self.sessions.iter().filter(|session| session.ends > self.now) {
                    if !names.contains(session.user) {
                        names += &format!("{}, ", session.user);
                    }
                }
                Ok(format!("\"message\": \"{names}\""))
            }
            "logout" => {
                let token = word(1)?;
                self.user_of(token)?;
                self.sessions.retain(|session| session.token != token);
                Ok("\"messages\": \"Logged Out!\"".to_owned())
            }
            _ => Err(BAD),
        }
    }

    fn user_of(&mut self, token: &str) -> Result<&'static str, &'static str> {
        let (now, idle) = (self.now, self.idle);
        let session = self.sessions.iter_mut().find(|session| session.token == token && session.ends > now);
        let session = session.ok_or("Informasi tidak ditemukan")?;
        session.ends = now + idle;
        Ok(session.user)
    }
}

fn known(user: &str) -> Option<&'static str> {
    USERS.iter().find(|(name, _)| *name == user).map(|(name, _)| *name)
}

fn full_name(user: &str) -> &'static str {
    USERS.iter().find(|(name, _)| *name == user).unwrap().1
}

fn list(sender: &str, reader: &str, unread: &[(&str, String)]) -> String {
    let (from, to) = (full_name(sender), full_name(reader));
    let items: Vec<String> = unread
        .iter()
        .filter(|(user, _)| *user == sender)
        .map(|(_, text)| format!("{{\"msg_from\": \"{from}\", \"msg_to\": \"{to}\", \"msg\": {}}}", json(text)))
        .collect();
    format!("\"{sender}\": [{}]", items.join(", "))
}

fn json(text: &str) -> String {
    let mut out = String::from('"');
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b'"') => out += "\\\"",
            Ok(b'\\') => out += "\\\\",
            Ok(b'\n') => out += "\\n",
            Ok(b'\r') => out += "\\r",
            Ok(b'\t') => out += "\\t",
            Ok(8) => out += "\\b",
            Ok(12) => out += "\\f",
            Ok(byte @ b' '..=b'~') => out.push(char::from(byte)),
            _ => out += &format!("\\u{unit:04x}"),
        }
    }
    out + "\""
}

/// Every character for which `str.isspace` of Python 3.11 is true.
fn strip(word: &str) -> &str {
    word.trim_matches(|c| {
        matches!(c, '\t'..='\r' | '\x1c'..='\x20' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}')
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
    })
}
