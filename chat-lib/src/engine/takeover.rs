//! What a chat does when its server becomes the owner of a shared log, in place of another one.

use super::Chat;

impl Chat {
    /// Takes note that the store has come to be the owner ([`Replica::take_over`](crate::store::Replica::take_over)), and has what other
    /// servers have committed. Subscribers that are there have missed some of it: they lag, and subscribe again.
    pub fn after_takeover(&self) {
        self.refresh_store();
        self.lag_all();
    }
}
