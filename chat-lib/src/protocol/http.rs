//! Recognizes HTTP. A web page can have a browser send an HTTP request to any port, with lines of the page's choice in
//! its body: they must not be taken for commands (`docs/protocol.md`, "Requests").

/// Whether a connection's first line begins an HTTP request, such as `POST / HTTP/1.1`. A browser puts no space into
/// one of the three words, and a message that ends with such a word has more of them.
pub(crate) fn is_request_line(line: &[u8]) -> bool {
    let mut words = line.trim_ascii().split(|&byte| byte == b' ');
    words.nth(2).is_some_and(|version| version.starts_with(b"HTTP/")) && words.next().is_none()
}

/// Whether a line is the header that every HTTP request has: the line before it may have been too long to be looked at.
pub(crate) fn is_host_header(line: &[u8]) -> bool {
    line.split_at_checked(5).is_some_and(|(name, _)| name.eq_ignore_ascii_case(b"host:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_browsers_and_commands_of_ours() {
        for request in ["POST / HTTP/1.1\r\n", "GET /a%20b?c HTTP/1.0\n", "auth / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n"] {
            assert!(is_request_line(request.as_bytes()), "{request}");
        }
        for command in
            ["auth messi surabaya\r\n", "HTTP/1.1\r\n", "/ HTTP/1.1", "send T messi is it HTTP/2\r\n", "\r\n"]
        {
            assert!(!is_request_line(command.as_bytes()), "{command}");
        }
        assert!(is_host_header(b"Host: localhost:8889\r\n") && is_host_header(b"host:x"));
        assert!(!is_host_header(b"host\r\n") && !is_host_header(b"hostile: x") && !is_host_header(b""));
    }
}
