//! What is counted, for whoever watches a chat: [`Chat::metrics`](crate::Chat::metrics) gives it as Prometheus text. Counting must
//! cost next to nothing, so what is counted for each request is a plain number in its turn (`tally.rs`), and is added up once, when
//! the turn is committed. Numbers that can be read from the store or the hub are read only when somebody asks.
//!
//! To count something else, add a counter to `Metrics`, register it in `Metrics::new`, and call
//! `chat.counters().NAME.inc()` where it happens; what only a server counts is in `ServerCounters`.

mod histogram;
mod tally;

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use self::histogram::Histogram;
use self::tally::{Durations, Requests};
pub(crate) use self::tally::{Tally, Work};

/// The counters of one chat. Those that only the engine reads when it is asked are in [`Gauges`].
pub(crate) struct Metrics {
    registry: Registry,
    requests: Requests,
    durations: Durations,
    /// Connections that have begun.
    pub(crate) connections: Counter,
    /// Connections that are open.
    pub(crate) open_connections: Gauge,
    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "only a server counts these"))]
    pub(crate) server: ServerCounters,
    pub(crate) gauges: Gauges,
}

/// What a server counts.
#[derive(Default)]
#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "there is no server"))]
pub(crate) struct ServerCounters {
    /// Connections that were refused because there were too many.
    pub(crate) refused_connections: Counter,
    /// TLS handshakes that were not completed.
    pub(crate) failed_handshakes: Counter,
    /// Connections that have ended, by the reason.
    disconnections: Family<[(&'static str, &'static str); 1], Counter>,
}

/// What is set just before the text is written.
#[derive(Default)]
pub(crate) struct Gauges {
    pub(crate) users: Gauge,
    pub(crate) online: Gauge,
    pub(crate) sessions: Gauge,
    pub(crate) conversations: Gauge,
    pub(crate) rooms: Gauge,
    pub(crate) subscribers: Gauge,
    pub(crate) messages: Counter,
    pub(crate) message_bytes: Counter,
    pub(crate) events: Counter,
    pub(crate) lagged: Counter,
    pub(crate) answer_bytes: Gauge,
    pub(crate) data_bytes: Gauge,
    pub(crate) read_only: Gauge,
}

impl Metrics {
    /// Nothing counted. `commits` are the store's own.
    pub(crate) fn new(commits: &crate::store::Commits) -> Self {
        let mut registry = Registry::with_prefix("chat");
        let (requests, durations) = (Requests::default(), Durations::default());
        let (connections, open_connections, gauges) = (Counter::default(), Gauge::default(), Gauges::default());
        let server = ServerCounters::default();
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of chat-lib", version);

        registry.register("requests", "Requests by command and outcome", requests.clone());
        registry.register("refusals", "Refused and failed requests by error code", requests.refusals());
        let help = "Time from reading a request to its committed answer, by what it had to wait for. Requests that wait for \
                    nothing are sampled where the store does not wait for a disk";
        registry.register("request_duration_seconds", help, durations.clone());

        registry.register("connections_opened", "Connections that have begun", connections.clone());
        registry.register("connections", "Connections that are open", open_connections.clone());
        server.register(&mut registry);
        gauges.register(&mut registry);

        let help = "Time that the store took to write a commit and to wait for the disk";
        registry.register("commit_duration_seconds", help, commits.seconds.clone());
        registry.register("commit_changes", "Changes written in one commit", commits.changes.clone());
        Self { registry, requests, durations, connections, open_connections, server, gauges }
    }

    /// Adds up what a turn has counted. `time` is how long it took, if that was measured.
    #[inline]
    pub(crate) fn add(&self, tally: &Tally, time: Option<Duration>) {
        self.requests.add(tally);
        // Most turns within the process have neither.
        if time.is_some() || tally.has_waited() {
            self.durations.add(tally, time);
        }
    }

    /// The Prometheus text format, version 0.0.4.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(32 * 1024);
        // A string takes everything.
        prometheus_text::encode(&mut text, &self.registry).ok();
        text
    }
}

impl ServerCounters {
    fn register(&self, registry: &mut Registry) {
        let help = "Connections that were refused because there were too many";
        registry.register("connections_refused", help, self.refused_connections.clone());
        let help = "TLS handshakes that were not completed";
        registry.register("tls_handshakes_failed", help, self.failed_handshakes.clone());
        let help = "Connections of a server that have ended, by the reason";
        registry.register("disconnections", help, self.disconnections.clone());
    }

    /// Counts a connection that has ended.
    #[cfg(feature = "server")]
    pub(crate) fn disconnected(&self, reason: &'static str) {
        self.disconnections.get_or_create(&[("reason", reason)]).inc();
    }
}

impl Gauges {
    fn register(&self, registry: &mut Registry) {
        registry.register("users", "Accounts", self.users.clone());
        registry.register("users_online", "Users with a subscription", self.online.clone());
        registry.register("sessions", "Live sessions", self.sessions.clone());
        registry.register("direct_conversations", "Conversations of two users, or of one", self.conversations.clone());
        registry.register("rooms", "Rooms", self.rooms.clone());
        registry.register(
            "subscribers",
            "Connections and event streams that have subscribed",
            self.subscribers.clone(),
        );
        registry.register("messages", "Messages stored since the chat was opened", self.messages.clone());
        let help = "Bytes of the texts of messages stored since the chat was opened";
        registry.register("message_bytes", help, self.message_bytes.clone());
        registry.register("events", "Events handed to subscribers", self.events.clone());
        registry.register("lagged", "Subscriptions that ended because their reader was too slow", self.lagged.clone());
        registry.register("answer_bytes", "Bytes of answers that wait to be sent", self.answer_bytes.clone());
        registry.register("data_bytes", "Size of the files that the chat is kept in", self.data_bytes.clone());
        let help = "1 if the data could only be read when it was opened, or else 0";
        registry.register("read_only", help, self.read_only.clone());
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
