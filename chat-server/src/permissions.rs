//! Warnings of files that are open to others. The server works with them, so they are no errors.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::args::Serve;

/// A sentence for each file of these options that others can read or write and should not.
pub(crate) fn warnings(args: &Serve) -> Vec<String> {
    let mut warnings = Vec::new();
    let cluster = &args.cluster;
    let secrets = [
        ("the TLS key", &args.tls_key),
        ("the secret of the cluster", &cluster.cluster_secret),
        ("the credentials of the cluster's engine", &cluster.cluster_credentials),
        ("the key for the cluster's engine", &cluster.cluster_key),
    ];
    for (what, file) in secrets {
        if let Some(file) = file
            && allows(file, READ_BY_OTHERS)
        {
            let file = file.display();
            warnings.push(format!("{file}: its mode lets every user of this machine read {what}; chmod o-r it"));
        }
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
