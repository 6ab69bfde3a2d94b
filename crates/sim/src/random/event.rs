//! Events at random: fresh ones, the same again, the same id with other content.

use std::sync::Arc;

use daybook_core::event::{Body, ChargeEvent, Identity, Kind, SpendEvent};
use daybook_core::money::Currency;
use daybook_core::name::Name;
use fastrand::Rng;
use rust_decimal::Decimal;

use super::settings::{self, currencies};
use super::{DAY_MS, HOUR_MS, World, one_of};

/// How large a journal's amounts are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Amounts {
    Tiny,
    Usual,
    Huge,
    Mixed,
}

impl Amounts {
    pub(crate) const ALL: [Amounts; 6] =
        [Amounts::Tiny, Amounts::Usual, Amounts::Usual, Amounts::Huge, Amounts::Mixed, Amounts::Mixed];

    fn minor(self, rng: &mut Rng) -> i64 {
        match self {
            Amounts::Tiny => rng.i64(1..=7),
            Amounts::Usual => match rng.u32(..3) {
                0 => one_of(rng, &[11_950, 24_900, 1_000, 100, 27_128, 950, 10_000, 5_000]),
                1 => rng.i64(1..=20) * 1_000,
                _ => rng.i64(1..=50_000),
            },
            Amounts::Huge => one_of(
                rng,
                &[999_999_999_999_999, 999_999_999_999_998, 333_333_333_333_333, 1, 500_000_000_000_000],
            ),
            Amounts::Mixed => {
                let size = one_of(rng, &[Amounts::Tiny, Amounts::Usual, Amounts::Usual, Amounts::Huge]);
                size.minor(rng)
            }
        }
    }
}

/// The events of a project so far, which later ones may repeat or refer to.
#[derive(Default)]
pub(crate) struct Past {
    charges: Vec<ChargeEvent>,
    spend: Vec<SpendEvent>,
    times_ms: Vec<i64>,
    /// The currency of the settings in force.
    currency: Option<Currency>,
}

fn chance(rng: &mut Rng, percent: u32) -> bool {
    rng.u32(..100) < percent
}

fn pick(rng: &mut Rng, prefix: &str, count: u32) -> Name {
    format!("{prefix}{}", rng.u32(..count)).into()
}

fn some<T>(rng: &mut Rng, percent: u32, value: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    chance(rng, percent).then(|| value(rng))
}

/// An amount of a currency; now and then one that can't be.
fn amount(rng: &mut Rng, world: &World, digits: u32) -> Decimal {
    let amount = Decimal::new(world.amounts.minor(rng), digits);
    let amount = match rng.u32(..if world.focused { 1_000 } else { 120 }) {
        0 => Decimal::ZERO,
        1 => -amount,
        2 => amount + Decimal::new(1, digits + 1),
        3 => Decimal::new(1_000_000_000_000_000, digits),
        _ => amount,
    };
    amount.normalize()
}

/// Fees may be 0.
fn fee(rng: &mut Rng, world: &World, digits: u32) -> Decimal {
    match rng.u32(..10) {
        0..=1 => Decimal::ZERO,
        2..=6 => Decimal::new(rng.i64(1..400), digits).normalize(),
        _ => amount(rng, world, digits),
    }
}

impl Past {
    pub(crate) fn settings(&mut self, rng: &mut Rng, world: &World) -> Body {
        let settings = settings::settings(rng, world);
        self.currency = settings.currency;
        Body::Settings(Arc::new(settings))
    }

    /// Digits of amounts: those of the currency that counts, now and then of another.
    fn digits(&self, rng: &mut Rng, currency: Option<Currency>) -> u32 {
        let any = || currencies()[0];
        let any = if chance(rng, 3) { any() } else { currency.or(self.currency).or_else(any) };
        any.map_or(2, Currency::minor_digits)
    }

    /// The currency that an event names.
    fn named(&self, rng: &mut Rng, world: &World) -> Option<Currency> {
        let percent = if self.currency.is_none() { 95 } else { 40 };
        some(rng, percent, |rng| one_of(rng, &currencies()[..world.currencies])).flatten()
    }

    /// A time near now, near midnight somewhere, of another event, or where the horizon is.
    fn time(&mut self, rng: &mut Rng, world: &World, now_ms: i64) -> i64 {
        let time_ms = match rng.u32(..100) {
            0..=49 => now_ms - rng.i64(0..=world.pace_ms),
            50..=69 => now_ms - rng.i64(0..=30 * world.pace_ms),
            70..=82 if !self.times_ms.is_empty() => one_of(rng, &self.times_ms),
            83..=89 => now_ms / HOUR_MS * HOUR_MS - rng.i64(0..=30) * HOUR_MS + rng.i64(-1..=0),
            90 => now_ms - world.horizon_ms + rng.i64(-2..=2),
            91 => now_ms - rng.i64(0..=2 * world.horizon_ms),
            92 => now_ms + DAY_MS + rng.i64(-2..=2),
            93..=95 => now_ms + rng.i64(0..=DAY_MS),
            _ => now_ms - rng.i64(0..=DAY_MS),
        };
        self.times_ms.push(time_ms);
        let excess = self.times_ms.len().saturating_sub(30);
        self.times_ms.drain(..excess);
        time_ms
    }

    pub(crate) fn charge(
        &mut self,
        rng: &mut Rng,
        world: &World,
        now_ms: i64,
        project: &Name,
    ) -> ChargeEvent {
        if !self.charges.is_empty() && chance(rng, 6) {
            return one_of(rng, &self.charges);
        }
        let mut event = self.fresh(rng, world, now_ms, project);
        if !self.charges.is_empty() && chance(rng, 4) {
            let again = one_of(rng, &self.charges);
            event = match rng.u32(..5) {
                0 => ChargeEvent { amount: event.amount, ..again },
                1 => ChargeEvent { fee: event.fee, ..again },
                2 => ChargeEvent { currency: event.currency, ..again },
                3 => ChargeEvent {
                    identity: Identity { line: again.identity.line + 1, ..again.identity },
                    ..again
                },
                _ => ChargeEvent { identity: again.identity, ..event },
            };
        }
        self.charges.push(event.clone());
        event
    }

    fn fresh(&mut self, rng: &mut Rng, world: &World, now_ms: i64, project: &Name) -> ChargeEvent {
        let kind = kind(rng);
        let user = match rng.u32(..60) {
            0 => project.clone(),
            1 => "stripe".into(),
            _ => pick(rng, "u", world.users),
        };
        let id = format!("{:04x}-{}", rng.u16(..), self.charges.len());
        let currency = self.named(rng, world);
        let digits = self.digits(rng, currency);
        let with_amount = if kind.needs_amount() { 99 } else { 60 };
        let mut event = ChargeEvent::new(id, kind, user);
        event.amount = some(rng, with_amount, |rng| amount(rng, world, digits));
        event.currency = currency;
        event.fee = some(rng, 30, |rng| fee(rng, world, digits));
        event.fee_returned = some(rng, 15, |rng| fee(rng, world, digits));
        event.charge_id =
            some(rng, if world.focused { 85 } else { 60 }, |rng| pick(rng, "c", world.references));
        event.order_id = some(rng, 30, |rng| pick(rng, "c", world.references));
        event.transaction = some(rng, 50, |rng| pick(rng, "t", world.transactions));
        event.product = some(rng, 60, |rng| pick(rng, "p", 4));
        event.processor = some(rng, 40, |rng| one_of(rng, &["stripe", "adyen", "other"]).into());
        if chance(rng, 1) {
            event.processor = Some(one_of(rng, &[event.user.clone(), project.clone()]));
        }
        event.tier =
            some(rng, 60, |rng| one_of(rng, &["bronze", "silver", "gold", "platinum", "lead"]).into());
        event.occurred_at_ms = some(rng, 95, |rng| self.time(rng, world, now_ms));
        let about = event.occurred_at_ms.unwrap_or(now_ms);
        event.clears_at_ms = some(rng, 60, |rng| match rng.u32(..8) {
            0 => about - rng.i64(0..=world.pace_ms),
            1 => about,
            2 => about + world.horizon_ms + rng.i64(-2..=2),
            3 => about + rng.i64(0..=2 * world.horizon_ms),
            _ => about + rng.i64(0..=20 * world.pace_ms),
        });
        event.livemode = !project.ends_with("~test");
        event.description = some(rng, 5, |rng| one_of(rng, &["a note", "another"]).into());
        event.card_number_masked = event.description.as_deref() == Some("another");
        believe(rng, &mut event);
        event
    }

    pub(crate) fn spend(&mut self, rng: &mut Rng, world: &World, now_ms: i64) -> SpendEvent {
        if !self.spend.is_empty() && chance(rng, 10) {
            return one_of(rng, &self.spend);
        }
        let currency = self.named(rng, world);
        let digits = self.digits(rng, currency);
        let amount = if chance(rng, 10) { Decimal::ZERO } else { amount(rng, world, digits) };
        let event = SpendEvent {
            event_id: pick(rng, "s", 3 * world.references),
            version: rng.u32(1..=4),
            amount,
            currency,
            occurred_at_ms: self.time(rng, world, now_ms),
            is_active: chance(rng, 85),
            platform: None,
            campaign: some(rng, 20, |rng| pick(rng, "k", 2)),
            ad_set: None,
            ad: None,
        };
        self.spend.push(event.clone());
        event
    }
}

fn kind(rng: &mut Rng) -> Kind {
    let weights: [u32; 15] = [8, 18, 22, 8, 6, 3, 3, 12, 5, 6, 5, 4, 5, 3, 3];
    let mut at = rng.u32(..weights.iter().sum::<u32>());
    for (kind, weight) in Kind::ALL.into_iter().zip(weights) {
        if at < weight {
            return kind;
        }
        at -= weight;
    }
    Kind::Noted
}

/// What the sender believes the event to earn; of points, what it moves.
fn believe(rng: &mut Rng, event: &mut ChargeEvent) {
    if event.kind.is_points() {
        event.points_delta = some(rng, 97, |rng| rng.i64(-500..=500));
    } else if chance(rng, 20) {
        let steps = event.amount.map_or(0, |a| i64::try_from((a / Decimal::TEN).ceil()).unwrap_or(0));
        let tier = one_of(rng, &[1, 1, 2, 3]);
        event.points_delta = some(rng, 70, |_| steps * tier);
        event.rounded_spend = some(rng, 70, |_| Decimal::from(steps * 10).normalize());
    }
}
