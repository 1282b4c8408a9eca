//! A process that a test kills, stops and continues.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::thread;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use crate::network::Host;
use crate::wait::eventually;

/// A running program; killed with its children when dropped, or when the tests' process dies.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `program` with what it prints going to the file `log`, on a host of a [`Network`](crate::Network) or, without one, here.
    pub fn start(program: &Path, args: &[&str], host: Option<&Host>, log: &Path) -> Self {
        Self::start_as(program, args, &[], host, log)
    }

    /// The same with options of `setpriv`.
    pub(crate) fn start_as(program: &Path, args: &[&str], rights: &[&str], host: Option<&Host>, log: &Path) -> Self {
        let mut command = Self::command(program, host, rights);
        let log = File::options().create(true).append(true).open(log).unwrap();
        command.args(args).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self::spawn(command)
    }

    /// The command that [`spawn`](Self::spawn) needs, for whoever wants to set more than [`start`](Self::start) does.
    /// `rights` are more options of `setpriv`.
    pub fn command(program: &Path, host: Option<&Host>, rights: &[&str]) -> Command {
        // Who runs the tests may be killed, too. The system forgets that signal when the user changes, so it is set after that.
        let signal = ["setpriv", "--pdeathsig", "KILL"];
        let rights = if rights.is_empty() { Vec::new() } else { [&["setpriv"], rights].concat() };
        let words: Vec<&str> = host.iter().flat_map(|host| host.enter()).chain(rights).chain(signal).collect();
        let mut command = Command::new(words.first().unwrap());
        command.args(words.iter().skip(1)).arg(program);
        command
    }

    /// Starts such a command.
    pub fn spawn(command: Command) -> Self {
        Self { child: spawner(command) }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it prints, where the command was told to pipe that.
    pub fn stderr(&mut self) -> Option<std::process::ChildStderr> {
        self.child.stderr.take()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Kills it and its children, as a loss of power would, and waits for its end.
    pub fn kill(&mut self) {
        if !self.has_ended() {
            let family = self.signal(Signal::STOP);
            self.signal(Signal::KILL);
            self.child.wait().unwrap();
            // What they have shared is free once all have gone.
            eventually("the end of its children", || family.iter().all(|id| has_ended(*id)).then_some(()));
        }
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(&mut self) {
        if !self.has_ended() {
            send(self.child.id(), Signal::TERM);
            self.child.wait().unwrap();
        }
    }

    /// Stops it and its children (SIGSTOP): they do nothing, and their connections stay.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Continues it and its children.
    pub fn cont(&self) {
        self.signal(Signal::CONT);
    }

    /// Sends a signal to it and all its children, whose numbers it gives.
    fn signal(&self, signal: Signal) -> BTreeSet<u32> {
        let parent = self.child.id();
        if signal == Signal::STOP {
            // It starts no more children from now on.
            send(parent, signal);
        }
        let family: BTreeSet<u32> = children(parent).into_iter().chain([parent]).collect();
        family.iter().for_each(|id| send(*id, signal));
        family
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn send(id: u32, signal: Signal) {
    match kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), signal) {
        // It has ended by itself.
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => panic!("{signal:?} to {id}: {error}"),
    }
}

/// The processes whose parent has that number.
fn children(parent: u32) -> Vec<u32> {
    let lists = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let lists = lists.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<u32>>()).collect()
}

/// Whether there is no such process, or nothing but its number.
fn has_ended(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"));
    stat.map_or(true, |stat| stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z')))
}

/// Starts all children on one thread that never ends: Linux sends a child the signal of its parent's death when the *thread* ends that
/// has started it.
fn spawner(command: Command) -> Child {
    type Job = (Command, Sender<Child>);
    static SPAWNER: OnceLock<Mutex<Sender<Job>>> = OnceLock::new();
    let start = || {
        let (sender, jobs) = channel::<Job>();
        thread::spawn(move || {
            for (mut command, started) in jobs {
                let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
                started.send(child).ok();
            }
        });
        Mutex::new(sender)
    };
    let (sender, started) = channel();
    SPAWNER.get_or_init(start).lock().unwrap().send((command, sender)).unwrap();
    started.recv().expect("the program can be started")
}
