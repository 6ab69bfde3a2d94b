//! What instances on a broker tell of themselves: readiness while brokers are gone, partitions that move, published records
//! that break the books' invariants.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use daybook_tests::binary::Binary;
use daybook_tests::instance::Instance;
use daybook_tests::kafka::{Broker, Deployment, JOURNAL_PARTITIONS, feed};
use daybook_tests::prometheus::{self, Prometheus};
use daybook_tests::{dashboards, wait};

const PAYMENT: &str = include_str!("../fixtures/payment.json");
const INVARIANTS: [&str; 4] = ["entry_numbers", "hash_chain", "postings", "balances"];
const FAILURES: &str = "daybook_invariant_failures_total";
const LIMIT: Duration = Duration::from_secs(120);

/// Waits until `/readyz` says something; `/livez` says ok all the while.
fn wait_readiness(instance: &Instance, status: u16, says: &str) -> Result<()> {
    wait::until(&format!("/readyz to say {status} {says}"), LIMIT, || {
        let (live, ready) = (instance.get("/livez")?, instance.get("/readyz")?);
        ensure!(live.status == 200, "/livez says {live:?}");
        Ok((ready.status == status && ready.body.contains(says)).then_some(()))
    })
    .with_context(|| instance.said())
}

/// Checks what instances say while there is no broker; one of them starts then.
fn without_brokers(deployment: &Deployment, running: &Instance) -> Result<Instance> {
    wait_readiness(running, 503, "no broker has answered for 10 s")?;
    ensure!(running.metric("daybook_ready")? == 0, "the metric says otherwise");
    let refused = running.track("acme", PAYMENT.as_bytes())?;
    ensure!(refused.status == 503 && refused.body.contains("log_unavailable"), "{refused:?}");
    let starting = deployment.start("b")?;
    wait_readiness(&starting, 503, "connecting or restoring")?;
    Ok(starting)
}

#[test]
fn readiness_follows_the_brokers_and_liveness_does_not() -> Result<()> {
    let (broker, folder) = (Broker::under_test()?, tempfile::tempdir()?);
    let deployment = Deployment::new(&broker, &Binary::under_test()?, folder.path(), "readiness")?;
    feed::Feed::new(&deployment)?.send(&feed::workload(3, 1_000)?)?;
    let running = deployment.start("a")?;
    deployment.settle()?;
    wait_readiness(&running, 200, "ok")?;
    // Only then all of the last transaction is visible; what becomes of one that is under way is another test's.
    deployment.verify()?;
    broker.stop()?;
    let outcome = without_brokers(&deployment, &running);
    // Whatever has come of it: other tests need it.
    broker.start()?;
    let starting = outcome?;
    for instance in [&running, &starting] {
        wait_readiness(instance, 200, "ok")?;
        ensure!(instance.metric("daybook_ready")? == 1, "the metric says otherwise");
    }
    let taken = running.track("acme", PAYMENT.as_bytes())?;
    ensure!([202, 422].contains(&taken.status), "{taken:?}");
    deployment.settle()?;
    deployment.verify()?;
    [running, starting].into_iter().try_for_each(Instance::stop)
}

fn series(instance: &Instance, name: &str, labels: &[&str]) -> Result<usize> {
    let metrics = instance.get("/metrics")?.body;
    let lines = metrics.lines().filter(|line| line.starts_with(&format!("{name}{{")));
    Ok(lines.filter(|line| labels.iter().all(|label| line.contains(label))).count())
}

#[test]
fn partitions_that_move_and_records_that_break_invariants_are_told() -> Result<()> {
    let (broker, folder) = (Broker::under_test()?, tempfile::tempdir()?);
    let deployment = Deployment::new(&broker, &Binary::under_test()?, folder.path(), "monitoring")?;
    feed::Feed::new(&deployment)?.send(&feed::workload(4, 5_000)?)?;
    let first = deployment.start("a")?;
    deployment.settle()?;
    wait_readiness(&first, 200, "ok")?;
    let all = usize::try_from(JOURNAL_PARTITIONS)?;
    for name in ["daybook_lag_records", "daybook_lag_seconds"] {
        let told = series(&first, name, &["stage=\"projector\"", "topic=\"journal\""])?;
        ensure!(told == all, "{name} tells of {told} partitions");
    }

    let second = deployment.start("b")?;
    wait::until("partitions to move", LIMIT, || {
        // Giving up partitions is no reason to be out of service.
        ensure!(first.get("/readyz")?.status == 200, "not ready in a rebalance");
        let there = second.metric("daybook_journal_partitions")?;
        Ok((there > 0 && series(&first, "daybook_lag_records", &["stage=\"projector\""])? < all)
            .then_some(()))
    })?;
    wait_readiness(&second, 200, "ok")?;
    let moved = "daybook_rebalances_total{change=\"revoked\",stage=\"projector\"} 0";
    ensure!(!first.get("/metrics")?.body.contains(moved), "the rebalance is not counted");

    let scraped = tempfile::tempdir()?;
    let prometheus = Prometheus::scraping(&[&first, &second], scraped.path())?;
    prometheus::compare(&prometheus::page()?, &prometheus.metrics()?)?;
    for dashboard in dashboards::shipped()? {
        dashboards::check(&prometheus, &dashboard).with_context(|| dashboard["title"].to_string())?;
    }

    wait::until("entries to be checked", LIMIT, || {
        Ok((second.metric("daybook_entries_checked_total")? > 1_000).then_some(()))
    })?;
    for invariant in INVARIANTS {
        ensure!(second.labelled(FAILURES, invariant)? == 0, "{invariant} breaks while all is well");
    }
    break_books(&deployment)?;
    for invariant in INVARIANTS {
        wait::until(&format!("{invariant} to be told"), LIMIT, || {
            Ok((second.labelled(FAILURES, invariant)? > 0).then_some(()))
        })
        .with_context(|| second.said())?;
    }
    ensure!(second.get("/livez")?.status == 200, "broken books are no reason to restart");
    [first, second].into_iter().try_for_each(Instance::stop)
}

/// Publishes what no projector would.
fn break_books(deployment: &Deployment) -> Result<()> {
    let entry = |number: u64, amount: i64| {
        format!(
            "{{\"project_id\":\"forged\",\"entry_number\":{number},\"previous_hash\":\"{:064}\",\"event_id\":\"e\",\
             \"event_line\":0,\"kind\":\"payment\",\"corrects\":null,\"charge_id\":\"c\",\"occurred_at\":\
             \"2026-01-20T10:00:00Z\",\"recorded_at\":\"2026-01-20T10:00:00Z\",\"economic_day\":\"2026-01-20\",\
             \"currency\":\"USD\",\"minor_digits\":2,\"flags\":[],\"journal_sequence\":1,\"postings\":[{{\
             \"amount_minor\":{amount},\"dest_account\":\"Assets\",\"dest_organization\":\"forged\",\
             \"orig_account\":\"Payable\",\"orig_organization\":\"ann\",\"provider\":\"forged\"}}]}}\n",
            0
        )
    };
    let balance = "{\"project_id\":\"forged\",\"organization\":\"forged\",\"account\":\"Assets\",\"currency\":\"USD\",\
                   \"minor_digits\":2,\"balance_minor\":5,\"entry_number\":1,\"journal_sequence\":1}\n";
    let produce = |topic: &str, key: &str, value: &str| {
        deployment.broker.kcat(&["-P", "-t", &deployment.topic(topic), "-k", key], Some(value)).map(drop)
    };
    produce("ledger.entries", "forged", &entry(1, 5))?;
    produce("ledger.entries", "forged", &entry(3, -5))?;
    produce("accounts.balances", "forged/forged/Assets/USD", balance)
}
