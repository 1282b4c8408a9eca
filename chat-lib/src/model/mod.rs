//! The nouns, parsed and not merely checked: what has one of these types is what its name says.

mod account;
mod conversation;
mod inbox;
mod invitation;
mod message;
mod password;
mod token;
mod user;

pub use self::account::{Account, Profile};
pub(crate) use self::conversation::check_title;
pub use self::conversation::{ConversationName, RoomName};
pub(crate) use self::inbox::Place;
pub use self::inbox::{Inbox, Message, Messages};
pub use self::invitation::{Invitation, InvitationCode, InvitationId, Registration};
pub use self::message::{Framing, HistoryMessage, MessageId, MessageKey};
pub use self::password::{PasswordCost, PasswordHash};
pub use self::token::{SessionId, SessionToken};
pub use self::user::UserName;
