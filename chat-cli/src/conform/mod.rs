//! `chat-cli conform`: plays transcripts of both protocols against a server, and reports where it differs
//! (`docs/conformance.md`). It relies on nothing of the server but what the protocols say.

mod library;
mod pattern;
mod player;
mod prepare;
mod report;
mod transcript;
mod values;
mod wire;

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chat_lib::{ServerAddress, printable};

use self::library::Text;
use self::prepare::Server;
use self::report::{Outcome, Played, Report};
use self::transcript::Transcript;
use self::values::Values;
use crate::args::Security;
use crate::{All, Stop, say};

/// Test whether a server speaks the chat protocols, by playing transcripts against it.
///
/// The server must have the users messi, henderson and lineker with the password surabaya, and nobody else may use it
/// meanwhile. Their sessions end, and what they have unread counts as read. Transcripts that make accounts are skipped if the server takes no registrations.
///
/// Exits with 0 if transcripts passed and none failed, 1 if one failed or all were skipped, 2 if it was called wrongly, and 3
/// if the server could not be reached.
#[derive(Debug, clap::Args)]
pub(crate) struct Conform {
    /// The server to test: HOST:PORT, chat://HOST, or chats://HOST for encrypted connections.
    #[arg(value_name = "ADDRESS", required_unless_present = "list")]
    server: Option<ServerAddress>,

    #[command(flatten)]
    security: Security,

    /// Play the transcripts in this directory instead of the built-in ones: its .chat files, and those one level below.
    #[arg(long, value_name = "DIR")]
    transcripts: Option<PathBuf>,

    /// Name the transcripts and exit.
    #[arg(long)]
    list: bool,

    /// Play only transcripts whose names begin with this; may be given more than once.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Print the report as one JSON object.
    #[arg(long)]
    json: bool,

    /// How long to wait for each connection, answer or event.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

/// Runs the subcommand.
pub(crate) fn run(args: &Conform) -> Result<All, Stop> {
    let mut texts = match &args.transcripts {
        Some(folder) => library::read(folder)?,
        None => library::built_in(),
    };
    texts.retain(|text| args.only.is_empty() || args.only.iter().any(|name| text.name.starts_with(name)));
    if texts.is_empty() {
        complain!("chat-cli: there is no such transcript");
        return Ok(All::NotWell);
    }
    let Some(server) = args.server.as_ref().filter(|_| !args.list) else {
        for Text { name, text } in &texts {
            let title = Transcript::read(text).map_or("", |read| read.title);
            say(&format!("{}  {}", printable(name), printable(title)))?;
        }
        return Ok(All::Well);
    };
    let server = Server::new(args.security.target(server), Duration::from_secs(args.timeout))?;
    server.end_sessions()?;
    let address = server.target.address.to_string();
    let mut report = Report::new(&address, args.json);
    // If the server is lost, what was seen before is told, too.
    let played = (0..).zip(&texts).try_for_each(|(number, text)| play(text, number, &server, &mut report));
    let all = report.finish()?;
    played.map(|()| all)
}

/// Plays a transcript, and adds what became of it to the report.
fn play(Text { name, text }: &Text, number: usize, server: &Server, report: &mut Report<'_>) -> Result<(), Stop> {
    let begun = Instant::now();
    let mut values = Values::new(&run_number(number), server.line_bytes);
    let (title, outcome) = match Transcript::read(text) {
        Ok(read) if read.needs_registration && server.registration == Some(false) => {
            (read.title, Outcome::Skipped("the server does not let everybody register".to_owned()))
        }
        Ok(read) => {
            server.empty_inboxes()?;
            let outcome = player::play(&read, &server.target, server.timeout, &mut values);
            (read.title, outcome.map_or_else(Outcome::Failed, |()| Outcome::Passed))
        }
        Err(problem) => ("", Outcome::Unreadable(problem)),
    };
    report.add(Played { name: name.clone(), title: title.to_owned(), outcome, took: begun.elapsed() })?;
    server.log_out(values.tokens())
}

/// What makes names unique, on a server that keeps what earlier runs made.
fn run_number(transcript: usize) -> String {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    format!("{millis:x}{transcript:02x}")
}
