//! The man page and the completions are those of this version.

#[path = "../../packaging/generated.rs"]
mod shared;

use clap::CommandFactory;
use clap_mangen::roff::Roff;

use crate::args::Args;

#[test]
fn the_man_page_and_the_completions_are_those_of_this_version() {
    shared::check_man_page(&Args::command(), &Roff::new());
    shared::check_completions(&Args::command());
}
