//! How values from several places become one command line.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::options::{Opt, Options, as_flag, first_line};
use super::{Origin, Value, Wrong};

/// What the file and the environment say, by key. The environment comes last, and replaces what the file says.
#[derive(Debug, Default)]
pub(super) struct Given {
    values: BTreeMap<String, (Vec<OsString>, Origin)>,
}

impl Given {
    pub(super) fn set(&mut self, key: &str, texts: Vec<OsString>, origin: Origin) {
        self.values.insert(key.to_owned(), (texts, origin));
    }

    pub(super) fn value_of(&self, key: &str) -> Option<&[OsString]> {
        self.values.get(key).map(|(texts, _)| &**texts)
    }

    /// Only what counts beside these flags: what they do not set, and what does not exclude something that counts more.
    /// So `--memory` overrides a file that says where the data is.
    pub(super) fn below(mut self, options: &Options, flags: &ArgMatches) -> Self {
        // A switch that is off excludes nothing, and it is off unless its flag is there.
        self.values.retain(|_, (texts, _)| *texts != ["false"]);
        let is_flag = |option: &Opt| flags.value_source(option.id()) == Some(ValueSource::CommandLine);
        let flagged: Vec<&Opt> = options.iter().filter(|option| is_flag(option)).collect();
        self.values.retain(|key, _| !flagged.iter().any(|flag| flag.key == *key));
        let is_variable = |origin: &Origin| matches!(origin, Origin::Environment(_));
        for over_files in [false, true] {
            let mut above = flagged.clone();
            if over_files {
                let variables = self.values.iter().filter(|(_, (_, origin))| is_variable(origin));
                above.extend(variables.filter_map(|(key, _)| options.find(key)));
            }
            self.values.retain(|key, (_, origin)| {
                let stays = over_files && is_variable(origin);
                stays || !options.find(key).is_some_and(|option| above.iter().any(|other| option.excludes(other)))
            });
        }
        self
    }

    /// The command line with all of it.
    pub(super) fn added_to(&self, words: &[OsString], options: &Options) -> Vec<OsString> {
        let flags = self.values.iter().filter_map(|(key, (texts, _))| Some((options.find(key)?, texts)));
        let flags = flags.flat_map(|(option, texts)| texts.iter().map(|text| as_flag(option, text)));
        let (name, rest) = words.split_at(words.len().min(1));
        name.iter().cloned().chain(flags).chain(rest.iter().cloned()).collect()
    }

    /// A problem of that command line, with the places that the options it speaks of come from.
    pub(super) fn blame(&self, problem: clap::Error, options: &Options) -> Wrong {
        let sentence = first_line(&problem);
        let mentioned = self.values.iter().filter_map(|(key, (_, origin))| {
            let flag = &options.find(key)?.flag;
            let goes_on = |rest: &str| rest.starts_with(|next: char| next == '-' || next.is_alphanumeric());
            let is_mentioned = sentence.split(flag.as_str()).skip(1).any(|rest| !goes_on(rest));
            is_mentioned.then(|| format!("{flag} is from {origin}"))
        });
        let mentioned: Vec<String> = mentioned.collect();
        if mentioned.is_empty() {
            return Wrong::Call(problem);
        }
        Wrong::Configuration(vec![format!("{sentence} ({})", mentioned.join("; "))])
    }

    /// The value of an option in that command line, once parsed.
    pub(super) fn in_effect(&self, option: &Opt, matches: &ArgMatches) -> Value {
        let texts = matches.get_raw(option.id()).unwrap_or_default();
        let origin = match (self.values.get(&option.key), matches.value_source(option.id())) {
            (Some((_, origin)), _) => origin.clone(),
            (None, Some(ValueSource::CommandLine)) => Origin::Flag,
            (None, _) => Origin::Default,
        };
        Value {
            key: option.key.clone(),
            texts: texts.map(|text| text.to_string_lossy().into_owned()).collect(),
            origin,
        }
    }
}
