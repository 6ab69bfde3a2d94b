//! Metrics of the process as a whole. The others are their crates'.

use daybook_metrics::{Label, Metric, metrics, process};
use daybook_report::watch::Watched;
use prometheus::{IntCounter, IntCounterVec, Registry, Result};

metrics! {
    BUILD_INFO = Metric::gauge("daybook_build_info", "constant", "1, with the version that runs")
        .by(&[Label::one("version")]);
    INVARIANT_FAILURES = Metric::counter(
        "daybook_invariant_failures_total",
        "failures",
        "Invariants of the books that published records break, as read back from the output topics",
    )
    .by(&[Label::fixed("invariant", || Watched::ALL.map(Watched::name).to_vec())]);
    ENTRIES_CHECKED = Metric::counter(
        "daybook_entries_checked_total",
        "entries",
        "Published entries read back and checked; stays 0 where query.enabled is false",
    );
}

/// What is counted of invariants.
#[derive(Clone)]
pub struct InvariantMetrics {
    /// Failures by invariant.
    pub failures: IntCounterVec,
    /// Entries that were looked at.
    pub checked: IntCounter,
}

/// Registers them, with those of the library.
pub fn register(registry: &Registry) -> Result<InvariantMetrics> {
    process::register(registry)?;
    let build = BUILD_INFO.register_gauges(registry)?;
    build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    Ok(InvariantMetrics {
        failures: INVARIANT_FAILURES.register_counters(registry)?,
        checked: ENTRIES_CHECKED.register_counter(registry)?,
    })
}
