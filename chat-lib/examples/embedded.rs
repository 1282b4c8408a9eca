//! The whole chat inside a program, with no socket at all.
//!
//! ```sh
//! cargo run -p chat-lib --example embedded
//! ```

use chat_lib::{Chat, Error, NewUser};

fn main() -> Result<(), Error> {
    let chat = Chat::memory();
    chat.add_user(NewUser { name: "ana", password: "secret-1", full_name: "Ana Lima", country: "Brasil" })?;
    chat.add_user(NewUser { name: "budi", password: "secret-2", full_name: "Budi Santoso", country: "Indonesia" })?;

    // Calls give values …
    let ana = chat.login("ana", "secret-1")?;
    ana.send("budi", "Halo Budi!")?;

    let budi = chat.login("budi", "secret-2")?;
    for message in &budi.inbox()? {
        println!("{} wrote: {}", message.from.full_name(), message.body());
    }

    // … or refusals, with a code that never changes.
    let refusal = ana.send("nobody", "?");
    println!("refused: {}", refusal.err().map_or(String::new(), |error| error.code().to_owned()));

    // And a line as netcat would send it gives the bytes that netcat would see.
    print!("{}", String::from_utf8_lossy(&chat.answer(format!("activeuser {}", ana.token()).as_bytes())));
    Ok(())
}
