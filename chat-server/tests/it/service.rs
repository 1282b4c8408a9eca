//! The binary as a service manager sees it: readiness, watchdog, and sockets that are passed.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;

use crate::process::{PATIENCE, Process, login};

fn socket() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

#[test]
fn it_serves_on_sockets_that_were_passed_and_the_next_server_goes_on() {
    let sockets = [socket(), socket()];
    let start = || {
        let copies = sockets.each_ref().map(|socket| socket.try_clone().unwrap());
        Process::start_as_service(&[], "chat:chat-server.socket", copies)
    };
    let mut server = start();
    let [first, second] = sockets.each_ref().map(|socket| socket.local_addr().unwrap());
    assert_eq!((server.address, server.wait_for("listening on ")), (first, second.to_string()));
    login(&mut server.connect(), "messi");
    server.address = second;
    login(&mut server.connect(), "messi");
    server.signal(Signal::TERM);
    assert!(server.wait().0.success());

    let mut waiting = TcpStream::connect(first).unwrap();
    let server = start();
    login(&mut waiting, "messi");
    drop(server);
}

#[test]
fn the_service_manager_is_told_how_things_stand() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut message = [0; 256];
        let length = manager.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };

    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "20000")];
    let sockets = [socket(), socket()];
    let [first, second] = sockets.each_ref().map(|socket| socket.local_addr().unwrap());
    let server = Process::start_as_service(&variables, "chat:chat", sockets);
    // The watchdog may be quicker.
    let ready = std::iter::repeat_with(told).find(|message| message != "WATCHDOG=1\n").unwrap();
    assert_eq!(ready, format!("READY=1\nSTATUS=Listening on {first}, {second}\n"));
    assert_eq!(told(), "WATCHDOG=1\n");
    assert_eq!(told(), "WATCHDOG=1\n");
    server.signal(Signal::TERM);
    let stopping = std::iter::repeat_with(told).find(|message| message != "WATCHDOG=1\n").unwrap();
    assert_eq!(stopping, "STOPPING=1\n");
    assert!(server.wait().0.success());
}
