//! Where the server listens, and the certificate that it shows there.

use std::error::Error;
use std::time::{Duration, SystemTime};

use chat_lib::server::{Listener, Relay, TlsIdentity, WebSite};
use chat_lib::{Chat, Server};

use crate::args::{Purpose, Serve};
use crate::service::PassedSocket;

/// Reads the certificate and its key, if there are to be any.
pub(crate) fn identity(args: &Serve) -> Result<Option<TlsIdentity>, chat_lib::Error> {
    let (Some(certificate), Some(key)) = (&args.tls_certificate, &args.tls_key) else { return Ok(None) };
    let identity = TlsIdentity::from_files(certificate, key)?;
    warn_of_expiry(&identity);
    Ok(Some(identity))
}

/// Listens, with and without TLS. Sockets of a service manager stand for the addresses on the command line.
pub(crate) fn bind(
    args: &Serve,
    chat: Chat,
    sockets: Vec<PassedSocket>,
    identity: Option<&TlsIdentity>,
    relay: Option<Relay>,
) -> Result<Server, Box<dyn Error>> {
    let mut builder = Server::builder(chat).trust_proxies(args.proxy.iter().copied());
    if args.allow_cleartext {
        builder = builder.allow_cleartext();
    }
    if let Some(relay) = relay {
        builder = builder.relay(relay);
    }
    let site = site(args)?;
    let listener = |purpose: Purpose, address| {
        let listener = match (purpose.is_web(), identity.filter(|_| purpose.has_tls())) {
            (false, None) => Listener::tcp(address),
            (false, Some(identity)) => Listener::tls(address, identity.clone()),
            (true, None) => Listener::web(address, site.clone()),
            (true, Some(identity)) => Listener::web_tls(address, site.clone(), identity.clone()),
        };
        if purpose.has_tls() && identity.is_none() {
            return Err("a socket of the service manager is for TLS; set tls_certificate and tls_key");
        }
        Ok(listener)
    };
    if sockets.is_empty() {
        for (purpose, address) in args.addresses() {
            builder = builder.listen(listener(purpose, address)?);
        }
    }
    for passed in sockets {
        let listener = listener(passed.purpose(), passed.socket.local_addr()?)?;
        builder = builder.listen(listener.with_socket(passed.socket)?);
    }
    Ok(builder.bind()?)
}

/// What browsers are shown.
fn site(args: &Serve) -> Result<WebSite, chat_lib::Error> {
    let site = match &args.web_page {
        None => WebSite::new(),
        Some(page) if page.as_os_str() == "none" => WebSite::without_page(),
        Some(page) => WebSite::folder(page)?,
    };
    Ok(args.web_origin.iter().cloned().fold(site, WebSite::allow_origin))
}

/// Says where the server listens, and where it would be better not to send a password.
pub(crate) fn say_where(server: &Server) {
    for address in server.addresses() {
        let is_cleartext = server.cleartext_addresses().contains(address);
        match (server.web_addresses().contains(address), is_cleartext) {
            (false, true) => say!("chat-server: listening on {address}"),
            (false, false) => say!("chat-server: listening with TLS on {address}"),
            (true, true) => say!("chat-server: browsers can open http://{address}/"),
            (true, false) => say!("chat-server: listening for browsers with TLS on {address}"),
        }
        if is_cleartext && !address.ip().is_loopback() {
            let warning = format!("chat-server: passwords and messages to and from {address} are not encrypted");
            crate::log::say(tracing::Level::WARN, &warning);
        }
    }
}

/// Reads certificate and key again, for new connections.
pub(crate) fn reload(args: &Serve, identity: &TlsIdentity) -> Result<(), chat_lib::Error> {
    // Without them, the server goes on with what it has until it is restarted.
    if let (Some(certificate), Some(key)) = (&args.tls_certificate, &args.tls_key) {
        identity.reload_from(certificate, key)?;
    }
    warn_of_expiry(identity);
    Ok(())
}

fn warn_of_expiry(identity: &TlsIdentity) {
    if let Some(warning) = expiry_warning(identity) {
        tracing::warn!("{warning}");
    }
}

/// What is to be said about a certificate that has expired or is about to.
pub(crate) fn expiry_warning(identity: &TlsIdentity) -> Option<String> {
    match identity.expires().duration_since(SystemTime::now()) {
        Err(_) => Some("the TLS certificate has expired; clients refuse it".to_owned()),
        Ok(left) if left < EXPIRES_SOON => {
            let days = left.as_secs() / DAY.as_secs();
            Some(format!("the TLS certificate expires in {days} days; renew it"))
        }
        Ok(_) => None,
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Certificates for 90 days are renewed a month before, so that one with less left has a problem.
const EXPIRES_SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);
