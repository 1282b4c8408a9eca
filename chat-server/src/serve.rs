//! Serving.

use std::error::Error;
use std::ffi::c_int;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use chat_lib::server::{Handle, TlsIdentity};
use chat_lib::store::{Durable, Memory, Options, Store};
use chat_lib::{Chat, Config, Server};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::args::{EngineUrl, Serve};
use crate::cluster::{Cluster, Watched};
use crate::config::Configuration;
use crate::control::{Control, Status};
use crate::data;
use crate::descriptors::Descriptors;
use crate::flags::Flags;
use crate::log::Log;
use crate::monitor::{Host, Monitor};
use crate::reload::Reload;
use crate::service::{self, PassedSocket};
use crate::{listen, permissions};

pub(crate) fn run(configuration: Configuration) -> Result<(), Box<dyn Error>> {
    let sockets = PassedSocket::take_all()?;
    // Before the server listens, so that no signal finds it unprepared.
    let signals = Signals::new(STOPPING.iter().chain(&IGNORED).chain(&[SIGHUP]))?;
    let args = &configuration.args.serve;
    let log = Log::start(args.log.into(), args.log_format)?;
    let outcome = serve(configuration, sockets, signals);
    log.finish();
    outcome
}

fn serve(configuration: Configuration, sockets: Vec<PassedSocket>, signals: Signals) -> Result<(), Box<dyn Error>> {
    let args = &configuration.args.serve;
    let descriptors = Descriptors::raise();

    if !args.memory {
        data::exists(&args.data)?;
    }
    let (config, cluster) = config(args, descriptors)?;
    let chat = Chat::new(config);
    if args.demo {
        chat.add_demo_users()?;
    }
    for warning in permissions::warnings(args) {
        tracing::warn!("{warning}");
    }
    let identity = listen::identity(args)?;
    let server = listen::bind(args, chat.clone(), sockets, identity.as_ref(), cluster.as_ref().map(Cluster::relay))?;
    let cluster = cluster.map(|cluster| cluster.start(chat.clone(), server.handle())).transpose()?;
    let (running, watched) = cluster.unzip();
    let control = if args.memory {
        None
    } else {
        Control::start(chat.clone(), &args.data, status(args, &server, identity.as_ref(), watched.clone()))?
    };
    match args.memory {
        true => say!("chat-server: everything is kept in memory and gone when the server stops"),
        false => say!("chat-server: everything is kept in {}", args.data.display()),
    }
    listen::say_where(&server);
    let host = Host { data: (!args.memory).then(|| args.data.clone()), identity: identity.clone() };
    let monitor =
        args.metrics.map(|address| Monitor::start(address, chat.clone(), server.handle(), host, watched.clone()));
    let monitor = monitor.transpose()?;
    let reload = Reload::new(chat.clone(), identity, descriptors, configuration);
    handle_signals(signals, server.handle(), watched.clone(), reload).map_err(no_thread)?;
    service::feed_watchdog(server.handle()).map_err(no_thread)?;
    service::ready(server.addresses());
    let outcome = server.run();
    if let Some(monitor) = monitor {
        monitor.stop();
    }
    if let Some(control) = control {
        control.stop();
    }
    if let Some(running) = running {
        running.stop();
    }
    if let Some(problem) = watched.as_ref().and_then(Watched::failure) {
        outcome?;
        return Err(format!("the server cannot go on in its cluster: {problem}").into());
    }
    // Whoever is still being answered over the control socket has the chat, too, and ends with the process.
    outcome.and(if watched.is_some() { Ok(()) } else { chat.tidy() })?;
    tracing::info!("stopped");
    Ok(())
}

fn status(args: &Serve, server: &Server, identity: Option<&TlsIdentity>, cluster: Option<Watched>) -> Status {
    let cleartext = server.cleartext_addresses();
    let is_exposed = |address: &SocketAddr| cleartext.contains(address) && !address.ip().is_loopback();
    let listening = server.addresses().iter().map(|address| (address.to_string(), is_exposed(address)));
    Status::new(&args.data, listening.collect(), identity.cloned(), cluster)
}

/// What the chat stands on, and the cluster that it is part of.
fn config(args: &Serve, descriptors: Descriptors) -> Result<(Config, Option<Cluster>), Box<dyn Error>> {
    let Flags(settings) = &args.settings;
    let options = settings.store_options();
    let (store, cluster): (Box<dyn Store>, _) = match &args.cluster.cluster {
        _ if args.memory => (Box::new(Memory::new()), None),
        None => (Box::new(open(&args.data, &options)?), None),
        Some(EngineUrl(url)) => {
            let (cluster, store) = Cluster::open(url, &args.cluster, &args.data, &options)?;
            (Box::new(store), Some(cluster))
        }
    };
    Ok((Config::new(store, &descriptors.cap(settings)), cluster))
}

/// A task that works on the data, or a server that is about to be gone, has it for a moment.
fn open(directory: &Path, options: &Options) -> Result<Durable, chat_lib::Error> {
    for _ in 0..20 {
        match Durable::open(directory, options.clone()) {
            Err(chat_lib::Error::DataInUse { .. }) => thread::sleep(Duration::from_millis(50)),
            outcome => return outcome,
        }
    }
    Durable::open(directory, options.clone())
}

/// The first signal stops the server, the second one does not wait for it. SIGHUP reloads the configuration.
fn handle_signals(mut signals: Signals, handle: Handle, cluster: Option<Watched>, reload: Reload) -> io::Result<()> {
    let watch = move || {
        let mut stopping = false;
        for signal in signals.forever() {
            if signal == SIGHUP {
                reload.start();
                continue;
            }
            if IGNORED.contains(&signal) {
                tracing::info!(signal, "ignored; there is nothing to reopen");
                continue;
            }
            if stopping {
                std::process::exit(128 + signal);
            }
            tracing::info!(signal, "stopping");
            service::stopping();
            // Another server takes over while this one still says goodbye.
            cluster.iter().for_each(Watched::leave);
            handle.stop();
            stopping = true;
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(watch).map(drop)
}

fn no_thread(problem: io::Error) -> String {
    format!("the system has no thread for the server: {problem}")
}

const STOPPING: [c_int; 2] = [SIGINT, SIGTERM];

/// What ends a process that does not expect it, and is sent to servers so that they reopen something.
const IGNORED: [c_int; 2] = [SIGUSR1, SIGUSR2];
