//! docs/reasons: what each page tells to do is done, with a dead letter of its own reason.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use daybook_pages::Page;
use daybook_tests::binary::Binary;
use daybook_tests::instance::{Instance, write_config};
use daybook_tests::wait;
use serde_json::Value;

use crate::pages::Runner;

/// What pages call this file: those that do are run.
const RUNNER: &str = "tests/e2e/reasons.rs";
/// The letter that the pages name.
const NAMED: &str = "charges.dlq/0:12";
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

#[test]
fn the_commands_of_each_page_do_what_they_say() -> Result<()> {
    let pages = daybook_pages::run_by(RUNNER)?;
    let runner = Runner::new()?;
    let folder = runner.folder.path();
    // Commands find a running instance by the configuration's port: it has to be one.
    let listen = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let instance = Instance::run(&Binary::under_test()?, &write_config(folder, &listen)?)?;
    fs::write(folder.join("settings.toml"), "[shop]\ncurrency = \"USD\"\n")?;
    fs::write(folder.join("charges.jsonl"), "")?;

    // Each page's example, under a project of its own, so that none is told from another by its id.
    let mut named = Vec::new();
    let names =
        |page: &&Page| page.blocks.iter().any(|block| block.is_command() && block.text.contains(NAMED));
    for page in pages.iter().filter(names) {
        let reason = page.path.file_stem().and_then(|name| name.to_str()).context("a page without a name")?;
        let example = page.blocks.last().context("a page without an example")?;
        for line in example.text.lines() {
            instance.track(reason, line.as_bytes())?;
        }
        named.push(reason.to_owned());
    }
    ensure!(named.len() > 10, "only {} pages name a letter", named.len());
    let mut letters = BTreeMap::new();
    wait::until("a letter of each reason", LIMIT, || {
        for line in runner.run("daybook dlq list --json --config daybook.toml")?.lines() {
            let letter: Value = serde_json::from_str(line)?;
            let text =
                |name: &str| letter[name].as_str().map(str::to_owned).context("a letter lacks a field");
            letters.insert(text("reason")?, text("letter")?);
        }
        Ok(named.iter().all(|reason| letters.contains_key(reason)).then_some(()))
    })
    .with_context(|| format!("{named:?}, found {letters:?}"))?;

    for page in &pages {
        let reason = page.path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let commands = page.blocks.iter().filter(|block| block.is_command());
        let texts: Vec<_> = commands.map(|block| block.text.as_str()).collect();
        let [text] = texts[..] else { panic!("{reason}: {} blocks of commands", texts.len()) };
        let letter = letters.get(reason).map_or(NAMED, String::as_str);
        let said =
            runner.run(&text.replace(NAMED, letter)).with_context(|| page.path.display().to_string())?;
        ensure!(!text.contains(NAMED) || said.contains(" put back"), "{reason}: {said}");
    }
    instance.stop()
}
