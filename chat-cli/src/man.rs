//! The man page, made from the command line's definition and the table of commands. It is committed as `docs/chat-cli.1`;
//! `CHAT_CLI_1=write cargo test -p chat-cli man` regenerates it.

use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use crate::args::Args;
use crate::live::commands::COMMANDS;

#[test]
fn the_man_page_is_that_of_this_version() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/chat-cli.1");
    let page = page();
    if std::env::var_os("CHAT_CLI_1").is_some_and(|value| value == "write") {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == page, "write it anew: see src/man.rs");
}

fn page() -> String {
    let man = Man::new(Args::command().name("chat-cli"));
    let mut page = Vec::new();
    man.render_title(&mut page).unwrap();
    man.render_name_section(&mut page).unwrap();
    man.render_synopsis_section(&mut page).unwrap();
    man.render_description_section(&mut page).unwrap();
    man.render_options_section(&mut page).unwrap();
    man.render_subcommands_section(&mut page).unwrap();
    let mut commands = Roff::new();
    commands.control("SH", ["COMMANDS"]);
    commands.text([roman("These can be typed at a terminal. Any other line is sent to the open conversation.")]);
    for command in COMMANDS {
        let name = |name| bold(format!("/{name}"));
        let mut form = vec![name(command.name), roman(" "), italic(command.words)];
        form.extend(command.alias.map(|alias| [roman(", "), name(alias)]).into_iter().flatten());
        commands.control("TP", []).text(form).text([roman(command.about)]);
    }
    commands.to_writer(&mut page).unwrap();
    String::from_utf8(page).unwrap()
}
