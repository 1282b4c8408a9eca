//! Command line: `loadgen MODE --name value ... [-- command of the server]`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, bail};

pub struct Options {
    pub mode: String,
    pub peer: String,
    pub addr: SocketAddr,
    pub users: Vec<String>,
    pub password: String,
    /// Connections (or pairs of them, for peers that deliver live).
    pub lanes: usize,
    /// Requests in flight on each connection.
    pub depth: usize,
    /// Message size in bytes.
    pub size: usize,
    /// Number of requests; without it, a run lasts `secs`.
    pub count: Option<u64>,
    pub secs: f64,
    pub warm_secs: f64,
    /// Every message goes to this user, not to its sender's neighbour.
    pub to: Option<String>,
    /// Messages are between users of a filled chat: only `send` of `chat`.
    pub crowd: Option<Crowd>,
    /// Threads that open connections: more than one only for servers that let each login wait.
    pub openers: usize,
    pub pid: Option<u32>,
    /// Connections are encrypted, and the server shows the certificate in this file: only `idle` of `chat`.
    pub tls: Option<PathBuf>,
    pub command: Vec<String>,
}

const NAMES: &str = "peer addr users password c p b n secs warm to crowd openers pid tls";

impl Options {
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Self> {
        let mut args = args.peekable();
        let mode = args.next().context("which mode? See README.md")?;
        let mut given = HashMap::new();
        let mut command = Vec::new();
        while let Some(arg) = args.next() {
            if arg == "--" {
                command = args.by_ref().collect();
                break;
            }
            let name = arg.trim_start_matches('-').to_owned();
            if !arg.starts_with('-') || !NAMES.split(' ').any(|known| known == name) {
                bail!("unknown option {arg}; known: {NAMES}");
            }
            let value = args.next().with_context(|| format!("{arg} needs a value"))?;
            given.insert(name, value);
        }
        let text = |name: &str, default: &str| given.get(name).cloned().unwrap_or(default.to_owned());
        let users: Vec<String> = text("users", "messi,henderson,lineker").split(',').map(str::to_owned).collect();
        if users.len() < 2 {
            bail!("need at least two users");
        }
        let options = Self {
            // A drain has one receiver.
            to: given.get("to").cloned().or_else(|| (mode == "inbox").then(|| users[1].clone())),
            mode,
            peer: text("peer", "chat"),
            addr: text("addr", "127.0.0.1:8889").parse().context("--addr")?,
            users,
            password: text("password", "surabaya"),
            lanes: number(&given, "c")?.unwrap_or(1),
            depth: number(&given, "p")?.unwrap_or(1),
            size: number(&given, "b")?.unwrap_or(64),
            count: number(&given, "n")?,
            secs: number(&given, "secs")?.unwrap_or(3.0),
            warm_secs: number(&given, "warm")?.unwrap_or(0.5),
            crowd: number(&given, "crowd")?,
            openers: number(&given, "openers")?.unwrap_or(1),
            pid: number(&given, "pid")?,
            tls: given.get("tls").map(PathBuf::from),
            command,
        };
        crate::text::check_size(options.size)?;
        if options.lanes == 0 || options.depth == 0 || options.openers == 0 {
            bail!("need at least one connection, depth 1 and one opener");
        }
        Ok(options)
    }

    /// Who lane `lane` speaks for.
    pub fn sender(&self, lane: usize) -> &str {
        match &self.to {
            None => &self.users[lane % self.users.len()],
            Some(to) => {
                self.users.iter().filter(|user| *user != to).cycle().nth(lane % (self.users.len() - 1)).unwrap()
            }
        }
    }

    /// Whom lane `lane` writes to: always someone else.
    pub fn receiver(&self, lane: usize) -> &str {
        self.to.as_deref().unwrap_or(&self.users[(lane + 1) % self.users.len()])
    }
}

/// Which users send to whom. Users are `u0`, `u1` and so on, and each has conversations with those after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crowd {
    pub users: u64,
    /// How many of them send: `u0`, and then every `spacing`th.
    pub senders: u64,
    pub spacing: u64,
    /// To how many of those that come next each sends.
    pub partners: u64,
}

impl FromStr for Crowd {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let numbers = text.split(',').map(str::parse).collect::<Result<Vec<u64>, _>>()?;
        let [users, senders, spacing, partners] = numbers[..] else { bail!("USERS,SENDERS,SPACING,PARTNERS") };
        if numbers.contains(&0) {
            bail!("none of these can be 0");
        }
        Ok(Self { users, senders, spacing, partners })
    }
}

fn number<T: FromStr>(given: &HashMap<String, String>, name: &str) -> Result<Option<T>>
where
    T::Err: Into<anyhow::Error>,
{
    given.get(name).map(|text| text.parse().map_err(Into::into)).transpose().with_context(|| format!("--{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(line.split(' ').map(str::to_owned))
    }

    #[test]
    fn a_full_line() {
        let options = parse("send --peer redis -c 64 -p 32 --b 100 --n 1000 -- srv --flag").unwrap();
        assert_eq!((options.lanes, options.depth, options.size, options.count), (64, 32, 100, Some(1000)));
        assert_eq!(options.command, ["srv", "--flag"]);
        assert!(parse("send --nope 1").is_err());
        assert!(parse("send -b 3").is_err());
    }

    #[test]
    fn nobody_writes_to_themselves() {
        for line in ["send", "send --to lineker", "send --to messi --users a,messi,b,c"] {
            let options = parse(line).unwrap();
            for lane in 0..9 {
                assert_ne!(options.sender(lane), options.receiver(lane));
            }
        }
    }
}
