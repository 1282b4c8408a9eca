//! Several servers with one log: what is acknowledged stays, whoever is the owner and whatever fails.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use crate::conformance::{LogFault, TestLog};
use crate::engine::{Chat, Config};
use crate::error::Error;
use crate::model::MessageId;
use crate::store::{Durable, Options, Position, Replica, ReplicaError, Replication};

pub(super) struct Server {
    pub(super) log: Arc<TestLog>,
    pub(super) replica: Replica,
    pub(super) chat: Chat,
}

impl Server {
    pub(super) fn open(directory: &Path, log: TestLog) -> Result<Self, ReplicaError> {
        let log = Arc::new(log);
        let replication = Replication { patience: Duration::ZERO, takes_over: false };
        let shared = Arc::<TestLog>::clone(&log);
        let (store, replica) = Durable::replicated(directory, shared, replication, Options::default())?;
        let chat = Chat::new(Config { store: Box::new(store), ..Config::default() });
        Ok(Self { log, replica, chat })
    }

    pub(super) fn take_over(&self) -> Result<(), ReplicaError> {
        self.replica.take_over()?;
        self.chat.after_takeover();
        Ok(())
    }

    /// Takes in all that there is.
    pub(super) fn catch_up(&self) -> Result<(), ReplicaError> {
        let mut reached = self.replica.reached();
        loop {
            let now = self.replica.follow(Duration::ZERO)?;
            if now == reached {
                return Ok(());
            }
            reached = now;
        }
    }

    pub(super) fn send(&self, text: &str) -> Result<MessageId, Error> {
        let session = self.chat.open_session("messi")?;
        session.send_with_key("henderson", text, text).map(|sent| sent.id)
    }

    /// The texts of all messages, in order.
    pub(super) fn texts(&self) -> Result<Vec<String>, Error> {
        let session = self.chat.open_session("henderson")?;
        let page = session.history("messi", Position::Before(MessageId::MAX), 1000)?;
        Ok(page.messages.iter().map(|message| message.text.to_string()).collect())
    }

    /// All that is kept but sessions.
    fn dump(&self) -> String {
        let mut out = Vec::new();
        self.chat.dump(true, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}

/// Servers that have what the first one has founded.
pub(super) struct Servers {
    pub(super) directories: Vec<TempDir>,
    pub(super) servers: Vec<Option<Server>>,
    pub(super) log: TestLog,
}

impl Servers {
    pub(super) fn start(count: usize) -> Self {
        let (log, founder) = (TestLog::new(), tempfile::tempdir().unwrap());
        let first = Server::open(founder.path(), log.another()).unwrap();
        let directories: Vec<_> = (1..count).map(|_| tempfile::tempdir().unwrap()).collect();
        for directory in &directories {
            first.replica.copy(&directory.path().join("chat.db")).unwrap();
        }
        first.take_over().unwrap();
        first.chat.add_demo_users().unwrap();
        let others = directories.iter().map(|directory| Some(Server::open(directory.path(), log.another()).unwrap()));
        let servers = [Some(first)].into_iter().chain(others).collect();
        Self { directories: [founder].into_iter().chain(directories).collect(), servers, log }
    }

    pub(super) fn get(&self, number: usize) -> &Server {
        self.servers.get(number).and_then(Option::as_ref).unwrap()
    }

    /// Kills a server, and starts it again.
    fn restart(&mut self, number: usize) {
        let directory = self.directories.get(number).unwrap().path();
        let slot = self.servers.get_mut(number).unwrap();
        // The destructor may append, which a server that is killed does not.
        let server = slot.take().unwrap();
        server.log.cut(true);
        drop(server);
        *slot = Some(Server::open(directory, self.log.another()).unwrap());
    }
}

#[derive(Clone, Debug)]
enum Move {
    TakeOver(usize),
    Follow(usize),
    Send(usize),
    Read(usize),
    StepDown(usize),
    Restart(usize),
    Cut(usize, bool),
    Fail(usize, LogFault),
    DeliverLate,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let server = || 0..3_usize;
    let fault = prop_oneof![Just(LogFault::AnswerLost), Just(LogFault::RequestLost), Just(LogFault::Late)];
    let one = prop_oneof![
        4 => server().prop_map(Move::TakeOver),
        4 => server().prop_map(Move::Follow),
        16 => server().prop_map(Move::Send),
        6 => server().prop_map(Move::Read),
        1 => server().prop_map(Move::StepDown),
        1 => server().prop_map(Move::Restart),
        2 => (server(), any::<bool>()).prop_map(|(server, cut)| Move::Cut(server, cut)),
        4 => (server(), fault).prop_map(|(server, fault)| Move::Fail(server, fault)),
        2 => Just(Move::DeliverLate),
    ];
    proptest::collection::vec(one, 1..60)
}

/// What clients were told.
#[derive(Default)]
struct Told {
    acknowledged: Vec<(MessageId, String)>,
    refused: BTreeSet<String>,
}

impl Told {
    /// Whether what is there is what clients were told.
    fn check(&self, texts: &[String]) {
        let acknowledged: BTreeSet<_> = self.acknowledged.iter().map(|(_, text)| text).collect();
        let once: BTreeSet<_> = texts.iter().collect();
        assert_eq!(once.len(), texts.len(), "nothing is there twice");
        assert!(once.is_superset(&acknowledged), "what was acknowledged is there");
        assert!(!texts.iter().any(|text| self.refused.contains(text)), "what was refused is not");
        let ids: Vec<_> = self.acknowledged.iter().map(|(id, _)| id).collect();
        assert!(ids.is_sorted_by(|one, next| one < next), "later messages have greater ids");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_acknowledged_stays(moves in moves()) {
        let mut world = Servers::start(3);
        let mut told = Told::default();
        for (number, step) in moves.into_iter().enumerate() {
            match step {
                Move::TakeOver(server) => drop(world.get(server).take_over()),
                Move::Follow(server) => drop(world.get(server).catch_up()),
                Move::StepDown(server) => world.get(server).replica.step_down(),
                Move::Restart(server) => world.restart(server),
                Move::Cut(server, cut) => world.get(server).log.cut(cut),
                Move::Fail(server, fault) => world.get(server).log.fail([fault]),
                Move::DeliverLate => world.log.deliver_late(),
                Move::Send(server) => {
                    let text = format!("message {number}");
                    match world.get(server).send(&text) {
                        Ok(id) => told.acknowledged.push((id, text)),
                        Err(Error::OutcomeUnknown(_)) => {}
                        Err(_) => drop(told.refused.insert(text)),
                    }
                }
                Move::Read(server) => {
                    // Whoever answers at all knows what was acknowledged, also by others.
                    if let Ok(texts) = world.get(server).texts() {
                        told.check(&texts);
                    }
                }
            }
        }
        world.log.deliver_late();
        for number in 0..3 {
            world.get(number).log.cut(false);
            world.restart(number);
        }
        let mut dumps = BTreeSet::new();
        for number in 0..3 {
            let server = world.get(number);
            server.take_over().unwrap();
            told.check(&server.texts().unwrap());
            server.chat.check().unwrap();
            dumps.insert(server.dump());
        }
        prop_assert_eq!(dumps.len(), 1, "all have the same");
    }
}
