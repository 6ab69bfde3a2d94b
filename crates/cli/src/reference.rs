//! Reference pages that are generated from code: `DAYBOOK_BLESS=1 cargo test -p daybook-cli` writes them, the tests
//! compare them.

mod blocks;
mod cli;
mod schemas;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use daybook_core::flags::Flag;
use daybook_core::rejection::Reason;
use daybook_metrics::{Values, process};

/// Compares a generated page of `docs/reference` with what is there; with `DAYBOOK_BLESS` set, writes it.
pub fn check_page(name: &str, page: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    if std::env::var_os("DAYBOOK_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("docs can be written");
        std::fs::write(&path, page).expect("docs can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "{} is not what the code says; bless it with DAYBOOK_BLESS=1", path.display());
}

fn generated(title: &str, from: &str) -> String {
    format!("# {title}\n\n<!-- Generated from {from}: DAYBOOK_BLESS=1 cargo test -p daybook-cli -->\n\n")
}

#[test]
fn the_metrics_page_lists_every_metric() {
    let mut page = generated("Metrics", "the descriptions from which metrics are registered");
    page.push_str(
        "`GET /metrics`, with an operator's key, in Prometheus' text format. Names, types, units and labels are a \
         contract: a change of one is a breaking change of daybook.\n\n\
         Labels with a fixed list of values have all of them from the start, at 0. `series` is how many series an \
         instance has at most. A histogram's buckets are in it. What counts (`counter`) starts at 0 with the process: \
         look at `rate()` and `increase()`, never at the number itself.\n\n\
         | name | type | unit | labels | series | what it is |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    let parts = [
        daybook_stream::metrics::METRICS,
        daybook_server::METRICS,
        crate::metrics::METRICS,
        process::METRICS,
    ];
    for metric in parts.into_iter().flatten() {
        let labels: Vec<_> = metric.label_names().iter().map(|name| format!("`{name}`")).collect();
        let (name, kind, unit, bound, help) =
            (metric.name, metric.kind.name(), metric.unit, metric.bound(), metric.help.trim_end_matches('.'));
        writeln!(page, "| `{name}` | {kind} | {unit} | {} | {bound} | {help} |", labels.join(", "))
            .expect("a string takes all");
    }
    page.push_str("\nFixed lists of values:\n\n");
    let labels = parts.into_iter().flatten().flat_map(|metric| metric.labels);
    let lists: BTreeMap<_, _> = labels
        .filter_map(|label| match label.values {
            Values::Fixed(values) => Some((label.name, values())),
            Values::Each(_) | Values::One => None,
        })
        .collect();
    for (label, values) in lists {
        let values: Vec<_> = values.into_iter().map(|value| format!("`{value}`")).collect();
        writeln!(page, "- `{label}`: {}", values.join(", ")).expect("a string takes all");
    }
    page.push_str(
        "\nRoutes are templates such as `/api/v1/projects/{project}/entries`, never paths that somebody asked for. \
         Projects are those of the deployment, their test streams (`NAME~test`) included; topics of the lag are \
         `charges`, `spend` and `journal`, without a configured prefix. An instance on Kafka tells of the partitions \
         that it has, and of their projects; `daybook_uncleared_minor`, `daybook_invariant_failures_total` and \
         `daybook_entries_checked_total` are of all books, since each instance reads all outputs.\n",
    );
    check_page("metrics.md", &page);
}

#[test]
fn the_index_of_reasons_lists_every_reason_and_flag() {
    let mut page = generated("Rejection reasons and flags", "crates/core/src/{rejection,flags}.rs");
    page.push_str(
        "A refused event becomes a [dead letter](../dead-letters.md) with one of these codes in its header \
         `daybook-reason` and the field at fault in `daybook-path`. Where several apply, it is the first in this order. \
         Each has a page: why, what to do, and an example.\n\n\
         | reason | what it means |\n| --- | --- |\n",
    );
    for reason in Reason::ALL {
        writeln!(page, "| [`{reason}`]({reason}.md) | {} |", reason.meaning()).expect("a string takes all");
    }
    page.push_str("\nAn accepted event that is odd is posted all the same, and its entry carries flags:\n\n");
    for flag in Flag::ALL {
        writeln!(page, "- `{}`", flag.name()).expect("a string takes all");
    }
    check_page("../reasons/README.md", &page);
}
