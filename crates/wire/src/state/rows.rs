//! Rows and spend as bytes of the state store.

use daybook_core::calendar::Day;
use daybook_core::daily::{AllocationRow, Columns, DayRow, Kpis, MonthRow, Stamp};
use daybook_core::spend::{Spend, SpendVersion};

use super::{put_i128, put_list, read_i128, read_list};
use crate::binary::{Malformed, Reader, put_count, put_long, put_str};
use crate::journal::{put_spend, read_currency, read_spend};

fn put_columns(out: &mut Vec<u8>, columns: &Columns) {
    for figure in [
        columns.gross_sales_minor,
        columns.refunds_minor,
        columns.chargebacks_minor,
        columns.platform_fees_minor,
        columns.affiliate_fees_minor,
        columns.coproducer_fees_minor,
        columns.ad_spend_minor,
    ] {
        put_i128(out, figure);
    }
    for count in [columns.transaction_count, columns.refund_count, columns.chargeback_count] {
        put_long(out, count);
    }
}

fn read_columns(r: &mut Reader<'_>) -> Result<Columns, Malformed> {
    Ok(Columns {
        gross_sales_minor: read_i128(r)?,
        refunds_minor: read_i128(r)?,
        chargebacks_minor: read_i128(r)?,
        platform_fees_minor: read_i128(r)?,
        affiliate_fees_minor: read_i128(r)?,
        coproducer_fees_minor: read_i128(r)?,
        ad_spend_minor: read_i128(r)?,
        transaction_count: r.long()?,
        refund_count: r.long()?,
        chargeback_count: r.long()?,
    })
}

fn put_stamp(out: &mut Vec<u8>, stamp: &Stamp) {
    put_count(out, stamp.revision);
    put_long(out, stamp.as_of_ms);
    put_count(out, stamp.journal_sequence);
    put_long(out, stamp.cause.into());
}

fn read_stamp(r: &mut Reader<'_>) -> Result<Stamp, Malformed> {
    Ok(Stamp { revision: r.count()?, as_of_ms: r.long()?, journal_sequence: r.count()?, cause: r.int()? })
}

pub(super) fn put_day(out: &mut Vec<u8>, row: &DayRow) {
    put_columns(out, &row.columns);
    let kpis = &row.kpis;
    for figure in [kpis.billed_minor, kpis.paybacks_minor, kpis.outstanding_minor] {
        put_i128(out, figure);
    }
    for points in [kpis.points_issued, kpis.points_redeemed, kpis.points_reversed] {
        put_long(out, points);
    }
    for stamp in [&row.revenue, &row.spend, &row.profit, &row.owner_profit, &row.kpi] {
        put_stamp(out, stamp);
    }
}

/// Reads a day's row.
#[allow(clippy::missing_errors_doc)]
pub fn read_day(bytes: &[u8]) -> Result<DayRow, Malformed> {
    let mut r = Reader::new(bytes);
    let row = DayRow {
        columns: read_columns(&mut r)?,
        kpis: Kpis {
            billed_minor: read_i128(&mut r)?,
            paybacks_minor: read_i128(&mut r)?,
            outstanding_minor: read_i128(&mut r)?,
            points_issued: r.long()?,
            points_redeemed: r.long()?,
            points_reversed: r.long()?,
        },
        revenue: read_stamp(&mut r)?,
        spend: read_stamp(&mut r)?,
        profit: read_stamp(&mut r)?,
        owner_profit: read_stamp(&mut r)?,
        kpi: read_stamp(&mut r)?,
    };
    r.end()?;
    Ok(row)
}

pub(super) fn put_month(out: &mut Vec<u8>, row: &MonthRow) {
    put_columns(out, &row.columns);
    put_stamp(out, &row.profit);
}

/// Reads a month's row.
#[allow(clippy::missing_errors_doc)]
pub fn read_month(bytes: &[u8]) -> Result<MonthRow, Malformed> {
    let mut r = Reader::new(bytes);
    let row = MonthRow { columns: read_columns(&mut r)?, profit: read_stamp(&mut r)? };
    r.end()?;
    Ok(row)
}

pub(super) fn put_allocation(out: &mut Vec<u8>, row: &AllocationRow) {
    put_i128(out, row.total_minor);
    put_stamp(out, &row.allocated);
}

/// Reads what a day has allocated to a partner.
#[allow(clippy::missing_errors_doc)]
pub fn read_allocation(bytes: &[u8]) -> Result<AllocationRow, Malformed> {
    let mut r = Reader::new(bytes);
    let row = AllocationRow { total_minor: read_i128(&mut r)?, allocated: read_stamp(&mut r)? };
    r.end()?;
    Ok(row)
}

pub(super) fn put_spend_event(out: &mut Vec<u8>, spend: &Spend) {
    put_list(out, spend.versions.iter(), |out, version| {
        put_spend(out, &version.event);
        put_long(out, version.amount_minor);
        put_str(out, version.currency.code());
        let (year, month, day) = version.day.ymd();
        for part in [year, month.into(), day.into()] {
            put_long(out, part.into());
        }
    });
    put_long(out, spend.recorded_at_ms);
    put_count(out, spend.journal_sequence);
}

/// Reads the versions of a spend event.
#[allow(clippy::missing_errors_doc)]
pub fn read_spend_event(bytes: &[u8]) -> Result<Spend, Malformed> {
    let mut r = Reader::new(bytes);
    let spend = Spend {
        versions: read_list(&mut r, |r| {
            Ok(SpendVersion {
                event: read_spend(r)?,
                amount_minor: r.long()?,
                currency: read_currency(r)?,
                day: {
                    let day = Day::new(r.int()?, r.int()?, r.int()?);
                    day.ok_or_else(|| r.malformed("a day"))?
                },
            })
        })?,
        recorded_at_ms: r.long()?,
        journal_sequence: r.count()?,
    };
    r.end()?;
    Ok(spend)
}
