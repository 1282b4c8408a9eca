//! The table. A row is: name, type and text form, default, what it does, why that default.

use std::time::Duration;

use super::row::{row, settings};
use super::{Scope, Setting, form};
use crate::model::{PasswordCost, Registration};
#[cfg(feature = "sqlite")]
use crate::store::{KeepRead, SyncMode};

settings! {
    limits {
        line_bytes: usize as bytes = 64 * 1024,
            "The longest request line, including its end. A longer one is refused with `line_too_long`.",
            "Room for any message that a person writes; a connection holds no more of an unfinished line.";

        reply_bytes: usize as bytes = 1024 * 1024,
            "How many bytes of answers may wait for one peer. Beyond that, no more of its requests are read until it \
             has read some answers. One message may exceed the limit, because `inbox` is written message by message.",
            "Several times what a socket buffers, so only a peer that has stopped reading reaches it.";

        answers_bytes: usize as bytes = 256 * 1024 * 1024,
            "How many bytes may be held for the answers of all connections together: inboxes that are still to be \
             written, and answers that wait for their peers. Beyond that, `inbox` is refused with `busy`, and other \
             answers may wait for a peer only up to 4 KiB. If nothing is held, an inbox of any size can be read.",
            "Four full mailboxes, and a small part of a server's memory.";

        events_bytes: usize as bytes = 1024 * 1024,
            "How many bytes of events may wait for one subscriber. Beyond that, its subscription ends with the event \
             `lagged`, and it subscribes again from the last message that it has got.",
            "Thousands of messages: a pause of some seconds in the busiest room. Subscribers share the memory.";

        line_time: Duration as duration = Duration::from_secs(60),
            "How long a line may take from its first byte to its end before the connection is closed.",
            "Enough for a line of the full length at 1.1 KB/s.";

        stall_time: Duration as duration = Duration::from_secs(10 * 60),
            "How long answers may wait while the peer reads none of them before the connection is closed. A peer that \
             reads less than about 2 KB/s may count as reading nothing, because the system reports progress only when \
             much of its buffer is free.",
            "A suspended client can come back, and a dead one does not hold memory for long.";

        shutdown_grace: Duration as duration_or_zero = Duration::from_millis(3500),
            "How long a server that is stopping waits for peers to read their answers.",
            "The rest of the five seconds within which `chat-server` promises to exit is for its log.";

        connections: usize as count = 100_000,
            "How many connections a server has at once. Beyond that, a new one is refused with `too_many_connections`.",
            "More than a large community needs. As many descriptors as the system allows are the other limit.";

        connections_per_address: usize as count = 100,
            "How many connections a server has at once from one address; of IPv6, from one network of 64 bits. Beyond \
             that, a new one is refused with `too_many_connections`.",
            "A household or an office behind one address, and too few to take all that the server has.";

        connections_per_user: usize as count = 1_000,
            "How many connections to a server use sessions of one user at once. Beyond that, logging in, and using a \
             session over another connection, is refused with `too_many_connections`.",
            "Far more than anyone has devices, and too few to take all that the server has.";

        requests_per_second: u32 as count = 1_000,
            "How many requests a connection may send in a second for any length of time. Beyond that, once \
             `requests_burst` is used up, they are refused with `rate_limited`.",
            "No person and no usual program sends as many, and one who does leaves most of a server to others.";

        requests_burst: u32 as count = 10_000,
            "How many requests a connection may send at once. One that has been refused as many requests as this, and goes \
             on, is closed.",
            "A client that catches up after a long absence sends hundreds.";

        login_time: Duration as duration = Duration::from_secs(10 * 60),
            "How long a connection may be open until it has logged in or used a session. After that, it is closed.",
            "Time for a person to look up a password, and strangers do not hold connections for long.";

        idle_time: Duration as duration = Duration::from_secs(7 * 24 * 60 * 60),
            "How long a connection may send nothing while it is not subscribed to events before it is closed.",
            "Who uses a terminal once a week stays connected; the sessions outlive the connections.";

        limit_loopback: bool as no_or_yes = false,
            "Whether `connections_per_address`, `connections_per_user` and the rate of requests apply to connections from \
             this machine, too.",
            "They come from its own programs, or from a proxy in front of many users.";

        session_idle: Duration as duration = Duration::from_secs(30 * 24 * 60 * 60),
            "How long a session lasts without being used. One that gets events is in use.",
            "A client that is used every few weeks stays logged in.";

        mailbox_messages: usize as count = 100_000,
            "How many unread messages a mailbox holds. Beyond that, `send` is refused with `mailbox_full`.",
            "Years of absence, and an answer to `inbox` that a client can still take.";

        mailbox_bytes: usize as bytes = 64 * 1024 * 1024,
            "How many bytes the texts of a mailbox's unread messages may have together. Beyond that, `send` is refused \
             with `mailbox_full`.",
            "They are held in memory while the answer to `inbox` is written.";

        room_members: usize as count = 10_000,
            "How many members a room has at most, invitations included. Beyond that, joining and inviting are refused with \
             `room_full`.",
            "Each message goes to all members who are online; beyond this, it is a broadcast.";

        rooms_per_user: usize as count = 1_000,
            "How many rooms a user can be a member of. Beyond that, creating and joining are refused with \
             `too_many_rooms`.",
            "Far more than anyone follows.";

        failed_logins: u32 as count = 5,
            "How many logins of one user, or from one address, may fail before the next one has to wait.",
            "People mistype a password two or three times.";
    }
    chat {
        registration: Registration as registration = Registration::Closed,
            "Who may create an account with `register`.",
            "The operator decides who has an account.";

        password_cost: PasswordCost as password_cost = PasswordCost::default(),
            "What hashing a password with Argon2id costs: KiB of memory, passes, lanes. When it is raised, each user's \
             password is hashed again at the next login.",
            "What OWASP recommends: 19 MiB, 2 passes, 1 lane.";
    }
    directory {
        sync: SyncMode as sync = SyncMode::Always,
            "When a change is safe from a power failure. If only the process dies, nothing is lost.",
            "Nothing that was acknowledged is lost.";

        keep_read: Option<KeepRead> as keep_read = None,
            "How long read messages are kept, counted from when they were sent. A wrong clock drops nothing early: \
             messages age by at most a day per hour. A room can have an age of its own.",
            "Forgetting to repeat the setting drops nothing.";

        keep_messages: usize as count_or_zero = 0,
            "How many messages are kept, in all conversations together; 0 for no limit. Beyond that, the oldest are dropped: \
             direct ones that were read, and those of rooms whether they were read or not. A room can have a limit of its own, and \
             its messages do not count then.",
            "Only the operator knows what nobody needs.";

        keep_bytes: usize as bytes_or_zero = 0,
            "How many bytes of messages are kept on the disk; 0 for no limit. Beyond that, the oldest are dropped as with \
             `keep_messages`, 16 KiB at a time.",
            "Only the operator knows how large the disk is.";
    }
}
