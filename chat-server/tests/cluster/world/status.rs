//! What `chat-server cluster status` says.

/// The number of the server that it says is the owner.
pub(super) fn owner(status: &str) -> Option<usize> {
    let line = status.lines().find(|line| line.contains("owner"))?;
    let mut words = line.split(|letter: char| !letter.is_alphanumeric());
    words.find_map(|word| word.strip_prefix('s')?.parse().ok())
}
