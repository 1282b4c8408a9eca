//! Clients that listen.

use serde_json::json;

use super::wire::{Next, request};
use super::{Client, Stage, parse_message};
use crate::history::{History, Subscriber, User};

/// Listens until the end, from the last message that it has heard on whenever it connects.
pub(crate) fn listen(stage: &Stage, number: usize, user: User) -> History {
    let mut client = Client::new(stage, number, user);
    client.listens = true;
    let mut subscriber = Subscriber { user, heard: Vec::new() };
    while !stage.is_over() && !has_heard_all(stage, &subscriber) {
        listen_on_one_connection(&mut client, &mut subscriber);
        client.leave();
    }
    client.history.subscribers.push(subscriber);
    client.finish()
}

fn listen_on_one_connection(client: &mut Client<'_>, subscriber: &mut Subscriber) {
    let (stage, user) = (client.stage, client.user);
    let Some(wire) = client.wire() else { return };
    let subscribe = |subscriber: &Subscriber| request(1, "subscribe", &json!({ "after": last(subscriber) }));
    if !wire.write(&subscribe(subscriber)) {
        return;
    }
    // A server that is stopped is silent, but so is one on which nothing happens.
    let mut asked = false;
    while !stage.is_over() && !has_heard_all(stage, subscriber) {
        match wire.next() {
            Next::Line(line) => {
                asked = false;
                match line["method"].as_str() {
                    Some("message") => subscriber.heard.push((stage.now(), parse_message(&line["params"], user))),
                    Some("lagged") => _ = wire.write(&subscribe(subscriber)),
                    // The session ends with the server's stop, or the server cannot go on.
                    Some("closed") => return,
                    Some(_) => {}
                    None if line.get("error").is_some() => return,
                    None => {}
                }
            }
            Next::Silence if !asked => asked = wire.write(&request(2, "ping", &json!({}))),
            Next::Silence | Next::End => return,
        }
    }
}

fn last(subscriber: &Subscriber) -> u64 {
    subscriber.heard.last().map_or(0, |(_, message)| message.id)
}

fn has_heard_all(stage: &Stage, subscriber: &Subscriber) -> bool {
    stage.has_heard_all(subscriber.user, last(subscriber))
}
