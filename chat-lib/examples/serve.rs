//! A server in a thread of the program, and a client that speaks to it.
//!
//! ```sh
//! cargo run -p chat-lib --example serve
//! ```

use std::error::Error;
use std::thread;

use chat_lib::{Chat, Client, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let chat = Chat::memory();
    chat.add_demo_users()?;
    let server = Server::bind(chat, "127.0.0.1:0")?;
    let address = *server.addresses().first().ok_or("it listens nowhere")?;
    let handle = server.handle();
    let running = thread::spawn(move || server.run());
    println!("listening on {address}");

    let client = Client::connect(address)?;
    let messi = client.login("messi", "surabaya")?;
    messi.send("henderson", "Halo Henderson, apa kabar?")?;

    let henderson = client.login("henderson", "surabaya")?;
    for message in &henderson.inbox()? {
        println!("{}: {}", message.from.full_name(), message.body());
    }

    handle.stop();
    Ok(running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?)
}
