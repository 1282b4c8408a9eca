//! What `chat-server cluster status` says.

/// The number of the server that it says is the owner.
pub(super) fn owner(status: &str) -> Option<usize> {
    let line = status.lines().find_map(|line| line.strip_prefix("owner"))?;
    line.trim().strip_prefix('s')?.parse().ok()
}
