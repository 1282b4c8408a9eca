//! `include/chat.h` is what the code says. `CHAT_H=write cargo test -p chat-ffi --test it header` writes it.

use std::fs;
use std::path::Path;

/// In the order in which a reader of the header wants them.
const FILES: [&str; 23] = [
    "status",
    "error",
    "buffer",
    "version",
    "handle",
    "wake",
    "authenticator",
    "options",
    "open",
    "session/mod",
    "event",
    "events",
    "lists/mod",
    "operator",
    "invitations",
    "rooms",
    "data",
    "health",
    "connection",
    "server/options",
    "server/mod",
    "client",
    "log",
];

#[test]
fn the_header_is_what_the_code_says() {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(crate_root.join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in FILES {
        builder = builder.with_src(crate_root.join(format!("src/{file}.rs")));
    }
    let mut generated = Vec::new();
    builder.generate().unwrap().write(&mut generated);
    let path = crate_root.join("../include/chat.h");
    if std::env::var_os("CHAT_H").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let committed = fs::read(&path).unwrap();
    assert!(
        committed == generated,
        "include/chat.h is out of date: CHAT_H=write cargo test -p chat-ffi --test it header"
    );
}
