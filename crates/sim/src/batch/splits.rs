//! Who has which share of a charge (section 8, "Splits").

use std::collections::BTreeMap;

use daybook_core::event::Kind;
use daybook_core::name::Name;
use daybook_core::settings::{PartnerType, SplitRule};

use super::order::Step;
use super::rounding::{down, fraction, up};
use super::{Rules, Twist};

/// A partner by type and name.
pub(crate) type Partner = (PartnerType, Name);

/// What one event gives and takes, by partner.
pub(crate) type Shares = BTreeMap<Partner, i128>;

/// Where the partners of a charge stand.
pub(crate) struct Sharing<'a> {
    project: &'a Name,
    opening: &'a Step<'a>,
    /// Who carries residuals; `None`: a charge without any rule.
    owner: Option<Partner>,
    allocated: Shares,
    standing: Shares,
    rules: Rules,
}

impl<'a> Sharing<'a> {
    /// 3.7: rules are those of the first opening event's settings; the owner is the one of the first payment that has
    /// a rule.
    pub(crate) fn of(project: &'a Name, opening: &'a Step<'a>, steps: &[Step<'a>], rules: Rules) -> Self {
        let mut sharing =
            Self { project, opening, owner: None, allocated: Shares::new(), standing: Shares::new(), rules };
        let mut payments = steps.iter().filter(|s| s.kind == Kind::Payment);
        let first = payments.find_map(|payment| sharing.rule(payment));
        sharing.owner = first.map(|rule| owner(rule, project));
        sharing
    }

    /// 3.7: the rule of the payment's product; where it names none, of the first opening event's.
    fn rule(&self, payment: &Step<'_>) -> Option<&'a SplitRule> {
        let product = payment.of.event.product.as_ref().or(self.opening.of.event.product.as_ref())?;
        self.opening.of.settings.splits.iter().find(|rule| rule.product == *product)
    }

    /// Shares in what one event changes of the net revenue. `back` are all paybacks with this event's, `paid` all
    /// payments with this one.
    pub(crate) fn step(&mut self, step: &Step<'_>, net_effect: i128, back: i128, paid: i128) -> Shares {
        let Some(owner) = self.owner.clone() else { return Shares::new() };
        if step.kind == Kind::Payment
            && let Some(rule) = self.rule(step)
        {
            for (partner, amount) in allocate(rule, self.project, net_effect, self.rules) {
                if partner != owner {
                    *self.allocated.entry(partner).or_default() += amount;
                }
            }
        }
        let back = back.min(paid);
        let mut shares = Shares::new();
        let mut rest = net_effect;
        for (partner, allocated) in &self.allocated {
            let round = if self.rules.are(Twist::StandingRoundsUp) { up } else { down };
            let given_back = if paid > 0 { round(allocated * back, paid) } else { 0 };
            let stood_at = self.standing.insert(partner.clone(), allocated - given_back).unwrap_or(0);
            let change = allocated - given_back - stood_at;
            shares.insert(partner.clone(), change);
            rest -= change;
        }
        // The owner carries everything else.
        *shares.entry(owner).or_default() += rest;
        shares
    }
}

/// The owner of a rule; where none is declared, named as the provider.
fn owner(rule: &SplitRule, project: &Name) -> Partner {
    let declared = rule.partners.iter().find(|p| p.partner_type == PartnerType::Owner);
    (PartnerType::Owner, declared.map_or(project, |p| &p.name).clone())
}

/// A payment's net by largest remainder, ties in declared order, an owner not declared last; a net below 0 is the
/// owner's alone.
fn allocate(rule: &SplitRule, project: &Name, net: i128, rules: Rules) -> Vec<(Partner, i128)> {
    let owner = owner(rule, project);
    if net < 0 {
        return vec![(owner, net)];
    }
    // All percentages over one denominator.
    let denominator = rule.partners.iter().map(|p| fraction(p.percentage).1).max().unwrap_or(1);
    let mut weights: Vec<(Partner, i128)> = Vec::new();
    for partner in &rule.partners {
        let (mantissa, unit) = fraction(partner.percentage);
        weights.push(((partner.partner_type, partner.name.clone()), mantissa * (denominator / unit)));
    }
    if !weights.iter().any(|(partner, _)| *partner == owner) {
        weights.push((owner.clone(), 0));
    }
    // The rest is the owner's.
    let rest = denominator - weights.iter().map(|(_, weight)| weight).sum::<i128>();
    for (partner, weight) in &mut weights {
        *weight += if *partner == owner { rest } else { 0 };
    }
    let mut parts: Vec<(Partner, i128)> =
        weights.iter().map(|(partner, weight)| (partner.clone(), net * weight / denominator)).collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    if rules.are(Twist::TiesBackwards) {
        by_remainder.reverse();
    }
    // Stable: equal remainders stay in declared order.
    by_remainder.sort_by_key(|i| std::cmp::Reverse(net * weights[*i].1 % denominator));
    let mut left = net - parts.iter().map(|(_, part)| part).sum::<i128>();
    for i in by_remainder {
        let one = left.min(1);
        parts[i].1 += one;
        left -= one;
    }
    parts
}
