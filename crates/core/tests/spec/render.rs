//! What has happened, as the tables write it.

use std::collections::BTreeMap;
use std::fmt::Write;

use daybook_core::daily::Columns;
use daybook_core::entry::{Entry, EntryKind};
use daybook_core::event::{Body, Identity, JournalRecord};
use daybook_core::money::decimal_text;
use daybook_core::project::{Disposition, Effects};
use daybook_core::rewards::PointsChange;
use daybook_core::state::{NoStore, Row, State};

/// All that a record did: nothing is left out, so that nothing can happen unnoticed.
pub fn effects(record: &JournalRecord, effects: &Effects, out: &mut String) {
    match &effects.disposition {
        Disposition::Accepted | Disposition::NotAnEvent => {}
        Disposition::Duplicate => out.push_str("    duplicate\n"),
        Disposition::AlreadySeen => out.push_str("    already seen\n"),
        Disposition::Refused(rejection) => {
            let _ = writeln!(out, "    refused: {rejection}");
        }
    }
    let arriving = match &record.body {
        Body::Charge(event) => Some(&event.identity),
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
    for change in &effects.points {
        points_line(change, arriving, out);
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

/// Rows that are not zero, in order of project, day and currency.
pub fn days(state: &State<NoStore>, out: &mut String) {
    let mut lines = BTreeMap::new();
    for (project, row) in state.rows(&BTreeMap::new()) {
        if let Row::Revenue { day, currency, row } = row {
            let text = |minor| decimal_text(minor, currency.minor_digits());
            let c: &Columns = &row.columns;
            let mut line = format!("{day} {currency} gross_sales {}", text(c.gross_sales_minor));
            for (name, value) in [
                ("refunds", c.refunds_minor),
                ("chargebacks", c.chargebacks_minor),
                ("gross_revenue", c.gross_revenue_minor()),
                ("platform_fees", c.platform_fees_minor),
                ("net_revenue", c.net_revenue_minor()),
            ] {
                let _ = write!(line, " {name} {}", text(value));
            }
            let counts = (c.transaction_count, c.refund_count, c.chargeback_count);
            let _ = write!(line, " counts {}/{}/{} revision {}", counts.0, counts.1, counts.2, row.revision);
            lines.insert((project.clone(), day, currency), line);
        }
    }
    for ((project, ..), line) in lines {
        let project = if &*project == "provider" { String::new() } else { format!("{project} ") };
        let _ = writeln!(out, "    {project}{line}");
    }
}

/// As of when each row holds.
pub fn as_of(state: &State<NoStore>, out: &mut String) {
    for (_, row) in state.rows(&BTreeMap::new()) {
        if let Row::Revenue { day, currency, row } = row {
            let at = jiff::Timestamp::from_millisecond(row.as_of_ms).unwrap();
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
        let _ = writeln!(
            out,
            "    {project}: {records} records, {accepted} accepted, {duplicates} duplicates, {refused} refused, \
             {seen} already seen, {entries} entries"
        );
    }
}
