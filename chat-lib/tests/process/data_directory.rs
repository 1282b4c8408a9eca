//! The data directory: what leads to it, who owns it, who has it, and what is done to it by those who only read.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chat_lib::model::PasswordCost;
use chat_lib::protocol::{Reply, line};
use chat_lib::store::{Durable, KeepRead, Options};
use chat_lib::{Chat, Config, Error, NewUser, Process};

use crate::alone;

fn add(chat: &Chat, name: &str) {
    chat.add_user(NewUser { name, password: "surabaya", full_name: name, country: "" }).unwrap();
}

fn open(directory: impl AsRef<Path>) -> Chat {
    let store = Box::new(Durable::open(directory.as_ref(), Options::default()).unwrap());
    Chat::new(Config { store, password_cost: PasswordCost::new(8, 1, 1).unwrap(), ..Config::default() })
}

fn names(chat: &Chat) -> Vec<String> {
    chat.users().unwrap().iter().map(|user| user.profile.user().to_string()).collect()
}

/// A chat that only looks at data, as `dump`, `check` and `user list` do.
fn look(directory: &Path) -> Chat {
    let options = Options { read_only: true, keep_read: Some(KeepRead::Everything), ..Options::default() };
    let store = Durable::open(directory, options).unwrap();
    let chat = Chat::new(Config { store: Box::new(store), ..Config::default() });
    assert!(chat.is_read_only());
    chat
}

fn entries(directory: &Path) -> BTreeMap<PathBuf, Metadata> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.path(), entry.metadata().unwrap())).collect()
}

fn content(directory: &Path) -> Vec<(PathBuf, SystemTime, Vec<u8>)> {
    let file = |(path, about): (PathBuf, Metadata)| {
        let bytes = fs::read(&path).unwrap();
        (path, about.modified().unwrap(), bytes)
    };
    entries(directory).into_iter().map(file).collect()
}

/// A program opened `data` and changed its working directory; then `check` looked into the `data` that was there,
/// said that all was well, and had made an empty database in it.
#[test]
fn a_relative_path_is_looked_up_once() {
    let _turn = alone();
    let place = tempfile::tempdir().unwrap();
    let (ours, other) = (place.path().join("ours"), place.path().join("other"));
    fs::create_dir_all(&ours).unwrap();
    fs::create_dir_all(other.join("data")).unwrap();
    std::env::set_current_dir(&ours).unwrap();
    let chat = open("data");
    std::env::set_current_dir(&other).unwrap();
    add(&chat, "ana");
    chat.check().unwrap();
    chat.tidy().unwrap();
    drop(chat);
    assert!(entries(&other.join("data")).is_empty());
    assert_eq!(names(&open(ours.join("data"))), ["ana"]);
    std::env::set_current_dir("/").unwrap();
}

/// SQLite knows names that are no files' names: `file:x` was taken for a URI, and the data was elsewhere.
#[test]
fn a_directory_may_have_any_name() {
    let _turn = alone();
    let place = tempfile::tempdir().unwrap();
    std::env::set_current_dir(place.path()).unwrap();
    let odd = ["file:x", "file:y?mode=memory", ":memory:", "a?b#c%41 d", "é\u{7f}&vfs=none", "x"];
    for name in odd {
        add(&open(name), "ana");
        assert!(place.path().join(name).join("chat.db").exists());
        assert_eq!(names(&look(Path::new(name))), ["ana"], "{name}");
        open(name).check().unwrap();
    }
    assert_eq!(entries(place.path()).len(), odd.len());
    std::env::set_current_dir("/").unwrap();
}

/// Whoever restores a backup renames the old directory, perhaps under a running server. When that one stopped, it
/// must not touch what has the name now.
#[test]
fn a_directory_that_was_replaced_is_left_alone() {
    let _turn = alone();
    let place = tempfile::tempdir().unwrap();
    let (old, data) = (place.path().join("old"), place.path().join("data"));
    let moved = open(&data);
    add(&moved, "ana");
    fs::rename(&data, &old).unwrap();
    let new = open(&data);
    add(&new, "bob");
    let before = content(&data);
    moved.check().unwrap();
    add(&moved, "cyd");
    moved.tidy().unwrap();
    drop(moved);
    assert!(content(&data) == before);
    // As if killed: only what is on the disk counts.
    std::mem::forget(new);
    assert_eq!(names(&open(&old)), ["ana", "cyd"]);
    let copy = place.path().join("copy");
    fs::create_dir(&copy).unwrap();
    before.iter().for_each(|(path, _, bytes)| fs::write(copy.join(path.file_name().unwrap()), bytes).unwrap());
    assert_eq!(names(&open(&copy)), ["bob"]);
}

/// On a full disk, or one that could only be read, nothing could be dumped, listed or checked: looking wrote.
#[test]
fn looking_writes_nothing() {
    let _turn = alone();
    let place = tempfile::tempdir().unwrap();
    let (running, killed) = (place.path().join("running"), place.path().join("killed"));
    let chat = open(&running);
    add(&chat, "ana");
    let token = chat.login("ana", "surabaya").unwrap().token();
    chat.session(token).unwrap().send("ana", "halo").unwrap();
    fs::create_dir(&killed).unwrap();
    for file in entries(&running).keys() {
        fs::copy(file, killed.join(file.file_name().unwrap())).unwrap();
    }
    drop(chat);
    let stopped = running;
    assert!(fs::metadata(killed.join("chat.db-wal")).unwrap().len() > 0);
    let without_log = place.path().join("without log");
    fs::create_dir(&without_log).unwrap();
    fs::copy(stopped.join("chat.db"), without_log.join("chat.db")).unwrap();

    for directory in [&killed, &stopped, &without_log] {
        let before = content(directory);
        let chat = look(directory);
        assert_eq!(names(&look(directory)), ["ana"], "many may look at once");
        assert_eq!(Chat::open(directory).unwrap_err().code(), "data_in_use");
        assert_eq!(names(&chat), ["ana"]);
        chat.check().unwrap();
        let mut dump = Vec::new();
        chat.dump(true, &mut dump).unwrap();
        assert!(String::from_utf8(dump).unwrap().contains("\"halo\""));
        let ask = |text: &str| line::reply::read(&line::parse(text.as_bytes())?.command, &chat.answer(text.as_bytes()));
        for refused in ["auth ana surabaya", &format!("inbox {token}")] {
            assert_eq!(ask(refused).unwrap_err().code(), "storage");
        }
        assert_eq!(chat.set_password("ana", "other").unwrap_err().code(), "storage");
        let active = ask(&format!("activeuser {token}")).unwrap();
        assert!(matches!(active, Reply::ActiveUsers(users) if users.len() == 1));
        chat.tidy().unwrap();
        drop(chat);
        assert!(content(directory) == before, "{}", directory.display());
    }
    let options = Options { read_only: true, ..Options::default() };
    assert!(Durable::open(&place.path().join("nowhere"), options.clone()).is_err());
    assert!(Durable::open(place.path(), options).is_err());
    assert!(!place.path().join("nowhere").exists() && !place.path().join("chat.db").exists());
}

/// Root added a user to a service's data, and the service could not open what root had made there.
#[test]
fn new_files_have_the_directorys_owner() {
    let _turn = alone();
    let place = tempfile::tempdir().unwrap();
    // Only root can do this. For others, all is theirs anyway.
    chown(place.path(), Some(1234), Some(1234)).ok();
    let owner = |about: &Metadata| (about.uid(), about.gid());
    let wanted = owner(&fs::metadata(place.path()).unwrap());
    let data = place.path().join("new/data");
    let chat = open(&data);
    add(&chat, "ana");
    chat.check().unwrap();
    let made = [entries(place.path()), entries(&place.path().join("new")), entries(&data)];
    let made: Vec<_> = made.iter().flatten().collect();
    assert!(made.len() >= 4);
    for (path, about) in made {
        assert_eq!(owner(about), wanted, "{}", path.display());
    }
}

/// "In use by another process, or by this one", and nobody knew which.
#[test]
fn who_has_the_data_is_named() {
    let _turn = alone();
    let place = tempfile::tempdir().unwrap();
    let _chat = open(place.path());
    let refusal = Chat::open(place.path()).unwrap_err();
    assert_eq!(refusal.to_string(), format!("{} is in use by this process", place.path().display()));
    assert_eq!(refusal.code(), "data_in_use");
    let process = Some(Process { id: 1, name: "chat-server".to_owned() });
    let refusal = Error::DataInUse { path: "data".into(), process };
    assert_eq!(refusal.to_string(), "data is in use by process 1 (chat-server)");
}
