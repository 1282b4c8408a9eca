//! Refusals that a client has read: the error that the server had.

use std::str::FromStr;
use std::time::Duration;

use super::Error;

impl Error {
    /// The error that a refusal of protocol 1 stands for: five have fixed messages, the others a code.
    pub(crate) fn from_line(message: &str, code: Option<&str>) -> Self {
        let fixed =
            [Self::NoSuchUser, Self::WrongPassword, Self::NoSuchRecipient, Self::NoSuchSession, Self::BadCommand];
        let fixed = fixed.into_iter().find(|error| error.wire_message() == Some(message));
        fixed.unwrap_or_else(|| Self::from_code(code.unwrap_or_default(), message))
    }

    /// The error that the server had, where this version knows its code, else [`Refused`](Self::Refused). A code that no server
    /// refuses with is not trusted: "disconnected" would be taken for a failure of the connection.
    pub(crate) fn from_code(code: &str, message: &str) -> Self {
        let known = match code {
            "line_too_long" => number_in(message).map(|limit| Self::LineTooLong { limit }),
            "too_many_attempts" => {
                number_in(message).map(|wait| Self::TooManyAttempts { wait: Duration::from_secs(wait) })
            }
            "rate_limited" => number_in(message).map(|wait| Self::RateLimited { wait: Duration::from_secs(wait) }),
            "too_many_connections" => Some(Self::TooManyConnections),
            "no_such_user" => Some(Self::NoSuchUser),
            "wrong_password" => Some(Self::WrongPassword),
            "no_such_recipient" => Some(Self::NoSuchRecipient),
            "no_such_session" => Some(Self::NoSuchSession),
            "bad_command" => Some(Self::BadCommand),
            "mailbox_full" => Some(Self::MailboxFull),
            "banned" => Some(Self::Banned),
            "registration_closed" => Some(Self::RegistrationClosed),
            "invitation_required" => Some(Self::InvitationRequired),
            "no_such_invitation" => Some(Self::NoSuchInvitation),
            "too_many_recipients" => Some(Self::TooManyRecipients),
            "busy" => Some(Self::Busy),
            "storage" => Some(Self::Storage(message.into())),
            "entropy" => Some(Self::Entropy(reason(message, "the system gives no randomness: "))),
            "hashing" => Some(Self::Hashing(reason(message, "the password could not be hashed: "))),
            "user_exists" => Some(Self::UserExists),
            "invalid_user_name" => Some(Self::InvalidUserName),
            "invalid_full_name" => Some(Self::InvalidFullName),
            "invalid_country" => Some(Self::InvalidCountry),
            "invalid_password" => Some(Self::InvalidPassword),
            "invalid_room_name" => Some(Self::InvalidRoomName),
            "invalid_title" => Some(Self::InvalidTitle),
            "invalid_key" => Some(Self::InvalidKey),
            "key_reused" => Some(Self::KeyReused),
            "no_such_conversation" => Some(Self::NoSuchConversation),
            "no_such_room" => Some(Self::NoSuchRoom),
            "room_exists" => Some(Self::RoomExists),
            "not_a_member" => Some(Self::NotAMember),
            "not_an_owner" => Some(Self::NotAnOwner),
            "last_owner" => Some(Self::LastOwner),
            "room_full" => Some(Self::RoomFull),
            "too_many_rooms" => Some(Self::TooManyRooms),
            "blocked" => Some(Self::Blocked),
            "no_such_message" => Some(Self::NoSuchMessage),
            "not_your_message" => Some(Self::NotYourMessage),
            "bad_json" => Some(Self::BadJson(reason(message, "this line is not JSON: "))),
            "bad_request" => Some(Self::BadRequest(reason(message, "this is not a JSON-RPC 2.0 request: "))),
            "no_such_method" => Some(Self::NoSuchMethod),
            "bad_parameters" => Some(Self::BadParameters(reason(message, "invalid parameters: "))),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Refused { code: code.to_owned(), message: message.to_owned() })
    }
}

/// The reason behind the beginning of a sentence of ours; the whole of another one.
fn reason(message: &str, beginning: &str) -> String {
    message.strip_prefix(beginning).unwrap_or(message).to_owned()
}

/// The first number in a server's sentence. A limit and a waiting time are nowhere else in a refusal.
fn number_in<N: FromStr>(message: &str) -> Option<N> {
    message.split(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty())?.parse().ok()
}
