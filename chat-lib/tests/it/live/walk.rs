//! Random commands of both protocols by several sessions, with reconnects, lost answers and restarts, against a small model:
//! nothing is lost and nothing comes twice, order is kept, cursors never move back, and what subscribers are told equals what
//! `sync` gives.

use chat_lib::store::{Durable, Options};
use chat_lib::{Chat, Config};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Peer;
use super::model::{Model, Place, Room};

const USERS: [&str; 3] = ["messi", "henderson", "lineker"];
const ROOMS: [&str; 2] = ["#open", "#invited"];
/// Two connections of each user.
const PEERS: usize = 6;

#[derive(Clone, Debug)]
enum Step {
    /// Peer, recipient, and whether the peer uses a key that it has used before.
    Send(usize, usize, bool),
    /// The peer is gone before it has the answer, and sends again.
    LostSend(usize, usize),
    /// With protocol 1.
    SendLine(usize, usize),
    Inbox(usize),
    /// Peer, conversation, and how many messages before its end.
    Read(usize, usize, usize),
    Delete(usize, usize),
    Create(usize, usize),
    Join(usize, usize),
    Leave(usize, usize),
    Invite(usize, usize, usize),
    DeleteRoom(usize, usize),
    /// The peer's connection is lost, and it subscribes again from the last message.
    Reconnect(usize),
    Unsubscribe(usize),
    /// Reads everything page by page, so many messages at once.
    Sync(usize, usize),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let (peer, user, room) = (0..PEERS, 0..3_usize, 0..2_usize);
    prop_oneof![
        6 => (peer.clone(), 0..5_usize, any::<bool>()).prop_map(|(peer, to, again)| Step::Send(peer, to, again)),
        2 => (peer.clone(), 0..5_usize).prop_map(|(peer, to)| Step::LostSend(peer, to)),
        3 => (peer.clone(), 0..5_usize).prop_map(|(peer, to)| Step::SendLine(peer, to)),
        2 => peer.clone().prop_map(Step::Inbox),
        3 => (peer.clone(), 0..5_usize, 0..4_usize).prop_map(|(peer, with, back)| Step::Read(peer, with, back)),
        1 => (peer.clone(), 0..8_usize).prop_map(|(peer, back)| Step::Delete(peer, back)),
        2 => (peer.clone(), room.clone()).prop_map(|(peer, room)| Step::Create(peer, room)),
        3 => (peer.clone(), room.clone()).prop_map(|(peer, room)| Step::Join(peer, room)),
        1 => (peer.clone(), room.clone()).prop_map(|(peer, room)| Step::Leave(peer, room)),
        1 => (peer.clone(), room.clone(), user).prop_map(|(peer, room, user)| Step::Invite(peer, room, user)),
        1 => (peer.clone(), room).prop_map(|(peer, room)| Step::DeleteRoom(peer, room)),
        2 => peer.clone().prop_map(Step::Reconnect),
        1 => peer.clone().prop_map(Step::Unsubscribe),
        1 => (peer, 1..5_usize).prop_map(|(peer, limit)| Step::Sync(peer, limit)),
        1 => Just(Step::Restart),
    ]
}

fn name(place: Place) -> &'static str {
    match place {
        Place::User(user) => USERS[user],
        Place::Room(room, _) => ROOMS[room],
    }
}

struct Client {
    peer: Peer,
    token: String,
    subscribed: bool,
    /// The last message that it was told of.
    position: u64,
}

struct World {
    directory: TempDir,
    chat: Option<Chat>,
    clients: Vec<Client>,
    model: Model,
    texts: usize,
}

fn open(directory: &TempDir) -> Chat {
    let store = Durable::open(directory.path(), Options::default()).unwrap();
    Chat::new(Config { store: Box::new(store), ..Config::default() })
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let chat = open(&directory);
        chat.add_demo_users().unwrap();
        let mut world = Self { directory, chat: Some(chat), clients: Vec::new(), model: Model::default(), texts: 0 };
        for number in 0..PEERS {
            let mut peer = Peer::new(world.chat.as_ref().unwrap());
            let login = peer.ok("login", json!({ "user": USERS[number % 3], "password": "surabaya" }));
            peer.ok("subscribe", json!({}));
            let token = login["token"].as_str().unwrap().to_owned();
            world.clients.push(Client { peer, token, subscribed: true, position: 0 });
        }
        world
    }

    fn reconnect(&mut self, number: usize) {
        let mut peer = Peer::new(self.chat.as_ref().unwrap());
        peer.ok("resume", json!({ "token": self.clients[number].token }));
        let position = self.clients[number].position;
        peer.ok("subscribe", json!({ "after": position }));
        self.clients[number].peer = peer;
        self.clients[number].subscribed = true;
        let told = self.told(number);
        assert_eq!(told, self.model.visible(number % 3, position), "what was replayed");
    }

    /// The messages that a client was told of since the last time.
    fn told(&mut self, number: usize) -> Vec<(u64, String)> {
        let client = &mut self.clients[number];
        let messages = client.peer.events().into_iter().filter(|(method, _)| method == "message");
        let told: Vec<_> = messages.map(|(_, message)| pair(&message)).collect();
        client.position = told.last().map_or(client.position, |(id, _)| *id);
        told
    }

    /// Has every subscriber told of the last message, if it may see it, and nobody of anything else.
    fn check_events(&mut self, new: Option<u64>) {
        for number in 0..PEERS {
            let said = new.and_then(|id| self.model.said.iter().find(|said| said.id == id));
            let seen = said.filter(|said| self.model.with(number % 3, said).is_some());
            let expected: Vec<_> = seen
                .filter(|_| self.clients[number].subscribed)
                .map(|said| (said.id, said.text.clone()))
                .into_iter()
                .collect();
            assert_eq!(self.told(number), expected, "what {} was told", USERS[number % 3]);
        }
    }

    /// Sends, and gives the id if it was done.
    fn send(&mut self, number: usize, to: Place, text: &str, key: &str) -> Option<u64> {
        let answer = self.clients[number].peer.call("send", json!({ "to": name(to), "text": text, "key": key }));
        answer["result"]["id"].as_u64()
    }

    /// Takes a send into the model. Returns the id of a message that is new.
    fn sent(&mut self, user: usize, to: Place, text: &str, key: &str, id: Option<u64>) -> Option<u64> {
        if let Some((place, first)) = self.model.keys.get(&(user, key.to_owned())) {
            // What it was sent to is known by name, also if that is another room by now.
            assert_eq!(id, (name(*place) == name(to)).then_some(*first), "a key that was used");
            return None;
        }
        let may = match to {
            Place::User(_) => true,
            Place::Room(room, _) => self.model.rooms[room].members.contains_key(&user),
        };
        assert_eq!(id.is_some(), may, "whether it was sent");
        let id = id?;
        self.model.say(id, user, to, text);
        self.model.keys.insert((user, key.to_owned()), (to, id));
        Some(id)
    }

    fn run(&mut self, step: &Step) {
        self.texts += 1;
        let text = format!("t{}", self.texts);
        let new = match *step {
            Step::Send(number, to, again) => {
                let (user, to) = (number % 3, self.model.place(to));
                let used = self.model.keys.keys().find(|(of, _)| *of == user).filter(|_| again);
                let key = used.map_or(text.clone(), |(_, key)| key.clone());
                let id = self.send(number, to, &text, &key);
                self.sent(user, to, &text, &key, id)
            }
            Step::LostSend(number, to) => {
                let (user, to) = (number % 3, self.model.place(to));
                let id = self.send(number, to, &text, &text);
                let new = self.sent(user, to, &text, &text, id);
                // Nobody has read the answer.
                self.clients[number].peer = Peer::new(self.chat.as_ref().unwrap());
                self.clients[number].subscribed = false;
                self.check_events(new);
                self.reconnect(number);
                assert_eq!(self.send(number, to, &text, &text), id, "it is sent again");
                None
            }
            Step::SendLine(number, to) => {
                let (user, to) = (number % 3, self.model.place(to));
                let command = if matches!(to, Place::User(_)) { "send" } else { "sendgroup" };
                let answer =
                    self.line(number, &format!("{command} {} {} {text}", self.clients[number].token, name(to)));
                let may = match to {
                    Place::User(_) => true,
                    Place::Room(room, _) => self.model.rooms[room].members.contains_key(&user),
                };
                assert_eq!(answer["status"] == "OK", may, "{answer}");
                // Protocol 1 does not say the id.
                let id = may.then(|| self.last_id(number));
                id.inspect(|id| self.model.say(*id, user, to, &text))
            }
            Step::Inbox(number) => {
                let user = number % 3;
                let answer = self.line(number, &format!("inbox {}", self.clients[number].token));
                for partner in 0..3 {
                    let with = Place::User(partner);
                    let unread: Vec<_> =
                        self.model.unread(user, with).iter().map(|said| (said.id, said.text.clone())).collect();
                    let got: Vec<_> = answer["messages"][USERS[partner]].as_array().cloned().unwrap_or_default();
                    let got: Vec<_> =
                        got.iter().map(|message| message["msg"].as_str().unwrap().trim().to_owned()).collect();
                    let texts: Vec<_> = unread.iter().map(|(_, text)| text.clone()).collect();
                    assert_eq!(got, texts, "the inbox of {} from {}", USERS[user], USERS[partner]);
                    if let Some((last, _)) = unread.last() {
                        self.model.read(user, with, *last);
                    }
                }
                None
            }
            Step::Read(number, with, back) => {
                let (user, with) = (number % 3, self.model.place(with));
                let ids: Vec<_> = self
                    .model
                    .said
                    .iter()
                    .filter(|said| self.model.with(user, said) == Some(with))
                    .map(|said| said.id)
                    .collect();
                let upto = ids.iter().rev().nth(back).copied().unwrap_or_default();
                let answer = self.clients[number].peer.call("read", json!({ "with": name(with), "upto": upto }));
                let may = match with {
                    Place::User(_) => true,
                    Place::Room(room, _) => self.model.rooms[room].members.contains_key(&user),
                };
                if may {
                    self.model.read(user, with, upto);
                    assert_eq!(answer["result"]["unread"], self.model.unread(user, with).len(), "{answer}");
                } else {
                    assert!(answer["error"].is_object(), "{answer}");
                }
                None
            }
            Step::Delete(number, back) => {
                let user = number % 3;
                let Some(place) = self.model.said.len().checked_sub(back + 1) else { return };
                let said = self.model.said[place].clone();
                let answer = self.clients[number].peer.call("delete", json!({ "id": said.id }));
                let owns = |room: usize| self.model.rooms[room].owner == user;
                let may = !said.deleted
                    && self.model.with(user, &said).is_some()
                    && (said.from == user || matches!(said.to, Place::Room(room, _) if owns(room)));
                assert_eq!(answer["result"].is_object(), may, "{answer}");
                if may {
                    let said = &mut self.model.said[place];
                    (said.deleted, said.text) = (true, String::new());
                }
                None
            }
            Step::Create(number, room) => {
                let answer =
                    self.clients[number].peer.call("room.create", json!({ "room": ROOMS[room], "open": room == 0 }));
                assert_eq!(answer["result"].is_object(), !self.model.rooms[room].exists, "{answer}");
                if !self.model.rooms[room].exists {
                    let since = if room == 0 { 0 } else { self.model.last() };
                    let state = &mut self.model.rooms[room];
                    (state.exists, state.owner, state.number) = (true, number % 3, state.number + 1);
                    state.members.insert(number % 3, since);
                }
                None
            }
            Step::Join(number, room) => {
                let user = number % 3;
                let answer = self.clients[number].peer.call("room.join", json!({ "room": ROOMS[room] }));
                let last = self
                    .model
                    .said
                    .iter()
                    .filter(|said| said.to == self.model.place(room + 3))
                    .map(|said| said.id)
                    .max();
                let state = &mut self.model.rooms[room];
                let is_member = state.members.contains_key(&user);
                let may = state.exists && (room == 0 || is_member || state.invited.contains(&user));
                assert_eq!(answer["result"].is_object(), may, "{answer}");
                if may && !is_member {
                    let last = last.unwrap_or_default();
                    state.members.insert(user, if room == 0 { 0 } else { last });
                    state.invited.retain(|invited| *invited != user);
                    let place = Place::Room(room, state.number);
                    self.model.cursors.insert((user, place), last);
                }
                None
            }
            Step::Leave(number, room) => {
                let user = number % 3;
                let answer = self.clients[number].peer.call("room.leave", json!({ "room": ROOMS[room] }));
                let state = &self.model.rooms[room];
                let may = state.members.contains_key(&user) && state.owner != user;
                assert_eq!(answer["result"].is_object(), may, "{answer}");
                if may {
                    self.model.leave(user, room);
                }
                None
            }
            Step::Invite(number, room, user) => {
                let by = number % 3;
                let answer =
                    self.clients[number].peer.call("room.invite", json!({ "room": ROOMS[room], "user": USERS[user] }));
                let state = &mut self.model.rooms[room];
                let may = state.members.contains_key(&by) && (room == 0 || state.owner == by);
                assert_eq!(answer["result"].is_object(), may, "{answer}");
                if may && !state.members.contains_key(&user) && !state.invited.contains(&user) {
                    state.invited.push(user);
                }
                None
            }
            Step::DeleteRoom(number, room) => {
                let answer = self.clients[number].peer.call("room.delete", json!({ "room": ROOMS[room] }));
                let state = &self.model.rooms[room];
                let may = state.exists && state.owner == number % 3 && state.members.contains_key(&(number % 3));
                assert_eq!(answer["result"].is_object(), may, "{answer}");
                if may {
                    (0..3).for_each(|user| self.model.leave(user, room));
                    let number = self.model.rooms[room].number;
                    self.model.rooms[room] = Room { number, ..Room::default() };
                }
                None
            }
            Step::Reconnect(number) => {
                self.reconnect(number);
                None
            }
            Step::Unsubscribe(number) => {
                self.clients[number].peer.ok("unsubscribe", json!({}));
                self.clients[number].subscribed = false;
                None
            }
            Step::Sync(number, limit) => {
                let (mut after, mut all) = (0, Vec::new());
                loop {
                    let page = self.clients[number].peer.ok("sync", json!({ "after": after, "limit": limit }));
                    all.extend(page["messages"].as_array().unwrap().iter().map(pair));
                    after = page["next"].as_u64().unwrap();
                    if page["more"] == false {
                        break;
                    }
                }
                assert_eq!(all, self.model.visible(number % 3, 0), "what sync gives");
                None
            }
            Step::Restart => {
                self.clients.iter_mut().for_each(|client| client.peer.connection = nobody());
                self.chat = None;
                self.chat = Some(open(&self.directory));
                (0..PEERS).for_each(|number| self.reconnect(number));
                None
            }
        };
        self.check_events(new);
    }

    /// The id of the last message that a user sees.
    fn last_id(&mut self, number: usize) -> u64 {
        let page = self.clients[number].peer.ok("sync", json!({ "after": self.model.last(), "limit": 1000 }));
        page["messages"].as_array().unwrap().last().unwrap()["id"].as_u64().unwrap()
    }

    /// The answer to a line of protocol 1, which goes over a connection of its own.
    fn line(&mut self, _: usize, line: &str) -> Value {
        serde_json::from_slice(&self.chat.as_ref().unwrap().answer(line.as_bytes())).unwrap()
    }

    /// Compares what everybody sees with the model.
    fn check(&mut self) {
        for (number, user) in USERS.iter().enumerate() {
            let all = self.clients[number].peer.ok("sync", json!({ "after": 0, "limit": 1000 }));
            let all: Vec<_> = all["messages"].as_array().unwrap().iter().map(pair).collect();
            assert_eq!(all, self.model.visible(number, 0));
            let list = self.clients[number].peer.ok("conversations", json!({ "limit": 1000 }));
            for conversation in list["conversations"].as_array().unwrap() {
                let with = conversation["with"].as_str().unwrap();
                let to = USERS.iter().chain(&ROOMS).position(|name| *name == with).unwrap();
                let place = self.model.place(to);
                let unread = self.model.unread(number, place).len();
                assert_eq!(conversation["unread"], unread, "{user} with {with}");
                let history = self.clients[number].peer.ok("history", json!({ "with": with, "limit": 1000 }));
                let history: Vec<_> = history["messages"].as_array().unwrap().iter().map(pair).collect();
                let said = self.model.said.iter().filter(|said| self.model.with(number, said) == Some(place));
                let said: Vec<_> = said.map(|said| (said.id, said.text.clone())).collect();
                assert_eq!(history, said, "the history of {user} with {with}");
            }
        }
    }
}

/// A connection that holds on to no chat that is restarted.
fn nobody() -> chat_lib::Connection {
    chat_lib::Connection::new(Chat::memory())
}

fn pair(message: &Value) -> (u64, String) {
    (message["id"].as_u64().unwrap(), message["text"].as_str().unwrap().to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn everybody_sees_what_the_model_says(steps in vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
        }
        world.check();
    }
}
