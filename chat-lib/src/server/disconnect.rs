//! Why the server ends a connection, as its log says it.

use std::io;

#[derive(Debug, thiserror::Error)]
pub(super) enum Disconnect {
    #[error("the peer has closed it")]
    PeerClosed,
    #[error("the server stops")]
    ServerStops,
    #[error("it sent an HTTP request")]
    Http,
    #[error("it is not known whether its requests were done")]
    OutcomeUnknown,
    #[error("the server that it came through is out of reach, or has another owner")]
    LinkLost,
    #[error("a line or a handshake was not completed in time")]
    RequestTimeout,
    #[error("it has not logged in in time")]
    LoginTimeout,
    #[error("it was idle for too long")]
    IdleTimeout,
    #[error("its proxy sent no whole header in time")]
    HeaderTimeout,
    #[error("it went on sending too many requests")]
    RateLimited,
    #[error("there were too many connections")]
    Refused,
    #[error("its answers were not taken in time")]
    AnswerTimeout,
    #[error("{0}")]
    Failed(#[from] io::Error),
}

impl Disconnect {
    /// What metrics call it.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::PeerClosed => "closed",
            Self::ServerStops => "server_stopping",
            Self::Http => "http",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::LinkLost => "link_lost",
            Self::RequestTimeout => "request_timeout",
            Self::LoginTimeout => "login_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::HeaderTimeout => "header_timeout",
            Self::RateLimited => "rate_limited",
            Self::Refused => "refused",
            Self::AnswerTimeout => "answer_timeout",
            // A transport could not make sense of what came.
            Self::Failed(problem) if problem.kind() == io::ErrorKind::InvalidData => "invalid",
            Self::Failed(_) => "failed",
        }
    }
}
