//! Inputs of the projector, as the journal keeps them.
//!
//! ```text
//! JournalRecord          one record of a project's journal: when, whence, what
//!   source               position of the input that it was made from
//!   body
//!     Charge(ChargeEvent)  a fact about a charge or a user's points, normalised, settings not applied
//!     Spend(SpendEvent)    what was spent on ads, normalised
//!     Settings             the project's settings from here on
//!     Tick                 nothing but its time
//! ```

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::money::Currency;
use crate::name::Name;
use crate::settings::Settings;

/// What a charge event says has happened (accounting.md, section 2). The order is the rank of 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A service was delivered and invoiced.
    Service,
    /// A payment was authorized and is held open.
    Pending,
    /// Money was captured.
    Payment,
    /// A payment failed.
    Failed,
    /// The provider gave up what is outstanding.
    WriteOff,
    /// A free trial or goodie.
    Goodwill,
    /// Worth a line in the books, moves nothing.
    Noted,
    /// Money was given back by the provider.
    Refund,
    /// A refund did not reach the customer.
    RefundFailed,
    /// The customer disputed a payment and holds the money.
    Chargeback,
    /// The provider won a dispute.
    ChargebackWon,
    /// The provider lost a dispute.
    ChargebackLost,
    /// What is left of the charge was given back.
    RefundRest,
    /// Points were spent; of no charge.
    PointsRedeem,
    /// Points were corrected by hand; of no charge.
    PointsAdjust,
}

impl Kind {
    /// All kinds, in order of rank; those of points, which are in no charge's history, last.
    pub const ALL: [Kind; 15] = [
        Kind::Service,
        Kind::Pending,
        Kind::Payment,
        Kind::Failed,
        Kind::WriteOff,
        Kind::Goodwill,
        Kind::Noted,
        Kind::Refund,
        Kind::RefundFailed,
        Kind::Chargeback,
        Kind::ChargebackWon,
        Kind::ChargebackLost,
        Kind::RefundRest,
        Kind::PointsRedeem,
        Kind::PointsAdjust,
    ];

    /// The name as published and as the canonical format spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Service => "service",
            Kind::Pending => "pending",
            Kind::Payment => "payment",
            Kind::Failed => "failed",
            Kind::WriteOff => "write_off",
            Kind::Goodwill => "goodwill",
            Kind::Noted => "noted",
            Kind::Refund => "refund",
            Kind::RefundFailed => "refund_failed",
            Kind::Chargeback => "chargeback",
            Kind::ChargebackWon => "chargeback_won",
            Kind::ChargebackLost => "chargeback_lost",
            Kind::RefundRest => "refund_rest",
            Kind::PointsRedeem => "points_redeem",
            Kind::PointsAdjust => "points_adjust",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }

    /// 0 opening, 1 after, 2 `refund_rest` (section 3).
    #[must_use]
    pub fn phase(self) -> u8 {
        match self {
            Kind::RefundRest => 2,
            k if k >= Kind::Refund && !k.is_points() => 1,
            _ => 0,
        }
    }

    /// Whether it moves points only and is of no charge.
    #[must_use]
    pub fn is_points(self) -> bool {
        matches!(self, Kind::PointsRedeem | Kind::PointsAdjust)
    }

    /// Whether an event of this kind without an amount is one whose amount is missing.
    #[must_use]
    pub fn needs_amount(self) -> bool {
        matches!(
            self,
            Kind::Service
                | Kind::Pending
                | Kind::Payment
                | Kind::Goodwill
                | Kind::Refund
                | Kind::Chargeback
                | Kind::RefundRest
        )
    }
}

/// What tells an event from every other of its project (5.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The sender's id.
    pub event_id: Name,
    /// Number, from 0, among the payload items of one envelope that share the id.
    pub line: u32,
}

/// A fact about a charge, in no format's own terms. Content for 5.2 is everything in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeEvent {
    /// Who it is.
    pub identity: Identity,
    /// What has happened.
    pub kind: Kind,
    /// The user it has happened to.
    pub user: Name,
    /// The amount in major units, exact and without trailing zeros.
    pub amount: Option<Decimal>,
    /// The currency, where the event names one.
    pub currency: Option<Currency>,
    /// Of a payment its fee F, of a payback the payback fee P; major units.
    pub fee: Option<Decimal>,
    /// Fee that the processor gave back, V; major units.
    pub fee_returned: Option<Decimal>,
    /// First choice of a charge's reference.
    pub charge_id: Option<Name>,
    /// Second choice of a charge's reference.
    pub order_id: Option<Name>,
    /// The processor's transaction; third choice of a charge's reference.
    pub transaction: Option<Name>,
    /// What was sold.
    pub product: Option<Name>,
    /// `payment.provider`: the payment processor.
    pub processor: Option<Name>,
    /// The customer's tier at the time.
    pub tier: Option<Name>,
    /// The event's own time, Unix milliseconds.
    pub occurred_at_ms: Option<i64>,
    /// When a pending counts as paid, Unix milliseconds.
    pub clears_at_ms: Option<i64>,
    /// False where the event belongs to the project's test stream (1.6).
    pub livemode: bool,
    /// Free text, card numbers masked.
    pub description: Option<Name>,
    /// Whether a card number was masked in `description`.
    pub card_number_masked: bool,
    /// Of `points_redeem` and `points_adjust` the points; of a purchase what its sender believes it to earn.
    pub points_delta: Option<i64>,
    /// What a purchase's sender believes its amount to be when rounded up, major units.
    pub rounded_spend: Option<Decimal>,
}

impl ChargeEvent {
    /// An event with nothing but what every event has; the rest is for the caller to set.
    #[must_use]
    pub fn new(event_id: impl Into<Name>, kind: Kind, user: impl Into<Name>) -> Self {
        Self {
            identity: Identity { event_id: event_id.into(), line: 0 },
            kind,
            user: user.into(),
            amount: None,
            currency: None,
            fee: None,
            fee_returned: None,
            charge_id: None,
            order_id: None,
            transaction: None,
            product: None,
            processor: None,
            tier: None,
            occurred_at_ms: None,
            clears_at_ms: None,
            livemode: true,
            description: None,
            card_number_masked: false,
            points_delta: None,
            rounded_spend: None,
        }
    }

    /// The reference that makes it part of a charge (section 3); `None`: it is a charge by itself.
    #[must_use]
    pub fn reference(&self) -> Option<&Name> {
        if self.kind.is_points() {
            return None;
        }
        self.charge_id.as_ref().or(self.order_id.as_ref()).or(self.transaction.as_ref())
    }

    /// Names of the fields in which `other` has different content (5.2), as contracts.md spells them.
    #[must_use]
    pub fn differing_fields(&self, other: &Self) -> Vec<&'static str> {
        let pairs = [
            ("kind", self.kind == other.kind),
            ("userId", self.user == other.user),
            ("amount", self.amount == other.amount),
            ("currency", self.currency == other.currency),
            ("fee", self.fee == other.fee),
            ("feeReturned", self.fee_returned == other.fee_returned),
            ("chargeId", self.charge_id == other.charge_id),
            ("orderId", self.order_id == other.order_id),
            ("transactionId", self.transaction == other.transaction),
            ("productId", self.product == other.product),
            ("provider", self.processor == other.processor),
            ("tier", self.tier == other.tier),
            ("occurredAt", self.occurred_at_ms == other.occurred_at_ms),
            ("clearsAt", self.clears_at_ms == other.clears_at_ms),
            ("livemode", self.livemode == other.livemode),
            ("description", self.description == other.description),
            ("pointsDelta", self.points_delta == other.points_delta),
            ("roundedSpend", self.rounded_spend == other.rounded_spend),
        ];
        pairs.into_iter().filter(|(_, same)| !same).map(|(field, _)| field).collect()
    }
}

/// What was spent on ads, in one version (section 7, `ad_spend`). Content for 5.2 is everything in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendEvent {
    /// The sender's id. Not shared with charge events.
    pub event_id: Name,
    /// Of one event the highest version counts.
    pub version: u32,
    /// The amount in major units, exact; 0 is valid, below 0 is not.
    pub amount: Decimal,
    /// The currency, where the event names one.
    pub currency: Option<Currency>,
    /// Event time, Unix milliseconds.
    pub occurred_at_ms: i64,
    /// Whether it counts at all.
    pub is_active: bool,
    /// The ad platform.
    pub platform: Option<Name>,
    /// The campaign.
    pub campaign: Option<Name>,
    /// The ad set.
    pub ad_set: Option<Name>,
    /// The ad.
    pub ad: Option<Name>,
}

impl SpendEvent {
    /// Names of the fields in which `other` has different content (5.2), as contracts.md spells them.
    #[must_use]
    pub fn differing_fields(&self, other: &Self) -> Vec<&'static str> {
        let pairs = [
            ("spend_amount", self.amount == other.amount),
            ("currency", self.currency == other.currency),
            ("occurred_at", self.occurred_at_ms == other.occurred_at_ms),
            ("is_active", self.is_active == other.is_active),
            ("provider", self.platform == other.platform),
            ("campaign_id", self.campaign == other.campaign),
            ("adset_id", self.ad_set == other.ad_set),
            ("ad_id", self.ad == other.ad),
        ];
        pairs.into_iter().filter(|(_, same)| !same).map(|(field, _)| field).collect()
    }
}

/// Where an input record came from: what makes appending it twice harmless.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourcePosition {
    /// Topic of the input record.
    pub topic: Name,
    /// Its partition, from 0.
    pub partition: u32,
    /// Its offset in the partition.
    pub offset: u64,
    /// Number, from 0, of the payload item in the record.
    pub item: u32,
}

/// What a journal record says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A charge event.
    Charge(Box<ChargeEvent>),
    /// What was spent on ads.
    Spend(Box<SpendEvent>),
    /// Settings in force from here on (3.7).
    Settings(Arc<Settings>),
    /// Time has passed (3.2).
    Tick,
}

/// One record of a project's journal.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalRecord {
    /// The project, `NAME~test` for test streams (1.6).
    pub project: Name,
    /// Intake's clock at the append, Unix milliseconds.
    pub recorded_at_ms: i64,
    /// Timestamp of the input record, Unix milliseconds, where it had one.
    pub source_timestamp_ms: Option<i64>,
    /// Position of the input record; a tick has none.
    pub source: Option<SourcePosition>,
    /// What it says.
    pub body: Body,
}
