//! Records of every format, that meet, and that leave something in every output.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::binary::{Binary, finish};
use crate::books::Books;

/// What the projector publishes.
pub const PROJECTED: [&str; 13] = [
    "ledger.entries",
    "rewards.points",
    "revenue.allocations",
    "revenue.daily",
    "spend.daily",
    "profit.daily",
    "profit.monthly",
    "owner-profit.daily",
    "allocations.daily",
    "kpis.daily",
    "accounts.balances",
    "customers.profile",
    "rewards.balances",
];

/// Settings under which every output has something to say.
pub const SETTINGS: &str = r#"
[acme]
timezone = "America/New_York"
currency = "USD"
[acme.fees.stripe]
percent = "2.9"
fixed = { USD = "0.30" }
payback = "proportional"
[[acme.splits]]
product = "p17"
partners = [ { type = "coproducer", name = "Ana", percentage = "0.3" }, { type = "affiliate", name = "Bo", percentage = "0.1" } ]
"#;

/// One of each format, and what meets it in its charge; the last can't be taken.
pub const CHARGES: [&str; 10] = [
    r#"{"event_id":"s1","event_type":"purchase","gross_amount":249.00,"net_amount":"241.48","occurred_at":"2026-01-20T10:00:00Z","order_id":"o1","product_id":"p17","customer_id":"ann","provider":"stripe"}"#,
    r#"{"event_id":"s2","event_type":"refund","gross_amount":49.00,"net_amount":49.00,"occurred_at":"2026-01-21T10:00:00Z","order_id":"o1","customer_id":"ann","provider":"stripe"}"#,
    r#"{"id":"tx1","createdAt":"2026-01-20T23:12:34.567Z","type":"PURCHASE","status":"PENDING","amount":119.50,"orderId":"o2","user":{"id":"bob"},"payment":{"provider":"stripe"},"rewards":{"tierAtPurchase":"silver","pointsDelta":24},"settlement":{"clearsAt":"2026-01-21T23:12:34.567Z"}}"#,
    r#"{"id":"tx2","createdAt":"2026-01-25T10:00:00Z","type":"POINTS_REDEEM","status":"CLEARED","user":{"id":"bob"},"rewards":{"pointsDelta":-10}}"#,
    r#"{"eventId":"c1","userId":"cy","kind":"service","amount":"30","chargeId":"ch3","occurredAt":"2026-01-22T10:00:00Z"}"#,
    r#"{"eventId":"c2","userId":"cy","kind":"write_off","chargeId":"ch3","occurredAt":"2026-01-23T10:00:00Z"}"#,
    r#"{"eventId":"g1","userId":"cy","kind":"goodwill","amount":"5","occurredAt":"2026-01-23T10:00:00Z"}"#,
    r#"{"track":[{"name":"Charge","payload":[{"eventId":"t1","userId":"dan","data":{"amount":"10.50","status":"succeeded","productId":"p17","provider":"stripe","occurredAt":"2026-01-22T10:00:00Z"}}]}]}"#,
    r#"{"eventId":"tx9#clears","userId":"eve","kind":"payment","amount":"7","occurredAt":"2026-01-23T10:00:00Z"}"#,
    r#"{"eventId":"x1","userId":"cy","kind":"donation","amount":"5","occurredAt":"2026-01-23T10:00:00Z"}"#,
];

/// Spend in two versions, and one that can't be taken.
pub const SPEND: [&str; 3] = [
    r#"{"event_id":"a1","spend_amount":"120.00","occurred_at":"2026-01-20T12:00:00Z","version":2}"#,
    r#"{"event_id":"a1","spend_amount":"95.00","occurred_at":"2026-01-20T12:00:00Z"}"#,
    r#"{"event_id":"a2","spend_amount":-1,"occurred_at":"2026-01-20T12:00:00Z"}"#,
];

/// The books of these records by `process`, in a folder.
///
/// # Errors
/// They can't be made.
pub fn books(binary: &Binary, folder: &Path) -> Result<Books> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map(|()| path)
    };
    let settings = write("settings.toml", SETTINGS)?;
    let charges = write("charges.jsonl", &(CHARGES.join("\n") + "\n"))?;
    let spend = write("spend.jsonl", &(SPEND.join("\n") + "\n"))?;
    let out = folder.join("formats");
    let mut process = binary.command();
    process.args(["process", "--project", "acme"]).arg("--settings").arg(settings);
    process.arg("--charges").arg(charges).arg("--spend").arg(spend).arg("--out").arg(&out);
    finish(&mut process)?.with(0)?;
    Ok(Books::in_folder(&out))
}
