//! The dashboard over made-up books, to look at it without a log or a projector.
//!
//! `cargo run -p daybook-server --example preview [port]`, then open the address that it prints.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use daybook_server::{
    ApiKey, Counters, Gateway, GatewayError, GatewayRecord, Health, OutputRecord, ReadModel, RecordsError,
    Server, Settings, SettingsError, TopicError, TopicPage, TopicRecord, Validation,
};
use serde_json::{Value, json};

const KEY: &str = "preview";
const DAYS: u64 = 45;

struct Nothing;

impl Gateway for Nothing {
    fn validate(&self, _: &str, _: &[u8]) -> Validation {
        Validation { accepted: 1, rejected: Vec::new() }
    }

    fn append(
        &self,
        _: GatewayRecord,
    ) -> Pin<Box<dyn Future<Output = Result<(), GatewayError>> + Send + '_>> {
        Box::pin(async { Ok(()) })
    }

    fn apply_settings(
        &self,
        _: &str,
        _: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<(), SettingsError>> + Send + '_>> {
        Box::pin(async { Ok(()) })
    }

    fn read(&self, _: &str, _: u64, _: usize) -> Result<TopicPage, TopicError> {
        Err(TopicError::Unknown)
    }

    fn append_records(
        &self,
        _: &str,
        _: Vec<TopicRecord>,
    ) -> Pin<Box<dyn Future<Output = Result<(), RecordsError>> + Send + '_>> {
        Box::pin(async { Err(RecordsError::Unknown) })
    }
}

impl Health for Nothing {
    fn live(&self) -> Result<(), String> {
        Ok(())
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Organization and account that gives, organization and account that receives, amount.
type Leg<'a> = (&'a str, &'a str, &'a str, &'a str, i64);

/// A small bookkeeper: enough of one to make rows that fit together.
struct Maker {
    project: String,
    seed: u64,
    entry_number: u64,
    balances: BTreeMap<(String, String, String), i64>,
    days: BTreeMap<(u64, usize), [i64; 7]>,
    counters: Counters,
}

const CURRENCIES: [(&str, u8, i64); 3] = [("USD", 2, 1), ("EUR", 2, 1), ("JPY", 0, 2)];

impl Maker {
    fn new(project: &str) -> Self {
        Self {
            project: project.to_owned(),
            seed: 42,
            entry_number: 0,
            balances: BTreeMap::new(),
            days: BTreeMap::new(),
            counters: Counters::default(),
        }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        (self.seed >> 33) % below
    }

    /// One charge or refund with all the rows it changes, given to the read model at once.
    fn step(&mut self, books: &ReadModel, day: u64) {
        self.entry_number += 1;
        self.counters.accepted += 1;
        if self.random(9) == 0 {
            self.counters.duplicates += 1;
        }
        let choice = match self.random(10) {
            0..6 => 0,
            6..9 => 1,
            _ => 2,
        };
        let (currency, digits, scale) = CURRENCIES[choice];
        let amount = i64::try_from(self.random(30_000) + 900).unwrap_or(900) * scale;
        let user = format!("user{}@example.com", self.random(400));
        let fee = amount * 29 / 1000 + 30;
        let roll = self.random(20);
        let own = self.project.clone();
        let stripe = if choice == 1 { "adyen" } else { "stripe" };
        let (kind, legs, flags): (_, Vec<Leg<'_>>, Vec<&str>) = match roll {
            0 | 1 => (
                "refund",
                vec![(&own, "Assets", &user, "Refund", amount / 2)],
                if roll == 1 { vec!["late_payback"] } else { vec![] },
            ),
            2 if self.random(3) == 0 => (
                "chargeback",
                vec![
                    (&own, "Assets", &user, "Chargeback", amount),
                    (&own, "Assets", stripe, "Income", 1_500),
                ],
                vec![],
            ),
            3 => ("failed", vec![], vec![]),
            4 => ("adjustment", vec![(&user, "Payable", &own, "Income", amount / 3)], vec![]),
            _ => (
                "payment",
                vec![
                    (&own, "Income", &user, "Payable", amount),
                    (&user, "Payable", &own, "Assets", amount - fee),
                    (&user, "Payable", stripe, "Income", fee),
                ],
                if roll == 9 { vec!["unexpected_transition"] } else { vec![] },
            ),
        };
        let totals = self.days.entry((day, choice)).or_default();
        match kind {
            "payment" => {
                totals[0] += amount;
                totals[3] += fee;
                totals[4] += 1;
            }
            "refund" => {
                totals[1] += amount / 2;
                totals[5] += 1;
            }
            "chargeback" => {
                totals[2] += amount;
                totals[3] += 1_500;
                totals[6] += 1;
            }
            _ => {}
        }
        let sequence = self.entry_number;
        let clock = format!("{:02}:{:02}:{:02}", 8 + sequence / 3600 % 12, sequence / 60 % 60, sequence % 60);
        let time = format!("{}T{clock}.120Z", day_text(day));
        let mut rows: Vec<(&str, String, Value)> = Vec::new();
        for (orig, orig_account, dest, dest_account, leg) in &legs {
            for (organization, account, delta) in [(orig, orig_account, -leg), (dest, dest_account, *leg)] {
                let row = ((*organization).to_owned(), (*account).to_owned(), currency.to_owned());
                let balance = self.balances.entry(row).or_default();
                *balance += delta;
                rows.push((
                    "accounts.balances",
                    format!("{own}/{organization}/{account}/{currency}"),
                    json!({"project_id": own, "organization": organization, "account": account,
                        "currency": currency, "minor_digits": digits, "balance_minor": *balance,
                        "entry_number": sequence, "journal_sequence": sequence}),
                ));
            }
        }
        let postings: Vec<Value> = legs
            .iter()
            .map(|(orig, orig_account, dest, dest_account, amount)| {
                json!({"orig_organization": orig, "orig_account": orig_account,
                    "dest_organization": dest, "dest_account": dest_account,
                    "amount_minor": amount, "provider": own})
            })
            .collect();
        rows.push((
            "ledger.entries",
            own.clone(),
            json!({"project_id": own, "entry_number": sequence, "previous_hash": "0".repeat(64),
                "event_id": format!("evt_{sequence}"), "event_line": 0, "kind": kind,
                "corrects": (kind == "adjustment").then_some(sequence / 2), "caused_by": null,
                "charge_id": format!("ch_{:08x}", sequence.wrapping_mul(2_654_435_761) % 0xffff_ffff),
                "occurred_at": time, "recorded_at": time, "economic_day": day_text(day),
                "currency": currency, "minor_digits": digits, "charge_state": "settled",
                "flags": flags, "descr": null, "postings": postings, "journal_sequence": sequence}),
        ));
        let [gross, refunds, chargebacks, fees, payments, refund_count, chargeback_count] = *totals;
        let revenue = gross - refunds - chargebacks;
        rows.push((
            "revenue.daily",
            format!("{own}/{}/{currency}", day_text(day)),
            json!({"project_id": own, "economic_day": day_text(day), "currency": currency,
                "minor_digits": digits, "gross_sales_minor": gross, "refunds_minor": refunds,
                "chargebacks_minor": chargebacks, "gross_revenue_minor": revenue,
                "platform_fees_minor": fees, "net_revenue_minor": revenue - fees,
                "transaction_count": payments, "refund_count": refund_count,
                "chargeback_count": chargeback_count, "revision": sequence, "as_of": time,
                "journal_sequence": sequence}),
        ));
        let rows: Vec<(&str, String, String)> =
            rows.into_iter().map(|(topic, key, value)| (topic, key, value.to_string())).collect();
        books.apply_batch(rows.iter().map(|(topic, key, value)| OutputRecord {
            topic,
            key: key.as_bytes(),
            value: value.as_bytes(),
            headers: &[],
        }));
        books.set_counters(BTreeMap::from([(own, self.counters)]));
    }

    fn dead_letter(&self, books: &ReadModel, reason: &str, offset: u64) {
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let headers = [
            header("daybook-project", &self.project),
            header("daybook-reason", reason),
            header("daybook-path", "track[0].payload[3].data.amount"),
            header("__streams.errors.topic", "charges"),
            header("__streams.errors.partition", "4"),
            header("__streams.errors.offset", &offset.to_string()),
        ];
        books.apply(OutputRecord { topic: "charges.dlq", key: b"", value: b"{", headers: &headers });
    }
}

fn day_text(day: u64) -> String {
    let (month, day) = if day < 31 { (1, day + 1) } else { (2, day - 30) };
    format!("2026-{month:02}-{day:02}")
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8080);
    let books = Arc::new(ReadModel::new());
    let mut maker = Maker::new("acme");
    for day in 0..DAYS {
        for _ in 0..40 + maker.random(40) {
            maker.step(&books, day);
        }
    }
    for (reason, count) in [("unknown_event_name", 12), ("excess_precision", 3), ("event_id_conflict", 1)] {
        for offset in 0..count {
            maker.dead_letter(&books, reason, 18_000 + offset * 7);
        }
    }
    let mut small = Maker::new("acme~test");
    (0..4).for_each(|_| small.step(&books, DAYS - 1));

    let settings = Settings {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        // `empty` shows what a new user sees.
        api_keys: [("*", KEY), ("nothing-yet", "empty")]
            .map(|(project, key)| ApiKey {
                organization: "preview".into(),
                project: project.into(),
                key: key.into(),
            })
            .into(),
        ..Settings::default()
    };
    let registry = prometheus::Registry::new();
    let server = Server::new(settings, Arc::new(Nothing), Arc::new(Nothing), Arc::clone(&books), registry)
        .bind()
        .await?;
    writeln!(std::io::stdout(), "http://{}/?apiKey={KEY}", server.local_addr())?;
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(900)).await;
            maker.step(&books, DAYS - 1);
        }
    });
    server.serve(pending()).await
}
