//! What happens to machines.

use std::fmt;
use std::thread;
use std::time::Duration;

use chat_cluster_testing::eventually;

use super::{Engine, Kind, Machine, World};
use crate::clients::Stage;
use crate::history::Time;
use crate::random::Random;

/// Something that happens to some machines, and ends.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fault {
    /// They are killed, and started again.
    Kill(Target),
    /// They do nothing for a while (SIGSTOP).
    Stop(Target),
    /// They do not reach each other for a while.
    Cut(Cut),
}

/// Which machines.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Target {
    Leader,
    Follower,
    Owner,
    Standby,
    AllServers,
    AllNodes,
    All,
}

/// Which machines from which others.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Cut {
    OwnerFromMajority,
    StandbyFromOwner,
    LeaderFromNodes,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |target: &Target| match target {
            Target::Leader => "the engine's leader",
            Target::Follower => "a follower of the engine",
            Target::Owner => "the owner",
            Target::Standby => "a standby",
            Target::AllServers => "all servers",
            Target::AllNodes => "the whole engine",
            Target::All => "all",
        };
        match self {
            Self::Kill(target) => write!(f, "kill {}", of(target)),
            Self::Stop(target) => write!(f, "stop {}", of(target)),
            Self::Cut(Cut::OwnerFromMajority) => f.write_str("cut the owner from most of the engine"),
            Self::Cut(Cut::StandbyFromOwner) => f.write_str("cut the standbys from the owner"),
            Self::Cut(Cut::LeaderFromNodes) => f.write_str("cut the engine's leader from its followers"),
        }
    }
}

impl Fault {
    /// All that can happen in such a world.
    pub(crate) fn all(kind: Kind) -> Vec<Self> {
        use Target::{All, AllNodes, AllServers, Follower, Leader, Owner, Standby};
        let targets: &[Target] = match kind {
            Kind::Alone => &[Owner],
            _ => &[Leader, Follower, Owner, Standby, AllServers, AllNodes, All],
        };
        let cuts: &[Cut] = match kind {
            Kind::Alone => &[],
            // It has no majority: what is cut off from its primary is dead.
            Kind::Postgres => &[Cut::StandbyFromOwner],
            Kind::Nats | Kind::NatsDirect => &[Cut::OwnerFromMajority, Cut::StandbyFromOwner, Cut::LeaderFromNodes],
        };
        let faults = targets.iter().flat_map(|target| [Self::Kill(*target), Self::Stop(*target)]);
        faults.chain(cuts.iter().copied().map(Self::Cut)).collect()
    }

    /// How long it may take until a message that is sent after it is acknowledged; after its end, if nothing can be done before.
    pub(crate) fn limit(self) -> Duration {
        Duration::from_secs(match self {
            Self::Kill(target) | Self::Stop(target) => match target {
                Target::Owner | Target::Standby => 5,
                Target::Leader | Target::Follower => 10,
                Target::AllServers | Target::AllNodes | Target::All => 15,
            },
            // The owner may be cut off together with the engine's leader.
            Self::Cut(_) => 15,
        })
    }
}

/// One fault in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) fault: Fault,
    /// From when on the chat should have come back.
    pub(crate) since: Time,
    /// What is sent from then on shows that it has.
    pub(crate) sent_since: Time,
}

/// How long machines do nothing, in milliseconds: some are back before anybody has noticed, and some are not.
const STOP_MILLISECONDS: std::ops::Range<usize> = 500..5000;

/// Does it, and waits until all is as before.
pub(crate) fn play(world: &mut World, stage: &Stage, random: &mut Random, fault: Fault) -> Round {
    let wait_for = |messages: usize| {
        let messages = u64::try_from(messages).unwrap();
        eventually(&format!("{messages} messages around {fault}"), || (stage.acknowledged() >= messages).then_some(()));
    };
    stage.mark();
    wait_for(random.within(1..100));
    let survives = world.survives(fault);
    let (since, sent_since) = match fault {
        Fault::Kill(target) => {
            let machines = world.machines(target, random);
            let since = stage.now();
            machines.iter().for_each(|machine| world.kill(*machine));
            let sent_since = stage.mark();
            if survives {
                wait_for(random.within(1..100));
            }
            machines.iter().for_each(|machine| world.restart(*machine));
            (since, sent_since)
        }
        Fault::Stop(target) => {
            let machines = world.machines(target, random);
            let began = stage.now();
            machines.iter().for_each(|machine| world.stop(*machine));
            let sent_since = stage.mark();
            let pause = u64::try_from(random.within(STOP_MILLISECONDS)).unwrap();
            thread::sleep(Duration::from_millis(pause));
            // In one half of the cases, others have taken over for sure.
            if survives && random.one_in(2) {
                wait_for(random.within(1..100));
            }
            let ended = stage.now();
            machines.iter().for_each(|machine| world.cont(*machine));
            (if survives { began } else { ended }, sent_since)
        }
        Fault::Cut(cut) => {
            let (one, others) = world.sides(cut, random);
            let hosts =
                |machines: Vec<Machine>| -> Vec<_> { machines.iter().map(|machine| world.host(*machine)).collect() };
            let network = world.network.as_ref().expect("a network");
            let since = stage.now();
            network.partition(&hosts(one), &hosts(others));
            let sent_since = stage.mark();
            wait_for(random.within(100..400));
            network.heal();
            (since, sent_since)
        }
    };
    stage.mark();
    world.wait_until_whole();
    wait_for(50);
    Round { fault, since, sent_since }
}

impl World {
    /// Whether the chat goes on while a fault lasts.
    fn survives(&self, fault: Fault) -> bool {
        match fault {
            Fault::Kill(target) | Fault::Stop(target) => match target {
                Target::AllServers | Target::AllNodes | Target::All => false,
                // PostgreSQL's failover is its operator's.
                Target::Leader | Target::Follower => matches!(self.engine, Engine::Nats(_)),
                Target::Owner | Target::Standby => self.servers.len() > 1,
            },
            Fault::Cut(_) => true,
        }
    }

    fn machines(&self, target: Target, random: &mut Random) -> Vec<Machine> {
        let servers = (0..self.servers.len()).map(Machine::Server);
        let nodes = (0..self.nodes()).map(Machine::Node);
        let other = |than: usize, count: usize, random: &mut Random| (than + random.within(1..count)) % count;
        match target {
            Target::Leader => vec![Machine::Node(self.leader())],
            Target::Follower => vec![Machine::Node(other(self.leader(), self.nodes(), random))],
            Target::Owner => vec![Machine::Server(self.owner())],
            Target::Standby => vec![Machine::Server(other(self.owner(), self.servers.len(), random))],
            Target::AllServers => servers.collect(),
            Target::AllNodes => nodes.collect(),
            Target::All => nodes.chain(servers).collect(),
        }
    }

    fn sides(&self, cut: Cut, random: &mut Random) -> (Vec<Machine>, Vec<Machine>) {
        let all_but = |count: usize, one: usize| (0..count).filter(move |number| *number != one);
        match cut {
            Cut::OwnerFromMajority => {
                let reached = random.within(0..self.nodes());
                (vec![Machine::Server(self.owner())], all_but(self.nodes(), reached).map(Machine::Node).collect())
            }
            Cut::StandbyFromOwner => {
                let owner = self.owner();
                (vec![Machine::Server(owner)], all_but(self.servers.len(), owner).map(Machine::Server).collect())
            }
            Cut::LeaderFromNodes => {
                let leader = self.leader();
                (vec![Machine::Node(leader)], all_but(self.nodes(), leader).map(Machine::Node).collect())
            }
        }
    }
}
