//! What comes out of the steps about invitations.

/// What became of an invitation that was to be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Redeemed {
    /// The account exists, and the invitation does not any more.
    Added,
    /// Nothing was done: there is no such invitation, or it has expired.
    NoSuchInvitation,
    /// Nothing was done: the user name is taken.
    UserExists,
}
