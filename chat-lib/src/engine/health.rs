//! What an operator watches: metrics, and whether changes can be stored. It gathers what the store and the hub know by themselves
//! into the [counters](crate::metrics) of the chat.

use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::Chat;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::store::Counts;

impl Chat {
    /// What the chat has counted, in the text format of Prometheus (version 0.0.4, media type `text/plain; version=0.0.4`). All
    /// names begin with `chat_`; nothing that a user wrote is in it, and no name of a user or a room. Every command that this process
    /// runs is counted, whether it came over a connection or not. If the store cannot say how much it has, these numbers are those
    /// of the last time.
    ///
    /// ```
    /// use chat_lib::Chat;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// chat.login("messi", "surabaya")?.send("henderson", "halo")?;
    /// let metrics = chat.metrics();
    /// assert!(metrics.contains("\nchat_requests_total{command=\"send\",outcome=\"done\"} 1\n"));
    /// assert!(metrics.contains("\nchat_users 3\n"));
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    pub fn metrics(&self) -> String {
        let (inner, metrics) = (&*self.inner, self.counters());
        match self.counts() {
            Ok(counts) => metrics.set_counts(&counts),
            // Another server of the cluster can say it.
            Err(Error::Busy) => {}
            Err(problem) => {
                let reason: &dyn std::error::Error = &problem;
                tracing::warn!(reason, "the store cannot say how much it has");
            }
        }
        let (gauges, told) = (&metrics.gauges, inner.hub.told());
        set(&gauges.online, told.online);
        set(&gauges.subscribers, told.subscribers);
        set_counter(&gauges.events, told.events);
        set_counter(&gauges.lagged, told.lagged);
        set(&gauges.answer_bytes, inner.budget.used() as u64);
        set(&gauges.data_bytes, inner.config.store.data_bytes());
        set(&gauges.read_only, self.is_read_only().into());
        metrics.text()
    }

    /// Whether what is sent now could be stored, as far as can be told at little cost. A program that tells others whether it is
    /// ready asks this now and then.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the last commit has failed and writing does not work yet, or if the data can only be read.
    pub fn check_writable(&self) -> Result<(), Error> {
        self.inner.config.store.check_writable()
    }

    /// What happens in the chat, for those who count it.
    pub(crate) fn counters(&self) -> &Metrics {
        &self.inner.metrics
    }

    fn counts(&self) -> Result<Counts, Error> {
        let inner = &*self.inner;
        // It is not committed: it would wait for the disk because of what others have changed.
        inner.config.store.begin().counts(inner.config.clock.now())
    }
}

impl Metrics {
    fn set_counts(&self, counts: &Counts) {
        let gauges = &self.gauges;
        set(&gauges.users, counts.users);
        set(&gauges.sessions, counts.sessions);
        set(&gauges.conversations, counts.direct_conversations);
        set(&gauges.rooms, counts.rooms);
        set_counter(&gauges.messages, counts.messages);
        set_counter(&gauges.message_bytes, counts.message_bytes);
    }
}

fn set(gauge: &Gauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

/// Sets a counter of which somebody else keeps count. Two threads may do so at once, and a counter must not go back.
fn set_counter(counter: &Counter, value: u64) {
    counter.inner().fetch_max(value, Ordering::Relaxed);
}
