//! A flag for each row of the table of settings, with its text as the help.

use chat_lib::settings::{Kind, Scope, Setting, Settings};
use clap::builder::{PossibleValue, PossibleValuesParser, ValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

/// The settings that the command line asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags(pub(crate) Settings);

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.args(Settings::ALL.iter().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in Settings::ALL {
            if let Some(text) = matches.get_one::<String>(setting.name) {
                let invalid = |problem| clap::Error::raw(ErrorKind::ValueValidation, problem);
                self.0.set(setting.name, text).map_err(invalid)?;
            }
        }
        Ok(())
    }
}

fn flag(setting: &'static Setting) -> Arg {
    // Like the texts that clap takes from comments: no full stop at the end.
    let help = with_words(setting).replace('`', "").trim_end_matches('.').to_owned();
    let flag = Arg::new(setting.name)
        .long(setting.name.replace('_', "-"))
        .value_name(value_name(setting.kind))
        .value_parser(value_parser(setting))
        .default_value(setting.default());
    let flag = match help.split_once(". ") {
        Some((first, rest)) => flag.long_help(format!("{first}.\n\n{rest}.")).help(first.to_owned()),
        None => flag.help(help),
    };
    match setting.scope {
        Scope::Limits => flag.help_heading("Limits"),
        Scope::Directory => flag.conflicts_with("memory"),
        _ => flag,
    }
}

/// What a setting does, and the words that it takes beside a duration: clap lists words only where there is nothing else.
fn with_words(setting: &Setting) -> String {
    let words = match setting.kind {
        Kind::DurationOr(words) => words,
        _ => &[],
    };
    words.iter().fold(setting.what.to_owned(), |help, word| format!("{help} \"{}\": {}.", word.name, word.what))
}

fn value_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bytes => "BYTES",
        Kind::Count => "COUNT",
        Kind::Duration | Kind::DurationOr(_) => "DURATION",
        Kind::PasswordCost => "M,T,P",
        _ => "WHICH",
    }
}

fn value_parser(setting: &'static Setting) -> ValueParser {
    match setting.kind {
        Kind::Choice(choices) => {
            PossibleValuesParser::new(choices.iter().map(|it| PossibleValue::new(it.name).help(it.what))).into()
        }
        Kind::Switch { off, on } => PossibleValuesParser::new([off, on]).into(),
        _ => ValueParser::new(|text: &str| {
            let outcome = Settings::default().set(setting.name, text);
            outcome.map(|()| text.to_owned()).map_err(|invalid| invalid.problem)
        }),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        /// Some settings exclude it.
        #[arg(long)]
        memory: bool,
        #[command(flatten)]
        flags: Flags,
    }

    fn parse(args: &[&str]) -> Result<Settings, clap::Error> {
        Program::try_parse_from([&["program"], args].concat()).map(|program| program.flags.0)
    }

    #[test]
    fn without_flags_the_settings_are_the_defaults() {
        assert_eq!(parse(&[]).unwrap(), Settings::default());
    }

    #[test]
    fn each_setting_has_a_flag_that_sets_it() {
        for setting in Settings::ALL {
            let text = match setting.kind {
                Kind::Bytes => "7MiB",
                Kind::Count => "7",
                Kind::Duration | Kind::DurationOr(_) => "7h",
                Kind::Choice(choices) => choices[1].name,
                Kind::Switch { on, .. } => on,
                Kind::PasswordCost => "8,1,1",
                kind => panic!("the test does not know {kind:?}"),
            };
            let flag = format!("--{}", setting.name.replace('_', "-"));
            let settings = parse(&[&flag, text]).unwrap();
            assert_eq!(setting.get(&settings), text, "{flag}");
            let refused = parse(&[&flag, "?"]).unwrap_err().to_string();
            assert!(refused.contains(&format!("invalid value '?' for '{flag}")), "{refused}");
            let with_memory = parse(&["--memory", &flag, text]);
            assert_eq!(with_memory.is_err(), setting.scope == Scope::Directory, "{flag}");
        }
    }
}
