//! Completions and manual pages, as shells and `man` read them.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use daybook_tests::binary::{Binary, finish};

fn completions(shell: &str) -> Result<String> {
    Ok(Binary::under_test()?.run(["completions", shell])?.with(0)?.stdout.clone())
}

#[test]
fn completions_name_every_command() -> Result<()> {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = completions(shell)?;
        for word in ["simulate", "rebuild-state", "balance-sheet", "dry-run"] {
            ensure!(script.contains(word), "{shell}: nothing of {word}");
        }
    }
    let refused = Binary::under_test()?.run(["completions", "cmd"])?;
    ensure!(refused.code == Some(2), "{refused:?}");
    Ok(())
}

/// What bash offers for a line.
fn offered(script: &str, words: &[&str]) -> Result<String> {
    let last = words.last().copied().unwrap_or_default();
    let line = format!(
        "set -eu\n{script}\nCOMP_WORDS=({}); COMP_CWORD={}\n_daybook daybook '{last}' '' \nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words.len() - 1,
    );
    let ended = finish(Command::new("bash").args(["--norc", "-c", &line]).stdin(Stdio::null()))?;
    Ok(ended.with(0)?.stdout.clone())
}

#[test]
fn bash_completes() -> Result<()> {
    let script = completions("bash")?;
    let commands = offered(&script, &["daybook", "s"])?;
    ensure!(commands.lines().collect::<Vec<_>>() == ["simulate", "settings"], "{commands}");
    let options = offered(&script, &["daybook", "run", "--c"])?;
    ensure!(options.lines().collect::<Vec<_>>() == ["--config", "--check"], "{options}");
    Ok(())
}

/// What groff complains about.
fn complaints(page: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("page.1");
    fs::write(&file, page)?;
    let mut groff = Command::new("groff");
    let ended = finish(groff.args(["-man", "-Tutf8", "-ww", "-z"]).arg(&file).stdin(Stdio::null()))?;
    Ok(ended.stderr)
}

#[test]
fn manual_pages_render_without_a_warning() -> Result<()> {
    let binary = Binary::under_test()?;
    let page = binary.run(["man"])?.with(0)?.stdout.clone();
    ensure!(page.contains("Run intake, projector and HTTP"), "{page}");
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("man1");
    binary.run(["man", "--out", &out.to_string_lossy()])?.with(0)?;
    let mut pages = vec![("daybook".to_owned(), page)];
    for entry in fs::read_dir(&out)? {
        let entry = entry?;
        pages.push((entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path())?));
    }
    ensure!(pages.iter().any(|(name, _)| name == "daybook-settings-apply.1"), "{} pages", pages.len());
    for (name, page) in pages {
        let said = complaints(&page)?;
        ensure!(said.is_empty(), "{name}: {said}");
    }
    ensure!(!complaints(".TH a 1\n.SH B\n.NOSUCH\n")?.is_empty(), "groff complains of nothing");
    Ok(())
}
