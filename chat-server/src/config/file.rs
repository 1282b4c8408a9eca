//! The configuration file: TOML without tables, a key for each option.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::Path;

use chat_lib::read_small_file;
use toml::de::{DeTable, DeValue};

use super::Origin;
use super::merge::Given;
use super::options::{Opt, Options};

/// What is wrong with the file or the environment.
pub(super) struct Problem {
    pub(super) sentence: String,
    /// There is no option with this name.
    pub(super) is_unknown: bool,
}

impl Problem {
    pub(super) fn new(sentence: String) -> Self {
        Self { sentence, is_unknown: false }
    }
}

/// What the file says of the options that are `wanted`, and everything that is wrong with it, in the order of its lines.
pub(super) fn read(path: &Path, options: &Options, wanted: impl Fn(&Opt) -> bool) -> (Given, Vec<Problem>) {
    match read_text(path) {
        Ok(text) => parse(path, &text, options, wanted),
        Err(problem) => {
            let sentence = format!("{}: the file cannot be read: {problem}", path.display());
            (Given::default(), vec![Problem::new(sentence)])
        }
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read_small_file(path)?).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
}

fn parse(path: &Path, text: &str, options: &Options, wanted: impl Fn(&Opt) -> bool) -> (Given, Vec<Problem>) {
    let mut given = Given::default();
    let origin = |start: usize| Origin::File { path: path.to_owned(), line: line_of(text, start) };
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(problem) => {
            let place = origin(problem.span().map_or(text.len(), |span| span.start));
            return (given, vec![Problem::new(format!("{place}: this is not TOML: {}", problem.message()))]);
        }
    };
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut problems = Vec::new();
    for (key, value) in entries {
        let place = origin(key.span().start);
        let option = options.find(key.get_ref());
        let outcome = match option {
            Some(option) if !wanted(option) => continue,
            Some(option) => texts(option, value.get_ref()).and_then(|texts| {
                options.check(option, &texts)?;
                given.set(&option.key, texts, place.clone());
                Ok(())
            }),
            None => Err(unknown(key.get_ref(), value.get_ref(), options)),
        };
        if let Err(problem) = outcome {
            problems.push(Problem { sentence: format!("{place}: {problem}"), is_unknown: option.is_none() });
        }
    }
    (given, problems)
}

fn unknown(key: &str, value: &DeValue<'_>, options: &Options) -> String {
    if let DeValue::Table(_) = value {
        return format!("there is no table {key}; all options are keys at the top of the file");
    }
    match Options::nearest(key, options.iter().map(|option| &*option.key)) {
        Some(nearest) => format!("there is no option {key}; did you mean {nearest}?"),
        None => format!("there is no option {key}; \"chat-server config default\" lists all"),
    }
}

/// The values as one would write them on the command line.
fn texts(option: &Opt, value: &DeValue<'_>) -> Result<Vec<OsString>, String> {
    match value {
        DeValue::Array(values) if option.is_list() => {
            values.iter().map(|value| text(option, value.get_ref()).map(OsString::from)).collect()
        }
        _ => Ok(vec![text(option, value)?.into()]),
    }
}

fn text(option: &Opt, value: &DeValue<'_>) -> Result<String, String> {
    let Opt { key, .. } = option;
    match value {
        DeValue::String(text) => Ok(option.as_value(text)),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(|number| number.to_string())
            .map_err(|_| format!("{key} is too large a number")),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(switch) => Ok(option.as_value(&switch.to_string())),
        DeValue::Datetime(time) => Ok(time.to_string()),
        DeValue::Array(_) => Err(format!("{key} takes one value, not a list")),
        DeValue::Table(_) => Err(format!("{key} takes a value, not a table")),
    }
}

/// The number of the line that has the byte at `start`.
fn line_of(text: &str, start: usize) -> usize {
    text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1
}
