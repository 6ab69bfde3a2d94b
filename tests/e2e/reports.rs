//! The page about reports is run as it stands: its commands print what it says they print.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use daybook_tests::binary::{Binary, finish};

const PAGE: &str = include_str!("../../docs/reports.md");

/// Blocks of shell, each with the block of text right behind it.
fn commands() -> Vec<(String, Option<String>)> {
    let mut parts = PAGE.split("```").peekable();
    let mut commands = Vec::new();
    while let Some(part) = parts.next() {
        let Some(shell) = part.strip_prefix("sh\n") else { continue };
        let between = parts.next().is_some_and(|between| between.trim().is_empty());
        let printed = parts.peek().and_then(|next| next.strip_prefix("text\n")).filter(|_| between);
        commands.push((shell.to_owned(), printed.map(str::to_owned)));
    }
    commands
}

/// Lines without the spaces that fill a table's last column.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).collect()
}

#[test]
fn the_page_s_commands_print_what_it_says() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = Binary::under_test()?.command();
    let own = Path::new(binary.get_program()).parent().context("a binary is in a folder")?;
    let system = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([own.to_owned()].into_iter().chain(std::env::split_paths(&system)))?;
    let commands = commands();
    ensure!(commands.iter().filter(|(_, printed)| printed.is_some()).count() >= 6, "{commands:?}");
    for (shell, printed) in commands {
        let mut bash = Command::new("bash");
        bash.args(["-eu", "-c", &shell]).current_dir(folder.path());
        // Its users' letters are not ASCII.
        let ended = finish(bash.env("PATH", &path).env("LC_ALL", "C.UTF-8"))?;
        let found = &ended.with(0).with_context(|| shell.clone())?.stdout;
        let expected = printed.unwrap_or_default();
        ensure!(lines(found) == lines(&expected), "{shell}\nprints\n{found}\ninstead of\n{expected}");
    }
    Ok(())
}
