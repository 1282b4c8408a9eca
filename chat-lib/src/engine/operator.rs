//! What an operator can do: the program that contains the chat, or `chat-server`'s administrator. It needs no
//! session; what a user can do is in `session.rs`, and dumps are in `exchange.rs`. Erasing a user and rooms have files of their own.

mod erasing;
mod rooms;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::inbox::take;
use super::notice::Notice;
use super::{Chat, Turn};
use crate::error::Error;
use crate::limits::{ANNOUNCEMENT_BYTES, USERS_AT_ONCE};
use crate::model::{Account, Inbox, PasswordHash, Profile, SessionToken, UserName};
use crate::protocol::Event;
use crate::session::Session;
use crate::store::{Batch, SessionInfo, Unread};

/// A user to be added. The rules for each field are in `docs/protocol.md`, "Names".
#[derive(Clone, Copy)]
pub struct NewUser<'a> {
    /// The name to log in with.
    pub name: &'a str,
    /// The password; only a hash of it is kept.
    pub password: &'a str,
    /// The name that others are shown.
    pub full_name: &'a str,
    /// Where the user is from; may be empty.
    pub country: &'a str,
}

/// A user, as an operator sees them.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct UserInfo {
    /// The user's names and country.
    pub profile: Arc<Profile>,
    /// Whether the user is [banned](Chat::ban_user).
    pub banned: bool,
}

impl UserInfo {
    fn of(account: &Account) -> Self {
        Self { profile: Arc::clone(&account.profile), banned: account.banned }
    }
}

/// What an operator can do: whoever has the `Chat` is its operator. What a user can do is on [`Session`].
impl Chat {
    /// Adds a user with an empty mailbox. Takes tens of milliseconds, because the password is hashed.
    ///
    /// # Errors
    ///
    /// [`Error::UserExists`] if the name is taken; [`Error::InvalidUserName`],
    /// [`Error::InvalidPassword`], [`Error::InvalidFullName`] or [`Error::InvalidCountry`] if a field
    /// breaks its rule; [`Error::Storage`], [`Error::Entropy`] or [`Error::Hashing`] if the machine
    /// fails.
    pub fn add_user(&self, user: NewUser<'_>) -> Result<(), Error> {
        let profile = user.profile()?;
        self.add(profile, self.hash(user.password)?)
    }

    /// Adds the users `messi`, `henderson` and `lineker` for trying things out. Their password, `surabaya`, is public and
    /// hashed at the lowest cost, so they must never be reachable from a network. Existing users are left unchanged.
    ///
    /// # Errors
    ///
    /// As [`add_user`](Self::add_user).
    pub fn add_demo_users(&self) -> Result<(), Error> {
        for (name, full_name, country) in DEMO_USERS {
            let user = NewUser { name, password: "surabaya", full_name, country };
            let password = PasswordHash::of_public_password(user.password, &*self.inner.config.entropy)?;
            match self.add(user.profile()?, password) {
                Err(Error::UserExists) => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// All users, in order of user name.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the machine fails.
    pub fn users(&self) -> Result<Vec<UserInfo>, Error> {
        let mut users: Vec<UserInfo> = Vec::new();
        loop {
            let after = users.last().map_or("", |last| last.profile.user().as_str());
            let page = self.durably(|batch| batch.accounts(after, USERS_AT_ONCE))?;
            users.extend(page.iter().map(|account| UserInfo::of(account)));
            if page.len() < USERS_AT_ONCE {
                return Ok(users);
            }
        }
    }

    /// All live sessions with their users, in order of login. No token is kept; [`SessionToken::id`] tells which session
    /// a token opens.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the machine fails.
    pub fn sessions(&self) -> Result<Vec<SessionInfo>, Error> {
        self.durably(|batch| batch.sessions(self.inner.config.clock.now()))
    }

    /// Opens a session of a user without a password, for a program that has authenticated its user itself. Failed logins
    /// neither count against it nor are forgotten.
    ///
    /// ```
    /// use chat_lib::Chat;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let messi = chat.open_session("messi")?;
    /// messi.send("henderson", "halo")?;
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`] or [`Error::Banned`]; [`Error::Storage`] or [`Error::Entropy`] if the machine fails.
    pub fn open_session(&self, user: &str) -> Result<Session, Error> {
        let token = SessionToken::random(&*self.inner.config.entropy)?;
        self.in_turn(|turn| {
            let account = turn.batch.account(user)?.ok_or(Error::NoSuchUser)?;
            self.record_session(token, account.profile.user(), None, turn)?;
            // A ban ends the sessions that there are; this one may be newer.
            if turn.batch.account(user)?.is_some_and(|account| account.banned) {
                turn.batch.close_session(&token.id(), turn.now)?;
                return Err(Error::Banned);
            }
            Ok(())
        })?;
        Ok(self.session_of(user, token))
    }

    /// Ends all sessions of a user, who may log in again.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`]; [`Error::Storage`] if the machine fails.
    pub fn end_sessions(&self, user: &str) -> Result<(), Error> {
        self.in_turn(|turn| {
            let account = turn.batch.account(user)?.ok_or(Error::NoSuchUser)?;
            end_sessions(account.profile.user(), turn)
        })
    }

    /// Bans a user: ends their sessions, and refuses new ones. Whoever does not know the password is not told of the ban.
    /// Others can still send to the user. Does nothing if the user is banned already.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`]; [`Error::Storage`] if the machine fails.
    pub fn ban_user(&self, user: &str) -> Result<(), Error> {
        self.in_turn(|turn| {
            let user = change(&mut *turn.batch, user, |account| Ok(Account { banned: true, ..account.clone() }))?;
            end_sessions(&user, turn)
        })
    }

    /// Lets a banned user log in again. Does nothing if the user is not banned.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`]; [`Error::Storage`] if the machine fails.
    pub fn unban_user(&self, user: &str) -> Result<(), Error> {
        self.durably(|batch| change(batch, user, |account| Ok(Account { banned: false, ..account.clone() })).map(drop))
    }

    /// Tells everybody who is there: all connections and streams of events that have subscribed get an
    /// [announcement](crate::protocol::Event::Announcement). It is not stored. Returns how many were told.
    ///
    /// ```
    /// use chat_lib::Chat;
    /// use chat_lib::protocol::Event;
    ///
    /// let chat = Chat::memory();
    /// chat.add_demo_users()?;
    /// let mut events = chat.login("messi", "surabaya")?.events()?;
    /// assert_eq!(chat.announce("Down for 5 minutes at noon")?, 1);
    /// assert!(matches!(events.next(), Some(Ok(Event::Announcement { text, .. })) if text.starts_with("Down")));
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::LineTooLong`] if it has more than [`ANNOUNCEMENT_BYTES`] bytes, [`Error::BadParameters`] if it is blank.
    pub fn announce(&self, text: &str) -> Result<usize, Error> {
        if text.trim().is_empty() {
            return Err(Error::BadParameters("an announcement needs a text".to_owned()));
        }
        if text.len() > ANNOUNCEMENT_BYTES {
            return Err(Error::LineTooLong { limit: ANNOUNCEMENT_BYTES });
        }
        let time = self.inner.config.clock.now();
        Ok(self.tell_all(Event::Announcement { text: text.to_owned(), time }))
    }

    /// Takes all unread messages out of a user's mailbox, without a session. If there is no such user, the inbox is
    /// empty.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the machine fails.
    pub fn inbox_of(&self, user: &str) -> Result<Inbox, Error> {
        loop {
            let Unread::Messages { inbox, moves } = self.inner.config.store.read_unread(user, usize::MAX)? else {
                return Err(Error::Busy);
            };
            // If another reader was quicker, there are others now, or none.
            if moves.is_empty() || self.in_turn(|turn| take(&UserName::parse(user)?, &moves, turn))? {
                return Ok(inbox);
            }
        }
    }

    /// Users that [`add_demo_users`](Self::add_demo_users) has added and that still have the public password.
    fn users_with_public_password(&self) -> Result<Vec<UserName>, Error> {
        let accounts = self.durably(|batch| {
            DEMO_USERS.iter().map(|(user, ..)| batch.account(user)).collect::<Result<Vec<_>, Error>>()
        })?;
        let is_public = |account: &Arc<Account>| account.password.as_ref().is_some_and(PasswordHash::is_quick);
        let public = accounts.iter().flatten().filter(|account| is_public(account));
        Ok(public.map(|account| account.profile.user().clone()).collect())
    }

    /// Checks that a server may listen on `address`. Demo users stay in the data, and must not become reachable from a
    /// network later. [`Server`](crate::Server) calls this itself; a program with a server of its own calls it before
    /// it listens.
    ///
    /// # Errors
    ///
    /// [`Error::PublicPassword`] if the address is not loopback and a demo user still has the public password;
    /// [`Error::Storage`] if the machine fails.
    pub fn may_listen(&self, address: SocketAddr) -> Result<(), Error> {
        if address.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        match self.users_with_public_password() {
            // A server of a cluster, which has no users of a demo, knows nobody before it is the owner.
            Err(Error::Busy) => Ok(()),
            users => match users?.into_iter().next() {
                Some(user) => Err(Error::PublicPassword { user, address }),
                None => Ok(()),
            },
        }
    }

    /// Whether everything that would change something fails with [`Error::Storage`], also sending a message and logging in: the
    /// data was opened to be read only, or cannot be written to.
    pub fn is_read_only(&self) -> bool {
        self.inner.config.store.is_read_only()
    }

    /// Reads all stored data and verifies that it is consistent. The chat can be used meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`], with the reason as its source, if something is damaged or cannot be read.
    pub fn check(&self) -> Result<(), Error> {
        self.inner.config.store.check()
    }

    /// Writes what makes the next start quick, as dropping the last handle to the chat does: for a process that exits
    /// while other threads still hold one. The chat can be used meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the machine fails.
    pub fn tidy(&self) -> Result<(), Error> {
        self.inner.config.store.tidy()
    }

    /// Changes a user's password, ends their sessions, so that anyone who knew the old password is logged out, and clears
    /// their failed logins.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`] or [`Error::InvalidPassword`]; [`Error::Storage`], [`Error::Entropy`] or
    /// [`Error::Hashing`] if the machine fails.
    pub fn set_password(&self, user: &str, password: &str) -> Result<(), Error> {
        let hash = self.hash(password)?;
        self.in_turn(|turn| {
            let new = |account: &Account| Ok(Account { password: Some(hash.clone()), ..account.clone() });
            let user = change(&mut *turn.batch, user, new)?;
            end_sessions(&user, turn)
        })?;
        self.inner.throttle.clear(user);
        Ok(())
    }

    /// Changes a user's full name, country, or both. Messages sent earlier keep the name they were sent under.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`], [`Error::InvalidFullName`] or [`Error::InvalidCountry`]; [`Error::Storage`] if the machine
    /// fails.
    pub fn edit_user(&self, user: &str, full_name: Option<&str>, country: Option<&str>) -> Result<(), Error> {
        self.durably(|batch| {
            change(batch, user, |account| {
                let profile = Arc::new(account.profile.edited(full_name, country)?);
                Ok(Account { profile, ..account.clone() })
            })
            .map(drop)
        })
    }

    /// Removes a user with their sessions and mailbox. Messages that they have sent to others stay. If the user was the last
    /// owner of a room, the first of the other members by name becomes its owner; a room without other members is deleted.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`]; [`Error::Storage`] if the machine fails.
    pub fn remove_user(&self, user: &str) -> Result<(), Error> {
        self.remove_account(user, false)
    }

    /// Removes a user, and the names in the messages that stay if these are to be forgotten.
    fn remove_account(&self, user: &str, forget_names: bool) -> Result<(), Error> {
        self.in_turn(|turn| {
            let mut changes = self.lock_rules();
            let account = turn.batch.account(user)?.ok_or(Error::NoSuchUser)?;
            let user = account.profile.user();
            self.leave_all_rooms(user, &mut changes, turn)?;
            turn.batch.remove_account(user.as_str())?;
            if forget_names {
                turn.batch.forget_names(user.as_str())?;
            }
            turn.post(Notice::SessionsEnded { user: user.clone() });
            Ok(())
        })?;
        self.inner.throttle.remove(user);
        Ok(())
    }

    /// The user whose session a token opens; `None` if it opens none. Does not count as using the session.
    pub(crate) fn session_owner(&self, token: &SessionToken) -> Result<Option<Arc<Profile>>, Error> {
        let now = self.inner.config.clock.now();
        self.durably(|batch| batch.use_session(&token.id(), now, now))
    }

    fn add(&self, profile: Profile, password: PasswordHash) -> Result<(), Error> {
        let account = Account::new(Arc::new(profile), Some(password));
        match self.durably(|batch| batch.add_account(account))? {
            true => Ok(()),
            false => Err(Error::UserExists),
        }
    }

    fn hash(&self, password: &str) -> Result<PasswordHash, Error> {
        PasswordHash::new(password, self.settings().password_cost, &*self.inner.config.entropy)
    }
}

/// Ends all sessions of a user.
fn end_sessions(user: &UserName, turn: &mut Turn<'_>) -> Result<(), Error> {
    turn.batch.close_sessions(user.as_str())?;
    turn.post(Notice::SessionsEnded { user: user.clone() });
    Ok(())
}

/// Replaces an account; once more if somebody else was quicker.
pub(super) fn change(
    batch: &mut dyn Batch,
    user: &str,
    new: impl Fn(&Account) -> Result<Account, Error>,
) -> Result<UserName, Error> {
    loop {
        let old = batch.account(user)?.ok_or(Error::NoSuchUser)?;
        if batch.replace_account(new(&old)?)? {
            return Ok(old.profile.user().clone());
        }
    }
}

impl NewUser<'_> {
    fn profile(&self) -> Result<Profile, Error> {
        Profile::new(UserName::parse(self.name)?, self.full_name, self.country)
    }
}

/// Shows everything but the password.
impl fmt::Debug for NewUser<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, full_name, country, password: _ } = self;
        write!(f, "NewUser {{ name: {name:?}, full_name: {full_name:?}, country: {country:?}, .. }}")
    }
}

const DEMO_USERS: [(&str, &str, &str); 3] = [
    ("messi", "Lionel Messi", "Argentina"),
    ("henderson", "Jordan Henderson", "Inggris"),
    ("lineker", "Gary Lineker", "Inggris"),
];
