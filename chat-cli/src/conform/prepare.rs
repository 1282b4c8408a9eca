//! What has to be done around transcripts, so that each finds the server as it expects it, whatever was done there before: the
//! demo users have nothing unread and are not logged in.

use std::io;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::wire::{Missing, Wire};
use crate::Stop;
use crate::args::Target;

/// The server under test, and what it says of itself.
pub(super) struct Server {
    pub(super) target: Target,
    pub(super) timeout: Duration,
    /// Whether accounts can be made without an invitation; `None` if it does not say.
    pub(super) registration: Option<bool>,
    /// The longest line that it takes.
    pub(super) line_bytes: u64,
}

impl Server {
    /// Asks `server`.
    pub(super) fn new(target: Target, timeout: Duration) -> Result<Self, Stop> {
        let mut server = Self { target, timeout, registration: None, line_bytes: LINE_BYTES };
        let answer = server.ask(&mut server.connect()?, r#"{"jsonrpc":"2.0","id":1,"method":"server"}"#)?;
        let says = |name: &str| answer.pointer(&format!("/result/{name}")).and_then(Json::as_bool);
        server.registration = says("registration").map(|open| open && says("invitation") != Some(true));
        let line_bytes = answer.pointer("/result/limits/line_bytes").and_then(Json::as_u64);
        server.line_bytes = line_bytes.unwrap_or(server.line_bytes);
        Ok(server)
    }

    /// Ends the sessions that the demo users have from before. A server without protocol 2 refuses that, and keeps them.
    pub(super) fn end_sessions(&self) -> Result<(), Stop> {
        for user in DEMO_USERS {
            let mut wire = self.connect()?;
            let mut call = |method: &str, params: Json| {
                self.ask(&mut wire, &json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string())
            };
            call("login", json!({"user": user, "password": "surabaya"}))?;
            let answer = call("sessions", json!({}))?;
            let sessions = answer.pointer("/result/sessions").and_then(Json::as_array);
            for session in sessions.into_iter().flatten().filter(|session| session["current"] == false) {
                call("session.end", json!({"session": session["session"]}))?;
            }
            call("logout", json!({}))?;
        }
        Ok(())
    }

    /// Reads what the demo users have unread.
    pub(super) fn empty_inboxes(&self) -> Result<(), Stop> {
        let mut wire = self.connect()?;
        for user in DEMO_USERS {
            let answer = self.ask(&mut wire, &format!("auth {user} surabaya"))?;
            let Some(token) = answer.get("tokenid").and_then(Json::as_str) else {
                return Err(Stop::Local(io::Error::other(format!(
                    "{user} cannot log in with the password surabaya, which a server under test must allow: {answer}"
                ))));
            };
            for command in ["inbox", "logout"] {
                self.ask(&mut wire, &format!("{command} {token}"))?;
            }
        }
        Ok(())
    }

    /// Ends what a transcript has left of sessions.
    pub(super) fn log_out(&self, tokens: impl Iterator<Item = String>) -> Result<(), Stop> {
        let mut wire = self.connect()?;
        for token in tokens {
            self.ask(&mut wire, &format!("logout {token}"))?;
        }
        Ok(())
    }

    fn connect(&self) -> Result<Wire, Stop> {
        let wire = Wire::connect(&self.target, self.timeout);
        wire.map_err(|problem| Stop::ServerLost(format!("cannot connect to {}: {problem}", self.target.address)))
    }

    fn ask(&self, wire: &mut Wire, line: &str) -> Result<Json, Stop> {
        let lost = |problem: &str| Stop::ServerLost(format!("{}: {problem}", self.target.address));
        wire.send(format!("{line}\r\n").as_bytes()).map_err(|problem| lost(&problem.to_string()))?;
        let answer = wire.receive().map_err(|missing| match missing {
            Missing::TimedOut(_) => lost("the server did not answer in time"),
            Missing::Closed(_) | Missing::Open(_) => lost("the server closed the connection"),
            Missing::Io(problem) => lost(&problem.to_string()),
        })?;
        serde_json::from_slice(&answer).map_err(|_| lost("the server's answer is not JSON"))
    }
}

const DEMO_USERS: [&str; 3] = ["messi", "henderson", "lineker"];

/// The longest line that every server takes.
const LINE_BYTES: u64 = 65_536;
