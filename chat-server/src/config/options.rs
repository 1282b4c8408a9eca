//! The options of serving, as clap defines them, with the names that the file and the environment have for them.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use chat_lib::settings::{Kind, Settings};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use super::file::Problem;
use super::merge::Given;
use super::{Origin, file};

/// Names the configuration file, as `--config` does.
pub(super) const CONFIG: &str = "CHAT_CONFIG";

const PREFIX: &str = "CHAT_";

/// How alike a name has to be to one that exists (Jaro-Winkler) for it to be suggested: a letter that is missing, wrong
/// or in another place.
const ALIKE: f64 = 0.8;

/// All options, in the order of the help.
pub(super) struct Options {
    command: Command,
    options: Vec<Opt>,
}

/// One option.
pub(super) struct Opt {
    pub(super) arg: Arg,
    /// Its name in the file: the flag's, with underscores.
    pub(super) key: String,
    pub(super) flag: String,
    pub(super) variable: String,
    /// The identifiers of options that exclude this one.
    conflicts: Vec<String>,
}

impl Opt {
    /// Whether it is `true` or `false`, and a flag without a value.
    pub(super) fn is_switch(&self) -> bool {
        matches!(self.arg.get_action(), ArgAction::SetTrue)
    }

    /// The words that a setting has for `false` and `true`.
    fn words(&self) -> Option<[&'static str; 2]> {
        match Settings::find(&self.key)?.kind {
            Kind::Switch { off, on } => Some([off, on]),
            _ => None,
        }
    }

    /// Whether it is `true` or `false` in the file.
    pub(super) fn is_boolean(&self) -> bool {
        self.is_switch() || self.words().is_some()
    }

    /// A value as the flag has it: of what is `true` or `false`, the file and the environment also take the other words.
    pub(super) fn as_value(&self, text: &str) -> String {
        let [off, on] = self.words().unwrap_or(["false", "true"]);
        match text {
            "false" | "no" if self.is_boolean() => off.to_owned(),
            "true" | "yes" if self.is_boolean() => on.to_owned(),
            _ => text.to_owned(),
        }
    }

    /// A value of what is `true` or `false` in the file.
    pub(super) fn as_boolean(&self, text: &str) -> String {
        let [_, on] = self.words().unwrap_or(["false", "true"]);
        (text == on).to_string()
    }

    /// Whether it takes several values.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.arg.get_action(), ArgAction::Append) || self.arg.get_value_delimiter().is_some()
    }

    pub(super) fn id(&self) -> &str {
        self.arg.get_id().as_str()
    }

    pub(super) fn excludes(&self, other: &Self) -> bool {
        self.conflicts.iter().any(|id| id == other.id()) || other.conflicts.iter().any(|id| id == self.id())
    }
}

impl Options {
    pub(super) fn of(command: &Command) -> Self {
        let named = |arg: &&Arg| !arg.is_global_set() && !matches!(arg.get_id().as_str(), "help" | "version");
        let options = command.get_arguments().filter(named).filter_map(|arg| {
            let long = arg.get_long()?;
            let key = long.replace('-', "_");
            let conflicts = command.get_arg_conflicts_with(arg).into_iter();
            Some(Opt {
                arg: arg.clone(),
                flag: format!("--{long}"),
                variable: format!("{PREFIX}{}", key.to_uppercase()),
                key,
                conflicts: conflicts.map(|arg| arg.get_id().to_string()).collect(),
            })
        });
        Self { options: options.collect(), command: command.clone() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Opt> {
        self.options.iter()
    }

    pub(super) fn find(&self, key: &str) -> Option<&Opt> {
        self.iter().find(|option| option.key == key)
    }

    /// The name most like one that does not exist.
    pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let alike = names.map(|candidate| (strsim::jaro_winkler(name, candidate), candidate));
        let (likeness, nearest) = alike.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
        (likeness > ALIKE).then_some(nearest)
    }

    /// What the file and the environment say, each value checked; or everything that is wrong with them.
    pub(super) fn given(&self, file: Option<&Path>, variables: &[(OsString, OsString)]) -> Result<Given, Vec<String>> {
        let (given, problems) = self.read(file, variables, |_| true);
        if problems.is_empty() { Ok(given) } else { Err(sentences(problems)) }
    }

    /// The data directory that the file and the environment name, and what to warn of. A task works although something
    /// else is wrong with them: only serving takes the rest.
    pub(super) fn data(
        &self,
        file: Option<&Path>,
        variables: &[(OsString, OsString)],
    ) -> Result<(Option<OsString>, Option<String>), Vec<String>> {
        let (given, problems) = self.read(file, variables, |option| option.key == "data");
        let (unknown, wrong): (Vec<_>, Vec<_>) = problems.into_iter().partition(|problem| problem.is_unknown);
        if !wrong.is_empty() {
            return Err(sentences(wrong));
        }
        let data = given.value_of("data").and_then(|texts| texts.first().cloned());
        // The name may be a misspelt "data".
        Ok((data, unknown.into_iter().next().map(|problem| problem.sentence)))
    }

    fn read(
        &self,
        file: Option<&Path>,
        variables: &[(OsString, OsString)],
        wanted: impl Fn(&Opt) -> bool,
    ) -> (Given, Vec<Problem>) {
        let (mut given, mut problems) = file.map(|path| file::read(path, self, &wanted)).unwrap_or_default();
        for option in self.iter().filter(|option| wanted(option)) {
            let Some(text) = variable(variables, &option.variable) else { continue };
            let origin = Origin::Environment(option.variable.clone());
            let texts = match text.to_str() {
                Some(list) if option.is_list() => list.split(',').map(|text| text.trim().into()).collect(),
                Some("0") if option.is_boolean() => vec![option.as_value("false").into()],
                Some("1") if option.is_boolean() => vec![option.as_value("true").into()],
                Some(text) => vec![option.as_value(text).into()],
                None => vec![text.to_owned()],
            };
            match self.check(option, &texts) {
                Ok(()) => given.set(&option.key, texts, origin),
                Err(problem) => problems.push(Problem::new(format!("{origin}: {problem}"))),
            }
        }
        (given, problems)
    }

    /// Says what is wrong with the values of an option.
    pub(super) fn check(&self, option: &Opt, texts: &[OsString]) -> Result<(), String> {
        if texts.is_empty() {
            return Err(format!("{} needs a value", option.key));
        }
        texts.iter().try_for_each(|text| {
            let shown = text.to_string_lossy();
            self.check_text(option, text).map_err(|problem| format!("{} cannot be {shown:?}: {problem}", option.key))
        })
    }

    fn check_text(&self, option: &Opt, text: &OsStr) -> Result<(), String> {
        if option.is_switch() {
            let is_known = text == "true" || text == "false";
            return if is_known { Ok(()) } else { Err("expected true or false".to_owned()) };
        }
        if option.words().is_some_and(|words| !words.iter().any(|word| text == *word)) {
            return Err("expected true or false".to_owned());
        }
        let words = [OsString::from(self.command.get_name()), as_flag(option, text)];
        let Err(problem) = self.command.clone().try_get_matches_from(words) else { return Ok(()) };
        match problem.kind() {
            // The option may need others, which are not here.
            ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict => Ok(()),
            ErrorKind::InvalidValue => match problem.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(words)) if !words.is_empty() => Err(format!("expected {}", one_of(words))),
                _ => Err("expected a value".to_owned()),
            },
            _ => Err(problem.source().map_or_else(|| first_line(&problem), ToString::to_string)),
        }
    }

    /// Says which variables look as if they were for this program, and are not.
    pub(super) fn odd_variables(&self, variables: &[(OsString, OsString)]) -> Vec<String> {
        let names =
            || self.iter().map(|option| &*option.variable).chain([CONFIG]).filter_map(|name| name.strip_prefix(PREFIX));
        let odd = variables.iter().filter_map(|(name, _)| name.to_str()?.strip_prefix(PREFIX));
        let odd = odd.filter(|name| !names().any(|known| known == *name));
        odd.map(|name| match Self::nearest(name, names()) {
            Some(nearest) => format!("the variable {PREFIX}{name} has no effect; did you mean {PREFIX}{nearest}?"),
            None => format!("the variable {PREFIX}{name} has no effect"),
        })
        .collect()
    }
}

/// The option with its value, in one word of a command line.
pub(super) fn as_flag(option: &Opt, text: &OsStr) -> OsString {
    let mut word = OsString::from(&option.flag);
    if !option.is_switch() {
        word.push("=");
        word.push(text);
    }
    word
}

/// The sentence of a problem, without advice and usage.
pub(super) fn first_line(problem: &clap::Error) -> String {
    let text = problem.to_string();
    let sentence = text.split("\n\n").next().unwrap_or_default();
    let sentence = sentence.strip_prefix("error: ").unwrap_or(sentence);
    sentence.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn sentences(problems: Vec<Problem>) -> Vec<String> {
    problems.into_iter().map(|problem| problem.sentence).collect()
}

/// A variable that is empty counts as not set: some tools cannot pass it any other way.
fn variable<'a>(variables: &'a [(OsString, OsString)], wanted: &str) -> Option<&'a OsStr> {
    let (_, text) = variables.iter().find(|(name, text)| name == wanted && !text.is_empty())?;
    Some(text)
}

fn one_of(words: &[String]) -> String {
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    }
}
