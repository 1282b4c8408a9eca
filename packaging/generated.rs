//! Man pages and shell completions, made from the definition of a command line. They are committed, and a test of each
//! program compares them; `GENERATED=write cargo test -p chat-server -p chat-cli --bins generated` writes them anew.

use std::path::Path;

use clap::builder::StyledStr;
use clap::{Arg, Command};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

/// Writes `text` to a file of the repository, or compares it with what is there.
fn check(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var_os("GENERATED").is_some_and(|value| value == "write") {
        std::fs::write(&file, text).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == text, "{path} is not that of this version; packaging/generated.rs says how to write it");
}

/// Checks the completions of a program for each shell.
pub(crate) fn check_completions(command: &Command) {
    let name = command.get_name();
    let command = in_a_sentence(command.clone());
    for (shell, file) in
        [(Shell::Bash, format!("{name}.bash")), (Shell::Fish, format!("{name}.fish")), (Shell::Zsh, format!("_{name}"))]
    {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command.clone(), name, &mut script);
        check(&format!("packaging/completions/{file}"), &String::from_utf8(script).unwrap());
    }
}

/// A shell shows each text in one line.
fn in_a_sentence(command: Command) -> Command {
    let sentence = |text: Option<&StyledStr>| {
        let text = text.map(ToString::to_string).unwrap_or_default();
        text.split_once(". ").map_or(text.clone(), |(sentence, _)| sentence.to_owned())
    };
    let about = sentence(command.get_about());
    let shorten = |arg: Arg| {
        let help = sentence(arg.get_help());
        arg.help(help)
    };
    command.about(about).mut_args(shorten).mut_subcommands(in_a_sentence)
}

/// Checks the man page of a program: what the definition says, and `more` at the end.
pub(crate) fn check_man_page(command: &Command, more: &Roff) {
    let name = command.get_name();
    let mut command = command.clone().disable_help_subcommand(true);
    command.build();
    let usage = format!("{}\n{name} COMMAND", render_usage(&mut command));
    let man = Man::new(command.clone().override_usage(usage));
    let mut page = Vec::new();
    man.render_title(&mut page).unwrap();
    man.render_name_section(&mut page).unwrap();
    man.render_synopsis_section(&mut page).unwrap();
    man.render_description_section(&mut page).unwrap();
    man.render_options_section(&mut page).unwrap();
    let mut subcommands = Roff::new();
    subcommands.control("SH", ["SUBCOMMANDS"]);
    subcommands.to_writer(&mut page).unwrap();
    command.get_subcommands_mut().for_each(|subcommand| write_subcommand(&mut page, subcommand));
    more.to_writer(&mut page).unwrap();
    check(&format!("docs/{name}.1"), &String::from_utf8(page).unwrap());
}

/// How a command is called, its text and its options, and those of the commands below it.
fn write_subcommand(page: &mut Vec<u8>, command: &mut Command) {
    if command.is_hide_set() {
        return;
    }
    if !command.is_subcommand_required_set() {
        write_command(page, command);
    }
    command.get_subcommands_mut().for_each(|subcommand| write_subcommand(page, subcommand));
}

fn write_command(page: &mut Vec<u8>, command: &mut Command) {
    let mut head = Roff::new();
    head.control("SS", []).text([bold(render_usage(command))]);
    let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default();
    for line in about.lines() {
        if line.is_empty() {
            head.control("PP", [])
        } else {
            head.text([roman(line)])
        };
    }
    head.to_writer(page).unwrap();
    let own = command.clone().mut_arg("help", |help| help.hide(true));
    let mut options = Vec::new();
    Man::new(own).render_options_section(&mut options).unwrap();
    let options = String::from_utf8(options).unwrap();
    // The options stand below the command, and not in a section.
    let (_, options) = options.split_once(".SH OPTIONS\n").unwrap();
    page.extend_from_slice(options.as_bytes());
}

fn render_usage(command: &mut Command) -> String {
    let usage = command.render_usage().to_string();
    usage.trim_start_matches("Usage: ").lines().next().unwrap_or_default().trim().to_owned()
}
