//! From a journalled event to one that can be accepted: what the settings in force fill in, and what only they
//! can show to be wrong.

use crate::calendar::{DAY_MS, is_valid_time};
use crate::charge::Accepted;
use crate::event::{ChargeEvent, SpendEvent};
use crate::money::{Currency, minor, minor_positive};
use crate::name::Name;
use crate::rejection::{Reason, Rejection};
use crate::settings::Settings;

/// How far an event's time may be after its record's, milliseconds (section 4).
pub const AHEAD_MAX_MS: i64 = DAY_MS;

/// Amounts of an event in minor units of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// The currency that counts: the event's, else the settings'.
    pub currency: Currency,
    /// The amount.
    pub amount_minor: Option<i64>,
    /// F or P.
    pub fee_minor: Option<i64>,
    /// V.
    pub fee_returned_minor: Option<i64>,
}

/// Brings an event's amounts to minor units.
///
/// Intake calls it for events that name a currency, the projector for all.
///
/// # Errors
/// `currency_missing`, `amount_missing`, `amount_not_positive`, `excess_precision`, `amount_out_of_range`, in this
/// order over all fields.
pub fn amounts(event: &ChargeEvent, default: Option<Currency>) -> Result<Amounts, Rejection> {
    let currency =
        event.currency.or(default).ok_or_else(|| Rejection::at(Reason::CurrencyMissing, "currency"))?;
    if event.amount.is_none() && event.kind.needs_amount() {
        return Err(Rejection::at(Reason::AmountMissing, "amount"));
    }
    if event.points_delta.is_none() && event.kind.is_points() {
        return Err(Rejection::at(Reason::AmountMissing, "pointsDelta"));
    }
    let read = [
        ("amount", event.amount.map(|a| minor_positive(a, currency)).transpose()),
        ("fee", event.fee.map(|f| minor(f, currency)).transpose()),
        ("feeReturned", event.fee_returned.map(|v| minor(v, currency)).transpose()),
    ];
    match read {
        [(_, Ok(amount_minor)), (_, Ok(fee_minor)), (_, Ok(fee_returned_minor))] => {
            Ok(Amounts { currency, amount_minor, fee_minor, fee_returned_minor })
        }
        read => {
            let faults = read.into_iter().filter_map(|(field, result)| Some((result.err()?, field)));
            let (reason, field) = faults.min().unwrap_or((Reason::AmountMalformed, "amount"));
            Err(Rejection::at(reason, field))
        }
    }
}

/// Makes an event ready to be accepted under the settings in force. The entry number is the caller's to set.
///
/// # Errors
/// What [`amounts`] refuses; `field_invalid` where the processor is also the provider, or is named and the customer (section 2);
/// `timestamp_missing`, `timestamp_invalid` (section 4); `beyond_horizon` (5.3).
pub fn resolve(
    event: &ChargeEvent,
    source_timestamp_ms: Option<i64>,
    project: &Name,
    settings: &Settings,
    settings_index: u32,
    journal_time_ms: i64,
) -> Result<(Accepted, Currency), Rejection> {
    // A customer may have the name of the default processor: the event names none. The provider's Income and fees would be
    // one account, whoever says so.
    let processor = event.processor.as_ref().unwrap_or(&settings.processor);
    if processor == project || event.processor.as_ref() == Some(&event.user) {
        return Err(Rejection::at(Reason::FieldInvalid, "provider"));
    }
    let amounts = amounts(event, settings.currency)?;
    let occurred_at_ms = event_time(event.occurred_at_ms, source_timestamp_ms, settings, journal_time_ms)
        .map_err(|reason| Rejection::at(reason, "occurredAt"))?;
    let accepted = Accepted {
        event: event.clone(),
        occurred_at_ms,
        amount_minor: amounts.amount_minor,
        fee_minor: amounts.fee_minor,
        fee_returned_minor: amounts.fee_returned_minor,
        settings: settings_index,
        source_timestamp_ms,
        entry_number: 0,
    };
    Ok((accepted, amounts.currency))
}

/// A spend event that can be accepted: its amount, 0 or more, in minor units of the currency that counts.
///
/// # Errors
/// `currency_missing`, `excess_precision`, `amount_out_of_range`; `timestamp_invalid` (section 4); `beyond_horizon` (5.3).
pub fn resolve_spend(
    event: &SpendEvent,
    source_timestamp_ms: Option<i64>,
    settings: &Settings,
    journal_time_ms: i64,
) -> Result<(i64, Currency), Rejection> {
    let missing = || Rejection::at(Reason::CurrencyMissing, "currency");
    let currency = event.currency.or(settings.currency).ok_or_else(missing)?;
    let amount_minor =
        minor(event.amount, currency).map_err(|reason| Rejection::at(reason, "spend_amount"))?;
    event_time(Some(event.occurred_at_ms), source_timestamp_ms, settings, journal_time_ms)
        .map_err(|reason| Rejection::at(reason, "occurred_at"))?;
    Ok((amount_minor, currency))
}

/// Event time: the event's own, else its record's (section 4), within the horizon of both clocks (5.3).
///
/// # Errors
/// `timestamp_missing`, `timestamp_invalid`, `beyond_horizon`.
fn event_time(
    own_ms: Option<i64>,
    source_timestamp_ms: Option<i64>,
    settings: &Settings,
    journal_time_ms: i64,
) -> Result<i64, Reason> {
    let occurred_at_ms = own_ms.or(source_timestamp_ms).ok_or(Reason::TimestampMissing)?;
    let ahead = source_timestamp_ms.is_some_and(|t| occurred_at_ms.saturating_sub(t) > AHEAD_MAX_MS);
    if ahead || !is_valid_time(occurred_at_ms) {
        return Err(Reason::TimestampInvalid);
    }
    let older = |time: i64, than: i64| than.saturating_sub(time) > settings.dedupe_horizon_ms;
    let beyond = source_timestamp_ms.is_some_and(|t| older(occurred_at_ms, t) || older(t, journal_time_ms))
        || older(occurred_at_ms, journal_time_ms);
    if beyond { Err(Reason::BeyondHorizon) } else { Ok(occurred_at_ms) }
}
