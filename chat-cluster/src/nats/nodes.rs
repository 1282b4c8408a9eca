//! What the servers of NATS say of themselves: to anyone who connects, and on their monitoring ports.

use std::fmt;
use std::time::Duration;

use async_nats::ServerAddr;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::NatsError;
use super::options::NatsOptions;

/// A server of NATS.
#[derive(Debug, Deserialize)]
pub(super) struct Node {
    #[serde(rename = "server_name")]
    pub(super) name: String,
    pub(super) version: String,
}

/// What a server greets with, before anybody logs in. `None` if it does not answer, or wants TLS first.
pub(super) async fn greeting(server: &ServerAddr) -> Option<Node> {
    let read = async {
        let stream = TcpStream::connect((server.host(), server.port())).await.ok()?;
        let mut line = Vec::new();
        BufReader::new(stream.take(ANSWER_BYTES)).read_until(b'\n', &mut line).await.ok()?;
        serde_json::from_slice(line.strip_prefix(b"INFO ")?).ok()
    };
    timeout(ANSWER_PATIENCE, read).await.ok()?
}

/// Refuses servers that are too old. Those that do not answer are counted as being down, and may join later.
pub(super) async fn check_versions(options: &NatsOptions) -> Result<(), NatsError> {
    for server in &options.servers {
        if let Some(node) = greeting(server).await {
            node.check(&format!("{}:{}", server.host(), server.port()))?;
        }
    }
    Ok(())
}

impl Node {
    /// Refuses a server that is too old.
    pub(super) fn check(&self, address: &str) -> Result<(), NatsError> {
        match self.version.parse::<Version>() {
            Ok(version) if version >= OLDEST => Ok(()),
            _ => Err(NatsError::Unfit(format!(
                "the NATS server {} at {address} is version {}, and {OLDEST} or later is needed, as earlier ones have lost data. \
                 Debian 12's package (2.9.10) is too old: use the official binary from https://nats.io/download",
                self.name, self.version
            ))),
        }
    }
}

/// Refuses servers that acknowledge before they have synced.
///
/// JetStream syncs every two minutes unless it is told `sync_interval: always`: when all machines lose power at once, what was acknowledged is lost. Only the monitoring ports tell.
pub(super) async fn check_sync(options: &NatsOptions) -> Result<(), NatsError> {
    #[derive(Deserialize)]
    struct Settings {
        #[serde(flatten)]
        node: Node,
        jetstream: JetStream,
    }
    #[derive(Deserialize)]
    struct JetStream {
        config: Option<Config>,
    }
    #[derive(Deserialize)]
    struct Config {
        #[serde(default)]
        sync_always: bool,
    }
    if options.monitors.is_empty() {
        tracing::warn!(
            "nobody can tell whether the NATS servers sync what they acknowledge: make sure that each has \
             `sync_interval: always` in its jetstream block, or messages are lost when they lose power; \
             --cluster-monitor http://HOST:8222,… lets the chat check that"
        );
        return Ok(());
    }
    let mut checked = false;
    for address in &options.monitors {
        let answer = match get(address, "/varz").await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(%address, %error, "a NATS server was not checked: its monitoring port does not answer");
                continue;
            }
        };
        let unfit = |what: &str| NatsError::Unfit(format!("the NATS server at http://{address} {what}"));
        let settings: Settings =
            serde_json::from_slice(&answer).map_err(|_| unfit("does not answer as a monitoring port does"))?;
        settings.node.check(address)?;
        match settings.jetstream.config {
            Some(Config { sync_always: true }) => checked = true,
            Some(Config { sync_always: false }) => {
                return Err(unfit(
                    "acknowledges before it has synced: set `sync_interval: always` in its jetstream block, and restart it",
                ));
            }
            // It has no data that it could lose.
            None => {}
        }
    }
    if checked {
        Ok(())
    } else {
        Err(NatsError::Unfit("none of the monitoring ports of NATS (--cluster-monitor) answers".into()))
    }
}

/// Gets a page by HTTP.
async fn get(address: &str, path: &str) -> std::io::Result<Vec<u8>> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer =
        timeout(ANSWER_PATIENCE, exchange).await.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    body(&answer).map(<[u8]>::to_vec).ok_or_else(|| std::io::Error::other("no HTTP answer, or not of status 200"))
}

/// The body of an answer of HTTP/1.0, which ends with the connection.
fn body(answer: &[u8]) -> Option<&[u8]> {
    let (first, _) = answer.split_at_checked(answer.iter().position(|byte| *byte == b'\r')?)?;
    let status = std::str::from_utf8(first).ok()?.strip_prefix("HTTP/1.")?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    (status.get(2..5) == Some("200")).then(|| answer.get(end + 4..)).flatten()
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Version(u32, u32, u32);

impl std::str::FromStr for Version {
    type Err = ();

    /// `2.15.1`; what follows a `-` or `+` is left out.
    fn from_str(text: &str) -> Result<Self, ()> {
        let numbers = text.trim_start_matches('v').split(['-', '+']).next().unwrap_or_default();
        let mut numbers = numbers.split('.').map(|number| number.parse().map_err(|_| ()));
        let mut next = || numbers.next().ok_or(())?;
        let version = Self(next()?, next()?, next()?);
        Ok(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The first version without the losses that were found in December 2025 and after.
const OLDEST: Version = Version(2, 15, 1);

/// How long a server may take to say what it is.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// The longest answer that is read.
const ANSWER_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_told_what_is_needed() {
        let node = |version: &str| Node { name: "n1".into(), version: version.into() };
        for fit in ["2.15.1", "2.15.2-RC.1", "2.16.0", "v3.0.0"] {
            node(fit).check("a:1").unwrap();
        }
        for old in ["2.9.10", "2.14.9", "2.15.0", "", "2.15", "x.y.z"] {
            let text = node(old).check("a:1").unwrap_err().to_string();
            assert!(
                text.contains(&format!("the NATS server n1 at a:1 is version {old}, and 2.15.1 or later")),
                "{text}"
            );
        }
    }

    #[test]
    fn answers_of_http_are_cut_where_they_begin() {
        assert_eq!(body(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\nbody\r\n\r\n"), Some(&b"body\r\n\r\n"[..]));
        for answer in
            ["", "HTTP/1.0 404 Not Found\r\n\r\n", "HTTP/1.0 200 OK\r\n", "SSH-2.0\r\n\r\n", "HTTP/1.\r\n\r\n"]
        {
            assert_eq!(body(answer.as_bytes()), None, "{answer:?}");
        }
    }
}
