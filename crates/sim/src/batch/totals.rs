//! Everything summed up from nothing (sections 7 and 9).

use std::collections::BTreeMap;

use daybook_core::calendar::Day;
use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::party::Account;
use daybook_core::settings::PartnerType;

use super::admit::AcceptedSpend;
use super::figures::{Books, Counts, Event, OwnerProfit, Profit, Revenue};
use super::journal::{Key, Life, Project};
use super::rounding::roas;
use super::walk::{Charge, Meaning, walk};
use super::{Outcome, Rules, Twist};

/// The books of a project at the end of its journal.
pub(crate) fn sum(name: &Name, project: &Project, rules: Rules) -> Books {
    let mut books = Books { counts: counts(&project.outcomes), ..Books::default() };
    for life in &project.lives {
        match &life.key {
            Key::Spend(_) => spend(&mut books, &life.spend, rules),
            Key::Points(_) => points(&mut books, life, rules),
            Key::Charge(_, currency) | Key::Alone(_, currency) => {
                let time_ms = life.dropped_ms.unwrap_or(project.time_ms);
                let charge = walk(name, &life.events, time_ms, rules);
                add(&mut books, charge, *currency, life.dropped_ms.is_none());
            }
        }
    }
    customers(&mut books);
    formulas(&mut books);
    books.leave_out_zeros();
    books
}

fn counts(outcomes: &[Outcome]) -> Counts {
    let mut counts = Counts::default();
    for outcome in outcomes {
        match outcome {
            Outcome::Accepted => counts.accepted += 1,
            Outcome::AcceptedSpend => counts.accepted_spend += 1,
            Outcome::Duplicate => counts.duplicates += 1,
            Outcome::Refused(reason) => *counts.refused.entry(reason.code()).or_default() += 1,
            Outcome::AlreadySeen => counts.already_seen += 1,
            Outcome::NotAnEvent => {}
        }
    }
    counts
}

/// 7 `ad_spend`: of one spend event the highest version counts, where it is active.
fn spend(books: &mut Books, versions: &[AcceptedSpend], rules: Rules) {
    let highest = versions.iter().max_by_key(|v| v.event.version);
    let counts = if rules.are(Twist::LastVersionCounts) { versions.last() } else { highest };
    if let Some(version) = counts.filter(|v| v.event.is_active) {
        let day = rules.day(&version.settings, version.event.occurred_at_ms);
        *books.spend.entry((day, version.currency)).or_default() += version.amount;
    }
}

/// 8: POINTS_REDEEM and POINTS_ADJUST are facts.
fn points(books: &mut Books, life: &Life, rules: Rules) {
    for accepted in &life.events {
        let delta = i128::from(accepted.event.points_delta.unwrap_or(0));
        books.points.entry(accepted.event.user.clone()).or_default().1 += delta;
        let day = rules.day(&accepted.settings, accepted.at_ms);
        let kpis = books.kpis.entry((day, accepted.currency)).or_default();
        kpis.points_issued += delta.max(0);
        kpis.points_redeemed += (-delta).max(0);
        let mut event = Event { live: life.dropped_ms.is_none(), ..Event::default() };
        if accepted.event.card_number_masked {
            event.flags.insert("card_number_masked");
        }
        books.events.insert((accepted.record, false), event);
    }
}

fn add(books: &mut Books, charge: Charge, currency: Currency, live: bool) {
    let Some(customer) = charge.customer else { return };
    if let Some(day) = charge.opening_day {
        let kpis = books.kpis.entry((day, currency)).or_default();
        kpis.gross_sales += charge.billed;
        kpis.net_sales += charge.billed;
        kpis.pending_revenue += charge.outstanding;
    }
    for meaning in charge.meanings {
        let Some(day) = meaning.day else { continue };
        let (key, event) = event(&meaning, live);
        books.events.insert(key, event);
        for ((from, from_account), (to, to_account), amount) in meaning.legs {
            for (organization, account, amount) in [(from, from_account, -amount), (to, to_account, amount)] {
                *books.balances.entry((organization.clone(), account, currency)).or_default() += amount;
                *books.moved.entry((day, organization, account, currency)).or_default() += amount;
            }
        }
        let columns = &meaning.columns;
        let row = books.revenue.entry((day, currency)).or_default();
        row.gross_sales += columns.gross_sales;
        row.refunds += columns.refunds;
        row.chargebacks += columns.chargebacks;
        row.platform_fees += columns.platform_fees;
        row.transaction_count += columns.transaction_count;
        row.refund_count += columns.refund_count;
        row.chargeback_count += columns.chargeback_count;
        for ((partner_type, partner), amount) in meaning.shares {
            *books.allocations.entry((day, currency, partner_type, partner)).or_default() += amount;
        }
        if let Some(payback_day) = meaning.payback_day {
            let kpis = books.kpis.entry((payback_day, currency)).or_default();
            kpis.net_sales -= columns.refunds + columns.chargebacks;
        }
        let (pending, available) = meaning.points;
        let of_customer = books.points.entry(customer.clone()).or_default();
        of_customer.0 += pending;
        of_customer.1 += available;
        let kpis = books.kpis.entry((day, currency)).or_default();
        kpis.points_issued += (pending + available).max(0);
        kpis.points_reversed += (-pending - available).max(0);
        let customer = books.customers.entry((customer.clone(), currency)).or_default();
        customer.acquisition += meaning.goodwill;
        customer.value += meaning.service + meaning.goodwill;
    }
}

/// What an event means, its postings netted per pair of accounts.
fn event(meaning: &Meaning, live: bool) -> ((usize, bool), Event) {
    let mut postings = BTreeMap::new();
    for ((from, from_account), (to, to_account), amount) in &meaning.legs {
        let there = (from.clone(), *from_account, to.clone(), *to_account);
        let back = (to.clone(), *to_account, from.clone(), *from_account);
        let (key, amount) = if there <= back { (there, *amount) } else { (back, -*amount) };
        *postings.entry(key).or_default() += amount;
    }
    postings.retain(|_, amount| *amount != 0);
    let (charge_state, flags) = (meaning.charge_state, meaning.flags.clone());
    ((meaning.record, meaning.cleared), Event { postings, charge_state, flags, live })
}

/// Section 9: Payable and Dispute from the balances; Value and Acquisition are summed up already.
fn customers(books: &mut Books) {
    for ((customer, currency), row) in &mut books.customers {
        let balance =
            |account| books.balances.get(&(customer.clone(), account, *currency)).copied().unwrap_or(0);
        row.payable = balance(Account::Payable);
        let dispute = balance(Account::Refund) + balance(Account::Chargeback) + balance(Account::Writeoff);
        row.dispute = dispute - row.acquisition;
    }
}

fn formulas(books: &mut Books) {
    for row in books.revenue.values_mut() {
        row.gross_revenue = row.gross_sales - row.refunds - row.chargebacks;
        row.net_revenue = row.gross_revenue - row.platform_fees;
    }
    let mut days: Vec<(Day, Currency)> = books.revenue.keys().chain(books.spend.keys()).copied().collect();
    days.sort_unstable();
    days.dedup();
    for key in days {
        let revenue = books.revenue.get(&key).copied().unwrap_or_default();
        let ad_spend = books.spend.get(&key).copied().unwrap_or(0);
        books.profit.insert(key, profit(&revenue, ad_spend));
        let of_type = |wanted| {
            let rows = books.allocations.iter().filter(|((d, c, t, _), _)| (*d, *c) == key && *t == wanted);
            rows.map(|(_, amount)| amount).sum::<i128>()
        };
        let (affiliate_fees, coproducer_fees) =
            (of_type(PartnerType::Affiliate), of_type(PartnerType::Coproducer));
        let owner_revenue = revenue.net_revenue - affiliate_fees - coproducer_fees;
        let row = OwnerProfit {
            net_revenue: revenue.net_revenue,
            affiliate_fees,
            coproducer_fees,
            owner_revenue,
            ad_spend,
            owner_profit: owner_revenue - ad_spend,
            owner_roas: roas(owner_revenue, ad_spend),
        };
        books.owner_profit.insert(key, row);
    }
    let mut months: BTreeMap<_, (Revenue, i128)> = BTreeMap::new();
    for ((day, currency), row) in &books.profit {
        let month = months.entry((day.month(), *currency)).or_default();
        month.0.gross_revenue += row.gross_revenue;
        month.0.platform_fees += row.platform_fees;
        month.0.net_revenue += row.net_revenue;
        month.1 += row.ad_spend;
    }
    books.months = months.into_iter().map(|(key, (revenue, spend))| (key, profit(&revenue, spend))).collect();
}

fn profit(revenue: &Revenue, ad_spend: i128) -> Profit {
    Profit {
        gross_revenue: revenue.gross_revenue,
        platform_fees: revenue.platform_fees,
        net_revenue: revenue.net_revenue,
        ad_spend,
        profit: revenue.net_revenue - ad_spend,
        roas: roas(revenue.net_revenue, ad_spend),
    }
}
