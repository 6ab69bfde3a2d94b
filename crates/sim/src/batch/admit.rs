//! What of an event the settings decide, and whether it may be in the books at all.

use std::sync::Arc;

use daybook_core::event::{ChargeEvent, SpendEvent};
use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::rejection::Reason;
use daybook_core::settings::Settings;
use rust_decimal::Decimal;

use super::rounding::{faults, minor};
use super::{Rules, Twist};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// An event that is in the books, under the settings that apply to it for ever (3.7).
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) record: usize,
    pub(crate) event: ChargeEvent,
    pub(crate) settings: Arc<Settings>,
    pub(crate) at_ms: i64,
    pub(crate) currency: Currency,
    pub(crate) amount: Option<i128>,
    pub(crate) fee: Option<i128>,
    pub(crate) fee_returned: Option<i128>,
}

/// A version of a spend event that is in the books.
#[derive(Clone, Debug)]
pub(crate) struct AcceptedSpend {
    pub(crate) event: SpendEvent,
    pub(crate) settings: Arc<Settings>,
    pub(crate) currency: Currency,
    pub(crate) amount: i128,
}

/// What a record's event is read against.
pub(crate) struct Circumstances<'a> {
    pub(crate) record: usize,
    pub(crate) project: &'a Name,
    pub(crate) settings: &'a Arc<Settings>,
    pub(crate) kafka_ms: Option<i64>,
    pub(crate) journal_ms: i64,
    pub(crate) rules: Rules,
}

impl Circumstances<'_> {
    /// What is wrong with an event's times (section 4, 5.3). `own_ms` is the event's own time, if it has one.
    fn time_faults(&self, own_ms: Option<i64>) -> Vec<Reason> {
        let mut faults = Vec::new();
        if own_ms.or(self.kafka_ms).is_none() {
            faults.push(Reason::TimestampMissing);
        }
        if let (Some(own), Some(kafka)) = (own_ms, self.kafka_ms)
            && own > kafka + DAY_MS
        {
            faults.push(Reason::TimestampInvalid);
        }
        let horizon = self.settings.dedupe_horizon_ms - i64::from(self.rules.are(Twist::HorizonInclusive));
        let older = |time: Option<i64>, than: Option<i64>| matches!((time, than), (Some(time), Some(than)) if than - time > horizon);
        let journal = Some(self.journal_ms);
        if older(own_ms, self.kafka_ms) || older(own_ms, journal) || older(self.kafka_ms, journal) {
            faults.push(Reason::BeyondHorizon);
        }
        faults
    }

    /// A charge event with what the settings leave open filled in, or the first of all reasons against it.
    pub(crate) fn charge(&self, event: &ChargeEvent) -> Result<Accepted, Reason> {
        let mut reasons = self.time_faults(event.occurred_at_ms);
        // 2: a processor like the provider or the customer; the text says of an event that names one, the projector
        // refuses a default that is the provider as well.
        let processor = event.processor.as_ref().unwrap_or(&self.settings.processor);
        if processor == self.project || event.processor.as_ref() == Some(&event.user) {
            reasons.push(Reason::FieldInvalid);
        }
        let currency = event.currency.or(self.settings.currency);
        let amount = event.amount;
        let points_missing = event.kind.is_points() && event.points_delta.is_none();
        if points_missing || event.kind.needs_amount() && amount.is_none() {
            reasons.push(Reason::AmountMissing);
        }
        if amount.is_some_and(|a| a <= Decimal::ZERO) {
            reasons.push(Reason::AmountNotPositive);
        }
        match currency {
            None => reasons.push(Reason::CurrencyMissing),
            Some(currency) => {
                let figures = [amount, event.fee, event.fee_returned];
                reasons.extend(figures.into_iter().flatten().flat_map(|f| faults(f, currency)));
            }
        }
        if let Some(first) = reasons.into_iter().min() {
            return Err(first);
        }
        let (Some(currency), Some(at_ms)) = (currency, event.occurred_at_ms.or(self.kafka_ms)) else {
            return Err(Reason::TimestampMissing);
        };
        Ok(Accepted {
            record: self.record,
            event: event.clone(),
            settings: Arc::clone(self.settings),
            at_ms,
            currency,
            amount: amount.map(|a| minor(a, currency)),
            fee: event.fee.map(|f| minor(f, currency)),
            fee_returned: event.fee_returned.map(|f| minor(f, currency)),
        })
    }

    /// A version of a spend event (7 `ad_spend`: 0 is valid, below 0 is not), or the first of all reasons against it.
    pub(crate) fn spend(&self, event: &SpendEvent) -> Result<AcceptedSpend, Reason> {
        let mut reasons = self.time_faults(Some(event.occurred_at_ms));
        let currency = event.currency.or(self.settings.currency);
        match currency {
            None => reasons.push(Reason::CurrencyMissing),
            Some(currency) => reasons.extend(faults(event.amount, currency)),
        }
        match (reasons.into_iter().min(), currency) {
            (None, Some(currency)) => Ok(AcceptedSpend {
                event: event.clone(),
                settings: Arc::clone(self.settings),
                currency,
                amount: minor(event.amount, currency),
            }),
            (reason, _) => Err(reason.unwrap_or(Reason::CurrencyMissing)),
        }
    }
}
