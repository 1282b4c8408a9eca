//! A client of protocol 1 that empties its user's inbox again and again.

use serde_json::Value;

use super::{Client, Stage};
use crate::history::{History, Inbox, Name, Time, User};

/// How long it does nothing between two requests, at most.
const PAUSE_MILLISECONDS: usize = 300;

pub(crate) fn empty(stage: &Stage, number: usize, user: User) -> History {
    let mut client = Client::new(stage, number, user);
    while !stage.is_stopped() {
        empty_once(&mut client);
        client.pause(PAUSE_MILLISECONDS);
    }
    client.finish()
}

fn empty_once(client: &mut Client<'_>) {
    let Some(token) = client.token() else { return };
    let began = client.stage.now();
    let answer = client.ask_line(&format!("inbox {token}"));
    let (user, ended) = (client.user, client.stage.now());
    let mut record = |messages| client.history.inboxes.push(Inbox { user, began, ended, messages });
    match answer {
        None => {
            record(None);
            client.leave();
        }
        Some(answer) if answer["status"] == "OK" => record(Some(names(&answer))),
        // A refusal takes nothing.
        Some(answer) => refused(client, &answer, began, ended),
    }
}

fn refused(client: &mut Client<'_>, answer: &Value, began: Time, ended: Time) {
    if answer["message"] == "Informasi tidak ditemukan" {
        client.session.uses.push((began, ended, false));
    }
}

fn names(answer: &Value) -> Vec<Name> {
    let senders = answer["messages"].as_object().unwrap().values();
    let messages = senders.flat_map(|messages| messages.as_array().unwrap());
    let name = |message: &Value| Name::parse(message["msg"].as_str()?.strip_prefix(' ')?.strip_suffix("\r\n")?);
    messages.map(|message| name(message).unwrap_or_else(|| panic!("nobody has sent {message}"))).collect()
}
