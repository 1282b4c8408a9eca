//! The whole chat inside a program, with no socket at all.
//!
//! ```sh
//! cargo run -p chat-lib --example embedded
//! ```

use chat_lib::protocol::{Command, Reply};
use chat_lib::{Chat, Error, NewUser};

fn main() -> Result<(), Error> {
    let chat = Chat::memory();
    chat.add_user(NewUser { name: "ana", password: "secret-1", full_name: "Ana Lima", country: "Brasil" })?;
    chat.add_user(NewUser { name: "budi", password: "secret-2", full_name: "Budi Santoso", country: "Indonesia" })?;

    // Commands give values …
    let Reply::LoggedIn(ana) = chat.execute(&Command::Auth { user: "ana", password: "secret-1" })? else {
        unreachable!("a login gives a token");
    };
    chat.execute(&Command::Send { token: ana, to: "budi", text: " Halo Budi!" })?;

    let Reply::LoggedIn(budi) = chat.execute(&Command::Auth { user: "budi", password: "secret-2" })? else {
        unreachable!("a login gives a token");
    };
    if let Reply::Inbox(inbox) = chat.execute(&Command::Inbox { token: budi })? {
        for message in inbox.iter() {
            println!("{} wrote: {}", message.from.full_name(), message.body());
        }
    }

    // … or refusals, with a code that never changes.
    let refusal = chat.execute(&Command::Send { token: ana, to: "nobody", text: " ?" });
    println!("refused: {}", refusal.err().map_or(String::new(), |error| error.code().to_owned()));

    // And a line as netcat would send it gives the bytes that netcat would see.
    print!("{}", String::from_utf8_lossy(&chat.answer(format!("activeuser {ana}").as_bytes())));
    Ok(())
}
