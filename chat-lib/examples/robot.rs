//! A robot: it answers what people write to it, and to its name in the rooms that it was invited to.
//!
//! `cargo run --example robot` shows it on a server of its own; `cargo run --example robot -- ADDRESS USER PASSWORD` has it
//! work on another one, until its session ends.

use std::env;
use std::error::Error;
use std::thread;

use chat_lib::model::{ConversationName, HistoryMessage};
use chat_lib::protocol::{Event, RoomChange};
use chat_lib::{Chat, Client, Events, NewUser, Server, Session};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [address, user, password] => {
            let robot = Client::connect(address)?.login(user, password)?;
            run(&robot, robot.events()?)
        }
        [] => demonstrate(),
        _ => Err("usage: robot [ADDRESS USER PASSWORD]".into()),
    }
}

/// Answers until the session ends. Events come over a connection of their own, which is made again when it is lost: none is
/// missed, and none comes twice.
fn run(robot: &Session, events: Events) -> Result<(), Box<dyn Error>> {
    for event in events {
        match event? {
            Event::Message(message) if message.from.user().as_str() != robot.user() => answer(robot, &message)?,
            Event::Room { room, change: RoomChange::Invited, user, .. } if user.as_str() == robot.user() => {
                robot.join_room(room.as_str())?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn answer(robot: &Session, message: &HistoryMessage) -> Result<(), chat_lib::Error> {
    let text = match &message.with {
        ConversationName::User(_) => &*message.text,
        // In a room, it is not spoken to unless somebody says so.
        ConversationName::Room(_) => match message.text.strip_prefix(&format!("{}:", robot.user())) {
            Some(text) => text,
            None => return Ok(()),
        },
    };
    let words = text.split_whitespace().count();
    robot.read(message.with.as_str(), message.id)?;
    // Should this run twice for one message, it is sent once.
    let key = format!("answer to {}", message.id);
    robot.send_with_key(message.with.as_str(), &format!("{words} words, {}", message.from.full_name()), &key).map(drop)
}

/// A server, the robot on it, and somebody who talks to it.
fn demonstrate() -> Result<(), Box<dyn Error>> {
    let chat = Chat::memory();
    for (name, full_name) in [("ana", "Ana Lima"), ("counter", "The Counter")] {
        chat.add_user(NewUser { name, password: "secret", full_name, country: "" })?;
    }
    let server = Server::bind(chat.clone(), "127.0.0.1:0")?;
    let address = *server.addresses().first().ok_or("it listens nowhere")?;
    let handle = server.handle();
    let serving = thread::spawn(move || server.run());

    let robot = Client::connect(address)?.login("counter", "secret")?;
    let ana = Client::connect(address)?.login("ana", "secret")?;
    let (heard_by_robot, mut heard) = (robot.events()?, ana.events()?);
    let working = thread::spawn(move || run(&robot, heard_by_robot).map_err(|problem| problem.to_string()));

    ana.send("counter", "how many words are these?")?;
    let answer = next_from_robot(&mut heard)?;
    println!("{}: {}", answer.from.full_name(), answer.text);
    assert_eq!(answer.text, "5 words, Ana Lima");

    ana.create_room("#words", "", false)?;
    ana.invite("#words", "counter")?;
    // It joins when it hears of it.
    let joined = |event: &Event| matches!(event, Event::Room { change: RoomChange::Joined, .. });
    while !joined(&heard.next().ok_or("the session has ended")??) {}
    ana.send("#words", "counter: one two")?;
    let answer = next_from_robot(&mut heard)?;
    println!("{} in {}: {}", answer.from.full_name(), answer.with, answer.text);
    assert_eq!(answer.text, "2 words, Ana Lima");

    chat.end_sessions("counter")?;
    working.join().map_err(|_| "the robot panicked")??;
    handle.stop();
    serving.join().map_err(|_| "the server panicked")??;
    Ok(())
}

fn next_from_robot(events: &mut Events) -> Result<HistoryMessage, Box<dyn Error>> {
    for event in events {
        match event? {
            Event::Message(message) if message.from.user().as_str() == "counter" => return Ok(message),
            _ => {}
        }
    }
    Err("the session has ended".into())
}
