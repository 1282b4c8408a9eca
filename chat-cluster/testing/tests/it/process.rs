//! A child does not outlive the tests, whatever ends them.

use std::env;
use std::path::Path;
use std::process::{self, Command};
use std::thread;

use chat_cluster_testing::{Process, eventually};

/// Set for the process that this test kills.
const CHILD: &str = "CHAT_CLUSTER_TESTING_CHILD";

#[test]
fn children_die_with_the_tests_and_not_with_a_thread() {
    let start = || Process::start(Path::new("sleep"), &["1000"], None, Path::new("/dev/null"));
    if env::var_os(CHILD).is_some() {
        let child = thread::spawn(start).join().unwrap();
        // Before it is `sleep`, it has not asked yet to be killed.
        let comm = || std::fs::read_to_string(format!("/proc/{}/comm", child.id())).ok();
        eventually("the program", || comm().is_some_and(|comm| comm == "sleep\n").then_some(()));
        println!("child {}.", child.id());
        process::abort();
    }
    let mut child = thread::spawn(start).join().unwrap();
    let name = "process::children_die_with_the_tests_and_not_with_a_thread";
    let tests = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let output = String::from_utf8(tests.stdout).unwrap();
    let id =
        output.split_once("child ").and_then(|(_, rest)| rest.split('.').next()).unwrap_or_else(|| panic!("{output}"));
    // A process that has ended stays there until its new parent has noticed.
    let state = || std::fs::read_to_string(format!("/proc/{id}/stat")).ok();
    eventually("the child's end", || state().is_none_or(|stat| stat.contains(") Z ")).then_some(()));
    assert!(!child.has_ended());
    child.kill();
    assert!(child.has_ended());
}
