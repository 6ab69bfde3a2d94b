//! Reference pages that are generated from code: `DAYBOOK_BLESS=1 cargo test -p daybook-cli` writes them, the tests
//! compare them.

use std::fmt::Write;
use std::path::PathBuf;

use daybook_core::flags::Flag;
use daybook_core::rejection::Reason;
use daybook_stream::metrics::METRICS;

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
fn the_metrics_page_lists_every_metric_of_the_stream() {
    let mut page = generated("Metrics", "crates/stream/src/metrics.rs");
    page.push_str(
        "`GET /metrics`, with an operator's key. Names and labels are a contract.\n\n\
         | name | labels | what it is |\n| --- | --- | --- |\n",
    );
    for (name, help, labels) in METRICS {
        writeln!(page, "| `{name}` | {} | {help} |", labels.join(", ")).expect("a string takes all");
    }
    page.push_str(
        "| `daybook_http_requests_total` | route, method, status | HTTP requests answered |\n\
         | `daybook_http_request_duration_seconds` | route | How long answers took |\n\
         | `daybook_query_malformed_total` | topic | Output records that the read model could not read |\n\n\
         Labels are bounded: reasons and flags are fixed lists, routes are templates, topics are the product's, and \
         projects are those of the deployment.\n",
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
