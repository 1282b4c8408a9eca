//! Codes and numbers: each kind of error has one of both. They are permanent. The numbers are those of `chat_status` in C and
//! of the errors of protocol 2.

use super::Error;

macro_rules! codes {
    ($($number:literal $code:literal $kind:pat)*) => {
        impl Error {
            /// Every code and its number.
            pub const CODES: &'static [(&'static str, i32)] = &[$(($code, $number)),*];

            /// The code and the number of this kind of error.
            fn identity(&self) -> (&'static str, i32) {
                match self {
                    $($kind => ($code, $number),)*
                }
            }
        }
    };
}

codes! {
    10 "no_such_user"             Self::NoSuchUser
    11 "wrong_password"           Self::WrongPassword
    12 "no_such_recipient"        Self::NoSuchRecipient
    13 "no_such_session"          Self::NoSuchSession
    14 "bad_command"              Self::BadCommand
    15 "line_too_long"            Self::LineTooLong { .. }
    16 "mailbox_full"             Self::MailboxFull
    17 "too_many_attempts"        Self::TooManyAttempts { .. }
    18 "registration_closed"      Self::RegistrationClosed
    19 "busy"                     Self::Busy
    20 "storage"                  Self::Storage(_)
    21 "entropy"                  Self::Entropy(_)
    22 "hashing"                  Self::Hashing(_)
    23 "user_exists"              Self::UserExists
    24 "invalid_user_name"        Self::InvalidUserName
    25 "invalid_full_name"        Self::InvalidFullName
    26 "invalid_country"          Self::InvalidCountry
    27 "invalid_password"         Self::InvalidPassword
    28 "invalid_token"            Self::InvalidToken
    29 "invalid_request"          Self::InvalidRequest { .. }
    30 "data_in_use"              Self::DataInUse { .. }
    31 "data_format"              Self::DataFormat { .. }
    32 "not_empty"                Self::NotEmpty
    33 "bad_dump"                 Self::BadDump { .. }
    34 "public_password"          Self::PublicPassword { .. }
    35 "refused"                  Self::Refused { .. }
    36 "bad_reply"                Self::BadReply(_)
    37 "disconnected"             Self::Disconnected
    38 "timed_out"                Self::TimedOut
    39 "listen"                   Self::Listen { .. }
    40 "io"                       Self::Io(_)
    41 "banned"                   Self::Banned
    42 "outcome_unknown"          Self::OutcomeUnknown(_)
    43 "invalid_room_name"        Self::InvalidRoomName
    44 "invalid_title"            Self::InvalidTitle
    45 "invalid_key"              Self::InvalidKey
    46 "key_reused"               Self::KeyReused
    47 "no_such_conversation"     Self::NoSuchConversation
    48 "no_such_room"             Self::NoSuchRoom
    49 "room_exists"              Self::RoomExists
    50 "not_a_member"             Self::NotAMember
    51 "not_an_owner"             Self::NotAnOwner
    52 "last_owner"               Self::LastOwner
    53 "room_full"                Self::RoomFull
    54 "too_many_rooms"           Self::TooManyRooms
    55 "blocked"                  Self::Blocked
    56 "no_such_message"          Self::NoSuchMessage
    57 "not_your_message"         Self::NotYourMessage
    58 "rate_limited"             Self::RateLimited { .. }
    59 "too_many_connections"     Self::TooManyConnections
    60 "invitation_required"      Self::InvitationRequired
    61 "no_such_invitation"       Self::NoSuchInvitation
    62 "cleartext"                Self::Cleartext { .. }
    63 "bad_certificate"          Self::BadCertificate { .. }
    64 "tls"                      Self::Tls(_)
    65 "too_many_recipients"      Self::TooManyRecipients
    -32700 "bad_json"                 Self::BadJson(_)
    -32602 "bad_parameters"           Self::BadParameters(_)
    -32601 "no_such_method"           Self::NoSuchMethod
    -32600 "bad_request"              Self::BadRequest(_)
}

impl Error {
    /// The permanent code: a lower-case word that never changes its meaning.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } if !code.is_empty() => code,
            error => error.identity().0,
        }
    }

    /// The permanent number: that of the status in C with the same name, and the `code` of the error in protocol 2. A refusal
    /// with an unknown code has the number of `refused`.
    pub fn number(&self) -> i32 {
        self.identity().1
    }
}
