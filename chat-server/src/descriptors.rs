//! How many files the process may have open. Each connection is one, and connections must not take them all: the control socket
//! and the metrics need some, and so does the database, most of all when the server is under attack.

use std::num::NonZeroUsize;
use std::thread;

use chat_lib::settings::Settings;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the system allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descriptors {
    /// `None` if there is no limit.
    limit: Option<u64>,
}

impl Descriptors {
    /// Allows the process as many as it may have: the soft limit is often 1,024 for the sake of old programs.
    pub(crate) fn raise() -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current == maximum {
            return Self { limit: current };
        }
        match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
            Ok(()) => Self { limit: maximum },
            Err(problem) => {
                tracing::warn!(%problem, "the limit of open files could not be raised");
                Self { limit: current }
            }
        }
    }

    /// The settings with no more connections than there are descriptors for. Says so if that changes them.
    pub(crate) fn cap(self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        let wanted = settings.limits.connections;
        let most = self.most_connections(thread::available_parallelism().map_or(1, NonZeroUsize::get));
        if wanted > most {
            settings.limits.connections = most;
            let open_files = self.limit.unwrap_or(u64::MAX);
            tracing::warn!(
                connections = wanted,
                open_files,
                in_effect = most,
                "the system allows too few open files for so many connections; raise LimitNOFILE in the systemd unit, or the hard \
                 limit of \"ulimit -n\", and restart the server, or lower connections"
            );
        }
        settings
    }

    fn most_connections(self, processors: usize) -> usize {
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let reserved = RESERVED.saturating_add(RESERVED_FOR_PROCESSOR.saturating_mul(processors));
        limit.saturating_sub(reserved).max(limit / 4)
    }
}

/// What connections leave over: 128 for those that are told that there are too many, and 64 for listeners, the control socket, the
/// metrics (16), the log and the files of the database. Where so many are not to be had, connections take a quarter of all.
const RESERVED: usize = 192;

/// What each processor's threads have open: the poll of a reactor (2), and connections to the database (2 each).
const RESERVED_FOR_PROCESSOR: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_some_descriptors() {
        for (limit, most) in [(Some(20_000), 19_792), (Some(1024), 816), (Some(100), 25), (Some(0), 0)] {
            assert_eq!(Descriptors { limit }.most_connections(2), most, "{limit:?}");
        }
        let settings = Settings::default();
        assert_eq!(Descriptors { limit: None }.cap(&settings), settings);
        assert_eq!(Descriptors { limit: Some(100) }.cap(&settings).limits.connections, 25);
        let mut fewer = settings;
        fewer.limits.connections = 7;
        assert_eq!(Descriptors { limit: Some(100) }.cap(&fewer), fewer);
    }
}
