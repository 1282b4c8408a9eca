//! What has to wait for others: threads that work beside those that serve many.

/// Has this thread run after those that serve. Where that is not allowed, it has the same priority.
pub(crate) fn give_way() {
    // Elsewhere it would be that of all threads.
    #[cfg(target_os = "linux")]
    rustix::process::nice(crate::limits::BESIDE_NICE).ok();
}
