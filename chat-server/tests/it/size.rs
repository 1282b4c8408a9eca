//! How large the binary is that packages install.

use std::process::Command;

use crate::process::BINARY;

#[test]
#[cfg_attr(debug_assertions, ignore = "it is about the release build")]
fn the_stripped_binary_is_small() {
    let folder = tempfile::tempdir().unwrap();
    let stripped = folder.path().join("chat-server");
    let status = Command::new("strip").arg("-o").args([stripped.as_os_str(), BINARY.as_ref()]).status();
    assert!(status.expect("strip, of binutils, is installed").success());
    let size = stripped.metadata().unwrap().len();
    assert!(
        size <= STRIPPED_BYTES,
        "chat-server has {size} bytes without symbols, {} more than it may have. See what has grown (`cargo bloat --release -p chat-server --crates`): a \
         new dependency that no request needs is optimized for size by [profile.release.package.\"*\"] in Cargo.toml, unless it is listed there; \
         features of dependencies that nobody uses are off",
        size - STRIPPED_BYTES
    );
}

/// The most that the binary may have without symbols, 9.25 MiB: what it has, and some room. The goal is 8 MiB.
const STRIPPED_BYTES: u64 = 37 << 18;
