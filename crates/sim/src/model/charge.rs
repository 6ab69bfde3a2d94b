//! What the history of one charge adds to the totals.

use std::rc::Rc;

use super::envelope::{Event, Kind};
use super::figures;
use super::time;
use super::{ChargeKey, Totals};

const DEFAULT_PROCESSOR: &str = "processor";
const POINTS_STEP: i128 = 10;

/// Adds a charge to the totals. Its history may come in any order.
pub(super) fn add(totals: &mut Totals, key: &ChargeKey, mut history: Vec<Rc<Event>>) {
    history.sort_by(|one, other| order(one).cmp(&order(other)));
    let Some(first) = history.first() else { return };
    // Sorted, the first payment is the first event if there is any payment.
    let customer = first.content.user.clone();
    let multiplier = match first.content.tier.as_deref() {
        Some("silver") => 2,
        Some("gold") => 3,
        _ => 1,
    };
    let paid_through = first
        .content
        .processor
        .clone()
        .filter(|_| first.content.kind == Kind::Payment)
        .unwrap_or_else(|| DEFAULT_PROCESSOR.to_owned());

    let (mut paid, mut paid_back) = (0, 0);
    let mut points_before = 0;
    for event in &history {
        let amount = event.content.amount_minor;
        let fee = event.content.fee_minor.unwrap_or(0);
        let mut books = Books {
            totals,
            key,
            customer: &customer,
            processor: match (&event.content.processor, event.content.kind) {
                (Some(processor), _) => processor,
                (None, Kind::Payment) => DEFAULT_PROCESSOR,
                (None, Kind::Refund) => &paid_through,
            },
        };
        match event.content.kind {
            Kind::Payment => {
                paid += amount;
                books.payment(event, amount, fee);
            }
            Kind::Refund => {
                paid_back += amount;
                let fee_returned = event.content.fee_returned_minor.unwrap_or(0);
                books.refund(event, amount, fee, fee_returned);
            }
        }
        let points = points((paid - paid_back).max(0), &key.currency) * multiplier;
        let change = i64::try_from(points - points_before).unwrap_or(i64::MAX);
        points_before = points;
        let user = (key.project.clone(), customer.clone());
        *totals.points.entry(user).or_default() += change;
    }
}

/// The order of a history: payments first, then by event time, event id and line.
fn order(event: &Event) -> (bool, i64, &str, u64) {
    let refund = event.content.kind == Kind::Refund;
    (refund, event.time_ms, &event.event_id, event.line)
}

/// Every step begun counts whole.
fn points(amount_minor: i128, currency: &str) -> i128 {
    let digits = figures::minor_digits(currency).unwrap_or(0);
    let step_minor = POINTS_STEP * 10_i128.pow(digits);
    (amount_minor + step_minor - 1) / step_minor
}

/// Where an event is posted.
struct Books<'a> {
    totals: &'a mut Totals,
    key: &'a ChargeKey,
    customer: &'a str,
    processor: &'a str,
}

impl Books<'_> {
    fn payment(&mut self, event: &Event, amount: i128, fee: i128) {
        let provider = self.key.project.as_str();
        let (customer, processor) = (self.customer, self.processor);
        // Nothing is invoiced, so paying is what bills the service.
        self.post((provider, "Income"), (customer, "Payable"), amount);
        if fee <= amount {
            self.post((customer, "Payable"), (provider, "Assets"), amount - fee);
            self.post((customer, "Payable"), (processor, "Income"), fee);
        } else {
            self.post((customer, "Payable"), (processor, "Income"), amount);
            self.post((provider, "Assets"), (processor, "Income"), fee - amount);
        }
        let daily = self.day(event);
        daily.gross_sales_minor += amount;
        daily.gross_revenue_minor += amount;
        daily.platform_fees_minor += fee;
        daily.net_revenue_minor += amount - fee;
        daily.transaction_count += 1;
    }

    fn refund(&mut self, event: &Event, amount: i128, fee: i128, fee_returned: i128) {
        let provider = self.key.project.as_str();
        let (customer, processor) = (self.customer, self.processor);
        self.post((provider, "Assets"), (customer, "Refund"), amount);
        self.post((provider, "Assets"), (processor, "Income"), fee);
        self.post((processor, "Income"), (provider, "Assets"), fee_returned);
        let daily = self.day(event);
        daily.refunds_minor += amount;
        daily.gross_revenue_minor -= amount;
        daily.platform_fees_minor += fee - fee_returned;
        daily.net_revenue_minor -= amount + fee - fee_returned;
        daily.refund_count += 1;
    }

    fn post(&mut self, origin: (&str, &'static str), destination: (&str, &'static str), amount: i128) {
        for ((organization, account), change) in [(origin, -amount), (destination, amount)] {
            let key = (self.key.project.clone(), organization.to_owned(), account, self.key.currency.clone());
            *self.totals.balances.entry(key).or_default() += change;
        }
    }

    fn day(&mut self, event: &Event) -> &mut super::Daily {
        let key = (self.key.project.clone(), time::utc_day(event.time_ms), self.key.currency.clone());
        self.totals.daily.entry(key).or_default()
    }
}
