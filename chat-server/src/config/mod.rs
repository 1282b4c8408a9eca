//! Options from the command line, the environment and the configuration file. It relies on clap's definition of them alone,
//! so that each option has a variable and a key in the file as soon as it is a flag.
//!
//! What the environment and the file say is added to the command line as flags, where it does not have them yet. So all of
//! it is parsed and checked in one way.

mod change;
mod file;
mod merge;
mod options;
mod print;

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, FromArgMatches};
use tracing::Level;

use self::options::Options;
use crate::args::{Args, ConfigTask};
use crate::{listen, log, permissions};

/// Everything that was asked for.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) args: Args,
    /// The options of serving, in the order of the help. Empty for a task.
    values: Vec<Value>,
    /// What is odd about the environment or, for a task, about the file.
    warnings: Vec<String>,
}

/// The value of an option, as text.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Value {
    key: String,
    texts: Vec<String>,
    origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Origin {
    Default,
    File {
        path: PathBuf,
        line: usize,
    },
    /// The variable.
    Environment(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(variable) => f.write_str(variable),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// The command line is wrong, or only asks for help.
    Call(clap::Error),
    /// The file or the environment is wrong; a sentence for each place.
    Configuration(Vec<String>),
}

impl Wrong {
    /// Says it, and gives the exit code.
    pub(crate) fn say(&self) -> ExitCode {
        match self {
            Self::Call(problem) => {
                // There is nothing left to do if nobody reads it.
                problem.print().ok();
                ExitCode::from(u8::try_from(problem.exit_code()).unwrap_or(2))
            }
            Self::Configuration(problems) => {
                for problem in problems {
                    say!("chat-server: {problem}");
                }
                ExitCode::from(2)
            }
        }
    }
}

impl From<clap::Error> for Wrong {
    fn from(problem: clap::Error) -> Self {
        Self::Call(problem)
    }
}

/// Reads the command line, and what it leaves open from the environment and the configuration file.
pub(crate) fn read() -> Result<Configuration, Wrong> {
    read_from(&env::args_os().collect::<Vec<_>>(), &env::vars_os().collect::<Vec<_>>())
}

fn read_from(words: &[OsString], variables: &[(OsString, OsString)]) -> Result<Configuration, Wrong> {
    let command = Args::definition();
    // To clap, --config before a task would be an option for serving.
    let mut tasks = command.clone().args_conflicts_with_subcommands(false);
    // What is wrong with the command line is said at the end: the rest of the options may put it right.
    let matches = tasks.clone().ignore_errors(true).try_get_matches_from(words)?;
    let task = innermost(&matches);
    let file = task.get_one("config").cloned().or_else(|| config_variable(variables));
    if matches.subcommand_name().is_none() {
        return serving(command, words, &matches, file.as_deref(), variables);
    }
    let options = Options::of(&command);
    let mut warnings = Vec::new();
    if takes_data(&command, &matches) && task.value_source("directory") != Some(ValueSource::CommandLine) {
        let (data, warning) = options.data(file.as_deref(), variables).map_err(Wrong::Configuration)?;
        warnings.extend(warning);
        if let Some(data) = data {
            tasks = with_data(tasks, &data);
        }
    }
    let matches = tasks.clone().try_get_matches_from(words)?;
    let of_serving = |option: &&options::Opt| matches.value_source(option.id()) == Some(ValueSource::CommandLine);
    if let Some(option) = options.iter().find(of_serving) {
        let problem = format!("{} is for serving, and cannot be used with a command", option.flag);
        return Err(tasks.error(ErrorKind::ArgumentConflict, problem).into());
    }
    let args = Args::from_arg_matches(&matches).map_err(|problem| problem.format(&mut tasks))?;
    Ok(Configuration { args, values: Vec::new(), warnings })
}

/// Does what is asked about the configuration.
pub(crate) fn run(task: ConfigTask, file: Option<PathBuf>) -> ExitCode {
    let variables: Vec<_> = env::vars_os().collect();
    let command = Args::definition();
    let name = [OsString::from(command.get_name())];
    let read = |positional: Option<PathBuf>| {
        let file = positional.or(file).or_else(|| config_variable(&variables));
        let flags = command.clone().try_get_matches_from(&name)?;
        let configuration = serving(command.clone(), &name, &flags, file.as_deref(), &variables)?;
        configuration.say_warnings();
        Ok((file, configuration))
    };
    let printed = match task {
        ConfigTask::Default => Ok(print::default(&Options::of(&command))),
        ConfigTask::Show { file } => {
            read(file).map(|(_, configuration)| print::effective(&Options::of(&command), &configuration.values))
        }
        ConfigTask::Check { file } => read(file).and_then(|(file, configuration)| {
            configuration.check_certificate()?;
            for warning in permissions::warnings(&configuration.args.serve) {
                log::say(Level::WARN, &format!("chat-server: {warning}"));
            }
            Ok(match file {
                Some(file) => format!("{}: the configuration is correct\n", file.display()),
                None => "the environment is correct; no configuration file was named\n".to_owned(),
            })
        }),
    };
    match printed {
        // Whoever reads it may have enough of it.
        Ok(text) => match io::stdout().write_all(text.as_bytes()) {
            Err(problem) if problem.kind() != io::ErrorKind::BrokenPipe => {
                say!("chat-server: standard output cannot be written: {problem}");
                ExitCode::FAILURE
            }
            _ => ExitCode::SUCCESS,
        },
        Err(wrong) => Wrong::say(&wrong),
    }
}

impl Configuration {
    /// Says what is wrong with the certificate and its key, if there are to be any.
    fn check_certificate(&self) -> Result<(), Wrong> {
        let Err(problem) = listen::identity(&self.args.serve) else { return Ok(()) };
        let origin = self.values.iter().find(|value| value.key == "tls_certificate").map(|value| &value.origin);
        let place = origin.map_or_else(String::new, |origin| format!("{origin}: "));
        Err(Wrong::Configuration(vec![format!("{place}{}", problem.with_reasons())]))
    }

    /// Says what is odd.
    pub(crate) fn say_warnings(&self) {
        for warning in &self.warnings {
            say!("chat-server: {warning}");
        }
    }
}

/// The configuration of a server that is started with `words`, in which there are these flags.
fn serving(
    mut command: Command,
    words: &[OsString],
    flags: &ArgMatches,
    file: Option<&Path>,
    variables: &[(OsString, OsString)],
) -> Result<Configuration, Wrong> {
    let options = Options::of(&command);
    let given = options.given(file, variables).map_err(Wrong::Configuration)?.below(&options, flags);
    let matches = command.clone().try_get_matches_from(given.added_to(words, &options));
    let matches = matches.map_err(|problem| given.blame(problem, &options))?;
    let args = Args::from_arg_matches(&matches).map_err(|problem| problem.format(&mut command))?;
    if let Err(problem) = args.check() {
        return Err(given.blame(command.error(ErrorKind::ArgumentConflict, problem), &options));
    }
    let values = options.iter().map(|option| given.in_effect(option, &matches)).collect();
    let warnings = options.odd_variables(variables);
    Ok(Configuration { args, values, warnings })
}

fn config_variable(variables: &[(OsString, OsString)]) -> Option<PathBuf> {
    let (_, path) = variables.iter().find(|(name, path)| name == options::CONFIG && !path.is_empty())?;
    Some(path.into())
}

/// The matches of the command that is to be run.
fn innermost(mut matches: &ArgMatches) -> &ArgMatches {
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    matches
}

/// Whether the task that was asked for works on a data directory.
fn takes_data(mut command: &Command, mut matches: &ArgMatches) -> bool {
    while let Some((name, inner)) = matches.subcommand() {
        let Some(task) = command.find_subcommand(name) else { return false };
        (command, matches) = (task, inner);
    }
    command.get_arguments().any(|arg| arg.get_long() == Some("data"))
}

/// The tasks with this as their data directory, unless another one is asked for.
fn with_data(command: Command, data: &OsString) -> Command {
    let set = |arg: Arg| match arg.get_long() {
        Some("data") => arg.default_value(data.clone()),
        _ => arg,
    };
    command.mut_subcommands(|task| with_data(task.mut_args(set), data))
}

#[cfg(test)]
mod tests;
