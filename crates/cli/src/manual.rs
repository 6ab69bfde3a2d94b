//! `daybook completions`, `daybook man`: what shells and `man` want to know of the arguments.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Arguments;

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArguments {
    /// Folder for the pages of all commands; without it, the page of daybook itself is printed
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// Runs `completions`.
pub fn completions(arguments: &CompletionsArguments) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "daybook", &mut script);
    print(&script)
}

/// Runs `man`.
pub fn man(arguments: &ManArguments) -> anyhow::Result<()> {
    match &arguments.out {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
            print(&page)
        }
        Some(folder) => {
            let failed = || format!("failed to write manual pages to {}", folder.display());
            std::fs::create_dir_all(folder).with_context(failed)?;
            clap_mangen::generate_to(Arguments::command(), folder).with_context(failed)
        }
    }
}

fn print(bytes: &[u8]) -> anyhow::Result<()> {
    std::io::stdout().write_all(bytes).context("failed to write to standard output")
}
