//! The committed corpus, once through every target. It needs no fuzzer.

use std::fs;
use std::path::Path;

#[test]
fn the_corpus_holds() {
    for (name, target) in [
        ("frame", chat_fuzz::frame as fn(&[u8])),
        ("command", chat_fuzz::command),
        ("rpc", chat_fuzz::rpc),
        ("connection", chat_fuzz::connection),
        ("calls", chat_fuzz::calls::calls),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut count = 0;
        for entry in fs::read_dir(folder).expect("the corpus is committed") {
            target(&fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count > 10, "the corpus of {name} is gone");
    }
}
