//! Invitations: an operator gives them out, and each of them lets one person register ([`login`](super::login)).

use super::Chat;
use crate::error::Error;
use crate::limits::INVITATION_TIME;
use crate::model::{Invitation, InvitationCode, InvitationId};

impl Chat {
    /// Creates an invitation, with which one person can [register](Chat::register) within seven days
    /// ([`INVITATION_TIME`]). The chat keeps only a digest of the code, so this is the only time it is shown.
    ///
    /// ```
    /// use chat_lib::model::Registration;
    /// use chat_lib::{Chat, Config};
    ///
    /// let chat = Chat::new(Config { registration: Registration::Invite, ..Config::default() });
    /// let code = chat.invite()?.to_string();
    /// chat.register("ana", "secret", "Ana Lima", Some(&code))?;
    /// let again = chat.register("eva", "secret", "Eva Souza", Some(&code));
    /// assert_eq!(again.unwrap_err().code(), "no_such_invitation");
    /// # Ok::<(), chat_lib::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] or [`Error::Entropy`] if the machine fails.
    pub fn invite(&self) -> Result<InvitationCode, Error> {
        let code = InvitationCode::random(&*self.inner.config.entropy)?;
        let now = self.inner.config.clock.now();
        let invitation = Invitation::new(code.id(), now, now.after(INVITATION_TIME));
        match self.durably(|batch| batch.add_invitation(invitation))? {
            true => Ok(code),
            false => Err(Error::Entropy("the same code came twice".to_owned())),
        }
    }

    /// The invitations that can still be used, in order of creation.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the machine fails.
    pub fn invitations(&self) -> Result<Vec<Invitation>, Error> {
        self.durably(|batch| batch.invitations(self.inner.config.clock.now()))
    }

    /// Revokes an invitation that was not used yet.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchInvitation`]; [`Error::Storage`] if the machine fails.
    pub fn revoke_invitation(&self, id: &InvitationId) -> Result<(), Error> {
        match self.durably(|batch| batch.remove_invitation(id))? {
            true => Ok(()),
            false => Err(Error::NoSuchInvitation),
        }
    }
}
