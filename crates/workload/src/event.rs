//! What the events of an envelope say.

use crate::draw::{Draws, Purpose};
use crate::plan::{Envelope, Plan};

const HOUR_MS: i64 = 3_600_000;

/// A currency with its number of decimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Currency {
    pub(crate) code: &'static str,
    pub(crate) digits: u32,
}

const USD: Currency = Currency { code: "USD", digits: 2 };
const EUR: Currency = Currency { code: "EUR", digits: 2 };
const JPY: Currency = Currency { code: "JPY", digits: 0 };
const KWD: Currency = Currency { code: "KWD", digits: 3 };
const CURRENCIES: [Currency; 10] = [USD, USD, USD, USD, USD, USD, EUR, EUR, JPY, KWD];
const PROCESSORS: [Option<&str>; 8] = [
    Some("stripe"),
    Some("stripe"),
    Some("stripe"),
    Some("stripe"),
    Some("adyen"),
    Some("adyen"),
    Some("paypal"),
    None,
];
const TIERS: [Option<&str>; 8] = [
    Some("bronze"),
    Some("bronze"),
    Some("silver"),
    Some("silver"),
    Some("gold"),
    Some("platinum"), // no such tier
    None,
    None,
];

/// One payload item. Amounts and fees are in minor units of the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: (u64, u64),
    pub(crate) user: u64,
    pub(crate) refund: bool,
    pub(crate) amount: u64,
    pub(crate) currency: Currency,
    pub(crate) charge: Option<u64>,
    pub(crate) order: Option<u64>,
    pub(crate) product: Option<u64>,
    pub(crate) processor: Option<&'static str>,
    pub(crate) fee: Option<u64>,
    pub(crate) fee_returned: Option<u64>,
    pub(crate) tier: Option<&'static str>,
    pub(crate) occurred_at_ms: Option<i64>,
    pub(crate) livemode: Option<bool>,
    pub(crate) description: Option<Description>,
    /// Decides how numbers, codes and times are written.
    pub(crate) form: u64,
}

/// What a description says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Description {
    Invoice(u64),
    Text(&'static str),
    /// With a card number that must not be stored: its first 15 digits.
    Card(u64),
}

/// What the payments of a charge and their refunds have in common.
struct Charge {
    user: u64,
    currency: Currency,
    charge: Option<u64>,
    order: Option<u64>,
    processor: Option<&'static str>,
}

impl Event {
    /// Changes something that counts, so that the event contradicts the one sent before.
    pub(crate) fn contradict(&mut self, draws: &mut Draws) {
        match draws.below(3) {
            0 => self.amount += 1,
            1 => self.fee = Some(self.fee.unwrap_or(0) + 1),
            _ => self.product = Some(self.product.unwrap_or(0) + 1_000),
        }
    }
}

impl Plan {
    /// Payload item `item` of an envelope.
    pub(crate) fn event(&self, envelope: &Envelope, item: u64) -> Event {
        let mut draws = Draws::new(self.seed(), envelope.index, item, Purpose::Refund);
        match envelope.refunds {
            Some(of) if item == 0 || !draws.one_in(3) => self.refund(envelope, item, of, &mut draws),
            _ => self.payment(envelope, item),
        }
    }

    fn payment(&self, envelope: &Envelope, item: u64) -> Event {
        let index = envelope.index;
        let charge = self.charge(index, envelope.shape.one_charge, item);
        let amount = self.amount(index, item, charge.currency);
        let mut draws = Draws::new(self.seed(), index, item, Purpose::Payment);
        let fee = match draws.below(400) {
            0 => Some(amount + 25), // small payments can cost more than they bring
            1..=8 => Some(0),
            9..=39 => None,
            _ => Some(amount * 29 / 1_000 + 30),
        };
        let product = (!draws.one_in(5)).then(|| draws.below(40));
        let tier = draws.pick(&TIERS);
        Event {
            id: self.event_id(envelope, item),
            user: charge.user,
            refund: false,
            amount,
            currency: charge.currency,
            charge: charge.charge,
            order: charge.order,
            product,
            processor: charge.processor,
            fee,
            fee_returned: None,
            tier,
            occurred_at_ms: self.occurred_at_ms(envelope, item),
            livemode: envelope.shape.livemode,
            description: description(&mut draws),
            form: draws.number(),
        }
    }

    fn refund(&self, envelope: &Envelope, item: u64, of: u64, draws: &mut Draws) -> Event {
        let shape = self.shape(of);
        let paid_item = draws.below(shape.items);
        let charge = self.charge(of, shape.one_charge, paid_item);
        let paid = self.amount(of, paid_item, charge.currency);
        let amount = match draws.below(5) {
            0 | 1 => paid,
            2 => (paid * (10 + draws.below(81)) / 100).max(1),
            _ => (paid * (5 + draws.below(30)) / 100).max(1),
        };
        let stranger = draws.one_in(64);
        let user = if stranger { draws.below(self.users()) } else { charge.user };
        let unnamed = draws.one_in(5);
        let fee = draws.one_in(12).then(|| draws.below(200));
        let fee_returned = draws.one_in(6).then(|| amount * 29 / 1_000);
        Event {
            id: self.event_id(envelope, item),
            user,
            refund: true,
            amount,
            currency: charge.currency,
            charge: charge.charge,
            order: charge.order,
            product: None,
            processor: charge.processor.filter(|_| !unnamed),
            fee,
            fee_returned,
            tier: None,
            occurred_at_ms: self.occurred_at_ms(envelope, item),
            livemode: envelope.shape.livemode,
            description: description(draws),
            form: draws.number(),
        }
    }

    fn charge(&self, index: u64, one_charge: bool, item: u64) -> Charge {
        let item = if one_charge { 0 } else { item };
        let mut draws = Draws::new(self.seed(), index, item, Purpose::Charge);
        let user = draws.below(self.users());
        let currency = draws.pick(&CURRENCIES);
        let processor = draws.pick(&PROCESSORS);
        let reference = draws.number();
        let (charge, order) = match draws.below(100) {
            0..=2 => (None, None),
            3..=9 => (None, Some(reference)),
            10..=19 => (Some(reference), Some(draws.number())),
            _ => (Some(reference), None),
        };
        Charge { user, currency, charge, order, processor }
    }

    /// What a payment amounts to: 1.00 to 1000.00, in yen 100 to 100,000.
    fn amount(&self, index: u64, item: u64, currency: Currency) -> u64 {
        let mut draws = Draws::new(self.seed(), index, item, Purpose::Amount);
        let amount = match draws.below(4) {
            0 => 100 * (1 + draws.below(1_000)),
            1 => 100 * (1 + draws.below(1_000)) - 1,
            _ => 100 + draws.below(99_901),
        };
        match currency.digits {
            3 => amount * 10 + draws.below(10),
            _ => amount.max(100),
        }
    }

    fn event_id(&self, envelope: &Envelope, item: u64) -> (u64, u64) {
        let item = if envelope.shape.one_id { 0 } else { item };
        let mut draws = Draws::new(self.seed(), envelope.index, item, Purpose::EventId);
        (draws.number(), draws.number())
    }

    /// When an event happened, if it says so: a moment before it is sent, or much longer.
    fn occurred_at_ms(&self, envelope: &Envelope, item: u64) -> Option<i64> {
        let mut draws = Draws::new(self.seed(), envelope.index, item, Purpose::When);
        if draws.one_in(50) {
            return None;
        }
        let sent_ms = self.timestamp_ms(envelope.index);
        let took_ms = millis(draws.below(30_000));
        if let Some(of) = envelope.refunds.filter(|of| *of > envelope.index) {
            let after_payment_ms = self.timestamp_ms(of).saturating_add(took_ms);
            return Some(after_payment_ms.min(sent_ms.saturating_add(23 * HOUR_MS)));
        }
        let late = draws.below(100) < u64::from(self.late_percent());
        let late_ms = HOUR_MS + millis(draws.below(71 * HOUR_MS.unsigned_abs()));
        let late_ms = if late { late_ms } else { 0 };
        Some(sent_ms.saturating_sub(took_ms + late_ms))
    }
}

fn description(draws: &mut Draws) -> Option<Description> {
    match draws.below(80) {
        0 => Some(Description::Invoice(draws.below(1_000_000))),
        1 => Some(Description::Text("Größe L, wie besprochen")),
        2 => Some(Description::Text("café \"Zur Post\"")),
        3 => Some(Description::Card(400_000_000_000_000 + draws.below(99_999_999_999_999))),
        _ => None,
    }
}

fn millis(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
