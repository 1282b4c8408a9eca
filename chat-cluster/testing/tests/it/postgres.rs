//! PostgreSQL servers that are killed, stopped and promoted.

use std::thread;

use chat_cluster_testing::{PostgresPair, eventually};

#[test]
fn a_standby_has_what_was_committed() {
    let mut pair = PostgresPair::start();
    pair.primary.query("CREATE TABLE t (n int)");
    pair.primary.query("INSERT INTO t VALUES (1)");
    // Without its standby it acknowledges nothing.
    pair.standby.stop();
    thread::scope(|scope| {
        let insertion = scope.spawn(|| pair.primary.query("INSERT INTO t VALUES (2)"));
        let waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        eventually("a commit that waits", || pair.primary.try_query(waiting).filter(|waiting| !waiting.is_empty()));
        assert!(!insertion.is_finished());
        pair.standby.cont();
        insertion.join().unwrap();
    });
    pair.primary.kill();
    assert_eq!(pair.primary.try_query("SELECT 1"), None);
    pair.primary.restart();
    pair.wait_ready();
    pair.primary.query("INSERT INTO t VALUES (3)");
    pair.primary.kill();
    pair.standby.promote();
    let numbers = eventually("the standby", || pair.standby.try_query("SELECT n FROM t ORDER BY n"));
    assert_eq!(numbers, "1\n2\n3");
    pair.standby.query("INSERT INTO t VALUES (4)");
}
