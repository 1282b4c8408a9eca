use std::collections::BTreeSet;

use super::*;
use crate::limits::Limits;

const PROTOCOL: &str = include_str!("../../../docs/protocol.md");
const PROTOCOL_2: &str = include_str!("../../../docs/protocol-2.md");

/// One of each kind. A test compares it with the table of codes, which does not compile when a kind is missing.
pub(crate) fn samples() -> Vec<Error> {
    let io = || io::Error::other("reason");
    vec![
        Error::NoSuchUser,
        Error::WrongPassword,
        Error::NoSuchRecipient,
        Error::NoSuchSession,
        Error::BadCommand,
        Error::LineTooLong { limit: 8 },
        Error::Storage("reason".into()),
        Error::Entropy("reason".to_owned()),
        Error::Hashing("reason".to_owned()),
        Error::UserExists,
        Error::InvalidUserName,
        Error::InvalidFullName,
        Error::InvalidCountry,
        Error::InvalidPassword,
        Error::InvalidToken,
        Error::InvalidRequest { what: "this text" },
        Error::Refused { code: String::new(), message: "reason".to_owned() },
        Error::BadReply("reason".to_owned()),
        Error::Disconnected,
        Error::TimedOut,
        Error::Tls("reason".to_owned()),
        Error::Listen { address: ([127, 0, 0, 1], 1).into(), source: io() },
        Error::Io(io()),
        Error::Busy,
        Error::MailboxFull,
        Error::TooManyAttempts { wait: Duration::from_millis(1500) },
        Error::RateLimited { wait: Duration::from_millis(1500) },
        Error::TooManyConnections,
        Error::RegistrationClosed,
        Error::InvitationRequired,
        Error::NoSuchInvitation,
        Error::TooManyRecipients,
        Error::DataInUse { path: "chat-data".into(), process: None },
        Error::DataFormat { path: "chat-data/chat.db".into(), found: 2, known: 1 },
        Error::BadDump { line: 3, problem: "reason".to_owned() },
        Error::NotEmpty,
        Error::PublicPassword { user: UserName::parse("messi").unwrap(), address: ([192, 0, 2, 1], 1).into() },
        Error::Cleartext { address: ([192, 0, 2, 1], 1).into() },
        Error::BadCertificate { problem: "reason".to_owned() },
        Error::Banned,
        Error::OutcomeUnknown("reason".into()),
        Error::InvalidRoomName,
        Error::InvalidTitle,
        Error::InvalidKey,
        Error::KeyReused,
        Error::NoSuchConversation,
        Error::NoSuchRoom,
        Error::RoomExists,
        Error::NotAMember,
        Error::NotAnOwner,
        Error::LastOwner,
        Error::RoomFull,
        Error::TooManyRooms,
        Error::Blocked,
        Error::NoSuchMessage,
        Error::NotYourMessage,
        Error::NoSuchMethod,
        Error::BadJson("reason".to_owned()),
        Error::BadRequest("reason".to_owned()),
        Error::BadParameters("reason".to_owned()),
    ]
}

#[test]
fn every_kind_has_a_code_and_a_number_of_its_own() {
    let identities: BTreeSet<_> = samples().iter().map(|error| (error.code().to_owned(), error.number())).collect();
    let table: BTreeSet<_> = Error::CODES.iter().map(|(code, number)| ((*code).to_owned(), *number)).collect();
    assert_eq!(identities, table);
    let (codes, numbers): (BTreeSet<_>, BTreeSet<_>) = Error::CODES.iter().copied().unzip();
    assert_eq!((codes.len(), numbers.len()), (Error::CODES.len(), Error::CODES.len()));
}

#[test]
fn every_code_is_in_the_contracts() {
    for (code, number) in Error::CODES {
        assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code}");
        assert!(PROTOCOL.contains(&format!("`{code}`")), "{code} is not in docs/protocol.md");
        let row = format!("| {number} | `{code}` |");
        // Protocol 1 alone has words that can be missing.
        let refuses = travels(code) && *code != "bad_command";
        assert_eq!(PROTOCOL_2.contains(&row), refuses, "{row} and docs/protocol-2.md");
    }
}

/// Whether a server refuses with it.
fn travels(code: &str) -> bool {
    let never = ["data_in_use", "data_format", "not_empty", "bad_dump", "public_password", "listen", "io", "refused"];
    let tls = ["cleartext", "bad_certificate", "tls"];
    let client = ["invalid_token", "invalid_request", "bad_reply", "disconnected", "timed_out", "outcome_unknown"];
    !never.contains(&code) && !client.contains(&code) && !tls.contains(&code)
}

#[test]
fn every_refusal_reads_back_as_itself() {
    for error in samples() {
        let message = error.message().to_string();
        if let Some(words) = error.wire_message() {
            assert_eq!(message, words);
            assert!(PROTOCOL.contains(&format!("| `{words}` | `{}` |", error.code())));
        }
        let code = error.wire_message().is_none().then(|| error.code());
        assert_eq!(Error::from_line(&message, code).code(), error.code());
        assert_eq!(Error::from_line(&message, code).message().to_string(), message);
    }
}

/// A full mailbox was `MailboxFull` in the process, and `Refused` over a connection.
#[test]
fn a_refusal_has_the_same_variant_on_both_sides() {
    for error in samples() {
        let read = Error::from_code(error.code(), &error.to_string());
        match travels(error.code()) {
            true => {
                assert_eq!(std::mem::discriminant(&read), std::mem::discriminant(&error), "{error:?}");
                assert_eq!(read.to_string(), error.to_string());
            }
            false => assert!(matches!(read, Error::Refused { .. }), "{error:?}"),
        }
    }
    let read = Error::from_code("too_many_attempts", "too many failed attempts; try again in 2 s");
    assert!(matches!(read, Error::TooManyAttempts { wait } if wait == Duration::from_secs(2)));
    // Servers of other versions have other sentences.
    let read = Error::from_code("too_many_attempts", "wait");
    assert!(matches!(read, Error::Refused { code, message } if (&*code, &*message) == ("too_many_attempts", "wait")));
    assert!(matches!(Error::from_code("mailbox_full", "full"), Error::MailboxFull));
}

#[test]
fn the_contract_names_the_defaults() {
    let limits = Limits::default();
    let grouped = |number: usize| match (number / 1_000_000, number / 1000 % 1000, number % 1000) {
        (0, 0, ones) => ones.to_string(),
        (0, thousands, ones) => format!("{thousands},{ones:03}"),
        (millions, thousands, ones) => format!("{millions},{thousands:03},{ones:03}"),
    };
    for row in [
        format!("| connections to the server | {} |", grouped(limits.connections)),
        format!("one network of 64 bits | {} |", grouped(limits.connections_per_address)),
        format!("use sessions of one user | {} |", grouped(limits.connections_per_user)),
        format!(
            "| requests of a connection | {} at once, and {} per second |",
            grouped(limits.requests_burst as usize),
            grouped(limits.requests_per_second as usize)
        ),
        format!("logged in or used a session | {} min |", limits.login_time.as_secs() / 60),
        format!("not subscribed to events | {} days |", limits.idle_time.as_secs() / 86_400),
        format!("| a line, its end included | {} bytes |", grouped(limits.line_bytes)),
        format!("with `line_too_long` to its end | {} s,", limits.line_time.as_secs()),
        format!("does not read them | {} bytes", grouped(limits.reply_bytes)),
        format!("still to be written into them | {} bytes |", grouped(limits.answers_bytes)),
        format!(
            "wait for their turn | {} bytes | lines of more than {} bytes",
            grouped(limits::REQUESTS_BYTES),
            grouped(limits::REQUEST_BYTES_SHORT)
        ),
        format!("of other answers, {} bytes may wait", grouped(limits::REPLY_BYTES_SHORT)),
        format!("2 KB/s | {} min |", limits.stall_time.as_secs() / 60),
        format!("not used | {} days |", limits.session_idle.as_secs() / 86_400),
        format!("| live sessions of a user | {} |", grouped(limits::SESSIONS_PER_USER)),
        format!("| unread messages of a user | {} |", grouped(limits.mailbox_messages)),
        format!("texts together | {} |", grouped(limits.mailbox_bytes)),
        format!("| members of a room and invitations to it | {} |", grouped(limits.room_members)),
        format!("a member of | {} |", grouped(limits.rooms_per_user)),
        format!("from an address | {} |", limits.failed_logins),
        format!("of all peers | {} |", limits::JOBS_WAITING),
        format!("must wait: {} second,", limits::LOGIN_DELAY.as_secs()),
        format!("one of the last {} addresses", limits::KNOWN_ADDRESSES),
        format!("up to {} minutes.", limits::LOGIN_DELAY_MAX.as_secs() / 60),
        format!("| user name | 1 to {} of", limits::USER_NAME_CHARS),
        format!("| full name | 1 to {} bytes", limits::FULL_NAME_BYTES),
        format!("| country | at most {} bytes", limits::COUNTRY_BYTES),
        format!("| password | 1 to {} bytes", grouped(limits::PASSWORD_BYTES)),
    ] {
        assert!(PROTOCOL.contains(&row), "{row} is not in docs/protocol.md");
    }
}
