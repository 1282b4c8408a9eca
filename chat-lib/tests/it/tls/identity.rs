//! What makes an identity, what does not, and where a server may listen without one.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, SystemTime};

use chat_lib::server::{Listener, TlsIdentity};
use chat_lib::{Chat, Error, Server};

use super::certificates::{Authority, self_signed_pair};

#[track_caller]
fn assert_bad(outcome: Result<impl Sized, Error>, wanted: &str) {
    match outcome {
        Err(Error::BadCertificate { problem }) => assert!(problem.contains(wanted), "{problem}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was taken"),
    }
}

#[test]
fn what_is_wrong_with_a_pair_is_said() {
    let authority = Authority::new();
    let (certificate, key) = authority.pair(&["localhost"]);
    let identity = |certificate: &str, key: &str| TlsIdentity::from_pem(certificate.as_bytes(), key.as_bytes());
    assert!(identity(&certificate, &key).is_ok());
    // rustls has no such keys with ring.
    let p521 = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"];
    let p521 = String::from_utf8(Command::new("openssl").args(p521).output().unwrap().stdout).unwrap();
    let both = format!("{key}{certificate}");
    assert!(identity(&both, &both).is_ok(), "they may be in one file");
    for (certificate, key, wanted) in [
        (&*certificate, &*authority.pair(&["localhost"]).1, "the key does not match the certificate"),
        (&key, &key, "the certificate has no certificate in it"),
        (&certificate, &certificate, "the key has no private key in it"),
        (&certificate, &key.replace("PRIVATE", "ENCRYPTED PRIVATE"), "not encrypted"),
        (&certificate, &key.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n\n"), "damaged PEM, or encrypted"),
        (&certificate, &p521, "of a kind that is not supported; RSA"),
        (&certificate.replace("MII", "M!I"), &key, "damaged PEM"),
        ("", "", "has no certificate"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &key,
            "no certificate that TLS has a use for",
        ),
    ] {
        assert_bad(identity(certificate, key), wanted);
    }
    let (certificate, key) = authority.write(&(certificate, key));
    assert!(TlsIdentity::from_files(&certificate, &key).is_ok());
    assert_bad(TlsIdentity::from_files(&certificate, authority.path("none.pem")), "none.pem: No such file");
    assert_bad(TlsIdentity::from_files(&key, &key), "key.pem has no certificate in it");
}

#[test]
fn a_bad_pair_leaves_the_old_one_in_use() {
    let authority = Authority::new();
    let identity = authority.identity();
    let expires = identity.expires();
    let expired = authority.expired_pair(&["localhost"]);
    fs::write(authority.path("cert.pem"), &expired.0).unwrap();
    assert_bad(identity.reload(), "the key does not match the certificate");
    assert_eq!(identity.expires(), expires);
    fs::write(authority.path("key.pem"), &expired.1).unwrap();
    identity.reload().unwrap();
    assert_eq!(identity.expires(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_577_836_800));
    assert_bad(identity.replace(b"", b""), "has no certificate");
    let (certificate, key) = self_signed_pair();
    identity.replace(certificate.as_bytes(), key.as_bytes()).unwrap();
    assert!(identity.expires() > SystemTime::now());
}

#[test]
fn nothing_secret_is_shown() {
    let authority = Authority::new();
    let (certificate, key) = authority.pair(&["localhost"]);
    let identity = TlsIdentity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    let secrets: Vec<&str> = key.lines().filter(|line| !line.starts_with('-')).collect();
    let bad = TlsIdentity::from_pem(certificate.as_bytes(), key.replace("BEGIN", "BEGIN ").as_bytes()).unwrap_err();
    let listener = Listener::tls(([127, 0, 0, 1], 0).into(), identity.clone());
    for shown in [format!("{identity:?}"), format!("{listener:?}"), bad.to_string(), format!("{bad:?}")] {
        assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
    }
}

#[test]
fn clear_text_on_a_network_has_to_be_allowed() {
    let chat = Chat::memory();
    let authority = Authority::new();
    for host in ["0.0.0.0", "[::]", "[::ffff:0.0.0.0]"] {
        let address: SocketAddr = format!("{host}:0").parse().unwrap();
        match Server::bind(chat.clone(), address) {
            Err(Error::Cleartext { address: refused }) => assert_eq!(refused, address),
            other => panic!("{other:?}"),
        }
        let server = Server::builder(chat.clone()).listen(address).allow_cleartext().bind().unwrap();
        assert_eq!(server.cleartext_addresses(), server.addresses());
        let server = Server::builder(chat.clone()).listen(Listener::tls(address, authority.identity())).bind().unwrap();
        assert_eq!((server.addresses().len(), server.cleartext_addresses().len()), (1, 0));
    }
    for host in ["127.0.0.1", "127.8.8.8", "[::1]", "[::ffff:127.0.0.1]"] {
        let address: SocketAddr = format!("{host}:0").parse().unwrap();
        Server::bind(chat.clone(), address).unwrap();
    }
}
