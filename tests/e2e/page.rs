//! The page shows what the API answers, figure by figure.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use daybook_tests::binary::Binary;
use daybook_tests::instance::Instance;
use daybook_tests::{browser, wait};
use serde_json::Value;

const RECORDS: u64 = 3_000;
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn every_figure_on_the_page_is_the_apis() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let more = ["--records", &RECORDS.to_string(), "--rate", "1000"];
    let demo = Instance::demo(&Binary::under_test()?, &folder.path().join("demo"), &more)?;
    wait::until("the demo to have sent its records", LIMIT, || {
        Ok((demo.end("charges")? >= RECORDS).then_some(()))
    })?;
    demo.settle()?;

    let url = format!("{}/?apiKey={}", demo.base, demo.key);
    let (overview, dom) = wait::until("figures that stand still", LIMIT, || {
        let before = busiest(&demo)?;
        let dom = browser::dump(&url, &folder.path().join("profile"))?;
        Ok((busiest(&demo)? == before).then_some((before, dom)))
    })?;
    let (shown, expected) = (browser::shown(&dom)?, browser::expected(&overview)?);
    for (figure, value) in &shown {
        ensure!(
            expected.get(figure) == Some(value),
            "{figure} is {value}; the API: {:?}",
            expected.get(figure)
        );
    }
    for (figure, value) in &expected {
        ensure!(shown.contains_key(figure), "{figure} is {value} by the API, and not on the page");
    }
    ensure!(overview["balances"]["balanced"] == true && dom.contains("Balances add up to 0"), "unbalanced");
    ensure!(overview["days"].as_array().is_some_and(|days| days.len() > 10), "too few days to look at");
    println!("{} figures", shown.len());
    demo.stop()
}

/// What the API tells of the project with the most entries: the one that the page opens with.
fn busiest(demo: &Instance) -> Result<Value> {
    let all = demo.query("/api/v1/overview")?;
    let projects = all["projects"].as_array().context("no projects")?;
    let entries = |project: &&Value| project["counters"]["entries"].as_u64();
    let busiest = projects.iter().max_by_key(entries).and_then(|project| project["project"].as_str());
    demo.query(&format!("/api/v1/projects/{}/overview", busiest.context("no project")?))
}

#[test]
fn figures_are_read_off_a_page() {
    let cell = |attributes: &str, text: &str| format!("<td data-figure=\"a\" {attributes}>{text}</td>");
    for (dom, found) in [
        ("<p>none</p>".to_owned(), Ok(0)),
        (cell("data-value=\"0\"", "0"), Ok(1)),
        (cell("data-value=\"-5.00\"", "-5.00"), Ok(1)),
        (cell("data-value=\"1234\" class=\"x\"", "1,234"), Ok(1)),
        (cell("data-value=\"-123456.70\"", "-123,456.70"), Ok(1)),
        (cell("data-value=\"1000000\"", "1,000,000"), Ok(1)),
        (cell("data-value=\"1000\"", "1000"), Err("a is 1000, but the page shows 1000")),
        (cell("data-value=\"1\"", ""), Err("a is 1, but the page shows ")),
        (cell("data-value=\"1\"", "2"), Err("a is 1, but the page shows 2")),
        (cell("", "2"), Err("a has no value")),
        (cell("data-value=\"1\"", "1").repeat(2), Err("a [] is there twice")),
        (cell("data-value=\"1\"", "1") + &cell("data-day=\"x\" data-value=\"1\"", "1"), Ok(2)),
    ] {
        match (browser::shown(&dom), found) {
            (Ok(figures), Ok(count)) => assert_eq!(figures.len(), count, "{dom}"),
            (Err(error), Err(start)) => assert!(error.to_string().starts_with(start), "{error}"),
            (found, _) => panic!("{dom}: {found:?}"),
        }
    }
}
