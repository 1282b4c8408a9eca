//! A server of protocol 1 that does to messages what it should not.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use chat_lib::Chat;

/// What it does to one message, the eleventh.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lie {
    /// Acknowledges it, and stores nothing.
    Lose,
    Repeat,
    Alter,
    /// Stores it after the next one of the same sender.
    Delay,
    /// Stores it for somebody else.
    Misdeliver,
    /// Stores it, and answers that it did not.
    Deny,
    /// Closes the connection.
    Close,
    /// Never answers.
    Ignore,
    /// Answers with this.
    Say(&'static str),
}

/// A server that answers as `chat` does, but for the lie.
pub(crate) fn lie(chat: &Chat, lie: Lie) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (chat, sends) = (chat.clone(), Arc::new(AtomicUsize::new(0)));
    let delayed: Arc<Mutex<Option<String>>> = Arc::default();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (chat, sends, delayed) = (chat.clone(), Arc::clone(&sends), Arc::clone(&delayed));
            thread::spawn(move || serve(client.unwrap(), &chat, lie, &sends, &delayed));
        }
    });
    address
}

fn serve(mut client: TcpStream, chat: &Chat, lie: Lie, sends: &AtomicUsize, delayed: &Mutex<Option<String>>) {
    let lines = BufReader::new(client.try_clone().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        let answer = |line: &str| chat.answer(format!("{line}\r\n").as_bytes());
        let is_lie = line.starts_with("send ") && sends.fetch_add(1, Ordering::SeqCst) == 10;
        let answer = match lie {
            _ if !is_lie => {
                let own = answer(&line);
                let waiting = delayed.lock().unwrap().take();
                waiting.iter().for_each(|waiting| _ = answer(waiting));
                own
            }
            Lie::Lose => SENT.into(),
            Lie::Repeat => {
                answer(&line);
                answer(&line)
            }
            Lie::Alter => answer(&line.replace("fox", "cat")),
            Lie::Delay => {
                *delayed.lock().unwrap() = Some(line);
                SENT.into()
            }
            Lie::Misdeliver => {
                let words: Vec<&str> = line.splitn(4, ' ').collect();
                let (name, number) = words[2].rsplit_once('-').unwrap();
                let other = format!("{name}-{}", number.parse::<u32>().unwrap() % 3 + 1);
                answer(&format!("send {} {other} {}", words[1], words[3]))
            }
            Lie::Deny => {
                answer(&line);
                b"{\"status\": \"ERROR\", \"message\": \"no\", \"code\": \"storage\"}\r\n\r\n".into()
            }
            Lie::Close => return,
            Lie::Ignore => continue,
            Lie::Say(text) => text.into(),
        };
        if client.write_all(&answer).is_err() {
            return;
        }
    }
}

const SENT: &[u8] = b"{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n";
