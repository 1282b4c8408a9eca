//! A server in a thread of the program, and a client that speaks to it.
//!
//! ```sh
//! cargo run -p chat-lib --example serve
//! ```

use std::thread;

use chat_lib::{Chat, Client, Error, Server};

fn main() -> Result<(), Error> {
    let chat = Chat::memory();
    chat.add_demo_users()?;
    let server = Server::bind(chat, "127.0.0.1:0")?;
    let (addresses, handle) = (server.addresses().to_vec(), server.handle());
    let running = thread::spawn(move || server.run());
    println!("listening on {addresses:?}");

    let client = Client::connect(&addresses[..])?;
    let messi = client.login("messi", "surabaya")?;
    messi.send("henderson", "Halo Henderson, apa kabar?")?;

    let henderson = client.login("henderson", "surabaya")?;
    for message in &henderson.inbox()? {
        println!("{}: {}", message.from.full_name(), message.body());
    }

    handle.stop();
    running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
