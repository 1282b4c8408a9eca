//! The web page of a chat server: its files, as a browser takes them. Nothing is built, so what is here is what is served.

/// Each file by its path, such as `page/app.js`, in the order in which they are of use.
pub const FILES: &[(&str, &[u8])] = &[];
