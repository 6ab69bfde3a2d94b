//! Rows of the compacted topics.

use std::fmt::Write;

use daybook_core::calendar::{Day, Month};
use daybook_core::daily::{AllocationRow, Columns, DayRow, Stamp};
use daybook_core::money::Currency;
use daybook_core::organization::{AccountBalance, ClientProfile, PointsBalance};
use daybook_core::state::{AllocationKey, DayView, Row};

use super::fields::Fields;
use crate::topic::Topic;

/// Topic of a row.
#[must_use]
pub fn row_topic(row: &Row<'_>) -> Topic {
    match row {
        Row::Day { view, .. } => match view {
            DayView::Revenue => Topic::RevenueDaily,
            DayView::Spend => Topic::SpendDaily,
            DayView::Profit => Topic::ProfitDaily,
            DayView::OwnerProfit => Topic::OwnerProfitDaily,
            DayView::Kpis => Topic::KpisDaily,
        },
        Row::Month { .. } => Topic::ProfitMonthly,
        Row::Allocation { .. } => Topic::AllocationsDaily,
        Row::Balance { .. } => Topic::AccountsBalances,
        Row::Customer { .. } => Topic::CustomersProfile,
        Row::Points { .. } => Topic::RewardsBalances,
    }
}

/// Appends a row's key: its parts separated by `/`.
pub fn row_key(project: &str, row: &Row<'_>, out: &mut String) {
    let _ = match row {
        Row::Day { day, currency, .. } => write!(out, "{project}/{day}/{currency}"),
        Row::Month { month, currency, .. } => write!(out, "{project}/{month}/{currency}"),
        Row::Allocation { key, .. } => {
            let AllocationKey { day, currency, partner } = key;
            write!(out, "{project}/{day}/{currency}/{}/{}", partner.partner_type.name(), partner.name)
        }
        Row::Balance { organization, balance } => {
            write!(out, "{project}/{organization}/{}/{}", balance.account, balance.currency)
        }
        Row::Customer { organization, profile } => {
            write!(out, "{project}/{organization}/{}", profile.currency)
        }
        Row::Points { user, .. } => write!(out, "{project}/{user}"),
    };
}

/// Appends a row's value.
pub fn row_value<F: Fields>(project: &str, row: &Row<'_>, out: &mut F) {
    match row {
        Row::Day { view, day, currency, row } => {
            let (day, currency) = (*day, *currency);
            match view {
                DayView::Revenue => revenue(project, day, currency, row, out),
                DayView::Spend => spend(project, day, currency, row, out),
                DayView::Profit => {
                    profit(project, &Period::Day(day), currency, &row.columns, row.profit, out)
                }
                DayView::OwnerProfit => owner_profit(project, day, currency, row, out),
                DayView::Kpis => kpis(project, day, currency, row, out),
            }
        }
        Row::Month { month, currency, row } => {
            profit(project, &Period::Month(*month), *currency, &row.columns, row.profit, out);
        }
        Row::Allocation { key, row } => allocation(project, key, row, out),
        Row::Balance { organization, balance } => account_balance(project, organization, balance, out),
        Row::Customer { organization, profile } => customer(project, organization, profile, out),
        Row::Points { user, balance } => points_balance(project, user, balance, out),
    }
}

fn revenue<F: Fields>(project: &str, day: Day, currency: Currency, row: &DayRow, out: &mut F) {
    let columns = &row.columns;
    out.record(|o| {
        o.time("as_of", row.revenue.as_of_ms);
        o.number("chargeback_count", columns.chargeback_count);
        o.number("chargebacks_minor", columns.chargebacks_minor);
        o.str("currency", currency.code());
        o.day("economic_day", day);
        o.number("gross_revenue_minor", columns.gross_revenue_minor());
        o.number("gross_sales_minor", columns.gross_sales_minor);
        o.number("journal_sequence", row.revenue.journal_sequence);
        o.number("minor_digits", currency.minor_digits());
        o.number("net_revenue_minor", columns.net_revenue_minor());
        o.number("platform_fees_minor", columns.platform_fees_minor);
        o.str("project_id", project);
        o.number("refund_count", columns.refund_count);
        o.number("refunds_minor", columns.refunds_minor);
        o.number("revision", row.revenue.revision);
        o.number("transaction_count", columns.transaction_count);
    });
}

fn spend<F: Fields>(project: &str, day: Day, currency: Currency, row: &DayRow, out: &mut F) {
    out.record(|o| {
        o.number("ad_spend_minor", row.columns.ad_spend_minor);
        o.time("as_of", row.spend.as_of_ms);
        o.str("currency", currency.code());
        o.day("economic_day", day);
        o.number("journal_sequence", row.spend.journal_sequence);
        o.number("minor_digits", currency.minor_digits());
        o.str("project_id", project);
        o.number("revision", row.spend.revision);
    });
}

/// What a row of profit is of.
enum Period {
    Day(Day),
    Month(Month),
}

/// Of `profit.daily` and `profit.monthly`, which differ in their period alone.
fn profit<F: Fields>(
    project: &str,
    period: &Period,
    currency: Currency,
    columns: &Columns,
    stamp: Stamp,
    out: &mut F,
) {
    out.record(|o| {
        o.number("ad_spend_minor", columns.ad_spend_minor);
        o.time("as_of", stamp.as_of_ms);
        o.str("currency", currency.code());
        if let Period::Day(day) = period {
            o.day("economic_day", *day);
        }
        o.number("gross_revenue_minor", columns.gross_revenue_minor());
        o.number("journal_sequence", stamp.journal_sequence);
        o.number("minor_digits", currency.minor_digits());
        if let Period::Month(month) = period {
            o.str("month", &month.to_string());
        }
        o.number("net_revenue_minor", columns.net_revenue_minor());
        o.number("platform_fees_minor", columns.platform_fees_minor);
        o.number("profit_minor", columns.profit_minor());
        o.str("project_id", project);
        o.number("revision", stamp.revision);
        o.optional_str("roas", columns.roas().as_deref());
    });
}

fn owner_profit<F: Fields>(project: &str, day: Day, currency: Currency, row: &DayRow, out: &mut F) {
    let columns = &row.columns;
    out.record(|o| {
        o.number("ad_spend_minor", columns.ad_spend_minor);
        o.number("affiliate_fees_minor", columns.affiliate_fees_minor);
        o.time("as_of", row.owner_profit.as_of_ms);
        o.number("coproducer_fees_minor", columns.coproducer_fees_minor);
        o.str("currency", currency.code());
        o.day("economic_day", day);
        o.number("journal_sequence", row.owner_profit.journal_sequence);
        o.number("minor_digits", currency.minor_digits());
        o.number("net_revenue_minor", columns.net_revenue_minor());
        o.number("owner_profit_minor", columns.owner_profit_minor());
        o.number("owner_revenue_minor", columns.owner_revenue_minor());
        o.optional_str("owner_roas", columns.owner_roas().as_deref());
        o.str("project_id", project);
        o.number("revision", row.owner_profit.revision);
    });
}

fn kpis<F: Fields>(project: &str, day: Day, currency: Currency, row: &DayRow, out: &mut F) {
    let kpis = &row.kpis;
    out.record(|o| {
        o.time("as_of", row.kpi.as_of_ms);
        o.str("currency", currency.code());
        o.day("economic_day", day);
        o.number("gross_sales_minor", kpis.billed_minor);
        o.number("journal_sequence", row.kpi.journal_sequence);
        o.number("minor_digits", currency.minor_digits());
        o.number("net_sales_minor", kpis.net_sales_minor());
        o.number("pending_revenue_minor", kpis.outstanding_minor);
        o.number("points_issued", kpis.points_issued);
        o.number("points_redeemed", kpis.points_redeemed);
        o.number("points_reversed", kpis.points_reversed);
        o.str("project_id", project);
        o.number("revision", row.kpi.revision);
    });
}

fn allocation<F: Fields>(project: &str, key: &AllocationKey, row: &AllocationRow, out: &mut F) {
    out.record(|o| {
        o.time("as_of", row.allocated.as_of_ms);
        o.str("currency", key.currency.code());
        o.day("economic_day", key.day);
        o.number("journal_sequence", row.allocated.journal_sequence);
        o.number("minor_digits", key.currency.minor_digits());
        o.str("partner_name", &key.partner.name);
        o.str("partner_type", key.partner.partner_type.name());
        o.str("project_id", project);
        o.number("revision", row.allocated.revision);
        o.number("total_allocated_minor", row.total_minor);
    });
}

fn customer<F: Fields>(project: &str, organization: &str, profile: &ClientProfile, out: &mut F) {
    out.record(|o| {
        o.number("acquisition_minor", profile.acquisition_minor);
        o.str("currency", profile.currency.code());
        o.str("customer_id", organization);
        o.number("dispute_minor", profile.dispute_minor);
        o.number("journal_sequence", profile.journal_sequence);
        o.number("minor_digits", profile.currency.minor_digits());
        o.number("payable_minor", profile.payable_minor);
        o.str("project_id", project);
        o.number("value_minor", profile.value_minor);
    });
}

fn account_balance<F: Fields>(project: &str, organization: &str, balance: &AccountBalance, out: &mut F) {
    out.record(|o| {
        o.str("account", balance.account.name());
        o.number("balance_minor", balance.balance_minor);
        o.str("currency", balance.currency.code());
        o.number("entry_number", balance.entry_number);
        o.number("journal_sequence", balance.journal_sequence);
        o.number("minor_digits", balance.currency.minor_digits());
        o.str("organization", organization);
        o.str("project_id", project);
    });
}

fn points_balance<F: Fields>(project: &str, user: &str, balance: &PointsBalance, out: &mut F) {
    out.record(|o| {
        o.number("available_points", balance.points.available);
        o.number("journal_sequence", balance.journal_sequence);
        o.number("pending_points", balance.points.pending);
        o.str("project_id", project);
        o.str("user_id", user);
    });
}
