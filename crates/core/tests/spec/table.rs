//! Tables: one line per input, in the notation of the rules.
//!
//! ```text
//! == 3.4 a heading names its rule
//! settings fee=2.9%+0.30 payback=full       the project's settings from here on; repeats what it doesn't say
//! p1 payment 100.00 fee 3.20 at 2026-01-20T10:00Z
//!     1 payment settled                     entry number, kind, state, flags
//!     provider:Income -> customer:Payable 100.00
//!     shares, coproducer Ana 0.3 29.04      partner, percentage and amount of each
//!     points +0/+10 AVAILABLE               change of pending and available points
//! a1 spend 25.00 version 2 active no        what was spent on ads
//! tick 2026-01-22T00:00Z                    time passes
//! days | spend | profit | months | owner | allocations | kpis | as_of | balances | customers | points | counts
//!                                           what the books say now
//! // a comment
//! ```
//!
//! What a line leaves out: project `provider`, user `customer`, currency USD, charge `ch1`, time a minute after the
//! line before. A record is recorded at the latest time so far, which is also its Kafka timestamp. `-` is nothing.

use std::sync::Arc;

use daybook_core::calendar::{DAY_MS, Zone};
use daybook_core::event::{Body, ChargeEvent, JournalRecord, Kind, SourcePosition, SpendEvent};
use daybook_core::money::{Currency, parse_decimal};
use daybook_core::name::Name;
use daybook_core::project::apply;
use daybook_core::settings::{FeeSchedule, Partner, PartnerType, PaybackPolicy, Settings, SplitRule};
use daybook_core::state::{DayView, NoStore, State};

use crate::render;

const START: &str = "2026-01-20T10:00Z";
const MINUTE_MS: i64 = 60_000;

/// Runs a table and gives it back with what has happened in place of what was expected.
pub fn run(table: &str) -> String {
    let mut runner = Runner {
        state: State::new(NoStore),
        settings: Settings::default(),
        time_ms: time(START) - MINUTE_MS,
        clock_ms: time(START) - MINUTE_MS,
    };
    let mut out = String::new();
    for line in table.lines().filter(|l| !l.starts_with(' ')) {
        out.push_str(line);
        out.push('\n');
        if !(line.is_empty() || line.starts_with("==") || line.starts_with("//")) {
            runner.line(line, &mut out);
        }
    }
    out
}

/// A time as the tables write it: RFC 3339, or with the seconds left out.
pub fn time(text: &str) -> i64 {
    let full = if text.matches(':').count() == 1 { text.replace('Z', ":00Z") } else { text.to_owned() };
    full.parse::<jiff::Timestamp>().unwrap_or_else(|e| panic!("{text}: {e}")).as_millisecond()
}

struct Runner {
    state: State<NoStore>,
    settings: Settings,
    /// Time of the line before.
    time_ms: i64,
    /// Latest time so far.
    clock_ms: i64,
}

impl Runner {
    fn line(&mut self, line: &str, out: &mut String) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["days"] => render::days(&self.state, DayView::Revenue, out),
            ["spend"] => render::days(&self.state, DayView::Spend, out),
            ["profit"] => render::days(&self.state, DayView::Profit, out),
            ["owner"] => render::days(&self.state, DayView::OwnerProfit, out),
            ["kpis"] => render::days(&self.state, DayView::Kpis, out),
            ["months"] => render::months(&self.state, out),
            ["allocations"] => render::allocations(&self.state, out),
            ["customers"] => render::customers(&self.state, out),
            ["as_of"] => render::as_of(&self.state, out),
            ["balances"] => render::balances(&self.state, out),
            ["points"] => render::points(&self.state, out),
            ["counts"] => render::counts(&self.state, out),
            ["settings", rest @ ..] => {
                let project = self.settings(rest);
                self.apply(project, Body::Settings(Arc::new(self.settings.clone())), None, None, out);
            }
            ["tick", at, rest @ ..] => {
                self.clock_ms = self.clock_ms.max(time(at));
                let project = rest.first().map_or("provider", |p| p);
                self.record(project, time(at), None, None, Body::Tick, out);
            }
            [id, "spend", amount, rest @ ..] => self.spend(id, amount, rest, out),
            [id, kind, rest @ ..] => self.event(id, kind, rest, out),
            _ => panic!("no input: {line}"),
        }
    }

    fn event(&mut self, id: &str, kind: &str, rest: &[&str], out: &mut String) {
        let (id, line) = id.split_once('.').map_or((id, 0), |(id, line)| (id, line.parse().unwrap()));
        let kind = Kind::from_name(kind).unwrap_or_else(|| panic!("no kind: {kind}"));
        let mut event = ChargeEvent::new(id, kind, "customer");
        event.identity.line = line;
        event.currency = Currency::parse("USD");
        event.charge_id = Some("ch1".into());
        self.time_ms += MINUTE_MS;
        let mut occurred = Some(self.time_ms);
        let (mut project, mut recorded, mut kafka, mut source) = ("provider", None, None, None);
        let mut rest = rest;
        if let [amount, after @ ..] = rest
            && amount.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        {
            event.amount = Some(decimal(amount));
            rest = after;
        }
        for pair in rest.chunks(2) {
            let [key, value] = *pair else { panic!("{pair:?} has no value") };
            let name = (value != "-").then(|| Name::from(value));
            match key {
                "fee" => event.fee = Some(decimal(value)),
                "returned" => event.fee_returned = Some(decimal(value)),
                "user" => event.user = value.into(),
                "currency" => event.currency = Currency::parse(value),
                "charge" => event.charge_id = name,
                "order" => event.order_id = name,
                "txn" => event.transaction = name,
                "product" => event.product = name,
                "via" => event.processor = name,
                "tier" => event.tier = name,
                "at" => occurred = (value != "-").then(|| time(value)),
                "clears" => event.clears_at_ms = Some(time(value)),
                "points" => event.points_delta = Some(value.parse().unwrap()),
                "rounded" => event.rounded_spend = Some(decimal(value)),
                "descr" => event.description = name,
                "masked" => event.card_number_masked = value == "yes",
                "live" => event.livemode = value == "yes",
                "project" => project = value,
                "recorded" => recorded = Some(time(value)),
                "kafka" => kafka = Some((value != "-").then(|| time(value))),
                "from" => source = Some(position(value)),
                _ => panic!("no key: {key}"),
            }
        }
        event.occurred_at_ms = occurred;
        self.time_ms = occurred.unwrap_or(self.time_ms);
        self.clock_ms = recorded.unwrap_or(self.clock_ms.max(self.time_ms));
        let kafka = kafka.unwrap_or(Some(self.clock_ms));
        self.apply(project, Body::Charge(Box::new(event)), kafka, source, out);
    }

    fn spend(&mut self, id: &str, amount: &str, rest: &[&str], out: &mut String) {
        self.time_ms += MINUTE_MS;
        let mut event = SpendEvent {
            event_id: id.into(),
            version: 1,
            amount: decimal(amount),
            currency: Currency::parse("USD"),
            occurred_at_ms: self.time_ms,
            is_active: true,
            platform: None,
            campaign: None,
            ad_set: None,
            ad: None,
        };
        let (mut project, mut recorded, mut kafka, mut source) = ("provider", None, None, None);
        for pair in rest.chunks(2) {
            let [key, value] = *pair else { panic!("{pair:?} has no value") };
            match key {
                "version" => event.version = value.parse().unwrap(),
                "active" => event.is_active = value == "yes",
                "currency" => event.currency = Currency::parse(value),
                "at" => event.occurred_at_ms = time(value),
                "via" => event.platform = Some(value.into()),
                "project" => project = value,
                "recorded" => recorded = Some(time(value)),
                "kafka" => kafka = Some((value != "-").then(|| time(value))),
                "from" => source = Some(position(value)),
                _ => panic!("no key: {key}"),
            }
        }
        self.time_ms = event.occurred_at_ms;
        self.clock_ms = recorded.unwrap_or(self.clock_ms.max(self.time_ms));
        let kafka = kafka.unwrap_or(Some(self.clock_ms));
        self.apply(project, Body::Spend(Box::new(event)), kafka, source, out);
    }

    fn settings<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let mut project = "provider";
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or_else(|| panic!("{word} has no value"));
            let days = || value.parse::<i64>().unwrap() * DAY_MS;
            let settings = &mut self.settings;
            let mut schedule = settings.fees.remove(&*settings.processor).unwrap_or_default();
            let before = settings.processor.clone();
            match key {
                "project" => project = value,
                "zone" => settings.zone = Zone::parse(value).unwrap_or_else(|| panic!("no zone: {value}")),
                "currency" => settings.currency = Currency::parse(value),
                "processor" => settings.processor = value.into(),
                "fee" => (schedule.percent, schedule.fixed) = fee(value),
                "payback" => schedule.payback = policy(value),
                "chargeback_fixed" => schedule.chargeback_fixed = amounts(value),
                "horizon_days" => settings.dedupe_horizon_ms = days(),
                "refund_window_days" => settings.refund_window_ms = days(),
                "chargeback_window_days" => settings.chargeback_window_ms = days(),
                "history_max" => settings.charge_history_max = value.parse().unwrap(),
                "split" => settings.splits = vec![split(value)],
                "split+" => settings.splits.push(split(value)),
                "step" => settings.rewards.step = value.parse().unwrap(),
                "default_tier" => settings.rewards.default_tier = value.into(),
                "tier" => {
                    let (tier, multiplier) = value.split_once(':').unwrap();
                    settings.rewards.multipliers.insert(tier.into(), multiplier.parse().unwrap());
                }
                _ => panic!("no setting: {key}"),
            }
            if schedule != FeeSchedule::default() {
                settings.fees.insert(before, schedule);
            }
        }
        project
    }

    fn apply(
        &mut self,
        project: &str,
        body: Body,
        kafka: Option<i64>,
        source: Option<SourcePosition>,
        out: &mut String,
    ) {
        self.record(project, self.clock_ms, kafka, source, body, out);
    }

    fn record(
        &mut self,
        project: &str,
        recorded_at_ms: i64,
        source_timestamp_ms: Option<i64>,
        source: Option<SourcePosition>,
        body: Body,
        out: &mut String,
    ) {
        let record =
            JournalRecord { project: project.into(), recorded_at_ms, source_timestamp_ms, source, body };
        let Ok(effects) = apply(&mut self.state, &record);
        render::effects(&record, &effects, out);
    }
}

fn decimal(text: &str) -> rust_decimal::Decimal {
    parse_decimal(text).unwrap_or_else(|r| panic!("{text}: {r}"))
}

/// `2.9%+0.30`, dollars; `2.9%` alone.
fn fee(text: &str) -> (rust_decimal::Decimal, std::collections::BTreeMap<Currency, rust_decimal::Decimal>) {
    let (percent, fixed) = text.split_once("%+").unwrap_or((text.trim_end_matches('%'), ""));
    (decimal(percent), if fixed.is_empty() { Default::default() } else { amounts(fixed) })
}

fn amounts(dollars: &str) -> std::collections::BTreeMap<Currency, rust_decimal::Decimal> {
    [(Currency::parse("USD").unwrap(), decimal(dollars))].into()
}

/// `p17:coproducer/Ana/0.3,affiliate/Bo/0.1`.
fn split(text: &str) -> SplitRule {
    let (product, partners) = text.split_once(':').unwrap();
    let partner = |text: &str| {
        let parts: Vec<&str> = text.split('/').collect();
        let [kind, name, percentage] = parts.as_slice() else { panic!("no partner: {text}") };
        let partner_type = PartnerType::ALL.into_iter().find(|t| t.name() == *kind).unwrap();
        Partner { partner_type, name: (*name).into(), percentage: decimal(percentage) }
    };
    SplitRule { product: product.into(), partners: partners.split(',').map(partner).collect() }
}

fn policy(text: &str) -> PaybackPolicy {
    match text {
        "none" => PaybackPolicy::None,
        "proportional" => PaybackPolicy::Proportional,
        "full" => PaybackPolicy::Full,
        _ => panic!("no policy: {text}"),
    }
}

/// `charges/0/17/2`: topic, partition, offset, item.
fn position(text: &str) -> SourcePosition {
    let parts: Vec<&str> = text.split('/').collect();
    let [topic, partition, offset, item] = parts.as_slice() else { panic!("no position: {text}") };
    SourcePosition {
        topic: (*topic).into(),
        partition: partition.parse().unwrap(),
        offset: offset.parse().unwrap(),
        item: item.parse().unwrap(),
    }
}
