//! What tokens are good for.

use super::{Rule, Verdict};
use crate::history::History;

/// A token is good from its login to its logout.
pub(super) fn sessions(history: &History, verdict: &mut Verdict) {
    for session in &history.sessions {
        for (began, ended, let_in) in &session.uses {
            let use_of_it = format!("from {began:?} to {ended:?}: {session:?}");
            if *let_in && session.logged_out.is_some_and(|logged_out| logged_out < *began) {
                verdict.add(Rule::DeadSession, use_of_it);
            } else if !*let_in && session.logout_began.is_none_or(|logout_began| logout_began > *ended) {
                verdict.add(Rule::LostSession, use_of_it);
            }
        }
    }
    if history.epochs.len() > 1 {
        verdict.add(Rule::Epoch, format!("{:?}", history.epochs));
    }
}
