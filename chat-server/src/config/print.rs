//! Configurations as text, which can be read back.

use std::fmt::Write;

use clap::builder::PossibleValue;

use super::Value;
use super::options::{Opt, Options};

/// How long a line may be.
const WIDTH: usize = 100;

/// The values in effect, and where each comes from.
pub(super) fn effective(options: &Options, values: &[Value]) -> String {
    let lines: Vec<(String, String)> = values
        .iter()
        .filter_map(|Value { key, texts, origin }| {
            let option = options.find(key)?;
            Some(match texts.is_empty() {
                true => (format!("# {key} is not set"), String::new()),
                false => (format!("{key} = {}", toml(option, &shown(key, texts))), format!("  # {origin}")),
            })
        })
        .collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width < 60).max().unwrap_or(0);
    lines.iter().fold(String::new(), |text, (line, origin)| match origin.is_empty() {
        true => text + line + "\n",
        false => text + &format!("{line:width$}{}\n", chat_lib::printable(origin)),
    })
}

/// The values without the password that an engine's URL may have.
fn shown(key: &str, texts: &[String]) -> Vec<String> {
    let hidden = |text: &String| match text
        .split_once("://")
        .and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)))
    {
        Some((scheme, (user, hosts))) if key == "cluster" => {
            let user = user.split(':').next().filter(|name| *name != user);
            format!("{scheme}://{}…@{hosts}", user.map(|user| format!("{user}:")).unwrap_or_default())
        }
        _ => text.clone(),
    };
    texts.iter().map(hidden).collect()
}

/// A file with all options and their defaults as comments.
pub(super) fn default(options: &Options) -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut headings = vec![None];
    for heading in options.iter().map(|option| option.arg.get_help_heading()) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for heading in headings {
        if let Some(heading) = heading {
            write!(text, "\n# ---- {heading} ----\n").ok();
        }
        for option in options.iter().filter(|option| option.arg.get_help_heading() == heading) {
            describe(&mut text, option);
        }
    }
    text
}

fn describe(text: &mut String, option: &Opt) {
    let Opt { arg, key, .. } = option;
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default().replace("\n\n", " ");
    text.push('\n');
    comment(text, &format!("{}.", help.trim_end_matches('.')));
    if option.is_boolean() {
        let default = arg.get_default_values().first().map(|text| text.to_string_lossy()).unwrap_or_default();
        writeln!(text, "#{key} = {}", option.as_boolean(&default)).ok();
        return;
    }
    let words = arg.get_possible_values();
    let name = |word: &PossibleValue| format!("\"{}\"", word.get_name());
    if words.iter().any(|word| word.get_help().is_some()) {
        for word in &words {
            comment(
                text,
                &format!("{}: {}.", name(word), word.get_help().map(ToString::to_string).unwrap_or_default()),
            );
        }
    } else if !words.is_empty() {
        comment(text, &format!("One of {}.", words.iter().map(name).collect::<Vec<_>>().join(", ")));
    }
    let defaults = arg.get_default_values();
    if defaults.is_empty() {
        let names = arg.get_value_names().unwrap_or_default();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        writeln!(text, "#{key} = {}  # no default", toml(option, &names)).ok();
    } else {
        let defaults: Vec<String> = defaults.iter().map(|text| text.to_string_lossy().into_owned()).collect();
        writeln!(text, "#{key} = {}", toml(option, &defaults)).ok();
    }
}

fn comment(text: &mut String, prose: &str) {
    for paragraph in prose.split('\n') {
        let mut line = String::from("#");
        for word in paragraph.split_whitespace() {
            if line.chars().count() + word.chars().count() >= WIDTH {
                text.push_str(&line);
                text.push_str("\n#");
                line.clear();
            }
            line.push(' ');
            line.push_str(word);
        }
        text.push_str(&line);
        text.push('\n');
    }
}

fn toml(option: &Opt, texts: &[String]) -> String {
    let value = |text: &String| match text.parse::<i64>() {
        _ if option.is_boolean() => option.as_boolean(text),
        Ok(number) if number.to_string() == *text => text.clone(),
        _ => toml::Value::String(text.clone()).to_string(),
    };
    let values: Vec<String> = texts.iter().map(value).collect();
    if option.is_list() { format!("[{}]", values.join(", ")) } else { values.concat() }
}

const INTRODUCTION: &str = "\
# Configuration of chat-server: every option with its default. Remove the # in front of a key to set it.
#
# A number of bytes may have the unit KiB, MiB or GiB (\"64KiB\"). A duration has a unit (\"1500ms\",
# \"90s\", \"10min\", \"12h\", \"90days\") or is a number of seconds.
#
# The environment overrides this file (CHAT_LISTEN for listen; lists are separated by commas), and flags
# override both (--listen). \"chat-server config check FILE\" says what is wrong, and \"config show\" what
# is in effect.
#
# SIGHUP has a running server read this file again. Limits, registration, password_cost, log and the TLS
# certificate change at once; the log says what needs a restart. If something is wrong, nothing changes.
";
