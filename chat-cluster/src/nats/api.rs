//! Requests to JetStream, which are asked again while there is nobody to answer them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{Info, RawMessage};
use async_nats::jetstream::{Context, ErrorCode};
use async_nats::{Client, HeaderMap, Message, Request, RequestErrorKind, header};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::error::{Failure, NatsError};

/// A connection to the servers.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) client: Client,
    pub(super) jetstream: Context,
    /// Since when JetStream has answered nothing over the connection as it is.
    silent_since: Arc<Mutex<Option<Instant>>>,
}

/// What a stream says of a message that it has stored.
#[derive(Deserialize)]
pub(super) struct Ack {
    pub(super) stream: String,
    pub(super) seq: u64,
}

#[derive(Deserialize)]
struct Refusal {
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Stored {
    message: RawMessage,
}

impl Api {
    pub(super) fn new(client: Client) -> Self {
        Self { jetstream: async_nats::jetstream::new(client.clone()), client, silent_since: Arc::default() }
    }

    /// Publishes a message to a stream, and waits until it is stored.
    pub(super) async fn publish(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Ack, NatsError> {
        let answer = self.request(subject, Some(headers), payload, deadline).await?;
        parse(subject, &answer.payload)
    }

    /// Calls the API of JetStream.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        call: &str,
        request: &Value,
        deadline: Instant,
    ) -> Result<T, NatsError> {
        let subject = format!("$JS.API.{call}");
        let answer = self.request(&subject, None, request.to_string().into(), deadline).await?;
        parse(&subject, &answer.payload)
    }

    /// What the leader of a stream knows of it.
    pub(super) async fn info(&self, stream: &str, deadline: Instant) -> Result<Info, NatsError> {
        self.call(&format!("STREAM.INFO.{stream}"), &json!({}), deadline).await
    }

    /// The same, of a subject's messages.
    pub(super) async fn subjects(
        &self,
        stream: &str,
        filter: &str,
        deadline: Instant,
    ) -> Result<Vec<String>, NatsError> {
        #[derive(Deserialize)]
        struct Answer {
            state: State,
        }
        #[derive(Deserialize)]
        struct State {
            #[serde(default)]
            subjects: std::collections::BTreeMap<String, u64>,
        }
        let request = json!({ "subjects_filter": filter });
        let answer: Answer = self.call(&format!("STREAM.INFO.{stream}"), &request, deadline).await?;
        Ok(answer.state.subjects.into_keys().collect())
    }

    /// A message that the leader of a stream has: `{"seq": N}` or `{"last_by_subj": SUBJECT}`.
    pub(super) async fn stored(
        &self,
        stream: &str,
        which: Value,
        deadline: Instant,
    ) -> Result<Option<StreamMessage>, NatsError> {
        let call = format!("STREAM.MSG.GET.{stream}");
        let unexpected = || NatsError::Unexpected { subject: call.clone() };
        match self.call::<Stored>(&call, &which, deadline).await {
            Ok(stored) => Ok(Some(stored.message.try_into().map_err(|_| unexpected())?)),
            Err(NatsError::Refused { failure, .. }) if failure.is(ErrorCode::NO_MESSAGE_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Some of the messages of a subject with their sequence numbers, from one of these on: what one server has, which may be behind the leader.
    pub(super) async fn batch(
        &self,
        stream: &str,
        subject: &str,
        from: u64,
        deadline: Instant,
    ) -> Result<Vec<(u64, Bytes)>, NatsError> {
        let request = json!({ "seq": from, "next_by_subj": subject, "batch": BATCH, "max_bytes": BATCH_BYTES });
        let (call, request) = (format!("$JS.API.DIRECT.GET.{stream}"), Bytes::from(request.to_string()));
        loop {
            let inbox = self.client.new_inbox();
            let mut answers = self.client.subscribe(inbox.clone()).await.map_err(connection)?;
            self.client.publish_with_reply(call.clone(), inbox, request.clone()).await.map_err(connection)?;
            let mut messages = Vec::new();
            let unavailable = loop {
                let Ok(Some(message)) = timeout(PART_PATIENCE, answers.next()).await else { break true };
                match message.status.map(|status| status.as_u16()) {
                    None | Some(200) => {}
                    Some(END_OF_BATCH | NOT_FOUND) => break false,
                    Some(_) => break true,
                }
                let place = message.headers.as_ref().and_then(place);
                messages.push((place.ok_or_else(|| NatsError::Unexpected { subject: call.clone() })?, message.payload));
            };
            if !messages.is_empty() || !unavailable {
                return Ok(messages);
            }
            if Instant::now() + UNAVAILABLE_PAUSE >= deadline {
                return Err(NatsError::Unavailable(call));
            }
            sleep(UNAVAILABLE_PAUSE).await;
        }
    }

    /// Asks until there is an answer, or `deadline` is over, so that what is asked may be done more than once. Whoever has no answer cannot
    /// know whether it was done.
    async fn request(
        &self,
        subject: &str,
        headers: Option<HeaderMap>,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Message, NatsError> {
        loop {
            // A leader that is elected, or that was lost a moment ago, may leave a request without an answer.
            let patience = deadline.saturating_duration_since(Instant::now()).min(ANSWER_PATIENCE);
            let mut request = Request::new().payload(payload.clone()).timeout(Some(patience));
            if let Some(headers) = &headers {
                request = request.headers(headers.clone());
            }
            let error = match self.client.send_request(subject.to_owned(), request).await {
                Ok(answer) => match refusal(&answer.payload) {
                    Some(failure) if failure.code == UNAVAILABLE => NatsError::Unavailable(failure.to_string()),
                    Some(failure) => return Err(NatsError::Refused { subject: subject.to_owned(), failure }),
                    None => {
                        *self.silent_since() = None;
                        return Ok(answer);
                    }
                },
                Err(error) => match error.kind() {
                    RequestErrorKind::NoResponders => NatsError::Unavailable(subject.to_owned()),
                    RequestErrorKind::TimedOut => NatsError::Connection(format!("no answer to {subject}")),
                    _ => return Err(NatsError::Connection(error.to_string())),
                },
            };
            if self.is_silent_for_long() {
                tracing::warn!(%error, "JetStream does not answer here; trying another NATS server");
                self.client.force_reconnect().await.ok();
            }
            if Instant::now() + RETRY_PAUSE >= deadline {
                return Err(error);
            }
            sleep(RETRY_PAUSE).await;
        }
    }

    /// Whether to try another server: this one may be cut off from the others, which do well without it. The next one has its time, too.
    fn is_silent_for_long(&self) -> bool {
        let mut silent_since = self.silent_since();
        let is_long = silent_since.get_or_insert_with(Instant::now).elapsed() >= SERVER_PATIENCE;
        if is_long {
            *silent_since = None;
        }
        is_long
    }

    fn silent_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.silent_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which message of its stream a message is.
pub(super) fn place(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::NATS_SEQUENCE)?.as_str().parse().ok()
}

fn connection(error: impl std::fmt::Display) -> NatsError {
    NatsError::Connection(error.to_string())
}

/// The failure that an answer tells of. Answers that are no JSON are somebody else's to parse.
fn refusal(answer: &[u8]) -> Option<Failure> {
    serde_json::from_slice::<Refusal>(answer).ok()?.error
}

fn parse<T: DeserializeOwned>(subject: &str, answer: &[u8]) -> Result<T, NatsError> {
    serde_json::from_slice(answer).map_err(|_| NatsError::Unexpected { subject: subject.to_owned() })
}

/// JetStream's code for what may work a moment later, such as while a leader is elected.
const UNAVAILABLE: u16 = 503;

/// How long a request waits for its answer before it is repeated.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// How long a server may be without an answer until another one is tried. By then, an owner is no owner any more, and has nothing to lose;
/// what is wrong may also be with all of them, who need 4 to 9 s to elect a leader.
const SERVER_PATIENCE: Duration = Duration::from_secs(3);

/// The pause before the same is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(25);

/// The most messages that are read at once.
const BATCH: u32 = 1000;

/// After so many bytes no other message is read.
const BATCH_BYTES: usize = 4 << 20;

/// JetStream's codes for the end of what it has sent, and for nothing to send.
const END_OF_BATCH: u16 = 204;
const NOT_FOUND: u16 = 404;

/// How long a server may pause while it answers with a batch. Then another one may be asked, which takes no more than a few milliseconds.
const PART_PATIENCE: Duration = Duration::from_millis(500);

/// The pause before the same is read again that no server could answer.
const UNAVAILABLE_PAUSE: Duration = Duration::from_millis(25);
