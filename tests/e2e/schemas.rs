//! `schemas/input` against the product: a record that JSON Schema refuses is refused by the binary and the other way round,
//! and one that went through Avro makes the same books. The schemas are read by the field's own libraries, in Python.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use daybook_tests::binary::{Binary, finish};
use daybook_tests::instance::{Instance, agent, write_config};
use daybook_tests::python;
use serde_json::{Value, json};

/// What JSON Schema says to records of a format, and what they are when they went through Avro.
fn by_schema(folder: &Path, name: &str, records: &[Value]) -> Result<Vec<Value>> {
    let lines = records.iter().map(|record| format!("{}\n", json!({"name": name, "record": record})));
    let input = folder.join("asked.jsonl");
    fs::write(&input, lines.collect::<String>())?;
    let mut script = python::script("inputs.py")?;
    let ended = finish(script.stdin(fs::File::open(&input)?))?;
    let said = ended.with(0)?.stdout.lines().map(serde_json::from_str).collect::<Result<Vec<_>, _>>()?;
    ensure!(said.len() == records.len(), "{} answers to {} records", said.len(), records.len());
    Ok(said)
}

/// Whether an instance takes settings: by the route that takes a record's value.
fn by_instance(instance: &Instance, settings: &Value) -> Result<bool> {
    let url = format!("{}/api/v1/projects/shop/settings", instance.base);
    let request = agent().put(&url).header("x-api-key", &instance.key).content_type("application/json");
    let status = request.send(settings.to_string().as_bytes())?.status();
    ensure!(status.is_success() || status == 422, "{url} answers {status}");
    Ok(status.is_success())
}

/// Whether `process` accepts a record, and the book that it is in then.
fn by_binary(folder: &Path, name: &str, record: &Value) -> Result<(bool, Vec<u8>)> {
    let binary = Binary::under_test()?;
    let folder = tempfile::tempdir_in(folder)?;
    let file = folder.path().join("records");
    let path = |path: &Path| path.to_string_lossy().into_owned();
    fs::write(&file, format!("{record}\n"))?;
    let option = if name == "spend-event" { "--spend" } else { "--charges" };
    let out = folder.path().join("books");
    let arguments =
        ["process", "--project", "shop", option, &path(&file), "--out", &path(&out)].map(str::to_owned);
    let time = ["--as-of", "2026-03-01T00:00:00Z"].map(str::to_owned);
    let summary = binary.run(arguments.iter().chain(&time))?.with(0)?.stdout.clone();
    let summary: Value = serde_json::from_str(&summary).context("no summary")?;
    let accepted =
        summary["accepted"].as_u64().unwrap_or(0) + summary["accepted_spend"].as_u64().unwrap_or(0);
    let topic = if name == "spend-event" { "spend.daily" } else { "ledger.entries" };
    Ok((accepted > 0, fs::read(out.join(format!("{topic}.jsonl"))).unwrap_or_default()))
}

/// A record with some members set, or taken out with `null`; `a.0.b` is a member of a member.
fn changed(good: &Value, path: &str, value: &Value) -> Value {
    let mut record = good.clone();
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let steps = parents.split('.').filter(|step| !step.is_empty());
    let parent = steps.fold(&mut record, |at, step| match step.parse::<usize>() {
        Ok(index) => &mut at[index],
        Err(_) => &mut at[step],
    });
    match (parent.as_object_mut(), value) {
        (Some(members), Value::Null) => drop(members.remove(last)),
        (Some(members), value) => drop(members.insert(last.to_owned(), value.clone())),
        (None, _) => {}
    }
    record
}

/// `good` is accepted, so is each of `accepted`'s changes; each of `refused`'s is refused: by the schema and by the binary.
fn check(name: &str, good: &str, accepted: &[(&str, Value)], refused: &[(&str, Value)]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let good: Value = serde_json::from_str(good)?;
    let change = |(path, value): &(&str, Value)| changed(&good, path, value);
    let yes: Vec<Value> = std::iter::once(good.clone()).chain(accepted.iter().map(change)).collect();
    let no: Vec<Value> = refused.iter().map(change).collect();
    for (record, said) in yes.iter().zip(by_schema(folder.path(), name, &yes)?) {
        ensure!(said["fault"].is_null(), "{name}: the schema refuses {record}: {}", said["fault"]);
        let (taken, books) = by_binary(folder.path(), name, record)?;
        ensure!(taken, "{name}: the binary refuses {record}");
        let (_, through_avro) = by_binary(folder.path(), name, &said["avro"])?;
        ensure!(books == through_avro, "{name}: other books of {record}, which is {} by Avro", said["avro"]);
    }
    for (record, said) in no.iter().zip(by_schema(folder.path(), name, &no)?) {
        ensure!(said["fault"].is_string(), "{name}: the schema takes {record}");
        let (taken, _) = by_binary(folder.path(), name, record)?;
        ensure!(!taken, "{name}: the binary takes {record}, which the schema refuses: {}", said["fault"]);
    }
    Ok(())
}

#[test]
fn the_track_envelope() -> Result<()> {
    let good = r#"{"track":[{"name":"Charge","payload":[{"eventId":"e1","userId":"ann","data":{"amount":271.28,"currency":"USD",
        "status":"succeeded","fee":"8.17","provider":"stripe","chargeId":"ch_1","occurredAt":"2026-01-20T23:12:34.567Z"}}]}]}"#;
    let of = |field: &str| format!("track.0.payload.0.{field}");
    let (amount, refunded, id) = (of("data.amount"), of("data.amount_refunded"), of("eventId"));
    let (status, time, live) = (of("data.status"), of("data.occurredAt"), of("data.livemode"));
    let (user, fee, currency) = (of("userId"), of("data.fee"), of("data.currency"));
    check(
        "track",
        good,
        &[
            (&amount, json!("10.50")),
            (&amount, json!("105e-1")),
            (&time, json!("2026-01-20T23:12:34+01:00")),
            (&live, json!(false)),
            (&currency, json!("usd")),
            (&fee, json!(0)),
            ("project_id", json!("other")),
            ("unknown", json!({"a": 1})),
        ],
        &[
            (&amount, Value::Null),
            (&amount, json!(0)),
            (&amount, json!("-1")),
            (&amount, json!("0.00")),
            (&amount, json!("1,5")),
            (&amount, json!(true)),
            (&refunded, json!(1)),
            (&status, json!("pending")),
            (&status, Value::Null),
            (&time, json!("2026-01-20")),
            (&time, json!(1_768_950_754)),
            (&live, json!("no")),
            (&id, json!("")),
            (&id, json!("i".repeat(257))),
            (&id, json!("a\tb")),
            (&user, Value::Null),
            (&fee, json!("-0.01")),
            (&currency, json!("EURO")),
            ("track.0.name", json!("Purchase")),
            ("track.0.payload", json!([])),
            ("track", json!([])),
            ("track", Value::Null),
        ],
    )
}

#[test]
fn the_standard_transaction() -> Result<()> {
    let good = r#"{"id":"tx_123","createdAt":"2026-01-20T23:12:34.567Z","type":"PURCHASE","status":"PENDING","amount":119.50,
        "currency":"USD","orderId":"ORD-45678","user":{"id":"user_abc","email":"vip@test.com"},
        "payment":{"provider":"stripe","last4":"4242"},
        "rewards":{"tierAtPurchase":"silver","pointsDelta":24,"pointsStatus":"PENDING","roundedSpend":120},
        "settlement":{"clearsAt":"2026-01-21T23:12:34.567Z","clearedAt":null}}"#;
    check(
        "standard-transaction",
        good,
        &[
            ("status", json!("CLEARED")),
            ("status", json!("FAILED")),
            ("type", json!("POINTS_ADJUST")),
            ("updatedAt", json!("2026-01-22T00:00:00Z")),
            ("rewards", Value::Null),
            ("settlement.clearedAt", json!("2026-01-21T23:12:34.567Z")),
        ],
        &[
            ("type", json!("SALE")),
            ("status", json!("SETTLED")),
            ("amount", Value::Null),
            ("amount", json!("-3")),
            ("user", Value::Null),
            ("user.id", Value::Null),
            ("user", json!("ann")),
            ("createdAt", Value::Null),
            ("rewards.pointsDelta", json!(2.5)),
            ("settlement.clearsAt", json!("soon")),
            ("payment", json!([])),
        ],
    )?;
    let points = r#"{"id":"p1","createdAt":"2026-01-20T10:00:00Z","type":"POINTS_ADJUST","status":"CLEARED","currency":"USD",
        "user":{"id":"ann"},"rewards":{"pointsDelta":"-5"}}"#;
    let refused = [("rewards.pointsDelta", Value::Null), ("rewards", Value::Null)];
    check("standard-transaction", points, &[("amount", json!(1))], &refused)
}

#[test]
fn the_sales_event() -> Result<()> {
    let good = r#"{"event_id":"s1","event_type":"purchase","gross_amount":249.00,"net_amount":"241.48","currency":"USD",
        "occurred_at":"2026-01-20T10:00:00Z","order_id":"o1","product_id":"p17","customer_id":"ann","provider":"stripe"}"#;
    check(
        "sales-event",
        good,
        &[("event_type", json!("upgrade")), ("net_amount", Value::Null), ("net_amount", json!(-1))],
        &[
            ("event_type", json!("sale")),
            ("gross_amount", Value::Null),
            ("gross_amount", json!(0)),
            ("net_amount", json!("much")),
            ("customer_id", Value::Null),
            ("occurred_at", Value::Null),
        ],
    )
}

#[test]
fn the_canonical_charge() -> Result<()> {
    let good = r#"{"eventId":"e2","userId":"ann","kind":"payment","amount":"119.50","currency":"usd","fee":"3.77","chargeId":"ch1",
        "transactionId":"t1","provider":"stripe","occurredAt":"2026-01-20T10:00:00.250Z","pointsDelta":24,"livemode":true,
        "description":"4242 4242 4242 4242"}"#;
    check(
        "canonical-charge",
        good,
        &[
            ("kind", json!("chargeback_lost")),
            ("clearsAt", json!("2026-01-21T10:00:00Z")),
            ("feeReturned", json!("0.10")),
            ("pointsDelta", json!(24.0)),
        ],
        &[
            ("kind", json!("donation")),
            ("kind", Value::Null),
            ("amount", Value::Null),
            ("occurredAt", Value::Null),
            ("pointsDelta", json!("some")),
            ("livemode", json!(1)),
            ("provider", json!("s".repeat(257))),
        ],
    )?;
    let write_off = r#"{"eventId":"e3","userId":"ann","kind":"write_off","currency":"USD","occurredAt":"2026-01-25T10:00:00Z"}"#;
    let needs = |kind: &str| ("kind", json!(kind));
    let refused = [needs("service"), needs("refund_rest"), needs("points_redeem")];
    check("canonical-charge", write_off, &[needs("noted"), needs("failed")], &refused)
}

#[test]
fn the_spend_event() -> Result<()> {
    let good = r#"{"event_id":"a1","spend_amount":"120.00","currency":"USD","occurred_at":"2026-01-20T08:00:00Z","provider":"meta",
        "campaign_id":"winter","adset_id":"s7","ad_id":"d3","version":2,"is_active":true}"#;
    check(
        "spend-event",
        good,
        &[("spend_amount", json!(0)), ("version", json!(0)), ("version", json!("3"))],
        &[
            ("spend_amount", json!(-1)),
            ("spend_amount", Value::Null),
            ("version", json!(-1)),
            ("version", json!(1.5)),
            ("version", json!(2_147_483_648_u64)),
            ("is_active", json!("yes")),
            ("event_id", Value::Null),
            ("occurred_at", json!("20 January")),
        ],
    )
}

#[test]
fn settings_of_a_project() -> Result<()> {
    let good = r#"{"timezone":"America/New_York","currency":"USD","processor":"stripe","rules_version":1,
        "fees":{"stripe":{"percent":"2.9","fixed":{"USD":"0.30"},"payback":"none","chargeback_fixed":{"USD":"15.00"}}},
        "rewards":{"step":"10","default_tier":"bronze","multipliers":{"bronze":1,"silver":2}},
        "dedupe":{"horizon_days":400},"charges":{"history_max":1000,"refund_window_days":90,"chargeback_window_days":120},
        "splits":[{"product":"p17","partners":[{"type":"coproducer","name":"Ana","percentage":"0.3"}]}]}"#;
    let good: Value = serde_json::from_str(good)?;
    let accepted =
        [("fees.stripe.payback", json!("full")), ("splits", json!([])), ("rewards.step", json!(5))];
    let refused = [
        ("colour", json!("red")),
        ("timezone", json!("")),
        ("currency", json!("dollars")),
        ("rules_version", json!(2)),
        ("fees.stripe.percent", json!("many")),
        ("fees.stripe.payback", json!("some")),
        ("fees.stripe.fixed.USD", json!("-1")),
        ("fees.stripe.each", json!("1")),
        ("rewards.step", json!(0)),
        ("dedupe.horizon_days", json!(36_526)),
        ("charges.history_max", json!(4_001)),
        ("splits.0.partners.0.type", json!("friend")),
        ("splits.0.partners.0.percentage", json!("x")),
        ("splits.0.partners.0.name", Value::Null),
        ("splits.0.product", Value::Null),
    ];
    let folder = tempfile::tempdir()?;
    let config = write_config(folder.path(), "127.0.0.1:0")?;
    let instance = Instance::run(&Binary::under_test()?, &config)?;
    let change = |(path, value): &(&str, Value)| changed(&good, path, value);
    let yes: Vec<Value> = std::iter::once(good.clone()).chain(accepted.iter().map(change)).collect();
    let no: Vec<Value> = refused.iter().map(change).collect();
    for (record, said) in yes.iter().zip(by_schema(folder.path(), "settings", &yes)?) {
        ensure!(said["fault"].is_null(), "the schema refuses {record}: {}", said["fault"]);
        ensure!(by_instance(&instance, record)?, "the binary refuses {record}");
        ensure!(by_instance(&instance, &said["avro"])?, "the binary refuses {}, by Avro", said["avro"]);
    }
    for (record, said) in no.iter().zip(by_schema(folder.path(), "settings", &no)?) {
        ensure!(said["fault"].is_string(), "the schema takes {record}");
        ensure!(
            !by_instance(&instance, record)?,
            "the binary takes {record}, the schema not: {}",
            said["fault"]
        );
    }
    instance.stop()
}
