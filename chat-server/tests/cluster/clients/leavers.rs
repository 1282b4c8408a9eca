//! A client that logs in and out, and tries tokens that were logged out.

use serde_json::json;

use super::wire::Wire;
use super::{Client, PASSWORD, Stage, let_in, user_name};
use crate::history::{History, Session, User};

/// How long it does nothing between two sessions, at most.
const PAUSE_MILLISECONDS: usize = 400;

pub(crate) fn come_and_go(stage: &Stage, number: usize, user: User) -> History {
    let mut leaver = Leaver { client: Client::new(stage, number, user), sessions: Vec::new() };
    while !stage.is_stopped() {
        leaver.come_and_go();
        leaver.try_old_tokens();
        leaver.client.pause(PAUSE_MILLISECONDS);
    }
    // All servers work now, unless the run has failed.
    for server in (0..stage.addresses.len()).filter(|_| !stage.is_over()) {
        let mut wire = Wire::connect(stage.addresses[server]).expect("the server works");
        (0..leaver.sessions.len()).for_each(|index| leaver.try_token(&mut wire, index).expect("the server answers"));
    }
    leaver.client.history.sessions = leaver.sessions.into_iter().map(|(_, session)| session).collect();
    leaver.client.history
}

struct Leaver<'a> {
    client: Client<'a>,
    /// With their tokens.
    sessions: Vec<(String, Session)>,
}

impl Leaver<'_> {
    /// One session, from its login to its logout; `None` if that was interrupted.
    fn come_and_go(&mut self) -> Option<()> {
        let stage = self.client.stage;
        let mut wire = self.connect()?;
        let login = wire.ask("login", &json!({ "user": user_name(self.client.user), "password": PASSWORD }))?;
        let token = login.pointer("/result/token")?.as_str()?.to_owned();
        let index = self.sessions.len();
        self.sessions.push((token, Session::default()));
        // Elsewhere it is known as well.
        if let Some(mut other) = self.connect() {
            self.try_token(&mut other, index);
        }
        let began = stage.now();
        let (_, session) = self.sessions.last_mut()?;
        session.logout_began = Some(began);
        let answer = wire.ask("logout", &json!({}))?;
        session.logged_out = answer.get("result").map(|_| stage.now());
        Some(())
    }

    fn try_old_tokens(&mut self) -> Option<()> {
        let mut wire = self.connect()?;
        for _ in 0..3.min(self.sessions.len()) {
            let index = self.client.random.within(0..self.sessions.len());
            self.try_token(&mut wire, index)?;
        }
        Some(())
    }

    /// `None` if there is no answer.
    fn try_token(&mut self, wire: &mut Wire, index: usize) -> Option<()> {
        let stage = self.client.stage;
        let began = stage.now();
        let (token, session) = &mut self.sessions[index];
        let answer = wire.ask("resume", &json!({ "token": token }))?;
        session.uses.extend(let_in(&answer).map(|let_in| (began, stage.now(), let_in)));
        Some(())
    }

    /// A connection to any server.
    fn connect(&mut self) -> Option<Wire> {
        let address = self.client.random.pick(&self.client.stage.addresses);
        Wire::connect(address)
    }
}
