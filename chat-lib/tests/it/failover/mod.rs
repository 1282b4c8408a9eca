//! Clients that know several servers of a chat.

mod way;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_lib::limits::Limits;
use chat_lib::model::MessageId;
use chat_lib::protocol::Event;
use chat_lib::store::Position;
use chat_lib::{Chat, Client, ClientOptions, Error, Events, ServerAddresses, Session};

use self::way::{Trouble, Way};
use crate::support::{Running, demo_chat};

fn chat() -> Chat {
    demo_chat(Limits::default()).0
}

fn all(addresses: &[SocketAddr]) -> ServerAddresses {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",").parse().unwrap()
}

/// Two ways to a server, with the same trouble for the requests that contain `word`.
fn two_ways(server: &Running, word: &'static str) -> (Arc<Trouble>, [Way; 2]) {
    let trouble = Arc::default();
    let ways = [(); 2].map(|()| Way::to(server.address, word, &trouble));
    (trouble, ways)
}

fn texts(session: &Session, with: &str) -> Vec<String> {
    let history = session.history(with, Position::Before(MessageId::MAX), 1_000).unwrap();
    history.messages.iter().map(|message| message.text.clone()).collect()
}

/// An address of loopback on which nobody listens, and nobody will.
fn nobody(host: u8) -> SocketAddr {
    let server = Running::on(&format!("127.0.0.{host}:0"), Chat::memory());
    let address = server.address;
    server.stop();
    address
}

#[test]
fn any_of_the_servers_will_do() {
    let chat = chat();
    let server = Running::new(chat.clone());
    let addresses = all(&[nobody(31), server.address, nobody(32)]);
    for _ in 0..8 {
        let client = Client::connect(&addresses).unwrap();
        client.login("messi", "surabaya").unwrap().send("messi", "halo").unwrap();
    }
    let began = Instant::now();
    let addresses = all(&[nobody(33), nobody(34)]);
    let Err(Error::Io(problem)) = Client::connect(&addresses) else { panic!() };
    assert!(problem.to_string().starts_with("127.0.0.3"), "it says which: {problem}");
    assert!(began.elapsed() < Duration::from_secs(10), "each is tried once");
}

/// A process that is stopped still takes connections.
#[test]
fn a_server_that_says_nothing_is_left() {
    let chat = chat();
    let server = Running::new(chat.clone());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = all(&[silent.local_addr().unwrap(), server.address]);
    let options = ClientOptions::new().patience(Duration::from_secs(1));
    for _ in 0..4 {
        let client = Client::connect_with(&addresses, &options).unwrap();
        let messi = client.login("messi", "surabaya").unwrap();
        let mut events = messi.events().unwrap();
        messi.send("messi", "halo").unwrap();
        assert!(matches!(events.next(), Some(Ok(Event::Message(_)))));
    }
}

#[test]
fn a_session_goes_on_at_another_server() {
    let chat = chat();
    let one = Running::on("127.0.0.35:0", chat.clone());
    let two = Running::on("127.0.0.36:0", chat.clone());
    let client = Client::connect(all(&[one.address, two.address])).unwrap();
    let messi = client.login("messi", "surabaya").unwrap();
    let address = one.address.to_string();
    one.stop();
    // An idle connection is known to be closed before anything is sent, so that nothing is of unknown fate.
    messi.send_to_all(&["henderson"], "one").unwrap();
    let one = Running::on(&address, chat.clone());
    two.stop();
    messi.send_to_all(&["henderson"], "two").unwrap();
    assert_eq!(texts(&messi, "henderson"), ["one", "two"]);
    one.stop();
    let options = ClientOptions::new().patience(Duration::from_millis(300));
    let last = Running::on("127.0.0.40:0", chat);
    let client = Client::connect_with(all(&[last.address, nobody(37)]), &options);
    let messi = client.unwrap().session_of("messi", messi.token());
    last.stop();
    assert!(matches!(messi.inbox(), Err(Error::Io(_))), "and where there is none, it fails in the end");
}

/// The connection dies after the server has done it, but before the answer.
#[test]
fn a_message_of_unknown_fate_is_sent_again_and_stored_once() {
    let server = Running::new(chat());
    let (trouble, ways) = two_ways(&server, "\"send\"");
    let messi = Client::connect(all(&ways.map(|way| way.address))).unwrap().login("messi", "surabaya").unwrap();
    trouble.lose(1);
    let sent = messi.send("henderson", "one").unwrap();
    trouble.lose(3);
    messi.send_with_key("henderson", "two", "mine").unwrap();
    assert_eq!(trouble.requests(), 6);
    assert_eq!(texts(&messi, "henderson"), ["one", "two"]);
    assert!(messi.send("henderson", "one").unwrap().id > sent.id, "the next one has another key");
}

/// After a loss and two refusals, the client was told `busy`, although the message was there.
#[test]
fn a_refusal_does_not_hide_an_unknown_outcome() {
    let server = Running::new(chat());
    let (trouble, ways) = two_ways(&server, "\"send\"");
    let options = ClientOptions::new().patience(Duration::from_secs(1));
    let client = Client::connect_with(all(&ways.map(|way| way.address)), &options).unwrap();
    let messi = client.login("messi", "surabaya").unwrap();
    trouble.lose(1);
    trouble.refuse(usize::MAX);
    assert!(matches!(messi.send("henderson", "one"), Err(Error::Disconnected)));
    assert!(trouble.requests() > 3, "it was refused more than once");
    assert_eq!(texts(&messi, "henderson"), ["one"]);
}

#[test]
fn with_one_address_nothing_is_sent_again() {
    let server = Running::new(chat());
    let (trouble, ways) = two_ways(&server, "\"send\"");
    let messi = Client::connect(ways[0].address).unwrap().login("messi", "surabaya").unwrap();
    trouble.lose(1);
    assert!(matches!(messi.send_with_key("henderson", "one", "mine"), Err(Error::Disconnected)));
    assert!(matches!(messi.send_with_key("henderson", "one", "mine"), Err(Error::Disconnected)));
    assert_eq!(trouble.requests(), 1);
}

#[test]
fn what_only_reads_is_asked_again() {
    let server = Running::new(chat());
    let (trouble, ways) = two_ways(&server, "\"history\"");
    let messi = Client::connect(all(&ways.map(|way| way.address))).unwrap().login("messi", "surabaya").unwrap();
    messi.send("henderson", "halo").unwrap();
    trouble.lose(2);
    assert_eq!(texts(&messi, "henderson"), ["halo"]);
    assert_eq!(trouble.requests(), 3);
}

#[test]
fn what_may_have_been_done_is_not_done_again() {
    let server = Running::new(chat());
    let (trouble, ways) = two_ways(&server, "inbox ");
    let messi = Client::connect(all(&ways.map(|way| way.address))).unwrap().login("messi", "surabaya").unwrap();
    trouble.lose(1);
    assert!(matches!(messi.inbox(), Err(Error::Disconnected)));
    assert_eq!(trouble.requests(), 1);
    assert!(messi.inbox().unwrap().is_empty(), "the next call connects again");
}

/// A request that was not sent because its session could not be resumed is of known fate.
#[test]
fn a_loss_before_the_request_loses_nothing() {
    let server = Running::new(chat());
    let (trouble, ways) = two_ways(&server, "\"resume\"");
    let client = Client::connect(all(&ways.map(|way| way.address))).unwrap();
    let messi = client.login("messi", "surabaya").unwrap();
    trouble.lose(2);
    messi.block("lineker").unwrap();
    assert_eq!(trouble.requests(), 3);
}

#[test]
fn what_is_refused_as_busy_is_tried_again() {
    let server = Running::new(chat());
    let (trouble, ways) = two_ways(&server, " surabaya");
    let addresses = all(&ways.map(|way| way.address));
    let client = Client::connect(&addresses).unwrap();
    trouble.refuse(6);
    let messi = client.login("messi", "surabaya").unwrap();
    assert_eq!(trouble.requests(), 7);

    let (trouble, ways) = two_ways(&server, "\"");
    let addresses = all(&ways.map(|way| way.address));
    trouble.refuse(3);
    let options = ClientOptions::new();
    let mut events = Events::connect(&addresses, &options, messi.token(), Some(MessageId::NONE)).unwrap();
    trouble.refuse(2);
    let session = Client::connect(&addresses).unwrap().session_of("messi", messi.token());
    session.block("lineker").unwrap();
    session.send("messi", "halo").unwrap();
    assert!(matches!(events.next(), Some(Ok(Event::Message(_)))), "nothing was missed before there were events");

    trouble.refuse(usize::MAX);
    let options = options.patience(Duration::from_millis(300));
    let client = Client::connect_with(&addresses, &options).unwrap();
    assert!(matches!(client.session_of("messi", messi.token()).blocks(), Err(Error::Busy)));
}

#[test]
fn events_are_complete_over_failovers() {
    let chat = chat();
    let (one, two) = (Running::new(chat.clone()), Running::new(chat.clone()));
    let trouble = Arc::default();
    let ways = [one.address, two.address].map(|server| Way::to(server, "nothing", &trouble));
    let client = Client::connect(all(&ways.each_ref().map(|way| way.address))).unwrap();
    let mut events = client.login("messi", "surabaya").unwrap().events().unwrap();
    let henderson = chat.login("henderson", "surabaya").unwrap();
    let (mut sent, mut got, mut lags) = (Vec::new(), Vec::new(), 0);
    for round in 0..6 {
        sent.extend((0..50).map(|_| henderson.send("messi", "halo").unwrap().id));
        if round % 2 == 0 {
            assert!(ways.iter().map(Way::cut).sum::<usize>() > 0);
        }
        while got.len() < sent.len() {
            match events.next().unwrap().unwrap() {
                Event::Message(message) => got.push(message.id),
                Event::Lagged => lags += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(got, sent);
    assert_eq!(lags, 3);
}

#[test]
fn events_go_on_at_the_server_that_is_left() {
    let chat = chat();
    let one = Running::on("127.0.0.38:0", chat.clone());
    let two = Running::on("127.0.0.39:0", chat.clone());
    let client = Client::connect(all(&[one.address, two.address])).unwrap();
    let mut events = client.login("messi", "surabaya").unwrap().events().unwrap();
    let henderson = chat.login("henderson", "surabaya").unwrap();
    let expect = |events: &mut Events| {
        let sent = henderson.send("messi", "halo").unwrap().id;
        loop {
            match events.next().unwrap().unwrap() {
                Event::Message(message) => return assert_eq!(message.id, sent),
                Event::Lagged => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let address = one.address.to_string();
    one.stop();
    expect(&mut events);
    let one = Running::on(&address, chat.clone());
    two.stop();
    expect(&mut events);
    one.stop();
}
