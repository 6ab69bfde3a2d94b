//! One step of the fold over a charge's history: what an event means after those before it (sections 2, 3, 6, 8).

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::charge_state::ChargeState;
use crate::daily::{Columns, Kpis};
use crate::entry::Leg;
use crate::event::{Identity, Kind};
use crate::flags::{Flag, Flags};
use crate::meaning::{Meaning, Step, Terms};
use crate::money::proportion;
use crate::name::Name;
use crate::party::{Account, Parties, Role};
use crate::rewards::Points;
use crate::settings::PaybackPolicy;
use crate::splits::{self, Share, Sharing};

/// What a payment is held open or made under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transaction {
    /// The processor's.
    Named(Name),
    /// A `pending` without one is a transaction by itself.
    Own(Identity),
}

/// Where the walk over a history stands. All figures in minor units.
///
/// A history is bounded and amounts are below 10^15, so no sum here can overflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fold {
    /// Services.
    pub invoiced: i64,
    /// Payments.
    pub paid: i64,
    /// Written off and not recovered.
    pub written: i64,
    /// F of all payments.
    pub fees: i64,
    /// V of all refunds and chargebacks.
    pub fees_returned: i64,
    /// Refunds less failed ones.
    pub refunded: i64,
    /// Chargebacks less those won.
    pub charged_back: i64,
    /// Chargebacks neither won nor lost.
    pub disputed: i64,
    /// Payments held open, by transaction.
    pub open: BTreeMap<Transaction, i64>,
    /// All of them together.
    pub open_minor: i64,
    /// Transactions that have a payment.
    pub paid_transactions: BTreeSet<Transaction>,
    /// Refunds less failed ones by transaction.
    pub refunded_by: BTreeMap<Name, i64>,
    /// Time and processor of the first payment.
    pub first_payment: Option<(i64, Name)>,
    /// Whether a payment has failed.
    pub failed: bool,
    /// Points earned so far.
    pub points: Points,
    /// State so far.
    pub state: ChargeState,
    /// Who shares in it; a charge without a split rule shares nothing. Boxed: most have none.
    pub sharing: Option<Box<Sharing>>,
}

const PAYABLE: (Role, Account) = (Role::Customer, Account::Payable);
const WRITEOFF: (Role, Account) = (Role::Customer, Account::Writeoff);
const REFUND: (Role, Account) = (Role::Customer, Account::Refund);
const CHARGEBACK: (Role, Account) = (Role::Customer, Account::Chargeback);
const ASSETS: (Role, Account) = (Role::Provider, Account::Assets);
const INCOME: (Role, Account) = (Role::Provider, Account::Income);
const FEES: (Role, Account) = (Role::Processor, Account::Income);

/// The event under way: its legs, columns and flags so far.
#[derive(Default)]
struct Draft {
    legs: Vec<Leg>,
    columns: Columns,
    flags: Flags,
    /// What a payment leaves after its fee.
    paid_net: Option<i64>,
}

impl Draft {
    fn post(&mut self, orig: (Role, Account), dest: (Role, Account), amount_minor: i64) {
        if amount_minor > 0 {
            self.legs.push(Leg { orig, dest, amount_minor });
        }
    }

    fn fees(&mut self, charged: i64, returned: i64) {
        self.post(ASSETS, FEES, charged);
        self.post(FEES, ASSETS, returned);
        self.columns.platform_fees_minor += i128::from(charged) - i128::from(returned);
    }
}

impl Fold {
    /// Services, or open and paid payments, whichever is more.
    #[must_use]
    pub fn billed(&self) -> i64 {
        self.invoiced.max(self.open_minor + self.paid)
    }

    /// What the customer still owes.
    #[must_use]
    pub fn outstanding(&self) -> i64 {
        self.billed() - self.paid - self.written
    }

    /// Refunds and chargebacks, failed and won ones deducted.
    #[must_use]
    pub fn paid_back(&self) -> i64 {
        self.refunded + self.charged_back
    }

    /// What is open under a transaction, minor units.
    #[must_use]
    pub fn open_under(&self, transaction: &Transaction) -> i64 {
        self.open.get(transaction).copied().unwrap_or(0)
    }

    /// Takes one step and says what it means.
    pub fn step(&mut self, terms: &Terms, step: &Step<'_>) -> Meaning {
        let processor = self.processor(step);
        let (billed_before, state_before, points_before) = (self.billed(), self.state, self.points);
        let outstanding_before = self.outstanding();
        let mut draft = Draft::default();
        let amount = if step.clearing {
            step.transaction.as_ref().map_or(0, |t| self.open_under(t))
        } else {
            step.accepted.amount_minor.unwrap_or(0)
        };

        match step.kind {
            Kind::Service => self.invoiced += amount,
            Kind::Pending => self.hold(step, amount),
            Kind::Payment => self.pay(terms, step, &processor, amount, &mut draft),
            Kind::Failed => {
                self.release(step.transaction.as_ref());
                self.failed = true;
                // A payment that has been made can't have failed; one of another transaction can.
                let made =
                    step.transaction.as_ref().map_or(self.paid > 0, |t| self.paid_transactions.contains(t));
                draft.flags.raise_if(made, Flag::UnexpectedTransition);
            }
            Kind::WriteOff => {
                let wanted = step.accepted.amount_minor.unwrap_or_else(|| self.outstanding());
                let written = wanted.min(self.outstanding());
                draft.flags.raise_if(wanted > written, Flag::ExceedsOutstanding);
                draft.post(PAYABLE, WRITEOFF, written);
                self.written += written;
            }
            Kind::Goodwill => {
                draft.post(INCOME, PAYABLE, amount);
                draft.post(PAYABLE, WRITEOFF, amount);
            }
            Kind::Noted | Kind::PointsRedeem | Kind::PointsAdjust => {}
            Kind::Refund | Kind::Chargeback => self.pay_back(terms, step, &processor, amount, &mut draft),
            Kind::RefundRest => {
                if step.transaction.as_ref().is_some_and(|t| self.open_under(t) > 0) {
                    self.release(step.transaction.as_ref());
                } else {
                    let rest = amount.min(self.paid - self.paid_back()).max(0);
                    if rest > 0 {
                        self.pay_back(terms, step, &processor, rest, &mut draft);
                    }
                }
            }
            Kind::RefundFailed => self.refund_failed(step, &mut draft),
            Kind::ChargebackWon => {
                let won = step.accepted.amount_minor.unwrap_or(self.disputed);
                draft.flags.raise_if(won > self.disputed, Flag::ExceedsChargeback);
                draft.post(CHARGEBACK, ASSETS, won);
                draft.fees(0, step.accepted.fee_returned_minor.unwrap_or(0));
                draft.columns.chargebacks_minor -= i128::from(won);
                self.disputed = (self.disputed - won).max(0);
                self.charged_back = (self.charged_back - won).max(-self.refunded);
            }
            Kind::ChargebackLost => {
                let lost = step.accepted.amount_minor.unwrap_or(self.disputed);
                self.disputed = (self.disputed - lost).max(0);
            }
        }

        self.use_of_service(billed_before, &mut draft);
        if self.outstanding() < 0 {
            let recovered = -self.outstanding();
            draft.post(WRITEOFF, PAYABLE, recovered);
            self.written -= recovered;
        }

        self.points = match step.kind.is_points() {
            // Facts, and of no charge.
            true => Points { pending: 0, available: step.accepted.event.points_delta.unwrap_or(0) },
            false => self.earned(terms),
        };
        self.state = self.state_now();
        let unmatched = draft.flags.contains(Flag::Unmatched);
        draft.flags.raise_if(!unmatched && !state_before.expects(self.state), Flag::UnexpectedTransition);
        draft.flags.raise_if(step.accepted.event.user != terms.customer, Flag::CustomerMismatch);
        draft.flags.raise_if(step.accepted.event.card_number_masked, Flag::CardNumberMasked);
        let opens = !step.clearing && step.accepted.event.identity == terms.opening;
        draft.flags.raise_if(opens && terms.earning.unknown_tier, Flag::UnknownTier);
        draft.flags.raise_if(is_points_mismatch(terms, step, amount), Flag::PointsMismatch);

        let kpis = Kpis {
            billed_minor: i128::from(self.billed()) - i128::from(billed_before),
            paybacks_minor: draft.columns.refunds_minor + draft.columns.chargebacks_minor,
            outstanding_minor: i128::from(self.outstanding()) - i128::from(outstanding_before),
            ..Kpis::default()
        };
        let shares = self.share(terms, step, &draft);
        draft.columns.allocate(&shares);
        let day = match terms.purchase_day {
            Some(day) if opens => day,
            _ => step.settings.zone.day(step.time_ms),
        };

        Meaning {
            legs: draft.legs,
            parties: Parties {
                customer: terms.customer.clone(),
                provider: terms.provider.clone(),
                processor,
            },
            columns: draft.columns,
            kpis,
            purchase_day: terms.purchase_day.unwrap_or(day),
            shares,
            points: self.points.minus(points_before),
            rounded_spend: terms.earning.rounded_spend(amount),
            state: self.state,
            flags: draft.flags,
            time_ms: step.time_ms,
            day,
        }
    }

    /// How the net effect of the event under way is shared.
    fn share(&mut self, terms: &Terms, step: &Step<'_>, draft: &Draft) -> Vec<Share> {
        let (paid_back, paid) = (self.paid_back(), self.paid);
        let Some(sharing) = &mut self.sharing else { return Vec::new() };
        let rule = || splits::rule(&terms.settings, terms.product_of(step.accepted));
        let payment = draft.paid_net.and_then(|net| Some((rule()?, net)));
        sharing.step(payment, &terms.provider, draft.columns.net_revenue_minor(), paid_back, paid)
    }

    /// The event's processor; of a payback that names none, that of the first payment (1.5); else the settings'.
    fn processor(&self, step: &Step<'_>) -> Name {
        let of_first_payment = || {
            let payback = step.kind.phase() > 0;
            self.first_payment.as_ref().filter(|_| payback).map(|(_, processor)| processor)
        };
        let named = step.accepted.event.processor.as_ref();
        named.or_else(of_first_payment).unwrap_or(&step.settings.processor).clone()
    }

    fn hold(&mut self, step: &Step<'_>, amount_minor: i64) {
        if let Some(transaction) = &step.transaction
            && !self.paid_transactions.contains(transaction)
        {
            *self.open.entry(transaction.clone()).or_default() += amount_minor;
            self.open_minor += amount_minor;
        }
    }

    fn release(&mut self, transaction: Option<&Transaction>) {
        if let Some(transaction) = transaction {
            self.open_minor -= self.open.remove(transaction).unwrap_or(0);
        }
    }

    fn pay(&mut self, terms: &Terms, step: &Step<'_>, processor: &Name, amount: i64, draft: &mut Draft) {
        self.release(step.transaction.as_ref());
        if amount == 0 {
            // A clearing that no longer has anything to clear: it keeps its entry and means nothing (3.2).
            return;
        }
        if let Some(transaction) = &step.transaction {
            self.paid_transactions.insert(transaction.clone());
        }
        if self.first_payment.is_none() {
            self.first_payment = Some((step.time_ms, processor.clone()));
        }
        let schedule = step.settings.fees.get(processor);
        let scheduled = || schedule.map_or(0, |s| s.payment_fee(amount, terms.currency));
        let fee = step.accepted.fee_minor.unwrap_or_else(scheduled);
        self.paid += amount;
        self.fees += fee;
        draft.paid_net = Some(amount - fee);
        draft.post(PAYABLE, ASSETS, amount - fee);
        draft.post(PAYABLE, FEES, fee.min(amount));
        draft.post(ASSETS, FEES, fee - amount);
        draft.columns.gross_sales_minor += i128::from(amount);
        draft.columns.platform_fees_minor += i128::from(fee);
        draft.columns.transaction_count += 1;
    }

    /// Refund, chargeback, and what `refund_rest` refunds.
    fn pay_back(&mut self, terms: &Terms, step: &Step<'_>, processor: &Name, amount: i64, draft: &mut Draft) {
        let chargeback = step.kind == Kind::Chargeback;
        let (account, window_ms) = if chargeback {
            self.charged_back += amount;
            self.disputed += amount;
            draft.columns.chargebacks_minor += i128::from(amount);
            draft.columns.chargeback_count += 1;
            (CHARGEBACK, step.settings.chargeback_window_ms)
        } else {
            self.refunded += amount;
            if let Some(name) = &step.accepted.event.transaction {
                *self.refunded_by.entry(name.clone()).or_default() += amount;
            }
            draft.columns.refunds_minor += i128::from(amount);
            draft.columns.refund_count += 1;
            (REFUND, step.settings.refund_window_ms)
        };
        draft.post(ASSETS, account, amount);

        let schedule = step.settings.fees.get(processor);
        let scheduled = || schedule.filter(|_| chargeback).map_or(0, |s| s.chargeback_fee(terms.currency));
        let charged = step.accepted.fee_minor.unwrap_or_else(scheduled);
        let returnable = (self.fees - self.fees_returned).max(0);
        let returned = match (step.accepted.fee_returned_minor, &self.first_payment) {
            (Some(own), _) => {
                draft.flags.raise_if(own > returnable, Flag::ExceedsFees);
                own
            }
            // What the policy gives back waits for the payment (3.5).
            (None, None) => 0,
            (None, Some(_)) => {
                let back = self.paid_back().min(self.paid);
                let policy = schedule.map_or(PaybackPolicy::None, |s| s.payback);
                let due = match policy {
                    PaybackPolicy::None => 0,
                    PaybackPolicy::Proportional => {
                        proportion(self.fees, back, self.paid) - self.fees_returned
                    }
                    PaybackPolicy::Full => returnable,
                };
                due.clamp(0, returnable)
            }
        };
        self.fees_returned += returned;
        draft.fees(charged, returned);

        match &self.first_payment {
            None => draft.flags.raise(Flag::Unmatched),
            Some((first_ms, _)) => {
                draft.flags.raise_if(self.paid_back() > self.paid, Flag::ExceedsCharge);
                draft.flags.raise_if(step.time_ms.saturating_sub(*first_ms) > window_ms, Flag::LatePayback);
            }
        }
    }

    fn refund_failed(&mut self, step: &Step<'_>, draft: &mut Draft) {
        let by_transaction = step
            .accepted
            .event
            .transaction
            .as_ref()
            .map(|name| self.refunded_by.get(name).copied().unwrap_or(0));
        let most = by_transaction.unwrap_or(self.refunded).min(self.refunded).max(0);
        let failed = step.accepted.amount_minor.unwrap_or(most).min(most);
        draft.post(REFUND, ASSETS, failed);
        draft.fees(step.accepted.fee_minor.unwrap_or(0), step.accepted.fee_returned_minor.unwrap_or(0));
        draft.columns.refunds_minor -= i128::from(failed);
        self.refunded -= failed;
        // Where more was won than charged back, the refund had made up for it: in total never below 0 (3.6).
        self.charged_back = self.charged_back.max(-self.refunded);
        if let Some(name) = &step.accepted.event.transaction
            && let Some(refunded) = self.refunded_by.get_mut(name)
        {
            *refunded -= failed;
        }
    }

    /// Use of service is always posted as the change of what is billed; it comes first, as the debt that the
    /// event's other legs are about.
    fn use_of_service(&self, billed_before: i64, draft: &mut Draft) {
        let rise = self.billed() - billed_before;
        let (orig, dest) = if rise > 0 { (INCOME, PAYABLE) } else { (PAYABLE, INCOME) };
        if rise != 0 {
            draft.legs.insert(0, Leg { orig, dest, amount_minor: rise.abs() });
        }
    }

    /// Points of what was paid and not paid back, and of what is outstanding (section 8).
    fn earned(&self, terms: &Terms) -> Points {
        let kept = self.paid - self.paid_back();
        let owed = (self.outstanding() + kept.min(0)).max(0);
        let available = terms.earning.points(kept);
        let pending = terms.earning.points(kept.max(0) + owed) - available;
        Points { pending, available }
    }

    /// 3.4, from the figures alone: the first that fits.
    fn state_now(&self) -> ChargeState {
        if self.disputed > 0 {
            ChargeState::Disputed
        } else if self.paid > 0 && self.paid_back() >= self.paid {
            if self.charged_back > 0 { ChargeState::ChargedBack } else { ChargeState::Refunded }
        } else if self.paid_back() > 0 {
            ChargeState::PartiallyRefunded
        } else if self.paid > 0 {
            ChargeState::Settled
        } else if self.outstanding() > 0 {
            ChargeState::Pending
        } else if self.written > 0 {
            ChargeState::WrittenOff
        } else if self.failed {
            ChargeState::Failed
        } else {
            ChargeState::None
        }
    }
}

/// Whether what a purchase's sender believes it to earn is not what its amount earns (section 8).
fn is_points_mismatch(terms: &Terms, step: &Step<'_>, amount_minor: i64) -> bool {
    let event = &step.accepted.event;
    let purchase = matches!(step.kind, Kind::Pending | Kind::Payment) && !step.clearing;
    let differs = |believed: Decimal, earned: i64| believed != Decimal::from(earned);
    purchase
        && (event.points_delta.is_some_and(|points| points != terms.earning.points(amount_minor))
            || event
                .rounded_spend
                .is_some_and(|spend| differs(spend, terms.earning.rounded_spend(amount_minor))))
}
