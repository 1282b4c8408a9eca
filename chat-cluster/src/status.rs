//! What is to be known of a server's part in its cluster.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ServerCard;

/// What a server does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It does what clients ask for.
    Owner,
    /// It follows the log, and passes on what its clients ask for.
    Standby,
    /// It follows the log, and knows of no server that does what its clients ask for.
    Waiting,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Owner => "owner",
            Self::Standby => "standby",
            Self::Waiting => "waiting",
        })
    }
}

/// A server's part in its cluster, as of a second ago.
#[derive(Clone, Debug)]
pub struct ClusterStatus {
    /// The server itself.
    pub own: ServerCard,
    /// What it does.
    pub role: Role,
    /// The owner, if one is known.
    pub owner: Option<ServerCard>,
    /// All servers that have said lately that they are there, in order of their names.
    pub servers: Vec<ServerCard>,
    /// The place of the last record of the log.
    pub last: u64,
    /// How often this server has become the owner since it was started.
    pub takeovers: u64,
    /// Whether the owner answers what this server passes on, if it is another server.
    pub reaches_owner: bool,
    /// What is wrong, if something is: the engine could not be asked, or the log not be followed.
    pub problem: Option<String>,
}

impl ClusterStatus {
    /// How many records of the log this server does not have yet.
    pub fn lag(&self) -> u64 {
        self.last.saturating_sub(self.own.applied)
    }

    /// Why this server should get no clients now, if there is a reason.
    pub fn unready(&self) -> Option<&'static str> {
        match self.role {
            _ if self.problem.is_some() => Some("the server cannot take its part in the cluster"),
            Role::Waiting => Some("no server of the cluster is the owner"),
            Role::Standby if !self.reaches_owner => Some("the server cannot reach the owner"),
            Role::Standby if self.lag() > READY_LAG => Some("the server is not caught up"),
            Role::Owner | Role::Standby => None,
        }
    }
}

/// How many records a server may be behind that is ready: what comes in within some seconds.
const READY_LAG: u64 = 10_000;
