//! The nouns, parsed and not merely checked: what has one of these types is what its name says.

mod account;
mod inbox;
mod message;
mod password;
mod token;
mod user;

pub use self::account::{Account, Profile};
pub use self::inbox::{Inbox, Message, Messages};
pub use self::message::{Framing, HistoryMessage, MessageId};
pub use self::password::{PasswordCost, PasswordHash};
pub use self::token::{SessionId, SessionToken};
pub use self::user::UserName;
