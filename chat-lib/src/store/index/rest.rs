//! Reading all that is only [on the disk](super::on_disk), page by page, while others go on.

use std::sync::Arc;

use super::on_disk::{OnDisk, Rows, UserRows};
use super::{AccountId, Index};
use crate::error::Error;
use crate::model::Profile;
use crate::store::log::ProfileId;

/// What is to be read next for everything to be in memory.
pub(in crate::store) struct NextPage {
    rows: Arc<dyn Rows>,
    removals: u64,
    last_account: AccountId,
    last_profile: ProfileId,
    /// Not all profiles are those of users.
    has_profiles: bool,
}

/// Some of what was not in memory.
pub(in crate::store) enum Page {
    Users(Vec<UserRows>),
    /// There are no more users.
    Profiles(Vec<(ProfileId, Profile)>),
}

impl NextPage {
    /// Reads it. Others may change the index meanwhile.
    pub(in crate::store) fn read(&self) -> Result<Page, Error> {
        let users = self.rows.accounts_after(self.last_account, PAGE)?;
        Ok(match (users.is_empty(), self.has_profiles) {
            (false, _) => Page::Users(users),
            (true, true) => Page::Profiles(self.rows.profiles_after(self.last_profile, PAGE)?),
            (true, false) => Page::Profiles(Vec::new()),
        })
    }

    /// Whether what was read is still in the database.
    fn is_of(&self, on_disk: &OnDisk) -> bool {
        let Self { rows, removals, last_account, last_profile, has_profiles: _ } = self;
        Arc::ptr_eq(rows, &on_disk.rows)
            && (*removals, *last_account, *last_profile)
                == (on_disk.removals, on_disk.last_account, on_disk.last_profile)
    }
}

impl Index {
    /// Has everything in memory, unless there is a fault.
    pub(in crate::store) fn load_all(&mut self) {
        while let Some(next) = self.next_page() {
            let page = next.read();
            self.take_page(&next, page);
        }
    }

    /// What is to be read next for everything to be in memory; `None` if it is, or there is a fault.
    pub(in crate::store) fn next_page(&self) -> Option<NextPage> {
        let on_disk = self.on_disk.as_ref().filter(|_| self.fault.get().is_none())?;
        let OnDisk { rows, profiles, removals, last_account, last_profile, .. } = &**on_disk;
        let (rows, has_profiles) = (Arc::clone(rows), profiles.get() > 0);
        let (removals, last_account, last_profile) = (*removals, *last_account, *last_profile);
        Some(NextPage { rows, removals, last_account, last_profile, has_profiles })
    }

    /// Takes in what was read. It may have been removed meanwhile; then it has to be read again.
    pub(in crate::store) fn take_page(&mut self, asked: &NextPage, page: Result<Page, Error>) {
        if !self.on_disk.as_ref().is_some_and(|on_disk| asked.is_of(on_disk)) {
            return;
        }
        let page = self.or_fault(page.map(Some));
        let Some(on_disk) = &mut self.on_disk else { return };
        match page {
            None => {}
            Some(Page::Users(users)) => {
                on_disk.last_account = users.last().map_or(asked.last_account, |last| last.account.id);
                users.into_iter().for_each(|rows| self.take_in(rows));
            }
            Some(Page::Profiles(profiles)) if profiles.is_empty() => self.end_reading(),
            Some(Page::Profiles(profiles)) => {
                on_disk.last_profile = profiles.last().map_or(asked.last_profile, |(last, _)| *last);
                profiles.into_iter().for_each(|(id, profile)| drop(self.take_in_profile(id, profile)));
            }
        }
    }

    /// Takes note that all there is was read.
    fn end_reading(&mut self) {
        let Some(OnDisk { accounts, streams, profiles, .. }) = self.on_disk.as_deref() else { return };
        let missing = (accounts.get(), streams.get(), profiles.get());
        if missing == (0, 0, 0) {
            self.on_disk = None;
        } else {
            // What is missing stays in the counts: a summary without it must not be written.
            let (accounts, streams, profiles) = missing;
            self.set_damage(format!("{accounts} accounts, {streams} streams and {profiles} profiles are missing"));
        }
    }
}

/// How many are read at once.
const PAGE: usize = 64;
