//! One walk over a charge's history, at the end, and what each event of it means (sections 2 and 3).

use std::collections::{BTreeMap, BTreeSet};

use daybook_core::calendar::Day;
use daybook_core::event::Kind;
use daybook_core::name::Name;
use daybook_core::party::Account;
use daybook_core::settings::PaybackPolicy;

use super::admit::Accepted;
use super::figures::Revenue;
use super::order::{Step, Transaction, opening, steps};
use super::payback::{Paybacks, chargeback_fee, payment_fee, schedule};
use super::points::Earning;
use super::posting::{Posting, Side};
use super::splits::{Shares, Sharing};
use super::{Rules, Twist};

/// What one event of a charge means.
#[derive(Debug, Default)]
pub(crate) struct Meaning {
    pub(crate) record: usize,
    pub(crate) cleared: bool,
    pub(crate) day: Option<Day>,
    /// From, to, amount.
    pub(crate) legs: Vec<(Side, Side, i128)>,
    /// Change of what is billed.
    pub(crate) service: i128,
    pub(crate) goodwill: i128,
    /// The columns that others are computed from; the rest of them stays 0.
    pub(crate) columns: Revenue,
    pub(crate) shares: Shares,
    pub(crate) points: (i128, i128),
    pub(crate) charge_state: &'static str,
    pub(crate) flags: BTreeSet<&'static str>,
    /// Day on which its payback counts among the KPIs.
    pub(crate) payback_day: Option<Day>,
}

/// What a charge means at a journal time.
#[derive(Debug, Default)]
pub(crate) struct Charge {
    pub(crate) customer: Option<Name>,
    pub(crate) meanings: Vec<Meaning>,
    /// Day of the first opening event.
    pub(crate) opening_day: Option<Day>,
    pub(crate) billed: i128,
    pub(crate) outstanding: i128,
}

/// What is known of a charge so far.
struct Walk<'a> {
    project: &'a Name,
    customer: Name,
    /// The first payment and its processor.
    first_payment: Option<(i64, Name)>,
    invoiced: i128,
    open: BTreeMap<Transaction, i128>,
    paid_transactions: BTreeSet<Transaction>,
    paid: i128,
    written: i128,
    paybacks: Paybacks,
    refunded_under: BTreeMap<Transaction, i128>,
    /// Charged back, neither won nor lost.
    disputed: i128,
    failed: bool,
    rules: Rules,
}

/// Walks over a charge's history once.
pub(crate) fn walk(project: &Name, events: &[Accepted], time_ms: i64, rules: Rules) -> Charge {
    let steps = steps(events, time_ms, rules);
    let Some(opening) = opening(&steps) else { return Charge::default() };
    let earning = Earning::of(opening, rules);
    let mut sharing = Sharing::of(project, opening, &steps, rules);
    let customer = opening.of.event.user.clone();
    let first_payment = steps.iter().find(|s| s.kind == Kind::Payment);
    let named = |s: &Step<'_>| s.of.event.processor.clone().unwrap_or(s.of.settings.processor.clone());
    let mut walk = Walk {
        project,
        customer: customer.clone(),
        first_payment: first_payment.map(|s| (s.at_ms, named(s))),
        invoiced: 0,
        open: BTreeMap::new(),
        paid_transactions: BTreeSet::new(),
        paid: 0,
        written: 0,
        paybacks: Paybacks::default(),
        refunded_under: BTreeMap::new(),
        disputed: 0,
        failed: false,
        rules,
    };
    let mut points = (0, 0);
    let mut state = "none";
    let day = |s: &Step<'_>| rules.day(&s.of.settings, s.at_ms);
    // KPIs: where phase 0 is empty, each payback on its own day.
    let opening_day = steps.first().filter(|s| s.phase() == 0).map(|_| day(opening));
    let mut meanings = Vec::new();
    for step in &steps {
        let mut meaning = walk.step(step);
        let net = meaning.columns.gross_sales
            - meaning.columns.refunds
            - meaning.columns.chargebacks
            - meaning.columns.platform_fees;
        meaning.shares = sharing.step(step, net, walk.paybacks.back(), walk.paid);
        let after = earning.of_charge(walk.paid, walk.paybacks.back(), walk.outstanding());
        meaning.points = (after.0 - points.0, after.1 - points.1);
        points = after;
        meaning.record = step.of.record;
        meaning.cleared = step.cleared;
        meaning.day = Some(day(step));
        meaning.payback_day = opening_day.or(meaning.day);
        let before = std::mem::replace(&mut state, walk.state());
        meaning.charge_state = state;
        if !expected(before, state) && !meaning.flags.contains("unmatched") {
            meaning.flags.insert("unexpected_transition");
        }
        let event = &step.of.event;
        let raise = [
            ("card_number_masked", event.card_number_masked),
            ("customer_mismatch", event.user != customer),
            ("points_mismatch", earning.mismatch(step)),
            ("unknown_tier", earning.unknown_tier && std::ptr::eq(step, opening)),
        ];
        meaning.flags.extend(raise.into_iter().filter(|(_, raised)| *raised).map(|(flag, _)| flag));
        meanings.push(meaning);
    }
    Charge {
        customer: Some(customer),
        meanings,
        opening_day,
        billed: walk.billed(),
        outstanding: walk.outstanding(),
    }
}

/// Expected steps (3.4).
fn expected(from: &str, to: &str) -> bool {
    from == to
        || match from {
            "none" => matches!(to, "pending" | "settled"),
            "pending" => matches!(to, "none" | "settled" | "failed" | "written_off"),
            "written_off" => matches!(to, "failed" | "settled" | "pending"),
            "failed" => matches!(to, "settled" | "pending"),
            "settled" => matches!(to, "partially_refunded" | "refunded" | "disputed"),
            "partially_refunded" => matches!(to, "refunded" | "settled" | "disputed"),
            "refunded" => matches!(to, "partially_refunded" | "settled"),
            "disputed" => matches!(to, "settled" | "partially_refunded" | "charged_back"),
            _ => false,
        }
}

impl Walk<'_> {
    fn billed(&self) -> i128 {
        self.invoiced.max(self.open.values().sum::<i128>() + self.paid)
    }

    fn outstanding(&self) -> i128 {
        self.billed() - self.paid - self.written
    }

    /// 3.4, from the figures alone, the first that fits.
    fn state(&self) -> &'static str {
        let back = self.paybacks.back();
        if self.disputed > 0 {
            "disputed"
        } else if self.paid > 0 && back >= self.paid {
            if self.paybacks.charged_back > 0 { "charged_back" } else { "refunded" }
        } else if back > 0 {
            "partially_refunded"
        } else if self.paid > 0 {
            "settled"
        } else if self.outstanding() > 0 {
            "pending"
        } else if self.written > 0 {
            "written_off"
        } else if self.failed {
            "failed"
        } else {
            "none"
        }
    }

    fn processor(&self, step: &Step<'_>) -> Name {
        let of_settings = step.of.settings.processor.clone();
        // 1.5: a payback that names none takes that of the charge's first payment.
        let of_first = self.first_payment.as_ref().filter(|_| step.phase() > 0).map(|(_, p)| p.clone());
        let of_first = of_first.filter(|_| !self.rules.are(Twist::PaybackProcessorOfSettings));
        step.of.event.processor.clone().or(of_first).unwrap_or(of_settings)
    }

    fn step(&mut self, step: &Step<'_>) -> Meaning {
        let mut meaning = Meaning::default();
        let before = self.billed();
        let processor = self.processor(step);
        let posting = Posting {
            customer: self.customer.clone(),
            provider: self.project.clone(),
            processor: processor.clone(),
        };
        let amount = step.of.amount;
        match step.kind {
            Kind::Service => self.invoiced += amount.unwrap_or(0),
            Kind::Pending => {
                if let Some(transaction) = step.transaction.clone()
                    && !self.paid_transactions.contains(&transaction)
                {
                    *self.open.entry(transaction).or_default() += amount.unwrap_or(0);
                }
            }
            Kind::Payment => {
                let open = step.transaction.as_ref().and_then(|t| self.open.remove(t));
                let amount = if step.cleared { open.unwrap_or(0) } else { amount.unwrap_or(0) };
                self.paid += amount;
                self.paid_transactions.extend(step.transaction.clone());
                let fee = payment_fee(step, &processor, amount);
                self.paybacks.fees += fee;
                posting.payment(&mut meaning, amount, fee);
            }
            Kind::Failed => {
                self.failed = true;
                // Of no transaction: where anything is paid.
                let paid = match &step.transaction {
                    Some(transaction) => {
                        self.open.remove(transaction);
                        self.paid_transactions.contains(transaction)
                    }
                    None => self.paid > 0,
                };
                if paid {
                    meaning.flags.insert("unexpected_transition");
                }
            }
            Kind::WriteOff => {
                let outstanding = self.outstanding();
                let written = amount.unwrap_or(outstanding).min(outstanding);
                self.written += written;
                posting.leg(
                    &mut meaning,
                    posting.customer(Account::Payable),
                    posting.customer(Account::Writeoff),
                    written,
                );
                if amount.is_some_and(|a| a > outstanding) {
                    meaning.flags.insert("exceeds_outstanding");
                }
            }
            Kind::Goodwill => {
                let amount = amount.unwrap_or(0);
                meaning.goodwill = amount;
                let payable = posting.customer(Account::Payable);
                posting.leg(&mut meaning, posting.provider(Account::Income), payable.clone(), amount);
                posting.leg(&mut meaning, payable, posting.customer(Account::Writeoff), amount);
            }
            Kind::Refund | Kind::Chargeback | Kind::RefundRest => {
                self.payback(step, &posting, &mut meaning);
            }
            Kind::RefundFailed | Kind::ChargebackWon | Kind::ChargebackLost => {
                self.payback_undone(step, &posting, &mut meaning);
            }
            Kind::Noted | Kind::PointsRedeem | Kind::PointsAdjust => {}
        }
        let service = self.billed() - before;
        meaning.service = service;
        let (income, payable) = (posting.provider(Account::Income), posting.customer(Account::Payable));
        if service > 0 {
            posting.leg(&mut meaning, income, payable, service);
        } else {
            posting.leg(&mut meaning, payable, income, -service);
        }
        let recovered = (-self.outstanding()).max(0);
        if !self.rules.are(Twist::NothingRecovered) {
            self.written -= recovered;
            let payable = posting.customer(Account::Payable);
            posting.leg(&mut meaning, posting.customer(Account::Writeoff), payable, recovered);
        }
        meaning
    }

    /// `refund`, `chargeback`, `refund_rest`.
    fn payback(&mut self, step: &Step<'_>, posting: &Posting, meaning: &mut Meaning) {
        let chargeback = step.kind == Kind::Chargeback;
        let mut amount = step.of.amount.unwrap_or(0);
        if step.kind == Kind::RefundRest {
            if step.transaction.as_ref().is_some_and(|t| self.open.remove(t).is_some()) {
                return; // released and nothing refunded
            }
            amount = amount.min((self.paid - self.paybacks.back()).max(0));
            if amount == 0 {
                return; // nothing left: no fees either
            }
        }
        if chargeback {
            self.paybacks.charged_back += amount;
            self.disputed += amount;
        } else {
            self.paybacks.refunded += amount;
            if let Some(transaction) = step.transaction.clone() {
                *self.refunded_under.entry(transaction).or_default() += amount;
            }
        }
        let by_schedule = if chargeback { chargeback_fee(step, &posting.processor) } else { 0 };
        let p = step.of.fee.unwrap_or(by_schedule);
        let policy = schedule(step, &posting.processor).map_or(PaybackPolicy::None, |s| s.payback);
        let (v, exceeds_fees) =
            self.paybacks.take_fee_returned(step.of.fee_returned, policy, self.paid, self.rules);
        let account = if chargeback { Account::Chargeback } else { Account::Refund };
        posting.leg(meaning, posting.provider(Account::Assets), posting.customer(account), amount);
        posting.fees(meaning, p, v);
        let columns = &mut meaning.columns;
        if chargeback {
            columns.chargebacks += amount;
            columns.chargeback_count += 1;
        } else {
            columns.refunds += amount;
            columns.refund_count += i128::from(amount > 0);
        }
        let unmatched = self.first_payment.is_none();
        let capped = if !self.rules.are(Twist::CapsApart) {
            self.paybacks.back()
        } else if chargeback {
            self.paybacks.charged_back
        } else {
            self.paybacks.refunded
        };
        let settings = &step.of.settings;
        let window = if chargeback { settings.chargeback_window_ms } else { settings.refund_window_ms };
        let late = self.first_payment.as_ref().is_some_and(|(at_ms, _)| step.at_ms - at_ms > window);
        let raise = [
            ("unmatched", unmatched && amount > 0),
            ("late_payback", late && amount > 0),
            ("exceeds_charge", !unmatched && amount > 0 && capped > self.paid),
            ("exceeds_fees", exceeds_fees),
        ];
        meaning.flags.extend(raise.into_iter().filter(|(_, raised)| *raised).map(|(flag, _)| flag));
    }

    /// `refund_failed`, `chargeback_won`, `chargeback_lost`.
    fn payback_undone(&mut self, step: &Step<'_>, posting: &Posting, meaning: &mut Meaning) {
        let open = self.disputed;
        let amount = step.of.amount;
        let v = step.of.fee_returned.unwrap_or(0);
        let assets = posting.provider(Account::Assets);
        match step.kind {
            Kind::RefundFailed => {
                let under =
                    step.transaction.as_ref().map(|t| self.refunded_under.get(t).copied().unwrap_or(0));
                let most = under.unwrap_or(self.paybacks.refunded).min(self.paybacks.refunded).max(0);
                let amount = amount.unwrap_or(most).min(most);
                self.paybacks.refunded -= amount;
                self.paybacks.charged_back += (-self.paybacks.back()).max(0);
                if let Some(transaction) = step.transaction.clone() {
                    *self.refunded_under.entry(transaction).or_default() -= amount;
                }
                meaning.columns.refunds -= amount;
                posting.leg(meaning, posting.customer(Account::Refund), assets, amount);
                posting.fees(meaning, step.of.fee.unwrap_or(0), v);
            }
            Kind::ChargebackWon => {
                let amount = amount.unwrap_or(open);
                if amount > open {
                    meaning.flags.insert("exceeds_chargeback");
                }
                // 3.6: what is won beyond all paybacks is no credit for later ones.
                self.paybacks.charged_back -= amount.min(self.paybacks.back());
                self.disputed -= amount.min(open);
                meaning.columns.chargebacks -= amount;
                posting.leg(meaning, posting.customer(Account::Chargeback), assets, amount);
                posting.fees(meaning, 0, v);
            }
            _ => self.disputed -= amount.unwrap_or(open).min(open),
        }
    }
}
