//! What to do about a refusal, for whoever measures: which option of the server or of the run to change.

/// The lines to show for a code.
pub(super) fn advice(code: &str) -> impl Iterator<Item = &'static str> {
    let text = match code {
        "rate_limited" => "raise the server's requests_per_second and requests_burst, or use more\n--connections",
        "mailbox_full" => {
            "more was unread than a mailbox holds: raise the server's mailbox_messages and\nmailbox_bytes, use more --accounts, or have it read with --mix send=9,inbox=1"
        }
        "busy" => {
            "the server holds as much for answers as it may: raise its answers_bytes, or read\nmore often, and with fewer --connections"
        }
        "too_many_connections" => {
            "raise the server's connections, connections_per_address and\nconnections_per_user, or use more --accounts"
        }
        "line_too_long" => "raise the server's line_bytes, or send fewer --bytes",
        "too_many_attempts" => "wait, as the server says; with --user, no account is registered",
        "storage" => "the server could not write: its disk is full or fails, as its log says",
        "no_such_session" => "somebody has ended the session: the accounts were used elsewhere",
        "lagged" => "the server had to hold more events than events_bytes allows",
        "disconnected" => "the server closed them; its log says why",
        "timed_out" => "nothing came for so long: raise --timeout, or look what the server does",
        _ => "",
    };
    text.lines()
}
