//! What an operator is told: topics that are missing or wrong, lost positions, vanished records, no broker.

use std::fs;

use anyhow::{Result, ensure};
use daybook_tests::binary::Binary;
use daybook_tests::instance::Instance;
use daybook_tests::kafka::{Broker, Deployment, disturb};

/// A deployment of which nothing runs yet.
fn deployment(folder: &tempfile::TempDir, name: &str) -> Result<Deployment> {
    Deployment::new(&Broker::under_test()?, &Binary::under_test()?, folder.path(), name)
}

/// An instance by a changed configuration ends by itself with a code, saying something.
fn ends(deployment: &Deployment, change: impl Fn(String) -> String, code: i32, says: &str) -> Result<()> {
    let config = deployment.config("wrong")?;
    fs::write(&config, change(fs::read_to_string(&config)?))?;
    let (ended, said) = Instance::run(&Binary::under_test()?, &config)?.ended()?;
    ensure!(ended == Some(code) && said.contains(says), "{ended:?} instead of {code}, {says:?}\n{said}");
    Ok(())
}

#[test]
fn topics_apply_is_idempotent_and_says_what_differs() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let deployment = deployment(&folder, "apply")?;
    let again = deployment.run("topics", &["topics", "apply", "--check"])?;
    let lines: Vec<&str> = again.with(0)?.stdout.lines().collect();
    ensure!(lines.len() == 21 && lines.iter().all(|line| line.starts_with("unchanged")), "{lines:?}");
    let config = folder.path().join("other.toml");
    let text = fs::read_to_string(deployment.config("other")?)?;
    fs::write(&config, text.replace("journal_partitions = 8", "journal_partitions = 12"))?;
    let config = config.to_string_lossy().into_owned();
    let ended = Binary::under_test()?.run(["topics", "apply", "--config", &config])?;
    ensure!(ended.code == Some(4), "{ended:?}");
    let differs = format!("differs    {}: 8 partitions instead of 12", deployment.topic("journal"));
    ensure!(ended.stdout.contains(&differs), "{}", ended.stdout);
    Ok(())
}

#[test]
fn simulated_payments_end_in_books_that_verify() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let deployment = deployment(&folder, "simulated")?;
    let said = deployment.run("ops", &["simulate", "--rate", "100000", "--records", "2000"])?;
    ensure!(said.with(0)?.stdout.contains("2000 records sent"), "{}", said.stdout);
    let instance = deployment.start("a")?;
    deployment.settle()?;
    deployment.verify()?;
    instance.stop()
}

#[test]
fn a_journal_with_other_partitions_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let deployment = deployment(&folder, "count")?;
    let change = |text: String| text.replace("journal_partitions = 8", "journal_partitions = 4");
    ends(&deployment, change, 1, "has 8 partitions, kafka.journal_partitions says 4")
}

#[test]
fn a_missing_topic_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let deployment = deployment(&folder, "missing")?;
    let change = |text: String| text.replace("topic_prefix = \"", "topic_prefix = \"no-");
    ends(&deployment, change, 1, "`daybook topics apply` makes what is missing")
}

#[test]
fn positions_that_are_lost_are_not_started_over() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let broker = Broker::under_test()?;
    let (deployment, _) = disturb::calm(&broker, &Binary::under_test()?, folder.path(), 500, 4)?;
    // Another topic in its place is what a cluster restored without it has.
    let empty = deployment.topic("positions-empty");
    broker.topic(&empty, 8)?;
    let place = format!("charges_partitions = 4\ntopics = {{ \"projector.positions\" = \"{empty}\" }}");
    let change = |text: String| text.replace("charges_partitions = 4", &place);
    ends(&deployment, change, 6, "does not say up to where")
}

#[test]
fn charges_that_were_deleted_before_they_were_read_are_not_passed_over() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let broker = Broker::under_test()?;
    let (deployment, _) = disturb::calm(&broker, &Binary::under_test()?, folder.path(), 500, 4)?;
    // The group has read further than the topic in its place goes.
    let shorter = deployment.topic("charges-anew");
    broker.topic(&shorter, 4)?;
    deployment.copy_intake_offsets(&shorter)?;
    let place = format!("charges_partitions = 4\ntopics = {{ charges = \"{shorter}\" }}");
    let change = |text: String| text.replace("charges_partitions = 4", &place);
    ends(&deployment, change, 1, "or the topic was made anew")
}

#[test]
fn without_a_broker_it_waits_and_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let deployment = deployment(&folder, "nobody")?;
    let config = deployment.config("alone")?;
    let nobody = fs::read_to_string(&config)?.replace(&deployment.broker.bootstrap, "127.0.0.1:9");
    fs::write(&config, nobody)?;
    let instance = Instance::run(&Binary::under_test()?, &config)?;
    daybook_tests::wait::until(
        "it to say that no broker answers",
        std::time::Duration::from_secs(60),
        || Ok(instance.said().contains("no broker of 127.0.0.1:9 answers").then_some(())),
    )?;
    let (live, ready) = (instance.get("/livez")?.status, instance.get("/readyz")?.status);
    ensure!((live, ready) == (200, 503), "livez {live}, readyz {ready}");
    instance.stop()
}
