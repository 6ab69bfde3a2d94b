//! Metrics, rules and dashboards, by a real Prometheus that scrapes a running instance.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use daybook_tests::binary::Binary;
use daybook_tests::instance::Instance;
use daybook_tests::prometheus::{self, Prometheus, Seen, names, promtool, repository};
use daybook_tests::{dashboards, wait};
use serde_json::Value;

const RECORDS: u64 = 3_000;
const LIMIT: Duration = Duration::from_secs(120);
/// What a runbook says, in this order.
const RUNBOOK: [&str; 5] = [
    "## What it means",
    "## What users notice",
    "## How to look",
    "## How to mend",
    "## How to know that it is over",
];

/// A demo whose backends have sent all that they send.
fn demo(folder: &std::path::Path) -> Result<Instance> {
    let more = ["--records", &RECORDS.to_string(), "--rate", "1000"];
    let demo = Instance::demo(&Binary::under_test()?, &folder.join("demo"), &more)?;
    wait::until("the demo to have sent its records", LIMIT, || {
        Ok((demo.end("charges")? >= RECORDS).then_some(()))
    })?;
    demo.settle()?;
    Ok(demo)
}

#[test]
fn metrics_rules_and_dashboards_agree_with_a_running_instance() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let demo = demo(folder.path())?;
    // What is of no route is counted all the same.
    ensure!(demo.get("/surprise/me")?.status == 404, "a route that is none is answered");

    let text = demo.get("/metrics")?.body;
    let lint = promtool(&["check", "metrics"], folder.path(), Some(&text))?;
    ensure!(
        lint.code == Some(0) && lint.stderr.is_empty(),
        "promtool complains:\n{}{}",
        lint.stdout,
        lint.stderr
    );

    let prometheus_folder = tempfile::tempdir()?;
    let prometheus = Prometheus::scraping(&[&demo], prometheus_folder.path())?;
    let (page, seen) = (prometheus::page()?, prometheus.metrics()?);
    prometheus::compare(&page, &seen)?;

    let shipped = dashboards::shipped()?;
    let uids: BTreeSet<_> = shipped.iter().filter_map(|d| d["uid"].as_str()).collect();
    ensure!(uids == BTreeSet::from(["daybook-books", "daybook-operations"]), "{uids:?}");
    for dashboard in &shipped {
        let queries =
            dashboards::check(&prometheus, dashboard).with_context(|| dashboard["title"].to_string())?;
        println!("{}: {queries} queries", dashboard["title"]);
    }
    let used: String = shipped.iter().map(Value::to_string).collect();
    let unused: Vec<_> = page.keys().filter(|name| !used.contains(name.as_str())).collect();
    let left_out = ["process_threads", "process_virtual_memory_bytes"];
    ensure!(unused == left_out, "no dashboard shows {unused:?}");

    for rule in prometheus.rules()? {
        let query = rule["query"].as_str().context("a rule without a query")?;
        prometheus.series(query)?;
        for name in names(query) {
            let there = prometheus.series(&format!("{{__name__=\"{name}\"}}"))? > 0;
            // A histogram is named by its parts.
            ensure!(there, "{}: there is no {name}", rule["name"]);
        }
    }

    // It notices what is not there.
    let mut broken = shipped[0].clone();
    broken["panels"][1]["targets"][0]["expr"] = "daybook_nothing_total{instance=~\"$instance\"}".into();
    let noticed = dashboards::check(&prometheus, &broken).map_err(|error| error.to_string());
    ensure!(noticed.as_ref().is_err_and(|e| e.contains("daybook_nothing_total")), "{noticed:?}");
    let mut other = page.clone();
    other.remove("daybook_ready");
    other.insert("daybook_nothing_total".to_owned(), Seen::default());
    let noticed = prometheus::compare(&other, &seen).map_err(|error| error.to_string());
    let says = |what: &str| noticed.as_ref().is_err_and(|e| e.contains(what));
    ensure!(
        says("daybook_nothing_total is on the page, but not there")
            && says("daybook_ready is there, but not on the page"),
        "{noticed:?}"
    );

    ensure!(prometheus.series("ALERTS{alertname=\"DaybookInstanceDown\"}")? == 0, "it is up");
    demo.kill()?;
    wait::until("the alert of an instance that is down", LIMIT, || {
        let firing = "ALERTS{alertname=\"DaybookInstanceDown\",alertstate=\"firing\"}";
        Ok((prometheus.series(firing)? == 1).then_some(()))
    })
}

#[test]
fn promtool_takes_configuration_rules_and_their_tests() -> Result<()> {
    let folder = tempfile::tempdir()?;
    prometheus::copy_config(folder.path(), "a-key")?;
    for (arguments, says) in [
        (["check", "config", "prometheus.yml"], "SUCCESS"),
        (["check", "rules", "alerts.yml"], "rules found"),
        (["test", "rules", "alerts.test.yml"], "SUCCESS"),
    ] {
        let ended = promtool(&arguments, folder.path(), None)?;
        ensure!(ended.with(0)?.stdout.contains(says), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    }
    // A rule that does not fire is noticed.
    let rules = fs::read_to_string(folder.path().join("alerts.yml"))?;
    fs::write(folder.path().join("alerts.yml"), rules.replace("failures_total > 0", "failures_total > 9"))?;
    let broken = promtool(&["test", "rules", "alerts.test.yml"], folder.path(), None)?;
    ensure!(broken.code != Some(0), "a rule that does not fire passes its test");
    Ok(())
}

/// Names of the alerts, each with the line of its runbook.
fn alerts() -> Result<Vec<(String, String)>> {
    let rules = fs::read_to_string(repository("deploy/prometheus/alerts.yml"))?;
    let field = |line: &str, name: &str| line.trim().strip_prefix(name).map(|rest| rest.trim().to_owned());
    let names: Vec<_> = rules.lines().filter_map(|line| field(line, "- alert:")).collect();
    let pages: Vec<_> = rules.lines().filter_map(|line| field(line, "runbook_url:")).collect();
    let texts = ["severity:", "summary:", "description:"];
    for text in texts {
        let count = rules.lines().filter_map(|line| field(line, text)).count();
        ensure!(count == names.len(), "{count} alerts of {} have a {text}", names.len());
    }
    ensure!(
        !names.is_empty() && pages.len() == names.len(),
        "{} alerts, {} runbooks",
        names.len(),
        pages.len()
    );
    Ok(names.into_iter().zip(pages).collect())
}

#[test]
fn each_alert_has_a_test_and_a_runbook_and_each_runbook_an_alert() -> Result<()> {
    let tests = fs::read_to_string(repository("deploy/prometheus/alerts.test.yml"))?;
    let mut pages = BTreeSet::new();
    for (alert, page) in alerts()? {
        ensure!(page == format!("docs/runbooks/{alert}.md"), "{alert} points to {page}");
        let text = fs::read_to_string(repository(&page)).with_context(|| page.clone())?;
        ensure!(text.starts_with(&format!("# {alert}\n")), "{page} is not about {alert}");
        let places: Vec<_> = RUNBOOK.iter().map(|heading| text.find(heading)).collect();
        ensure!(places.iter().all(Option::is_some) && places.is_sorted(), "{page} lacks one of {RUNBOOK:?}");
        // Once where it is quiet, once where it fires.
        let tested = tests.matches(&format!("alertname: {alert}\n")).count();
        ensure!(tested >= 2, "{alert} is looked at {tested} times");
        pages.insert(format!("{alert}.md"));
    }
    let found: BTreeSet<String> = fs::read_dir(repository("docs/runbooks"))?
        .map(|file| Ok(file?.file_name().to_string_lossy().into_owned()))
        .filter(|name: &Result<String>| !name.as_ref().is_ok_and(|name| name == "README.md"))
        .collect::<Result<_>>()?;
    ensure!(found == pages, "pages without an alert: {:?}", found.difference(&pages).collect::<Vec<_>>());
    Ok(())
}
