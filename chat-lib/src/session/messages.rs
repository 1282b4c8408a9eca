//! Sending messages, and what concerns single ones.

use super::{Place, Session, unexpected};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Framing, MessageId};
use crate::protocol::{Command, Reply};

/// A message that was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Sent {
    /// Its number.
    pub id: MessageId,
    /// When it was sent, to the millisecond.
    pub time: Timestamp,
}

impl Session {
    /// Sends a message to a user, or to a room, whose name begins with `#`. Once this returns `Ok`, the message is kept. `text`
    /// is kept as it is; it may be empty.
    ///
    /// ```
    /// use chat_lib::Chat;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let messi = chat.login("messi", "surabaya")?;
    /// let first = messi.send("henderson", "halo")?;
    /// let second = messi.send("henderson", "apa kabar?")?;
    /// assert!(second.id > first.id);
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRecipient`]; [`Error::NoSuchRoom`] or [`Error::NotAMember`]; [`Error::Blocked`]; [`Error::MailboxFull`];
    /// [`Error::LineTooLong`] if the request would be longer than a line may be; or as for every method. The request is longer
    /// than the text over a connection, by the recipient and some 100 bytes, and by characters that JSON has to escape.
    pub fn send(&self, to: &str, text: &str) -> Result<Sent, Error> {
        self.send_message(to, text, None)
    }

    /// As [`send`](Self::send), with a key of the caller's, 1 to 64 bytes of any text: when it is not known whether a message was
    /// sent, because the connection was lost, sending it again with the same key does not store it twice. The key is
    /// remembered for a day, and among the last 10,000 of the sender.
    ///
    /// ```
    /// use chat_lib::{Chat, Error};
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let messi = chat.login("messi", "surabaya")?;
    /// let sent = messi.send_with_key("henderson", "halo", "order 17")?;
    /// assert_eq!(messi.send_with_key("henderson", "halo", "order 17")?, sent);
    /// assert!(matches!(messi.send_with_key("lineker", "halo", "order 17"), Err(Error::KeyReused)));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::KeyReused`] if the key was used for another recipient; [`Error::InvalidKey`]; or as [`send`](Self::send).
    pub fn send_with_key(&self, to: &str, text: &str, key: &str) -> Result<Sent, Error> {
        self.send_message(to, text, Some(key))
    }

    /// Sends one message to several users. All get it, or none; a user who is named twice gets it once. Over a connection, `text`
    /// cannot contain CRLF.
    ///
    /// ```
    /// use chat_lib::{Chat, Error};
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let messi = chat.login("messi", "surabaya")?;
    /// messi.send_to_all(&["henderson", "lineker"], "halo")?;
    /// assert!(matches!(messi.send_to_all(&["lineker", "nobody"], "halo"), Err(Error::NoSuchRecipient)));
    /// assert_eq!(chat.login("lineker", "surabaya")?.inbox()?.len(), 1);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRecipient`] if one of them does not exist, or if the list is empty; [`Error::Blocked`] or [`Error::MailboxFull`]
    /// because of one of them; [`Error::TooManyRecipients`]; [`Error::LineTooLong`]; [`Error::InvalidRequest`] for a CRLF over a connection, or a
    /// name that is none; or as for every method.
    pub fn send_to_all(&self, to: &[&str], text: &str) -> Result<(), Error> {
        if to.is_empty() {
            return Err(Error::NoSuchRecipient);
        }
        self.check_length(text)?;
        let to = to.iter().map(|user| (*user).into()).collect();
        self.perform(Command::SendToAll { to, text: text.into(), framing: Framing::DEFAULT })
    }

    /// Deletes a message that the user has sent, or one in a room that the user owns: from now on its text is empty, for everyone,
    /// and nobody has it unread.
    ///
    /// ```
    /// use chat_lib::Chat;
    /// use chat_lib::model::MessageId;
    /// use chat_lib::store::Position;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let messi = chat.login("messi", "surabaya")?;
    /// let sent = messi.send("henderson", "I did not mean it")?;
    /// messi.delete(sent.id)?;
    /// let history = messi.history("henderson", Position::Before(MessageId::MAX), 1)?;
    /// assert!(history.messages[0].deleted && history.messages[0].text.is_empty());
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchMessage`] if the user can see no such message, or if it was deleted already; [`Error::NotYourMessage`]; or as
    /// for every method.
    pub fn delete(&self, id: MessageId) -> Result<(), Error> {
        self.perform(Command::Delete { id })
    }

    /// Tells the other members of a conversation that the user is typing. Programs may call it with each key that is pressed:
    /// it is passed on at most every 3 s, and only in rooms of up to 100 members.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchConversation`] or [`Error::NoSuchRoom`]; [`Error::NotAMember`]; or as for every method.
    pub fn typing(&self, with: &str) -> Result<(), Error> {
        self.perform(Command::Typing { with: with.into() })
    }

    fn send_message(&self, to: &str, text: &str, key: Option<&str>) -> Result<Sent, Error> {
        self.check_length(text)?;
        let key = key.map(Into::into);
        let command = Command::Send { to: to.into(), text: text.into(), framing: Framing::DEFAULT, key };
        let Reply::Sent { id, time } = self.execute(command)? else { unexpected() };
        Ok(Sent { id, time })
    }

    /// In the process, a text has the limit that it has on a server, where it is part of a line.
    fn check_length(&self, text: &str) -> Result<(), Error> {
        match &self.place {
            Place::Chat(chat) if text.len() > chat.limits().line_bytes => {
                Err(Error::LineTooLong { limit: chat.limits().line_bytes })
            }
            _ => Ok(()),
        }
    }
}
