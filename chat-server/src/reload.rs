//! SIGHUP: reads the configuration again, and puts into effect what can change while the server runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use chat_lib::Chat;
use chat_lib::server::TlsIdentity;
use chat_lib::settings::{Scope, Settings};

use crate::config::{self, Configuration};
use crate::descriptors::Descriptors;
use crate::flags::Flags;
use crate::{listen, log};

/// The configuration of a running server. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Reload {
    chat: Chat,
    identity: Option<TlsIdentity>,
    descriptors: Descriptors,
    in_effect: Arc<Mutex<Configuration>>,
}

impl Reload {
    pub(crate) fn new(
        chat: Chat,
        identity: Option<TlsIdentity>,
        descriptors: Descriptors,
        configuration: Configuration,
    ) -> Self {
        Self { chat, identity, descriptors, in_effect: Arc::new(Mutex::new(configuration)) }
    }

    /// Reloads in a thread of its own: a name in the configuration may take long to be looked up, and signals that end the
    /// server must not wait for it.
    pub(crate) fn start(&self) {
        let reload = self.clone();
        let work = move || reload.run();
        if let Err(problem) = thread::Builder::new().name("reload".to_owned()).spawn(work) {
            tracing::error!(%problem, "the configuration is not reloaded: the system has no thread for it");
        }
    }

    fn run(&self) {
        // First, so that whoever reads last also has the last word.
        let mut in_effect = self.in_effect.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = match config::read() {
            Ok(newer) => newer,
            Err(wrong) => {
                for problem in wrong.sentences() {
                    tracing::error!(problem, "the new configuration is wrong");
                }
                tracing::error!("the configuration is not reloaded; the old one stays in effect");
                return;
            }
        };
        let serve = &newer.args.serve;
        let has_certificate = self.identity.is_some() && serve.tls_certificate.is_some();
        if let Some(Err(problem)) = self.identity.as_ref().map(|identity| listen::reload(serve, identity)) {
            tracing::error!(%problem, "the configuration is not reloaded; the old one and its certificate stay in effect");
            return;
        }
        let Flags(settings) = &serve.settings;
        self.chat.reload(&self.descriptors.cap(settings));
        log::set_level(serve.log.into());
        let (mut changed, mut waiting) = (0, 0);
        for change in in_effect.changes(&newer) {
            let (key, from, to) = (&*change.key, &*change.from, &*change.to);
            if changes_live(key) || has_certificate && ["tls_certificate", "tls_key"].contains(&key) {
                changed += 1;
                tracing::info!(key, from, to, "setting changed");
                in_effect.take(key, &newer);
            } else {
                waiting += 1;
                tracing::warn!(key, from, to, "this setting changes only when the server is restarted");
            }
        }
        tracing::info!(changed, waiting, "configuration reloaded");
    }
}

/// Whether an option can change while the server runs.
fn changes_live(key: &str) -> bool {
    key == "log" || Settings::find(key).is_some_and(|setting| setting.scope != Scope::Directory)
}
