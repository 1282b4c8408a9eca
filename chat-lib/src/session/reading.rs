//! Reading messages: what is unread, and what was said before.

use super::{Session, unexpected};
use crate::error::Error;
use crate::model::{Inbox, MessageId};
use crate::protocol::{Command, ConversationView, List, Reply};
use crate::store::{HistoryPage, Position, SyncPage};

impl Session {
    /// Takes all unread direct messages out of the user's inbox: no later call returns them again. They stay in the
    /// [history](Self::history). In the process they come in order of arrival; over a connection by sender, senders in order of
    /// their first message.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if a server holds too many answers that were not read; or as for every method.
    pub fn inbox(&self) -> Result<Inbox, Error> {
        let Reply::Inbox(inbox) = self.execute(Command::Inbox)? else { unexpected() };
        Ok(inbox)
    }

    /// Takes all unread messages of a room, in order of arrival: no later call returns them again. Over a connection it
    /// is known by which full names they were sent, but not by which users; the user name of each is `nobody`.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRoom`] or [`Error::NotAMember`]; [`Error::Busy`] if a server holds too many answers that were not read; or as
    /// for every method.
    pub fn room_inbox(&self, room: &str) -> Result<Inbox, Error> {
        let Reply::RoomInbox(inbox) = self.execute(Command::RoomInbox { room: room.into() })? else { unexpected() };
        Ok(inbox)
    }

    /// A page of the conversation with a user, or in a room: at most `limit` messages, which are at most
    /// [`LIST_MAX`](crate::limits::LIST_MAX), next to `position`. They come in ascending order, from whichever side they are
    /// read. Reading them this way does not [mark them as read](Self::read).
    ///
    /// ```
    /// use chat_lib::Chat;
    /// use chat_lib::model::MessageId;
    /// use chat_lib::store::Position;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let messi = chat.login("messi", "surabaya")?;
    /// for text in ["one", "two", "three"] {
    ///     messi.send("henderson", text)?;
    /// }
    /// let henderson = chat.login("henderson", "surabaya")?;
    /// // The last page first, and then the one before it.
    /// let last = henderson.history("messi", Position::Before(MessageId::MAX), 2)?;
    /// assert_eq!(last.messages[0].text, "two");
    /// assert!(last.more);
    /// let first = henderson.history("messi", Position::Before(last.messages[0].id), 2)?;
    /// assert_eq!(first.messages[0].text, "one");
    /// assert!(!first.more);
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchConversation`] or [`Error::NoSuchRoom`]; [`Error::NotAMember`]; or as for every method.
    pub fn history(&self, with: &str, position: Position, limit: usize) -> Result<HistoryPage, Error> {
        let command = Command::History { with: with.into(), position, limit };
        let Reply::History(List { entries, more }) = self.execute(command)? else { unexpected() };
        Ok(HistoryPage::new(entries, more))
    }

    /// The first messages after `after` of all of the user's conversations, in ascending order, at most `limit`, which are at most
    /// [`LIST_MAX`](crate::limits::LIST_MAX). A program that remembers the last page's [`next`](SyncPage::next) gets every
    /// message once.
    ///
    /// ```
    /// use chat_lib::Chat;
    /// use chat_lib::model::MessageId;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let messi = chat.login("messi", "surabaya")?;
    /// messi.send("henderson", "halo")?;
    /// messi.send("messi", "a note to myself")?;
    /// let (mut next, mut texts) = (MessageId::NONE, Vec::new());
    /// loop {
    ///     let page = messi.sync(next, 100)?;
    ///     texts.extend(page.messages.into_iter().map(|message| message.text));
    ///     next = page.next;
    ///     if !page.more {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(texts, ["halo", "a note to myself"]);
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for every method.
    pub fn sync(&self, after: MessageId, limit: usize) -> Result<SyncPage, Error> {
        let reply = self.execute(Command::Sync { after, limit })?;
        let Reply::Sync(List { entries, more }, next) = reply else { unexpected() };
        Ok(SyncPage::new(entries, next, more))
    }

    /// Marks a conversation as read up to a message, and returns how many of its messages are unread then. What was read once stays
    /// read. [`MessageId::MAX`] stands for the last message.
    ///
    /// ```
    /// use chat_lib::Chat;
    /// use chat_lib::model::MessageId;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let messi = chat.login("messi", "surabaya")?;
    /// let first = messi.send("henderson", "one")?;
    /// messi.send("henderson", "two")?;
    /// let henderson = chat.login("henderson", "surabaya")?;
    /// assert_eq!(henderson.read("messi", first.id)?, 1);
    /// assert_eq!(henderson.read("messi", MessageId::MAX)?, 0);
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchConversation`] or [`Error::NoSuchRoom`]; [`Error::NotAMember`]; or as for every method.
    pub fn read(&self, with: &str, upto: MessageId) -> Result<usize, Error> {
        let Reply::Read { unread } = self.execute(Command::Read { with: with.into(), upto })? else { unexpected() };
        Ok(unread)
    }

    /// The user's conversations, the one with the latest message first: at most `limit`, which are at most
    /// [`LIST_MAX`](crate::limits::LIST_MAX), whose last messages are older than `before`.
    ///
    /// ```
    /// use chat_lib::Chat;
    /// use chat_lib::model::MessageId;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let messi = chat.login("messi", "surabaya")?;
    /// messi.send("henderson", "halo")?;
    /// messi.send("lineker", "halo")?;
    /// let list = messi.conversations(MessageId::MAX, 100)?;
    /// assert_eq!(list.entries[0].with.as_str(), "lineker");
    /// assert_eq!(list.entries[1].with.as_str(), "henderson");
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for every method.
    pub fn conversations(&self, before: MessageId, limit: usize) -> Result<List<ConversationView>, Error> {
        let reply = self.execute(Command::Conversations { before, limit })?;
        let Reply::Conversations(list) = reply else { unexpected() };
        Ok(list)
    }
}
