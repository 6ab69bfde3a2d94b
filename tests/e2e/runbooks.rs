//! docs/runbooks: every command is run against a running instance, and every query against a Prometheus that scrapes it.

use anyhow::{Context, Result, ensure};
use daybook_pages::Mark;
use daybook_tests::binary::Binary;
use daybook_tests::instance::Instance;
use daybook_tests::prometheus::{Prometheus, names};

use crate::pages::Runner;

/// What pages call this file: those that do are run.
const RUNNER: &str = "tests/e2e/runbooks.rs";

#[test]
fn commands_and_queries_of_each_runbook_are_answered() -> Result<()> {
    let runner = Runner::new()?;
    let folder = runner.folder.path();
    let books = folder.join("books");
    let demo = Instance::demo(&Binary::under_test()?, &books, &["--records", "500", "--rate", "500"])?;
    let listen = demo.base.trim_start_matches("http://").to_owned();
    demo.settle()?;
    let (key, log) = (&demo.key, serde_json::to_string(&books)?);
    let config = format!(
        "[log]\nfolder = {log}\n[http]\nlisten = \"{listen}\"\n[[http.api_keys]]\norganization = \"ops\"\nproject = \"*\"\n\
         key = \"{key}\"\n"
    );
    std::fs::write(folder.join("daybook.toml"), config)?;
    let projects = demo.query("/api/v1/projects")?;
    let project = projects["projects"][0]["project"].as_str().with_context(|| projects.to_string())?;
    let scraped = tempfile::tempdir()?;
    let prometheus = Prometheus::scraping(&[&demo], scraped.path())?;

    let (mut commands, mut queries) = (0, 0);
    for page in daybook_pages::run_by(RUNNER)? {
        let place = page.path.display().to_string();
        for block in
            page.blocks.iter().filter(|block| page.mark_of(block) == Some(&Mark::RunBy(RUNNER.to_owned())))
        {
            if block.language == "promql" {
                for query in block.text.lines() {
                    prometheus.series(query).with_context(|| format!("{place}: {query}"))?;
                    for name in names(query) {
                        let there = prometheus.series(&format!("{{__name__=\"{name}\"}}"))? > 0;
                        ensure!(there, "{place}: there is no {name}");
                    }
                    queries += 1;
                }
                continue;
            }
            let here = block.text.replace("INSTANCE:8080", &listen).replace("PROJECT", project);
            let here = format!("KEY={key}\n{}", here.replace("FOLDER", "books"));
            let said = runner.run(&here).with_context(|| place.clone())?;
            ensure!(!said.trim().is_empty(), "{place}: {here}\nprints nothing");
            commands += 1;
        }
    }
    ensure!(commands > 5 && queries > 15, "{commands} blocks of commands, {queries} queries");
    // It notices what is no query.
    ensure!(prometheus.series("rate(daybook_lag_records").is_err(), "anything is a query");
    demo.stop()
}
