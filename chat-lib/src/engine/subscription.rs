//! The jobs of a subscription: taking it on, and reading messages for its replay, page by page.

use std::sync::Arc;

use super::event::Caller;
use super::hub::Mailbox;
use super::reading::shorten;
use super::step::Work;
use super::{Chat, Job, Origin, Step};
use crate::error::Error;
use crate::limits::PAGE_BYTES;
use crate::model::{MessageId, UserName};
use crate::store::SyncPage;

/// A subscription that is to be taken on.
pub(super) struct Subscribing {
    chat: Chat,
    mailbox: Arc<Mailbox>,
    after: Option<MessageId>,
}

/// A page of messages that is to be read.
pub(super) struct Replay {
    chat: Chat,
    user: UserName,
    after: MessageId,
    limit: usize,
}

impl Chat {
    /// The first step of `subscribe`.
    pub(super) fn start_subscription(
        &self,
        after: Option<MessageId>,
        origin: &Origin,
        caller: &Caller,
    ) -> Result<Step, Error> {
        let mailbox = Arc::clone(origin.bound.as_ref().ok_or(Error::NoSuchSession)?);
        Ok(Step::Job(Job::new(caller, Work::Subscription(Subscribing { chat: self.clone(), mailbox, after }))))
    }

    /// The job that takes a subscription on that another server had, after the last message that was told.
    #[cfg(feature = "server")]
    pub(crate) fn resubscribe(&self, mailbox: &Arc<Mailbox>, after: MessageId) -> Job {
        let caller = Caller::new(&Origin::default(), None);
        let subscribing = Subscribing { chat: self.clone(), mailbox: Arc::clone(mailbox), after: Some(after) };
        Job::new(&caller, Work::Subscription(subscribing))
    }

    /// The job that reads at most `limit` messages of a user's conversations after a message.
    pub(crate) fn replay(&self, user: &UserName, after: MessageId, limit: usize) -> Job {
        let caller = Caller::new(&Origin::default(), None);
        Job::new(&caller, Work::Replay(Replay { chat: self.clone(), user: user.clone(), after, limit }))
    }
}

impl Subscribing {
    pub(super) fn run(self) -> Result<MessageId, Error> {
        self.chat.subscribe(&self.mailbox, self.after)
    }
}

impl Replay {
    pub(super) fn run(self) -> Result<SyncPage, Error> {
        let Self { chat, user, after, limit } = self;
        let mut page = chat.inner.config.store.sync(user.as_str(), after, limit)?;
        shorten(&mut page, chat.answer_room().min(PAGE_BYTES));
        Ok(page)
    }
}
