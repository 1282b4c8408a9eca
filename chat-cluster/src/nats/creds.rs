//! The files that users of NATS log in with.

use std::io;
use std::sync::Arc;

use async_nats::{AuthError, ConnectOptions};
use nkeys::KeyPair;

/// Logs in with what such a file has: the seed of an NKey (`SU…`), or a JWT and the seed of its user, as in `.creds` files.
pub(super) fn log_in(options: ConnectOptions, file: &str) -> io::Result<ConnectOptions> {
    let seed = file.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    if let Some(seed) = seed.filter(|line| line.starts_with('S')) {
        return Ok(options.nkey(seed.to_owned()));
    }
    let (jwt, seed) = parse(file).ok_or_else(|| invalid("it has no user JWT and NKey seed between lines of dashes"))?;
    let user = Arc::new(KeyPair::from_seed(seed).map_err(invalid)?);
    Ok(options.jwt(jwt.to_owned(), move |nonce| {
        let user = Arc::clone(&user);
        async move { user.sign(&nonce).map_err(AuthError::new) }
    }))
}

/// The JWT and the seed. async-nats reads such files, too, but with regular expressions, which make the server larger by 5 %.
fn parse(file: &str) -> Option<(&str, &str)> {
    let mut lines = file.lines().map(str::trim);
    Some((framed(&mut lines)?, framed(&mut lines)?))
}

/// The next line that stands alone between two lines of dashes.
fn framed<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let is_frame = |line: &str| line.starts_with("---") && line.ends_with("---");
    loop {
        lines.find(|line| is_frame(line))?;
        let body = lines.find(|line| !is_frame(line))?;
        if is_frame(lines.next()?) && !body.is_empty() {
            return Some(body);
        }
    }
}

fn invalid(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_jwt_and_a_seed() {
        let file = "-----BEGIN NATS USER JWT-----\r\neyJ0.eyJq.h-_0\r\n------END NATS USER JWT------\r\n\r\n\
                    ************************* IMPORTANT *************************\r\n\
                    NKEY Seed printed below can be used to sign and prove identity.\r\n\r\n\
                    -----BEGIN USER NKEY SEED-----\r\nSUA\r\n------END USER NKEY SEED------\r\n\r\n\
                    *************************************************************\r\n";
        for file in [
            file.to_owned(),
            file.replace("\r\n", "\n"),
            file.replace("\r\n\r\n", "\r\n"),
            format!("--- x ---\n{file}"),
        ] {
            assert_eq!(parse(&file), Some(("eyJ0.eyJq.h-_0", "SUA")), "{file}");
        }
        for file in ["", "eyJ0", "---A---\nB", "---A---\nB\n---C---\n", "---A---\n\n---B---\nC\n---D---\n"] {
            assert_eq!(parse(file), None, "{file}");
        }
    }

    #[test]
    fn a_wrong_seed_is_not_shown() {
        let file = "---A---\njwt\n---B---\n---C---\nUNSEEDLY\n---D---\n";
        let error = log_in(ConnectOptions::new(), file).map(drop).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("UNSEEDLY"), "{error:?}");
    }
}
