//! Chance, as an argument: tokens and salts come from an [`Entropy`].

use crate::error::Error;

/// A source of bytes that nobody can guess.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` whole, or fails and leaves them in no particular state.
    ///
    /// # Errors
    ///
    /// [`Error::Entropy`] when the source has nothing to give.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error>;
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        getrandom::fill(bytes).map_err(|problem| Error::Entropy(problem.to_string()))
    }
}
