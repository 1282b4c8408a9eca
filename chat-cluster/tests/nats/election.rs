//! Who is the owner.

use std::time::{Duration, Instant};

use chat_cluster::{Engine, OWNER_PATIENCE};
use chat_cluster_testing::eventually;

use crate::{card, connect};

#[test]
fn an_owner_that_says_nothing_is_followed() {
    let (one, two) = (connect("owner"), connect("owner"));
    assert_eq!(one.owner().unwrap(), None);
    assert_eq!(one.claim(&card(1)).unwrap(), card(1));
    assert_eq!(two.claim(&card(2)).unwrap(), card(1));
    assert_eq!(two.owner().unwrap(), Some(card(1)));
    let moved = chat_cluster::ServerCard { applied: 8, ..card(1) };
    let mut renewed = Instant::now();
    let until = renewed + OWNER_PATIENCE * 2;
    while Instant::now() < until {
        assert_eq!(one.claim(&moved).unwrap(), moved);
        renewed = Instant::now();
        assert_eq!(two.claim(&card(2)).unwrap(), moved);
    }
    assert_eq!(
        eventually("another owner", || Some(two.claim(&card(2)).unwrap()).filter(|owner| *owner != moved)),
        card(2)
    );
    // It was seen for the first time a little before it was renewed for the last time.
    assert!(renewed.elapsed() >= OWNER_PATIENCE - Duration::from_millis(500), "{:?}", renewed.elapsed());
    assert_eq!(one.claim(&card(1)).unwrap(), card(2));
    assert_eq!(one.owner().unwrap(), Some(card(2)));
}

#[test]
fn an_owner_that_is_gone_is_none() {
    let (one, two) = (connect("gone"), connect("gone"));
    one.claim(&card(1)).unwrap();
    assert_eq!(two.owner().unwrap(), Some(card(1)));
    eventually("no owner", || two.owner().unwrap().is_none().then_some(()));
}

#[test]
fn a_released_ownership_is_free_at_once() {
    let (one, two) = (connect("release"), connect("release"));
    one.release(card(1).id).unwrap();
    one.claim(&card(1)).unwrap();
    two.release(card(2).id).unwrap();
    assert_eq!(two.claim(&card(2)).unwrap(), card(1));
    one.release(card(1).id).unwrap();
    assert_eq!(two.owner().unwrap(), None);
    assert_eq!(two.claim(&card(2)).unwrap(), card(2));
    one.release(card(1).id).unwrap();
    assert_eq!(one.owner().unwrap(), Some(card(2)));
}

#[test]
fn one_of_many_becomes_the_owner() {
    let owners = std::thread::scope(|scope| {
        let claims = [1, 2, 3, 4].map(|number| scope.spawn(move || connect("many").claim(&card(number)).unwrap()));
        claims.map(|claim| claim.join().unwrap())
    });
    assert!(owners.iter().all(|owner| *owner == owners[0]), "{owners:?}");
}

#[test]
fn servers_are_known_while_they_say_so() {
    let (one, two) = (connect("servers"), connect("servers"));
    assert_eq!(one.servers().unwrap(), []);
    two.announce(&card(2)).unwrap();
    two.announce(&card(1)).unwrap();
    let moved = chat_cluster::ServerCard { applied: 8, ..card(2) };
    two.announce(&moved).unwrap();
    assert_eq!(one.servers().unwrap(), [card(1), moved.clone()]);
    let kept = eventually("the first is forgotten", || {
        two.announce(&moved).unwrap();
        Some(one.servers().unwrap()).filter(|servers| servers.len() == 1)
    });
    assert_eq!(kept, [moved]);
}
