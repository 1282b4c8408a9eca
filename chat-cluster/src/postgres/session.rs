//! One connection to the primary.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::error::Severity;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Row, Socket, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::checks;
use super::fault::Fault;
use super::target::{Target, address};
use crate::runtime::erased;

/// What a connection is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Commits {
    /// A commit returns when the synchronous standbys have it on disk.
    Everywhere,
    /// A commit returns when the primary has it on disk: for hints, which shall not wait for a standby that is gone.
    Here,
}

/// A connection to the primary, with its settings made and the server's checked.
pub(super) struct Session {
    client: Client,
    statements: HashMap<&'static str, Statement>,
    /// The last warning that the server has sent.
    warning: Arc<Mutex<Option<String>>>,
    /// A statement was sent that was not answered.
    busy: bool,
    driver: JoinHandle<()>,
    address: String,
}

impl Session {
    /// Connects to the first host that is the primary.
    pub(super) async fn open(
        target: &Target,
        schema: &str,
        commits: Commits,
        standby_optional: bool,
    ) -> Result<Self, Fault> {
        let mut reasons = Vec::new();
        for host in &target.hosts {
            let opened = Self::open_one(host, &target.tls, schema, commits, standby_optional);
            match tokio::time::timeout(HOST_PATIENCE, opened).await {
                Ok(Ok(session)) => return Ok(session),
                // It is the primary: to look further would only hide what is wrong with it.
                Ok(Err(fault @ Fault::Unsafe(_))) => return Err(fault),
                Ok(Err(Fault::Statement(error))) => {
                    reasons.push(format!("{}: {}", address(host), chat_lib::with_reasons(&error)))
                }
                Ok(Err(fault)) => reasons.push(format!("{}: {fault}", address(host))),
                Err(_) => reasons.push(format!("{}: no answer", address(host))),
            }
        }
        Err(Fault::Unreachable(reasons.join("; ")))
    }

    async fn open_one(
        host: &Config,
        tls: &MakeRustlsConnect,
        schema: &str,
        commits: Commits,
        standby_optional: bool,
    ) -> Result<Self, Fault> {
        let (client, connection) = host.connect(tls.clone()).await?;
        let warning = Arc::default();
        let driver = tokio::spawn(erased(drive(connection, Arc::clone(&warning))));
        let mut session =
            Self { client, statements: HashMap::new(), warning, busy: false, driver, address: address(host) };
        session.run(&settings(schema, commits)).await?;
        checks::check(&mut session, standby_optional).await?;
        Ok(session)
    }

    /// The rows that a statement gives, once it is committed. Under [`Commits::Everywhere`] that means: once the synchronous standbys
    /// have it.
    ///
    /// A commit that was told not to wait any longer (`pg_cancel_backend`, `statement_timeout`) is a success with a warning,
    /// though no standby may have it. The texts of warnings depend on the server's language: any will do. The server sends it before it
    /// says that it is ready, and the client reads in order: the warning is here when the rows are.
    pub(super) async fn rows(
        &mut self,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Fault> {
        self.busy = true;
        self.take_warning();
        let statement = match self.statements.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let statement = self.client.prepare(sql).await;
                self.busy = statement.is_err();
                let statement = statement?;
                self.busy = true;
                self.statements.insert(sql, statement.clone());
                statement
            }
        };
        let result = self.client.query(&statement, parameters).await;
        self.answered(result)
    }

    /// Runs statements that give no rows, in one transaction.
    pub(super) async fn run(&mut self, sql: &str) -> Result<(), Fault> {
        self.busy = true;
        self.take_warning();
        let result = self.client.batch_execute(sql).await;
        self.answered(result)
    }

    fn answered<T>(&mut self, result: Result<T, tokio_postgres::Error>) -> Result<T, Fault> {
        // What the server refuses, it has answered. Anything else leaves the connection in an unknown state.
        self.busy = matches!(&result, Err(error) if error.as_db_error().is_none());
        match (result, self.take_warning()) {
            (Err(error), _) => Err(Fault::Statement(error)),
            (Ok(_), Some(warning)) => Err(Fault::Warned(warning)),
            (Ok(value), None) => Ok(value),
        }
    }

    fn take_warning(&self) -> Option<String> {
        self.warning.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether it can be used again.
    pub(super) fn is_usable(&self) -> bool {
        !self.busy && !self.client.is_closed()
    }

    /// The host and port that it is connected to.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

/// The client would wait for answers to come; here nobody waits for them anymore.
impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn drive(
    mut connection: Connection<Socket, <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream>,
    warning: Arc<Mutex<Option<String>>>,
) {
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notice(notice) = message
            && matches!(notice.parsed_severity(), Some(Severity::Warning) | None)
        {
            *warning.lock().unwrap_or_else(PoisonError::into_inner) = Some(notice.message().to_owned());
        }
    }
}

/// What a role or a database may have set otherwise.
fn settings(schema: &str, commits: Commits) -> String {
    let commit = match commits {
        // Whoever asks for `remote_apply` shall have it; anything else that there is promises less than `on`.
        Commits::Everywhere => {
            "CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END"
        }
        Commits::Here => "'local'",
    };
    format!(
        "SET client_min_messages = warning;
         SET search_path = \"{schema}\";
         SET default_transaction_isolation = 'read committed';
         SET statement_timeout = 0;
         SET idle_in_transaction_session_timeout = 0;
         SET lock_timeout = {lock};
         SELECT set_config('synchronous_commit', {commit}, false);",
        lock = LOCK_PATIENCE.as_millis()
    )
}

/// How long one host may take to let us in.
const HOST_PATIENCE: Duration = Duration::from_millis(1500);

/// How long a statement may wait for another transaction. A commit that waits for a lost standby holds its locks, and
/// nothing ends that wait without harm: those who come after it shall not pile up in the server behind it.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
