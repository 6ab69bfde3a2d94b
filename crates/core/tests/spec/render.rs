//! What has happened, as the tables write it.

use std::collections::BTreeMap;
use std::fmt::Write;

use daybook_core::daily::{Columns, Kpis};
use daybook_core::entry::{Entry, EntryKind};
use daybook_core::event::{Body, ChargeEvent, Identity, JournalRecord};
use daybook_core::money::{Currency, decimal_text};
use daybook_core::name::Name;
use daybook_core::project::{Disposition, Effects};
use daybook_core::rewards::PointsChange;
use daybook_core::splits::Allocation;
use daybook_core::state::{AllocationKey, DayView, NoStore, Row, State};

/// All that a record did: nothing is left out, so that nothing can happen unnoticed.
pub fn effects(record: &JournalRecord, effects: &Effects, out: &mut String) {
    match &effects.disposition {
        Disposition::Accepted | Disposition::AcceptedSpend | Disposition::NotAnEvent => {}
        Disposition::Duplicate => out.push_str("    duplicate\n"),
        Disposition::AlreadySeen => out.push_str("    already seen\n"),
        Disposition::Refused(rejection) => {
            let _ = writeln!(out, "    refused: {rejection}");
        }
    }
    let arriving = match &record.body {
        Body::Charge(event) => {
            refer_to_the_charge(event, effects);
            Some(&event.identity)
        }
        _ => None,
    };
    for entry in &effects.entries {
        entry_line(record, entry, arriving, out);
        for p in &entry.postings {
            let amount = decimal_text(p.amount_minor.into(), entry.currency.minor_digits());
            let (orig, dest) = (&p.orig_organization, &p.dest_organization);
            let _ = write!(out, "    {orig}:{} -> {dest}:{} {amount}", p.orig_account, p.dest_account);
            if *p.provider != *record.project {
                let _ = write!(out, " for {}", p.provider);
            }
            out.push('\n');
        }
    }
    for allocation in &effects.allocations {
        shares_line(allocation, arriving, out);
    }
    for change in &effects.points {
        points_line(change, arriving, out);
    }
}

/// The reference isn't written: it is the event's own (section 3).
fn refer_to_the_charge(event: &ChargeEvent, effects: &Effects) {
    let entries = effects.entries.iter().map(|e| (&e.identity, &e.charge_id));
    let points = effects.points.iter().map(|p| (&p.identity, &p.charge_id));
    let allocations = effects.allocations.iter().map(|a| (&a.identity, &a.charge_id));
    for (_, charge_id) in entries.chain(points).chain(allocations).filter(|(i, _)| **i == event.identity) {
        assert_eq!(charge_id.as_ref(), event.reference(), "{:?}", event.identity);
    }
}

fn entry_line(record: &JournalRecord, entry: &Entry, arriving: Option<&Identity>, out: &mut String) {
    let _ = write!(out, "    {} {}", entry.entry_number, entry.kind.name());
    if let EntryKind::Adjustment { corrects } = entry.kind {
        let _ = write!(out, " of {} corrects {corrects}", id(&entry.identity));
        match &entry.caused_by {
            Some(cause) if Some(cause) == arriving => {}
            Some(cause) => {
                let _ = write!(out, " by {}", id(cause));
            }
            None => out.push_str(" by time"),
        }
    } else if Some(&entry.identity) != arriving {
        let _ = write!(out, " of {}", id(&entry.identity));
    }
    let _ = write!(out, " {}", entry.charge_state);
    for flag in entry.flags.iter() {
        let _ = write!(out, " [{}]", flag.name());
    }
    if arriving != Some(&entry.identity)
        || matches!(&record.body, Body::Charge(e) if e.occurred_at_ms.is_none())
    {
        let _ = write!(out, " on {}", entry.economic_day);
    }
    out.push('\n');
}

fn shares_line(allocation: &Allocation, arriving: Option<&Identity>, out: &mut String) {
    out.push_str("    shares");
    if Some(&allocation.identity) != arriving {
        let _ = write!(out, " of {}", id(&allocation.identity));
    }
    for share in &allocation.shares {
        let amount = decimal_text(share.amount_minor, allocation.currency.minor_digits());
        let partner = &share.partner;
        let _ =
            write!(out, ", {} {} {} {amount}", partner.partner_type.name(), partner.name, share.percentage);
    }
    out.push('\n');
}

fn points_line(change: &PointsChange, arriving: Option<&Identity>, out: &mut String) {
    let (delta, status) = (change.delta, change.status.name());
    let _ = write!(out, "    points {:+}/{:+} {status}", delta.pending, delta.available);
    if Some(&change.identity) != arriving {
        let _ = write!(out, " of {}", id(&change.identity));
    }
    if &*change.user != "customer" {
        let _ = write!(out, " to {}", change.user);
    }
    if &*change.tier != "bronze" {
        let _ = write!(out, " {}", change.tier);
    }
    out.push('\n');
}

fn id(identity: &Identity) -> String {
    match identity.line {
        0 => identity.event_id.to_string(),
        line => format!("{}.{line}", identity.event_id),
    }
}

/// Rows of a topic by day, in order of project, day and currency.
pub fn days(state: &State<NoStore>, wanted: DayView, out: &mut String) {
    let mut lines = BTreeMap::new();
    for (project, row) in state.rows(&BTreeMap::new()) {
        if let Row::Day { view, day, currency, row } = row
            && view == wanted
        {
            let text = |minor| decimal_text(minor, currency.minor_digits());
            let figures = match view {
                DayView::Revenue => revenue(&row.columns, text),
                DayView::Spend => format!("ad_spend {}", text(row.columns.ad_spend_minor)),
                DayView::Profit => profit(&row.columns, text),
                DayView::OwnerProfit => owner_profit(&row.columns, text),
                DayView::Kpis => kpis(&row.kpis, text),
            };
            let line = format!("{day} {currency} {figures} revision {}", view.stamp(row).revision);
            lines.insert((project.clone(), day, currency), line);
        }
    }
    write_lines(lines, out);
}

fn write_lines<K>(lines: BTreeMap<(Name, K, Currency), String>, out: &mut String) {
    for ((project, ..), line) in lines {
        let project = if &*project == "provider" { String::new() } else { format!("{project} ") };
        let _ = writeln!(out, "    {project}{line}");
    }
}

fn revenue(c: &Columns, text: impl Fn(i128) -> String) -> String {
    let counts = format!("{}/{}/{}", c.transaction_count, c.refund_count, c.chargeback_count);
    format!(
        "gross_sales {} refunds {} chargebacks {} gross_revenue {} platform_fees {} net_revenue {} counts {counts}",
        text(c.gross_sales_minor),
        text(c.refunds_minor),
        text(c.chargebacks_minor),
        text(c.gross_revenue_minor()),
        text(c.platform_fees_minor),
        text(c.net_revenue_minor()),
    )
}

fn profit(c: &Columns, text: impl Fn(i128) -> String) -> String {
    format!(
        "net_revenue {} ad_spend {} profit {} roas {}",
        text(c.net_revenue_minor()),
        text(c.ad_spend_minor),
        text(c.profit_minor()),
        c.roas().as_deref().unwrap_or("null"),
    )
}

fn owner_profit(c: &Columns, text: impl Fn(i128) -> String) -> String {
    format!(
        "net_revenue {} affiliate_fees {} coproducer_fees {} owner_revenue {} ad_spend {} owner_profit {} owner_roas {}",
        text(c.net_revenue_minor()),
        text(c.affiliate_fees_minor),
        text(c.coproducer_fees_minor),
        text(c.owner_revenue_minor()),
        text(c.ad_spend_minor),
        text(c.owner_profit_minor()),
        c.owner_roas().as_deref().unwrap_or("null"),
    )
}

fn kpis(k: &Kpis, text: impl Fn(i128) -> String) -> String {
    format!(
        "gross_sales {} net_sales {} pending_revenue {} issued {} redeemed {} reversed {}",
        text(k.billed_minor),
        text(k.net_sales_minor()),
        text(k.outstanding_minor),
        k.points_issued,
        k.points_redeemed,
        k.points_reversed,
    )
}

/// Rows of `profit.monthly`.
pub fn months(state: &State<NoStore>, out: &mut String) {
    let mut lines = BTreeMap::new();
    for (project, row) in state.rows(&BTreeMap::new()) {
        if let Row::Month { month, currency, row } = row {
            let figures = profit(&row.columns, |minor| decimal_text(minor, currency.minor_digits()));
            let line = format!("{month} {currency} {figures} revision {}", row.profit.revision);
            lines.insert((project.clone(), month, currency), line);
        }
    }
    write_lines(lines, out);
}

/// Rows of `allocations.daily`.
pub fn allocations(state: &State<NoStore>, out: &mut String) {
    let mut lines = BTreeMap::new();
    for (project, row) in state.rows(&BTreeMap::new()) {
        if let Row::Allocation { key: AllocationKey { day, currency, partner }, row } = row {
            let total = decimal_text(row.total_minor, currency.minor_digits());
            let (kind, name) = (partner.partner_type, &partner.name);
            let line = format!(
                "{day} {currency} {} {name} {total} revision {}",
                kind.name(),
                row.allocated.revision
            );
            lines.insert((project.clone(), (*day, kind, name.clone()), *currency), line);
        }
    }
    write_lines(lines, out);
}

/// Rows of `customers.profile`.
pub fn customers(state: &State<NoStore>, out: &mut String) {
    let mut lines = BTreeMap::new();
    for (project, row) in state.rows(&BTreeMap::new()) {
        if let Row::Customer { organization, profile: p } = row {
            let text = |minor| decimal_text(minor, p.currency.minor_digits());
            let line = format!(
                "{organization} {} value {} payable {} acquisition {} dispute {}",
                p.currency,
                text(p.value_minor),
                text(p.payable_minor),
                text(p.acquisition_minor),
                text(p.dispute_minor),
            );
            lines.insert((project.clone(), organization.clone(), p.currency), line);
        }
    }
    write_lines(lines, out);
}

/// As of when each row of `revenue.daily` holds.
pub fn as_of(state: &State<NoStore>, out: &mut String) {
    for (_, row) in state.rows(&BTreeMap::new()) {
        if let Row::Day { view: DayView::Revenue, day, currency, row } = row {
            let at = jiff::Timestamp::from_millisecond(row.revenue.as_of_ms).unwrap();
            let _ = writeln!(out, "    {day} {currency} as of {at}");
        }
    }
}

/// Balances that are not zero.
pub fn balances(state: &State<NoStore>, out: &mut String) {
    let mut lines = BTreeMap::new();
    for (project, row) in state.rows(&BTreeMap::new()) {
        if let Row::Balance { organization, balance } = row
            && balance.balance_minor != 0
        {
            let amount = decimal_text(balance.balance_minor, balance.currency.minor_digits());
            let key = (project.clone(), balance.currency, organization.clone(), balance.account);
            lines.insert(key, format!("{organization}:{} {amount} {}", balance.account, balance.currency));
        }
    }
    for ((project, ..), line) in lines {
        let project = if &*project == "provider" { String::new() } else { format!("{project}/") };
        let _ = writeln!(out, "    {project}{line}");
    }
}

/// Points of every user who has any, pending and available.
pub fn points(state: &State<NoStore>, out: &mut String) {
    let mut lines = BTreeMap::new();
    for (project, row) in state.rows(&BTreeMap::new()) {
        if let Row::Points { user, balance } = row {
            let points = balance.points;
            lines.insert((project.clone(), user.clone()), format!("{}/{}", points.pending, points.available));
        }
    }
    for ((_, user), line) in lines {
        let _ = writeln!(out, "    {user} {line}");
    }
}

/// What the heads have counted.
pub fn counts(state: &State<NoStore>, out: &mut String) {
    for (project, books) in state.books() {
        let head = books.head();
        let refused: u64 = head.refused.values().sum();
        let (accepted, duplicates, seen) = (head.accepted, head.duplicates, head.already_seen);
        let (records, entries) = (head.journal_sequence, head.entry_number);
        let spend = match head.accepted_spend {
            0 => String::new(),
            versions => format!("{versions} of spend, "),
        };
        let _ = writeln!(
            out,
            "    {project}: {records} records, {accepted} accepted, {spend}{duplicates} duplicates, {refused} refused, \
             {seen} already seen, {entries} entries"
        );
    }
}
