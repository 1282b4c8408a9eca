//! Warnings of files that are open to others. The server works with them, so they are no errors.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::args::Serve;

/// A sentence for each file of these options that others can read or write and should not.
pub(crate) fn warnings(args: &Serve) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(key) = &args.tls_key
        && allows(key, READ_BY_OTHERS)
    {
        warnings.push(format!(
            "{}: its mode lets every user of this machine read the TLS key; chmod o-r it",
            key.display()
        ));
    }
    if !args.memory && allows(&args.data, WRITTEN_BY_OTHERS) {
        let data = args.data.display();
        warnings.push(format!(
            "{data}: its mode lets every user of this machine write to the data directory; chmod o-w it"
        ));
    }
    warnings
}

/// Whether there is such a file and its mode has these bits.
fn allows(path: &Path, bits: u32) -> bool {
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & bits != 0)
}

const READ_BY_OTHERS: u32 = 0o004;
const WRITTEN_BY_OTHERS: u32 = 0o002;
