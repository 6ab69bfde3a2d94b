//! Fees, and what a payback gives back of them (section 6).

use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::settings::{FeeSchedule, PaybackPolicy};

use super::order::Step;
use super::rounding::{faults, fraction, half_up, minor};
use super::{Rules, Twist};

/// A charge's paybacks so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paybacks {
    /// Refunds less failed ones, whatever is paid.
    pub(crate) refunded: i128,
    /// Chargebacks less won ones; below 0 by at most what is refunded (3.6).
    pub(crate) charged_back: i128,
    /// Fees of payments.
    pub(crate) fees: i128,
    /// Returned of them.
    pub(crate) returned: i128,
}

impl Paybacks {
    /// Both together, failed and won ones deducted.
    pub(crate) fn back(&self) -> i128 {
        self.refunded + self.charged_back
    }

    /// V of a refund or chargeback that is counted already (6.3), and whether it exceeds the fees.
    pub(crate) fn take_fee_returned(
        &mut self,
        own: Option<i128>,
        policy: PaybackPolicy,
        paid: i128,
        rules: Rules,
    ) -> (i128, bool) {
        let not_returned = self.fees - self.returned;
        let back = self.back().min(paid);
        let by_policy = match policy {
            _ if paid == 0 => 0,
            PaybackPolicy::None => 0,
            PaybackPolicy::Proportional if rules.are(Twist::ProportionalRoundsDown) => {
                self.fees * back / paid - self.returned
            }
            PaybackPolicy::Proportional => half_up(self.fees * back, paid) - self.returned,
            PaybackPolicy::Full => not_returned,
        };
        let v = own.unwrap_or(by_policy.min(not_returned).max(0));
        self.returned += v;
        (v, v > not_returned.max(0))
    }
}

/// The schedule of a processor in an event's settings.
pub(crate) fn schedule<'a>(step: &Step<'a>, processor: &Name) -> Option<&'a FeeSchedule> {
    step.of.settings.fees.get(processor)
}

/// A schedule's figure for a currency; no figure: 0.
fn fixed(schedule: &std::collections::BTreeMap<Currency, rust_decimal::Decimal>, currency: Currency) -> i128 {
    let figure = schedule.get(&currency).filter(|f| faults(**f, currency).is_empty());
    figure.map_or(0, |f| minor(*f, currency))
}

/// F (6.1): the event's own, of a clearing its pending's; else the schedule's; else 0.
pub(crate) fn payment_fee(step: &Step<'_>, processor: &Name, amount: i128) -> i128 {
    let by_schedule = || {
        let schedule = schedule(step, processor)?;
        let (mantissa, unit) = fraction(schedule.percent);
        Some(half_up(amount * mantissa, 100 * unit) + fixed(&schedule.fixed, step.of.currency))
    };
    step.of.fee.or_else(by_schedule).unwrap_or(0)
}

/// P of a chargeback (6.2) that does not name its own.
pub(crate) fn chargeback_fee(step: &Step<'_>, processor: &Name) -> i128 {
    schedule(step, processor).map_or(0, |s| fixed(&s.chargeback_fixed, step.of.currency))
}
