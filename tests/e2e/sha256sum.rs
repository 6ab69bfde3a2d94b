//! The page that shows how to verify the books without daybook is run as it stands.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use daybook_tests::binary::{Binary, finish};
use daybook_tests::traffic::process;

/// The page's one block of shell.
fn script() -> Result<String> {
    daybook_pages::block_run_by("tests/e2e/sha256sum.rs")
}

fn run(folder: &Path) -> Result<(bool, String)> {
    let ended = finish(Command::new("bash").args(["-eu", "-c", &script()?]).current_dir(folder))?;
    Ok((ended.stdout.trim() == "chain holds", ended.stderr))
}

#[test]
fn the_page_s_ten_lines_verify_the_books_and_notice_a_change() -> Result<()> {
    ensure!(script()?.lines().count() <= 10, "ten lines are promised");
    let folder = tempfile::tempdir()?;
    let charges = folder.path().join("charges.jsonl");
    let line = |id: u32| {
        format!(
            r#"{{"track":[{{"name":"Charge","payload":[{{"eventId":"e{id}","userId":"u \"\\ é","data":{{"amount":{id}.5,"currency":"USD","status":"succeeded","occurredAt":"2026-01-20T23:12:34Z"}}}}]}}]}}"#
        )
    };
    std::fs::write(&charges, (1..=40).map(|id| line(id) + "\n").collect::<String>())?;
    let books = folder.path().join("books");
    process(&Binary::under_test()?, &charges, &books, &["--project", "shop"])?.with(0)?;
    let (holds, said) = run(folder.path())?;
    ensure!(holds, "{said}");

    let path = books.join("ledger.entries.jsonl");
    let entries = std::fs::read_to_string(&path)?;
    std::fs::write(&path, entries.replacen("\"amount_minor\":2050", "\"amount_minor\":2051", 1))?;
    let (holds, said) = run(folder.path())?;
    ensure!(!holds && said.contains("chain broken"), "a changed amount is not noticed: {said}");
    Ok(())
}
