//! A program that checks logins itself.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use chat_lib::clock::ManualClock;
use chat_lib::limits::{AUTHENTICATOR_PATIENCE, Limits};
use chat_lib::model::PasswordCost;
use chat_lib::store::{Durable, Options};
use chat_lib::{Authenticator, AuthenticatorError, Chat, Client, Config, Credentials, Error, Identity, NewUser};

use crate::support::Running;

type Verdict = Result<Option<Identity>, AuthenticatorError>;

/// An authenticator that is a function, and its patience.
struct Ask<F>(F, Arc<Mutex<Duration>>);

impl<F> Authenticator for Ask<F>
where
    F: Fn(&Credentials) -> Verdict + Send + Sync,
{
    fn authenticate(&self, login: &Credentials) -> Verdict {
        (self.0)(login)
    }

    fn patience(&self) -> Duration {
        *self.1.lock().unwrap()
    }
}

fn config(ask: impl Fn(&Credentials) -> Verdict + Send + Sync + 'static) -> Config {
    patient(ask, &Arc::new(Mutex::new(AUTHENTICATOR_PATIENCE)))
}

fn patient(ask: impl Fn(&Credentials) -> Verdict + Send + Sync + 'static, patience: &Arc<Mutex<Duration>>) -> Config {
    let authenticator: Arc<dyn Authenticator> = Arc::new(Ask(ask, Arc::clone(patience)));
    Config {
        authenticator: Some(authenticator),
        password_cost: PasswordCost::new(8, 1, 1).unwrap(),
        ..Config::default()
    }
}

/// Lets in whoever says `right`.
fn right(login: &Credentials) -> Verdict {
    Ok((login.password == "right").then(Identity::default))
}

fn code<T>(outcome: Result<T, Error>) -> String {
    outcome.err().map(|error| error.code().to_owned()).unwrap_or_default()
}

#[test]
fn the_first_login_creates_the_account_and_stored_passwords_do_not_count() {
    let chat = Chat::new(config(right));
    chat.add_user(NewUser { name: "ana", password: "stored", full_name: "Ana Lima", country: "Brasil" }).unwrap();
    chat.add_demo_users().unwrap();
    assert_eq!(code(chat.login("ana", "stored")), "wrong_password");
    assert_eq!(code(chat.login("messi", "surabaya")), "wrong_password");
    assert_eq!(code(chat.login("bea", "wrong")), "wrong_password", "nobody learns whether there is such a user");
    assert_eq!(chat.users().unwrap().len(), 4);
    let bea = chat.login("bea", "right").unwrap();
    bea.send("ana", "halo").unwrap();
    let ana = chat.login("ana", "right").unwrap();
    let inbox = ana.inbox().unwrap();
    let message = inbox.iter().next().unwrap();
    assert_eq!((message.from.full_name(), inbox.to()), ("bea", "Ana Lima"));
    assert_eq!(code(chat.register("eva", "right", "Eva", None)), "registration_closed");
}

#[test]
fn names_are_those_that_the_program_says() {
    let identity = Arc::new(Mutex::new(Identity::default().full_name("Ana Lima").country("Brasil")));
    let said = Arc::clone(&identity);
    let chat = Chat::new(config(move |_| Ok(Some(said.lock().unwrap().clone()))));
    let names = || {
        let profile = &chat.users().unwrap()[0].profile;
        (profile.full_name().to_owned(), profile.country().to_owned())
    };
    let login = |now: Identity| {
        *identity.lock().unwrap() = now;
        code(chat.login("ana", "x"))
    };
    login(Identity::default().full_name("Ana Lima").country("Brasil"));
    assert_eq!(names(), ("Ana Lima".to_owned(), "Brasil".to_owned()));
    login(Identity::default());
    assert_eq!(names(), ("Ana Lima".to_owned(), "Brasil".to_owned()), "what is not said stays");
    login(Identity::default().full_name("Ana Souza"));
    assert_eq!(names(), ("Ana Souza".to_owned(), "Brasil".to_owned()));
    login(Identity::default().country(""));
    assert_eq!(names(), ("Ana Souza".to_owned(), String::new()));
    assert_eq!(login(Identity::default().full_name("")), "storage");
    assert_eq!(login(Identity::default().country("\u{202e}")), "storage");
    assert_eq!(names(), ("Ana Souza".to_owned(), String::new()));
}

#[test]
fn it_is_asked_only_what_it_has_to_know() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    let chat = Chat::new(config(move |login| {
        notes.lock().unwrap().push(format!("{}:{}:{}", login.user.as_str(), login.password, login.from.is_some()));
        right(login)
    }));
    let server = Running::new(chat.clone());
    let client = Client::connect(server.address).unwrap();
    assert_eq!(code(client.login("-ana", "right")), "no_such_user");
    client.login("ana", "right").unwrap();
    chat.ban_user("ana").unwrap();
    assert_eq!(code(client.login("ana", "wrong")), "wrong_password");
    assert_eq!(code(client.login("ana", "right")), "banned");
    assert_eq!(code(chat.login("ana", "right")), "banned");
    server.stop();
    assert_eq!(
        *asked.lock().unwrap(),
        ["ana:right:true", "ana:wrong:true", "ana:right:true", "ana:right:false"],
        "a name that breaks the rule is refused unasked"
    );
}

/// There is something to guess, although the chat has no account of that name.
#[test]
fn a_guesser_has_to_wait() {
    let clock = Arc::new(ManualClock::default());
    let chat = Chat::new(Config { clock: Box::new(Arc::clone(&clock)), ..config(right) });
    for _ in 0..Limits::default().failed_logins {
        assert_eq!(code(chat.login("ana", "wrong")), "wrong_password");
    }
    assert_eq!(code(chat.login("ana", "right")), "too_many_attempts");
    clock.advance(Duration::from_secs(1));
    chat.login("ana", "right").unwrap();
    assert_eq!(code(chat.login("ana", "wrong")), "wrong_password", "a success clears the count");
}

#[test]
fn a_failure_is_not_shown_to_peers_and_does_not_count() {
    let chat = Chat::new(config(|login| match login.user.as_str() {
        "panics" => panic!("a bug"),
        "fails" => Err("the database at db.example is down".into()),
        _ => right(login),
    }));
    let server = Running::new(chat.clone());
    let client = Client::connect(server.address).unwrap();
    for user in ["fails", "panics"].repeat(10) {
        let refusal = client.login(user, "right").unwrap_err();
        assert_eq!(refusal.code(), "storage");
        assert!(!refusal.with_reasons().contains("example") && !refusal.with_reasons().contains("bug"));
    }
    client.login("ana", "right").unwrap();
    let failure = chat.login("fails", "right").unwrap_err();
    assert!(failure.with_reasons().contains("the database at db.example is down"), "the program's own calls are told");
    server.stop();
    assert_eq!(chat.users().unwrap().len(), 1);
}

/// An authenticator that was called with a lock held, or within a batch, would wait for itself.
#[test]
fn it_may_use_the_chat() {
    let directory = tempfile::tempdir().unwrap();
    let durable = Durable::open(directory.path(), Options::default()).unwrap();
    for store in [None, Some(durable)] {
        let chat = Arc::new(OnceLock::<Chat>::new());
        let own = Arc::clone(&chat);
        let mut config = config(move |login| {
            let chat = own.get().unwrap();
            if login.user.as_str() != "bot" && chat.users()?.iter().all(|user| user.profile.user() != &login.user) {
                chat.login("bot", "right")?.send("bot", &format!("{} is new", login.user.as_str()))?;
                chat.open_session("bot")?.send("bot", "from the operator")?;
                chat.check()?;
            }
            right(login)
        });
        if let Some(store) = store {
            config.store = Box::new(store);
        }
        chat.set(Chat::new(config)).ok().unwrap();
        let chat = chat.get().unwrap();
        let server = Running::new(chat.clone());
        Client::connect(server.address).unwrap().login("ana", "right").unwrap();
        server.stop();
        chat.login("eva", "right").unwrap();
        assert_eq!(chat.inbox_of("bot").unwrap().len(), 4);
    }
}

/// Hangs for a user named `slow` until it is told to go on; says that it has begun.
fn hanging() -> (impl Fn(&Credentials) -> Verdict, Receiver<()>, Sender<()>) {
    let (began, beginning) = channel();
    let (go, going) = channel();
    let going = Mutex::new(going);
    let ask = move |login: &Credentials| {
        if login.user.as_str() == "slow" {
            began.send(())?;
            going.lock().unwrap().recv().ok();
        }
        right(login)
    };
    (ask, beginning, go)
}

/// On a machine with two cores, one user whose login hung kept all others waiting.
#[test]
fn a_call_that_hangs_holds_up_nobody_else() {
    let (ask, beginning, go) = hanging();
    let server = Running::new(Chat::new(config(ask)));
    let clients = [(); 2].map(|()| Client::connect(server.address).unwrap());
    let [slow, other] = clients;
    let login = std::thread::spawn(move || slow.login("slow", "right").map(drop));
    beginning.recv().unwrap();
    for _ in 0..10 {
        other.login("ana", "right").unwrap();
    }
    go.send(()).unwrap();
    login.join().unwrap().unwrap();
    server.stop();
}

#[test]
fn a_server_that_stops_answers_a_login_that_is_being_checked() {
    let (ask, beginning, go) = hanging();
    let chat = Chat::new(config(ask));
    let server = Running::new(chat);
    let client = Client::connect(server.address).unwrap();
    let login = std::thread::spawn(move || client.login("slow", "right").map(drop));
    beginning.recv().unwrap();
    server.handle.stop();
    go.send(()).unwrap();
    server.stop();
    login.join().unwrap().unwrap();
}

/// A database that hung held every login, and the end of the server.
#[test]
fn a_call_that_hangs_is_given_up() {
    let (ask, beginning, go) = hanging();
    // Long enough for the call to begin.
    let patience = Arc::new(Mutex::new(Duration::from_millis(500)));
    let chat = Chat::new(patient(ask, &patience));
    let server = Running::new(chat.clone());
    let client = Client::connect(server.address).unwrap();
    assert_eq!(code(client.login("slow", "right")), "busy");
    beginning.recv().unwrap();
    *patience.lock().unwrap() = AUTHENTICATOR_PATIENCE;
    client.login("ana", "right").unwrap();
    server.stop();
    // It goes on, and nobody is there who would hear of it.
    go.send(()).unwrap();
    assert_eq!(chat.users().unwrap().len(), 1);
}
