//! What to do about a refusal, for whoever measures: which option of the server or of the run to change.

/// The lines to show for a code.
pub(super) fn advice(code: &str) -> impl Iterator<Item = &'static str> {
    let text = match code {
        "rate_limited" => "raise the server's requests_per_second and requests_burst, or use\nmore --connections",
        "mailbox_full" => {
            "more was unread than a mailbox holds: raise the server's\nmailbox_messages and mailbox_bytes, use more --accounts, or have it\nread with --mix send=9,inbox=1"
        }
        "busy" => {
            "the server holds as much for answers as it may: raise its\nanswers_bytes, or use fewer --connections"
        }
        "too_many_connections" => {
            "raise the server's connections, connections_per_address and\nconnections_per_user, or use more --accounts"
        }
        "line_too_long" => "raise the server's line_bytes, or send fewer --bytes",
        "storage" => "the server could not write: its disk is full or fails; see its log",
        "no_such_session" => "somebody has ended the session: the accounts are used elsewhere",
        "lagged" => {
            "events came faster than they were taken: raise the server's\nevents_bytes, or send less with --depth or --rate"
        }
        "disconnected" => "the server closed them; see its log",
        "timed_out" => "nothing came for --timeout seconds; see the server's log",
        _ => "",
    };
    text.lines()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The report puts 12 columns in front of it.
    #[test]
    fn advice_is_for_a_narrow_terminal() {
        for (code, _) in chat_lib::Error::CODES.iter().chain(&[("lagged", 0)]) {
            assert!(advice(code).all(|line| line.chars().count() < 80 - 12), "{code}");
        }
    }
}
