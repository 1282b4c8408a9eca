//! Users as they see each other: who there is, whom one has blocked, and one's own profile.

use std::sync::Arc;

use super::commands::page;
use super::operator::change;
use super::sending::is_cut_off;
use super::{Chat, Step, Turn};
use crate::error::Error;
use crate::limits::LIST_MAX;
use crate::model::{Account, UserName};
use crate::protocol::{List, Presence, Reply, UserView};

impl Chat {
    pub(super) fn list_users(
        &self,
        user: &UserName,
        after: &str,
        limit: usize,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let limit = limit.min(LIST_MAX);
        let List { entries: accounts, more } = page(turn.batch.accounts(after, limit + 1)?, limit);
        let mut entries = Vec::with_capacity(accounts.len());
        for account in accounts {
            let profile = Arc::clone(&account.profile);
            let presence = self.presence_for(user.as_str(), profile.user(), turn)?;
            entries.push(UserView { profile, presence });
        }
        Ok(Step::Done(Reply::Users(List { entries, more })))
    }

    /// Whether `other` is there, if `user` may know.
    fn presence_for(&self, user: &str, other: &UserName, turn: &mut Turn<'_>) -> Result<Option<Presence>, Error> {
        let is_partner = turn.batch.conversation(user, other.as_str())?.is_some();
        match is_partner && !is_cut_off(user, other.as_str(), turn)? {
            true => Ok(Some(self.presence_of(other))),
            false => Ok(None),
        }
    }

    pub(super) fn blocks(&self, user: &UserName, turn: &mut Turn<'_>) -> Result<Step, Error> {
        Ok(Step::Done(Reply::Blocks(turn.batch.blocks(user.as_str())?)))
    }

    /// Blocking somebody who is blocked already changes nothing.
    pub(super) fn block(&self, user: &UserName, other: &str, turn: &mut Turn<'_>) -> Result<Step, Error> {
        if user.as_str() == other {
            return Err(Error::BadParameters("\"user\" must be somebody else".to_owned()));
        }
        turn.batch.account(other)?.ok_or(Error::NoSuchUser)?;
        turn.batch.block(user.as_str(), other)?;
        Ok(Step::Done(Reply::Done))
    }

    /// So does unblocking somebody who is not.
    pub(super) fn unblock(&self, user: &UserName, other: &str, turn: &mut Turn<'_>) -> Result<Step, Error> {
        turn.batch.account(other)?.ok_or(Error::NoSuchUser)?;
        turn.batch.unblock(user.as_str(), other)?;
        Ok(Step::Done(Reply::Done))
    }

    pub(super) fn set_profile(
        &self,
        user: &UserName,
        full_name: Option<&str>,
        country: Option<&str>,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        change(&mut *turn.batch, user.as_str(), |account| {
            let profile = Arc::new(account.profile.edited(full_name, country)?);
            Ok(Account { profile, ..account.clone() })
        })?;
        Ok(Step::Done(Reply::Done))
    }
}
