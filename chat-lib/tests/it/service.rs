//! What a service manager relies on: sockets that it passes, and an answer to its watchdog.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use chat_lib::server::Listener;
use chat_lib::store::CommitError;
use chat_lib::{Chat, Client, Config, Server};

use crate::faulty::{Fault, Faulty};
use crate::support::{Running, cheap};

const PATIENCE: Duration = Duration::from_secs(30);

fn server_on(socket: &TcpListener) -> Server {
    let elsewhere = ([127, 0, 0, 1], 1).into();
    let listener = Listener::tcp(elsewhere).with_socket(socket.try_clone().unwrap()).unwrap();
    let server = Server::builder(Chat::memory()).listen(listener).bind().unwrap();
    assert_eq!(server.addresses(), [socket.local_addr().unwrap()]);
    server
}

/// A server that is stopped shuts its own listeners down, and peers that connect before the next one starts are refused.
/// Those of a service manager stay, and the peers wait in their queue.
#[test]
fn a_socket_that_was_passed_outlives_the_server() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let first = server_on(&socket);
    let handle = first.handle();
    let running = thread::spawn(move || first.run());
    let mut served = TcpStream::connect(address).unwrap();
    served.write_all(b"halo\r\n").unwrap();
    assert_eq!(served.read(&mut [0]).unwrap(), 1);
    handle.stop();
    running.join().unwrap().unwrap();

    let mut waiting = TcpStream::connect(address).unwrap();
    waiting.set_read_timeout(Some(PATIENCE)).unwrap();
    waiting.write_all(b"halo\r\n").unwrap();
    let second = server_on(&socket);
    let handle = second.handle();
    let running = thread::spawn(move || second.run());
    assert_eq!(waiting.read(&mut [0]).unwrap(), 1);
    handle.stop();
    running.join().unwrap().unwrap();
}

/// Commits wait until somebody lets them.
struct StuckDisk {
    reached: Sender<()>,
    release: Mutex<Receiver<()>>,
}

impl Fault for StuckDisk {
    fn commit(&self) -> Result<(), CommitError> {
        self.reached.send(()).unwrap();
        // Once the test has its answers, nothing is held up any more.
        self.release.lock().unwrap().recv().ok();
        Ok(())
    }
}

#[test]
fn a_watchdog_learns_that_the_disk_holds_up_the_server() {
    let (reached, commits) = channel();
    let (release, released) = channel();
    let fault = StuckDisk { reached, release: Mutex::new(released) };
    let store = Box::new(Faulty { store: Arc::default(), fault });
    let chat = Chat::new(Config {
        store,
        registration: chat_lib::model::Registration::Open,
        password_cost: cheap(),
        ..Config::default()
    });
    let server = Running::new(chat);
    assert!(server.handle.responds_within(PATIENCE));

    let address = server.address;
    let login = thread::spawn(move || Client::connect(address)?.register("ana", "secret", "Ana", None).map(drop));
    commits.recv().unwrap();
    assert!(!server.handle.responds_within(Duration::from_millis(1)));
    drop(release);
    login.join().unwrap().unwrap();
    assert!(server.handle.responds_within(PATIENCE));
    server.stop();
}

#[test]
fn a_server_that_does_not_run_yet_does_not_respond_and_one_that_stops_is_well() {
    let server = Server::bind(Chat::memory(), "127.0.0.1:0").unwrap();
    let handle = server.handle();
    assert!(!handle.responds_within(Duration::ZERO));
    handle.stop();
    assert!(handle.responds_within(Duration::ZERO));
    server.run().unwrap();
}
