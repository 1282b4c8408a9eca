//! What a configuration has that another one had not.

use super::{Configuration, Value, Wrong, options};

/// An option with its values before and after.
pub(crate) struct Change {
    pub(crate) key: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Configuration {
    /// What is different in a newer one.
    pub(crate) fn changes(&self, newer: &Self) -> Vec<Change> {
        let is_changed = |(old, new): &(&Value, &Value)| old.texts != new.texts;
        let pairs = self.values.iter().zip(&newer.values).filter(is_changed);
        pairs.map(|(old, new)| Change { key: new.key.clone(), from: shown(old), to: shown(new) }).collect()
    }

    /// Takes the value of an option from a newer one.
    pub(crate) fn take(&mut self, key: &str, newer: &Self) {
        for (old, new) in self.values.iter_mut().zip(&newer.values).filter(|(old, _)| old.key == key) {
            old.clone_from(new);
        }
    }
}

impl Wrong {
    /// What is wrong, a sentence for each place.
    pub(crate) fn sentences(&self) -> Vec<String> {
        match self {
            Self::Call(problem) => vec![options::first_line(problem)],
            Self::Configuration(problems) => problems.clone(),
        }
    }
}

fn shown(value: &Value) -> String {
    match value.texts.first() {
        None => "not set".to_owned(),
        // The rest may have a password, and is for the log.
        Some(url) if value.key == "cluster" => format!("{}://…", url.split("://").next().unwrap_or_default()),
        Some(_) => value.texts.join(", "),
    }
}
