//! The engine against PostgreSQL servers.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chat_cluster_testing::{Postgres as Server, PostgresPair, eventually};
use chat_lib::conformance::check_log;
use chat_lib::server::ServerId;
use chat_lib::store::{Placed, ReplicatedLog};

use super::{Postgres, PostgresOptions};
use crate::engine::{Engine, OWNER_PATIENCE, ServerCard, SnapshotName};

#[test]
fn the_log_keeps_its_contract() {
    let pair = PostgresPair::start();
    let count = AtomicU32::new(0);
    check_log(|| {
        let name = format!("c{}", count.fetch_add(1, Ordering::Relaxed));
        Postgres::open(&pair.url(), &name, &PostgresOptions::default()).unwrap()
    });
}

#[test]
fn many_may_open_it_at_once() {
    let server = Server::start();
    thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| open_single(&server)))));
    assert_eq!(open_single(&server).last().unwrap(), 0);
}

#[test]
fn a_log_that_was_trimmed_to_the_end_goes_on() {
    let (_server, log) = single();
    for at in 1..=3 {
        done(&log, at);
    }
    log.trim(100).unwrap();
    assert_eq!(log.last().unwrap(), 3);
    assert_eq!(log.read(1, Duration::ZERO).unwrap(), []);
    log.trim(2).unwrap();
    assert_eq!(log.append(5, b"early").unwrap(), Placed::Short { last: 3 });
    done(&log, 4);
    assert_eq!(log.read(1, Duration::ZERO).unwrap().len(), 1);
}

#[test]
fn much_is_read_and_trimmed_in_parts() {
    let (_server, log) = single();
    let large = vec![7; chat_lib::store::RECORD_BYTES];
    for at in 1..=40 {
        assert_eq!(log.append(at, &large).unwrap(), Placed::Done);
    }
    assert_eq!(log.read(1, Duration::ZERO).unwrap().len(), 8, "4 MiB of 20 MiB");
    log.trim(40).unwrap();
    assert_eq!(log.read(1, Duration::ZERO).unwrap()[0].at, 40);
}

#[test]
fn bad_arguments_are_refused() {
    let (_server, log) = single();
    for (at, record) in
        [(0, vec![1]), (1, Vec::new()), (1, vec![1; chat_lib::store::RECORD_BYTES + 1]), (u64::MAX, vec![1])]
    {
        assert!(log.append(at, &record).is_err(), "{at}");
    }
}

/// A commit that is told not to wait for the standby anymore succeeds on the primary, with a warning.
#[test]
fn done_is_not_said_before_the_standby_has_it() {
    let pair = PostgresPair::start();
    let log = Postgres::open(&pair.url(), "cancelled", &PostgresOptions::default()).unwrap();
    done(&log, 1);
    pair.standby.stop();
    thread::scope(|scope| {
        let append = scope.spawn(|| log.append(2, &record(2)));
        eventually("the wait is cancelled", || {
            let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
            (pair.primary.query(cancel) == "t").then_some(())
        });
        assert_says(append.join().unwrap(), "warned");
    });
    // It is there, and whoever looks sees it.
    assert_eq!(log.read(2, Duration::ZERO).unwrap().len(), 1);
    // But nobody is told that it is done, or that its place is taken, or that it is the last.
    assert!(log.append(2, &record(2)).is_err());
    assert!(log.append(2, b"another").is_err());
    assert!(log.last().is_err());
    pair.standby.cont();
    eventually("it is done", || log.append(2, &record(2)).ok().filter(|placed| *placed == Placed::Done));
    assert_eq!(log.append(2, b"another").unwrap(), Placed::Taken);
    assert_eq!(log.last().unwrap(), 2);
}

/// A standby that is gone keeps appends from being done, but hints go on.
#[test]
fn hints_do_not_wait_for_the_standby() {
    let pair = PostgresPair::start();
    let engine = Postgres::open(&pair.url(), "hints", &PostgresOptions::default()).unwrap();
    pair.standby.stop();
    for _ in 0..3 {
        assert!(engine.append(1, &record(1)).is_err());
        assert_eq!(engine.claim(&card(1, "one")).unwrap().name, "one");
    }
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND application_name = 'chat hints'";
    assert_eq!(pair.primary.query(waiting), "1", "those that were given up do not pile up");
    pair.standby.cont();
    eventually("it is done", || engine.append(1, &record(1)).ok().filter(|placed| *placed == Placed::Done));
}

#[test]
fn it_connects_again() {
    let mut pair = PostgresPair::start();
    let log = Postgres::open(&pair.url(), "again", &PostgresOptions::default()).unwrap();
    done(&log, 1);
    pair.primary.kill();
    assert!(log.append(2, &record(2)).is_err());
    assert!(log.read(1, Duration::ZERO).is_err());
    pair.primary.restart();
    eventually("it is there again", || log.append(2, &record(2)).ok().filter(|placed| *placed == Placed::Done));
    assert_eq!(eventually("it can be read", || log.read(1, Duration::ZERO).ok()).len(), 2);
}

/// The connections to a stopped primary stay, and it would even accept more.
#[test]
fn it_follows_a_failover() {
    let mut pair = PostgresPair::start();
    let options = PostgresOptions { standby_optional: true, ..PostgresOptions::default() };
    let log = Postgres::open(&pair.url(), "failover", &options).unwrap();
    done(&log, 1);
    pair.primary.stop();
    assert!(log.append(2, &record(2)).is_err());
    pair.standby.promote();
    let began = Instant::now();
    eventually("the other one is used", || log.append(2, &record(2)).ok().filter(|placed| *placed == Placed::Done));
    assert!(began.elapsed() < Duration::from_secs(15));
    assert_eq!(eventually("it can be read", || log.read(1, Duration::ZERO).ok()).len(), 2);
    assert!(log.describe().unwrap()[0].contains(&pair.standby.address().to_string()));
}

#[test]
fn a_deposed_primary_answers_nothing() {
    let pair = PostgresPair::start();
    let log = Postgres::open(&pair.primary.url(), "deposed", &PostgresOptions::default()).unwrap();
    done(&log, 1);
    pair.standby.stop();
    assert!(log.append(1, b"another").is_err());
    assert!(log.append(9, b"early").is_err());
    assert!(log.last().is_err());
    pair.standby.cont();
}

#[test]
fn a_server_that_may_lose_data_is_refused() {
    let server = Server::start();
    let open = |options| Postgres::open(&server.url(), "safe", &options);
    assert_says(open(PostgresOptions::default()), "synchronous_standby_names");
    let options = PostgresOptions { standby_optional: true, ..PostgresOptions::default() };
    let log = open(options.clone()).unwrap();
    done(&log, 1);
    set(&server, "fsync", "off");
    // Those that are connected already notice, too.
    eventually("it is noticed", || log.append(2, &record(2)).is_err().then_some(()));
    assert_says(open(options.clone()), "fsync=off");
    set(&server, "fsync", "on");
    set(&server, "full_page_writes", "off");
    assert_says(open(options), "full_page_writes=off");
}

#[test]
fn the_server_may_not_lose_its_standby_unnoticed() {
    let pair = PostgresPair::start();
    let log = Postgres::open(&pair.url(), "named", &PostgresOptions::default()).unwrap();
    done(&log, 1);
    set(&pair.primary, "synchronous_standby_names", "");
    for at in 2.. {
        match log.append(at, &record(at)) {
            Ok(placed) => assert_eq!(placed, Placed::Done),
            Err(error) => {
                assert!(error.to_string().contains("synchronous_standby_names"), "{error}");
                break;
            }
        }
    }
    assert!(log.last().is_err());
}

#[test]
fn the_owner_is_one_until_it_says_nothing() {
    let (server, one) = single();
    let other = open_single(&server);
    assert_eq!(one.owner().unwrap(), None);
    assert_eq!(one.claim(&card(1, "one")).unwrap(), card(1, "one"));
    assert_eq!(other.claim(&card(2, "other")).unwrap(), card(1, "one"));
    let newer = ServerCard { applied: 7, ..card(1, "one") };
    assert_eq!(one.claim(&newer).unwrap(), newer);
    assert_eq!(other.owner().unwrap(), Some(newer));
    let claimed = Instant::now();
    eventually("the claim runs out", || (other.claim(&card(2, "other")).unwrap().name == "other").then_some(()));
    assert!(claimed.elapsed() + Duration::from_millis(500) > OWNER_PATIENCE);
    one.release(card(1, "one").id).unwrap();
    assert_eq!(one.owner().unwrap(), Some(card(2, "other")));
    other.release(card(2, "other").id).unwrap();
    assert_eq!(one.claim(&card(1, "one")).unwrap(), card(1, "one"));
}

#[test]
fn servers_are_forgotten() {
    let (_server, engine) = single();
    engine.announce(&card(2, "b")).unwrap();
    engine.announce(&card(1, "a")).unwrap();
    engine.announce(&ServerCard { applied: 3, ..card(2, "b") }).unwrap();
    let names = || engine.servers().unwrap().into_iter().map(|card| (card.name, card.applied)).collect::<Vec<_>>();
    assert_eq!(names(), [("a".to_owned(), 0), ("b".to_owned(), 3)]);
    eventually("one is forgotten", || {
        engine.announce(&card(1, "a")).unwrap();
        (names().len() == 1).then_some(())
    });
}

#[test]
fn snapshots_come_back_as_they_were() {
    let (server, engine) = single();
    let folder = tempfile::tempdir().unwrap();
    let (file, copy) = (folder.path().join("file"), folder.path().join("copy"));
    let content: Vec<u8> = (0..2_500_000_u32).map(|place| (place % 253) as u8).collect();
    fs::write(&file, &content).unwrap();
    let name = |at| SnapshotName { at, hash: [at as u8; 32] };
    for at in [5, 100, 20] {
        engine.put_snapshot(&name(at), &file).unwrap();
    }
    engine.put_snapshot(&name(5), &file).unwrap();
    assert_eq!(engine.snapshots().unwrap(), [name(100), name(20), name(5)]);
    engine.get_snapshot(&name(20), &copy).unwrap();
    assert_eq!(fs::read(&copy).unwrap(), content);
    assert!(engine.get_snapshot(&name(20), &copy).is_err(), "a file that is there is left alone");
    assert_eq!(fs::read(&copy).unwrap(), content);
    engine.remove_snapshot(&name(20)).unwrap();
    engine.remove_snapshot(&name(20)).unwrap();
    let none = folder.path().join("none");
    assert_says(engine.get_snapshot(&name(20), &none), "no such snapshot");
    // What has changed, or is not whole, is noticed.
    server.query("UPDATE chat_single.snapshot_piece SET bytes = overlay(bytes placing 'x' from 1000) WHERE piece = 1");
    assert_says(engine.get_snapshot(&name(5), &none), "another content");
    server.query("DELETE FROM chat_single.snapshot_piece WHERE piece = 2");
    assert_says(engine.get_snapshot(&name(100), &none), "lacks a piece");
    assert!(!none.exists());
    server.query("UPDATE chat_single.snapshot SET digest = NULL, touched = touched - interval '1 hour'");
    assert_eq!(engine.snapshots().unwrap(), []);
    fs::write(&file, b"").unwrap();
    engine.put_snapshot(&name(1), &file).unwrap();
    engine.get_snapshot(&name(1), &none).unwrap();
    assert_eq!(fs::read(&none).unwrap(), b"");
    assert_eq!(server.query("SELECT count(*) FROM chat_single.snapshot_piece"), "0");
}

#[test]
fn certificates_are_verified() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let made = || rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (used, another) = (made(), made());
    let owner = fs::metadata(server.data()).unwrap();
    for (name, text) in [("server.crt", used.cert.pem()), ("server.key", used.signing_key.serialize_pem())] {
        let path = server.data().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    set(&server, "ssl", "on");
    let roots = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        format!("{}?sslrootcert={}", server.url(), path.display())
    };
    let options = PostgresOptions { standby_optional: true, ..PostgresOptions::default() };
    let open = |url: &str| Postgres::open(url, "tls", &options);
    let log = open(&roots("used.pem", used.cert.pem())).unwrap();
    done(&log, 1);
    let encrypted = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'chat tls'";
    assert_eq!(server.query(encrypted), "t");
    assert_says(open(&roots("another.pem", another.cert.pem())), "certificate");
    assert_says(open(&format!("{}?sslmode=require", server.url())), "certificate");
}

#[test]
fn operators_see_the_standby() {
    let pair = PostgresPair::start();
    let engine = Postgres::open(&pair.url(), "described", &PostgresOptions::default()).unwrap();
    let lines = engine.describe().unwrap().join("\n");
    for part in [
        "PostgreSQL 15",
        &pair.primary.address().to_string(),
        "ANY 1 (standby)",
        "standby standby at",
        "streaming, quorum, ",
    ] {
        assert!(lines.contains(part), "{part}: {lines}");
    }
    assert!(!format!("{engine:?}").contains("surabaya"));
}

/// A server without a standby, and an engine on it.
fn single() -> (Server, Postgres) {
    let server = Server::start();
    let engine = open_single(&server);
    (server, engine)
}

fn open_single(server: &Server) -> Postgres {
    let options = PostgresOptions { standby_optional: true, ..PostgresOptions::default() };
    Postgres::open(&server.url(), "single", &options).unwrap()
}

fn set(server: &Server, setting: &str, value: &str) {
    server.query(&format!("ALTER SYSTEM SET {setting} = '{value}'"));
    server.query("SELECT pg_reload_conf()");
    eventually("the setting", || (server.query(&format!("SHOW {setting}")) == value).then_some(()));
}

fn card(id: u8, name: &str) -> ServerCard {
    ServerCard {
        id: ServerId::from_bytes([id; 16]),
        name: name.to_owned(),
        address: None,
        version: "1".to_owned(),
        applied: 0,
        serves: true,
    }
}

fn record(at: u64) -> Vec<u8> {
    format!("record {at}").into_bytes()
}

fn done(log: &Postgres, at: u64) {
    assert_eq!(log.append(at, &record(at)).unwrap(), Placed::Done);
}

fn assert_says<T, E: std::fmt::Display>(result: Result<T, E>, part: &str) {
    let error = result.err().expect("an error").to_string();
    assert!(error.contains(part), "{error}");
}
