//! The web page of a chat server: its files, as a browser takes them. Nothing is built, so what is here is what is served.

/// Names files of this folder, and reads them at compile time.
macro_rules! files {
    ($($path:literal)*) => { &[$(($path, include_bytes!($path))),*] };
}

/// Each file by its path, such as `page/main.js`.
pub const FILES: &[(&str, &[u8])] = files! {
    "index.html"
    "page.css"
    "client.js"
    "client/connection.js"
    "client/error.js"
    "client/session.js"
    "page/app.js"
    "page/conversation.js"
    "page/dialogs.js"
    "page/dom.js"
    "page/log.js"
    "page/main.js"
    "page/model.js"
    "page/store.js"
    "page/words.js"
    "worker.js"
    "manifest.webmanifest"
    "icon.svg"
    "icon-192.png"
    "icon-512.png"
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::{fs, io};

    use super::*;

    /// Adds the files that are in a folder and its folders, by their paths.
    fn collect(folder: &Path, before: &str, found: &mut BTreeSet<String>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = format!("{before}{}", entry.file_name().display());
            match entry.file_type()?.is_dir() {
                true => collect(&entry.path(), &format!("{name}/"), found)?,
                false => _ = found.insert(name),
            }
        }
        Ok(())
    }

    #[test]
    fn every_file_of_the_page_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = BTreeSet::new();
        for part in ["page", "client"] {
            collect(&folder.join(part), &format!("{part}/"), &mut found).unwrap();
        }
        for entry in fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().display().to_string();
            let is_part = [".html", ".css", ".webmanifest", ".png", ".svg"].iter().any(|end| name.ends_with(end));
            found.extend(Some(name).filter(|name| is_part || ["client.js", "worker.js"].contains(&name.as_str())));
        }
        // It has types only, which a browser does not read.
        found.remove("client/protocol.js");
        let served: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(served, found);
    }
}
