//! Who shares in the net revenue of a charge (accounting.md, section 8; seed 002).
//!
//! A payment's net amount is split by the rule of its product. The first payment that has a rule names the owner, who
//! carries everything that no other partner does: payments without a rule, fees, what roundings leave.

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::event::Identity;
use crate::money::Currency;
use crate::name::Name;
use crate::settings::{Partner, PartnerType, Settings, SplitRule};

/// A partner as the allocations name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PartnerKey {
    /// What the partner is.
    pub partner_type: PartnerType,
    /// Who.
    pub name: Name,
}

/// Where a partner other than the owner stands in a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The partner.
    pub partner: PartnerKey,
    /// Share in the last rule that named the partner, 0 to 1.
    pub percentage: Decimal,
    /// Of all payments, minor units.
    pub allocated_minor: i64,
    /// Less what paybacks have taken, minor units.
    pub stands_at_minor: i64,
}

/// The owner of a charge, who carries the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The owner.
    pub partner: PartnerKey,
    /// Share with all that no other partner of the rule has, 0 to 1.
    pub percentage: Decimal,
}

/// A partner's share in what one event adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The partner.
    pub partner: PartnerKey,
    /// Share, 0 to 1.
    pub percentage: Decimal,
    /// Minor units; below 0 where it is taken back. Never 0.
    pub amount_minor: i128,
}

/// A record of `revenue.allocations`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// The project.
    pub project: Name,
    /// Reference of the charge; `None` where the event is a charge by itself.
    pub charge_id: Option<Name>,
    /// The event whose net effect is allocated.
    pub identity: Identity,
    /// The product that was sold.
    pub product: Option<Name>,
    /// The event's day.
    pub economic_day: Day,
    /// Currency of the shares.
    pub currency: Currency,
    /// Shares, the owner's last; or how they have changed, partners that have none any more behind it.
    pub shares: Vec<Share>,
    /// Number of the journal record that caused it.
    pub journal_sequence: u64,
    /// Kafka timestamp of its record: that of the event's input record, Unix milliseconds, where it had one.
    pub source_timestamp_ms: Option<i64>,
}

/// The rule of a product.
#[must_use]
pub fn rule<'a>(settings: &'a Settings, product: Option<&Name>) -> Option<&'a SplitRule> {
    let product = product?;
    settings.splits.iter().find(|rule| rule.product == *product)
}

/// The owner by a rule: the declared one, else the provider.
#[must_use]
pub fn owner(rule: &SplitRule, provider: &Name) -> Owner {
    let declared = rule.partners.iter().find(|p| p.partner_type == PartnerType::Owner);
    let others: Decimal =
        rule.partners.iter().filter(|p| p.partner_type != PartnerType::Owner).map(|p| p.percentage).sum();
    Owner {
        partner: PartnerKey {
            partner_type: PartnerType::Owner,
            name: declared.map_or(provider, |p| &p.name).clone(),
        },
        percentage: (Decimal::ONE - others).normalize(),
    }
}

/// Splits a payment's net by largest remainder, ties in declared order, an owner that is not declared last. The parts
/// add up to the net exactly; a net below 0 is the owner's alone.
///
/// ```
/// # use daybook_core::{settings::{Partner, PartnerType, SplitRule}, splits::allocate};
/// let ana = Partner { partner_type: PartnerType::Coproducer, name: "Ana".into(), percentage: "0.3".parse().unwrap() };
/// let rule = SplitRule { product: "p17".into(), partners: vec![ana] };
/// let parts = allocate(&rule, &"acme".into(), 24_148);
/// assert_eq!(parts.iter().map(|(_, _, part)| *part).collect::<Vec<_>>(), [7_244, 16_904]);
/// ```
#[must_use]
pub fn allocate(rule: &SplitRule, provider: &Name, net_minor: i64) -> Vec<(PartnerKey, Decimal, i64)> {
    let owner = owner(rule, provider);
    if net_minor < 0 {
        return vec![(owner.partner, owner.percentage, net_minor)];
    }
    let key = |p: &Partner| PartnerKey { partner_type: p.partner_type, name: p.name.clone() };
    let mut parts: Vec<(PartnerKey, Decimal)> = rule
        .partners
        .iter()
        .map(|p| match p.partner_type {
            PartnerType::Owner => (owner.partner.clone(), owner.percentage),
            _ => (key(p), p.percentage),
        })
        .collect();
    if !rule.partners.iter().any(|p| p.partner_type == PartnerType::Owner) {
        parts.push((owner.partner, owner.percentage));
    }
    // Each exact share is a whole number of 10^-scale minor units. Settings hold percentages of at most 15 digits.
    let scale = parts.iter().map(|(_, share)| share.scale()).max().unwrap_or(0);
    let unit = 10_i128.pow(scale);
    let exact = |share: &Decimal| {
        i128::from(net_minor) * share.mantissa() * 10_i128.pow(scale.saturating_sub(share.scale()))
    };
    let mut amounts: Vec<i128> = parts.iter().map(|(_, share)| exact(share) / unit).collect();
    let left = i128::from(net_minor) - amounts.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    // Stable: ties stay in declared order.
    order.sort_by_key(|at| std::cmp::Reverse(parts.get(*at).map_or(0, |(_, share)| exact(share) % unit)));
    for at in order.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        if let Some(amount) = amounts.get_mut(at) {
            *amount += 1;
        }
    }
    let whole = |amount: i128| i64::try_from(amount).unwrap_or(i64::MAX);
    parts.into_iter().zip(amounts).map(|((key, share), amount)| (key, share, whole(amount))).collect()
}

/// What a partner's share stands at after paybacks: `allocated − floor(allocated * C / paid)`.
#[must_use]
pub fn stands_at(allocated_minor: i64, paid_back_minor: i64, paid_minor: i64) -> i64 {
    let back = paid_back_minor.clamp(0, paid_minor.max(0));
    if back == 0 {
        return allocated_minor;
    }
    // Floor also below 0, where another rule's owner carries a payment whose fee exceeds it.
    let taken = (i128::from(allocated_minor) * i128::from(back)).div_euclid(i128::from(paid_minor));
    allocated_minor - i64::try_from(taken).unwrap_or(i64::MAX)
}

/// The shares that turn what was published of an event into what is right.
#[must_use]
pub fn difference(before: &[Share], after: &[Share]) -> Vec<Share> {
    let mut changed: Vec<Share> = after.to_vec();
    for earlier in before {
        match changed.iter_mut().find(|s| s.partner == earlier.partner) {
            Some(share) => share.amount_minor -= earlier.amount_minor,
            None => changed.push(Share { amount_minor: -earlier.amount_minor, ..earlier.clone() }),
        }
    }
    changed.retain(|share| share.amount_minor != 0);
    changed
}

/// How the net revenue of a charge is shared so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// By the first payment that has a rule (3.7).
    pub owner: Owner,
    /// The other partners, in the order in which payments named them.
    pub standings: Vec<Standing>,
}

impl Sharing {
    /// Nothing shared yet.
    #[must_use]
    pub fn by(owner: Owner) -> Box<Self> {
        Box::new(Self { owner, standings: Vec::new() })
    }

    /// Shares of one event, the owner's last: `net_effect_minor` is all that it adds to net revenue, `payment` the rule
    /// and the net amount of a payment that has a rule. The figures are the charge's after the event.
    pub fn step(
        &mut self,
        payment: Option<(&SplitRule, i64)>,
        provider: &Name,
        net_effect_minor: i128,
        paid_back_minor: i64,
        paid_minor: i64,
    ) -> Vec<Share> {
        let owner = &self.owner;
        let parts = payment.map(|(rule, net)| allocate(rule, provider, net)).unwrap_or_default();
        for (partner, percentage, part) in parts.into_iter().filter(|(p, ..)| *p != owner.partner) {
            match self.standings.iter_mut().find(|s| s.partner == partner) {
                Some(standing) => {
                    standing.allocated_minor += part;
                    standing.percentage = percentage;
                }
                None => self.standings.push(Standing {
                    partner,
                    percentage,
                    allocated_minor: part,
                    stands_at_minor: 0,
                }),
            }
        }
        let mut left = net_effect_minor;
        let mut shares = Vec::new();
        for standing in &mut self.standings {
            let now = stands_at(standing.allocated_minor, paid_back_minor, paid_minor);
            let amount_minor = i128::from(now) - i128::from(standing.stands_at_minor);
            standing.stands_at_minor = now;
            left -= amount_minor;
            shares.push(Share {
                partner: standing.partner.clone(),
                percentage: standing.percentage,
                amount_minor,
            });
        }
        shares.push(Share {
            partner: owner.partner.clone(),
            percentage: owner.percentage,
            amount_minor: left,
        });
        shares.retain(|share| share.amount_minor != 0);
        shares
    }
}
