//! `docs/reference/cli.md`: clap's own help of every command.

use std::fmt::Write;

use clap::CommandFactory;

use super::{check_page, generated};
use crate::args::Arguments;

/// Columns of the help.
const WIDTH: usize = 100;

/// Writes a command, and those below it.
fn write(command: &mut clap::Command, page: &mut String) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    writeln!(page, "## {name}\n\n```text\n{}\n```\n", help.join("\n").trim()).expect("a string takes all");
    let commands = command.get_subcommands_mut().filter(|command| command.get_name() != "help");
    commands.for_each(|command| write(command, page));
}

#[test]
fn the_page_shows_the_help_of_every_command() {
    let mut page = generated("Commands", "crates/cli/src/args.rs and the arguments of each command");
    page.push_str(
        "What `--help` prints of each. The same is in the manual pages and the completions: \
         [deployment](../deployment.md#completions-and-the-manual-page). What a command ends with: \
         [exit codes](exit-codes.md).\n\n",
    );
    let mut command = Arguments::command().term_width(WIDTH);
    command.build();
    write(&mut command, &mut page);
    for name in ["daybook run", "daybook dlq replay", "daybook export balance-sheet"] {
        assert!(page.contains(&format!("## {name}\n")), "{name} is missing");
    }
    check_page("cli.md", &format!("{}\n", page.trim_end()));
}
