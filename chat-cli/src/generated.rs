//! The man page and the completions are those of this version.

#[path = "../../packaging/generated.rs"]
mod shared;

use clap::CommandFactory;
use clap_mangen::roff::{Roff, bold, italic, roman};

use crate::args::Args;
use crate::live::commands::COMMANDS;

#[test]
fn the_man_page_and_the_completions_are_those_of_this_version() {
    let mut commands = Roff::new();
    commands.control("SH", ["COMMANDS"]);
    commands.text([roman("These can be typed at a terminal. Any other line is sent to the open conversation.")]);
    for command in COMMANDS {
        let name = |name| bold(format!("/{name}"));
        let mut form = vec![name(command.name), roman(" "), italic(command.words)];
        form.extend(command.alias.map(|alias| [roman(", "), name(alias)]).into_iter().flatten());
        commands.control("TP", []).text(form).text([roman(command.about)]);
    }
    shared::check_man_page(&Args::command(), &commands);
    shared::check_completions(&Args::command());
}
