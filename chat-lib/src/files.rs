//! Reads the small files that an operator names, such as certificates. A path may lead to anything, so it relies on the system
//! for what there is.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The largest file, in bytes: a chain of certificates has some 10 KiB, and all authorities of a system together 250 KiB.
const FILE_BYTES: u64 = 1024 * 1024;

/// Reads a regular file of at most 1 MiB whole, as is right for certificates and configuration. It never waits: a pipe, which may
/// have no writer, is refused as every other special file is.
///
/// # Errors
///
/// Those of the system, and errors of the kind [`InvalidInput`](ErrorKind::InvalidInput) for what is not a regular file and
/// [`FileTooLarge`](ErrorKind::FileTooLarge).
pub fn read_small_file(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut options = File::options();
    options.read(true);
    // Without it, to open a pipe waits for a writer.
    #[cfg(unix)]
    options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    // The size that the system tells may be out of date, or 0 for a file in /proc.
    file.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {FILE_BYTES} bytes")));
    }
    Ok(bytes)
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn only_small_regular_files_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        mknodat(CWD, path("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        for special in [&path("pipe"), directory.path(), Path::new("/dev/zero")] {
            let problem = read_small_file(special).unwrap_err();
            assert_eq!(problem.to_string(), "it is not a regular file", "{}", special.display());
        }
        let most = vec![b'x'; FILE_BYTES.try_into().unwrap()];
        std::fs::write(path("most"), &most).unwrap();
        assert_eq!(read_small_file(path("most")).unwrap(), most);
        std::fs::write(path("more"), [&most[..], b"x"].concat()).unwrap();
        assert_eq!(read_small_file(path("more")).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
}
