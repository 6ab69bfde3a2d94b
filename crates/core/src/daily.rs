//! Figures per economic day and currency (accounting.md, section 7). Each formula stands here and nowhere else.

use crate::money::ratio;
use crate::rewards::Points;
use crate::settings::PartnerType;
use crate::splits::Share;

/// Digits of `roas` after the point (7 `roas`).
const ROAS_DIGITS: u32 = 4;

/// What events add to their day; the columns that all others are computed from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Payments, minor units.
    pub gross_sales_minor: i128,
    /// Refunds less failed ones, minor units.
    pub refunds_minor: i128,
    /// Chargebacks less those won, minor units.
    pub chargebacks_minor: i128,
    /// F + P − V, minor units.
    pub platform_fees_minor: i128,
    /// Number of payments.
    pub transaction_count: i64,
    /// Number of refunds.
    pub refund_count: i64,
    /// Number of chargebacks.
    pub chargeback_count: i64,
    /// Allocated to affiliates, minor units.
    pub affiliate_fees_minor: i128,
    /// Allocated to coproducers, minor units.
    pub coproducer_fees_minor: i128,
    /// Active spend, minor units.
    pub ad_spend_minor: i128,
}

impl Columns {
    /// Column by column.
    pub fn add(&mut self, other: &Columns) {
        self.gross_sales_minor += other.gross_sales_minor;
        self.refunds_minor += other.refunds_minor;
        self.chargebacks_minor += other.chargebacks_minor;
        self.platform_fees_minor += other.platform_fees_minor;
        self.transaction_count += other.transaction_count;
        self.refund_count += other.refund_count;
        self.chargeback_count += other.chargeback_count;
        self.affiliate_fees_minor += other.affiliate_fees_minor;
        self.coproducer_fees_minor += other.coproducer_fees_minor;
        self.ad_spend_minor += other.ad_spend_minor;
    }

    /// Column by column.
    #[must_use]
    pub fn minus(&self, other: &Columns) -> Columns {
        Columns {
            gross_sales_minor: self.gross_sales_minor - other.gross_sales_minor,
            refunds_minor: self.refunds_minor - other.refunds_minor,
            chargebacks_minor: self.chargebacks_minor - other.chargebacks_minor,
            platform_fees_minor: self.platform_fees_minor - other.platform_fees_minor,
            transaction_count: self.transaction_count - other.transaction_count,
            refund_count: self.refund_count - other.refund_count,
            chargeback_count: self.chargeback_count - other.chargeback_count,
            affiliate_fees_minor: self.affiliate_fees_minor - other.affiliate_fees_minor,
            coproducer_fees_minor: self.coproducer_fees_minor - other.coproducer_fees_minor,
            ad_spend_minor: self.ad_spend_minor - other.ad_spend_minor,
        }
    }

    /// Adds what an event allocates to other partners than the owner.
    pub fn allocate(&mut self, shares: &[Share]) {
        for share in shares {
            match share.partner.partner_type {
                PartnerType::Owner => {}
                PartnerType::Coproducer => self.coproducer_fees_minor += share.amount_minor,
                PartnerType::Affiliate => self.affiliate_fees_minor += share.amount_minor,
            }
        }
    }

    /// Only active spend.
    #[must_use]
    pub fn of_spend(ad_spend_minor: i128) -> Columns {
        Columns { ad_spend_minor, ..Columns::default() }
    }

    /// Whether a change of these touches `revenue.daily`.
    #[must_use]
    pub fn touches_revenue(&self) -> bool {
        let rest = Columns {
            affiliate_fees_minor: self.affiliate_fees_minor,
            coproducer_fees_minor: self.coproducer_fees_minor,
            ad_spend_minor: self.ad_spend_minor,
            ..Columns::default()
        };
        *self != rest
    }

    /// Whether a change of these touches `profit.daily` and `profit.monthly`.
    #[must_use]
    pub fn touches_profit(&self) -> bool {
        self.gross_revenue_minor() != 0 || self.platform_fees_minor != 0 || self.ad_spend_minor != 0
    }

    /// Whether a change of these touches `owner-profit.daily`.
    #[must_use]
    pub fn touches_owner_profit(&self) -> bool {
        self.net_revenue_minor() != 0
            || self.affiliate_fees_minor != 0
            || self.coproducer_fees_minor != 0
            || self.ad_spend_minor != 0
    }

    /// `gross_sales − refunds − chargebacks`.
    #[must_use]
    pub fn gross_revenue_minor(&self) -> i128 {
        self.gross_sales_minor - self.refunds_minor - self.chargebacks_minor
    }

    /// `gross_revenue − platform_fees`.
    #[must_use]
    pub fn net_revenue_minor(&self) -> i128 {
        self.gross_revenue_minor() - self.platform_fees_minor
    }

    /// `net_revenue − ad_spend`.
    #[must_use]
    pub fn profit_minor(&self) -> i128 {
        self.net_revenue_minor() - self.ad_spend_minor
    }

    /// `net_revenue / ad_spend` with four decimals, half away from zero; `None` without spend.
    #[must_use]
    pub fn roas(&self) -> Option<String> {
        ratio(self.net_revenue_minor(), self.ad_spend_minor, ROAS_DIGITS)
    }

    /// `net_revenue − all other partners' allocations`.
    #[must_use]
    pub fn owner_revenue_minor(&self) -> i128 {
        self.net_revenue_minor() - self.affiliate_fees_minor - self.coproducer_fees_minor
    }

    /// `owner_revenue − ad_spend`.
    #[must_use]
    pub fn owner_profit_minor(&self) -> i128 {
        self.owner_revenue_minor() - self.ad_spend_minor
    }

    /// `owner_revenue / ad_spend`, as [`Columns::roas`].
    #[must_use]
    pub fn owner_roas(&self) -> Option<String> {
        ratio(self.owner_revenue_minor(), self.ad_spend_minor, ROAS_DIGITS)
    }
}

/// The dashboard's figures (section 7, "Dashboard KPIs"; seed 003): money by the day of purchase, points by that of the
/// event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kpis {
    /// What is billed, minor units.
    pub billed_minor: i128,
    /// Paybacks less failed and won ones, minor units.
    pub paybacks_minor: i128,
    /// What is outstanding, minor units.
    pub outstanding_minor: i128,
    /// Points that events have added.
    pub points_issued: i64,
    /// Points that POINTS_* events have taken.
    pub points_redeemed: i64,
    /// Points that other events have taken.
    pub points_reversed: i64,
}

impl Kpis {
    /// An event's final change of points, as its day counts it.
    #[must_use]
    pub fn of_points(points: Points, of_points_event: bool) -> Self {
        let change = points.pending.saturating_add(points.available);
        let taken = change.min(0).saturating_neg();
        Self {
            points_issued: change.max(0),
            points_redeemed: if of_points_event { taken } else { 0 },
            points_reversed: if of_points_event { 0 } else { taken },
            ..Self::default()
        }
    }

    /// Figure by figure.
    pub fn add(&mut self, other: &Kpis) {
        self.billed_minor += other.billed_minor;
        self.paybacks_minor += other.paybacks_minor;
        self.outstanding_minor += other.outstanding_minor;
        self.points_issued = self.points_issued.saturating_add(other.points_issued);
        self.points_redeemed = self.points_redeemed.saturating_add(other.points_redeemed);
        self.points_reversed = self.points_reversed.saturating_add(other.points_reversed);
    }

    /// Figure by figure.
    #[must_use]
    pub fn minus(&self, other: &Kpis) -> Kpis {
        Kpis {
            billed_minor: self.billed_minor - other.billed_minor,
            paybacks_minor: self.paybacks_minor - other.paybacks_minor,
            outstanding_minor: self.outstanding_minor - other.outstanding_minor,
            points_issued: self.points_issued.saturating_sub(other.points_issued),
            points_redeemed: self.points_redeemed.saturating_sub(other.points_redeemed),
            points_reversed: self.points_reversed.saturating_sub(other.points_reversed),
        }
    }

    /// Whether every figure is 0.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Kpis::default()
    }

    /// `billed − paybacks`.
    #[must_use]
    pub fn net_sales_minor(&self) -> i128 {
        self.billed_minor - self.paybacks_minor
    }
}

/// What has last touched a row. An event counts once, whatever it changes of the row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Number of events that have touched it.
    pub revision: u64,
    /// Journal time of the last of them, Unix milliseconds.
    pub as_of_ms: i64,
    /// Number of the journal record that last touched it; 0: none ever has.
    pub journal_sequence: u64,
    /// Which of that record's causes it was: the record's event, or a clearing.
    pub cause: u32,
}

impl Stamp {
    /// Notes that it was touched now.
    pub fn touch(&mut self, now: Stamp) {
        let again = (self.journal_sequence, self.cause) == (now.journal_sequence, now.cause);
        let revision = self.revision + u64::from(!again);
        *self = Stamp { revision, ..now };
    }
}

/// All figures of a day and currency, each row with what has touched it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayRow {
    /// Figures that others are computed from.
    pub columns: Columns,
    /// The dashboard's.
    pub kpis: Kpis,
    /// Of `revenue.daily`.
    pub revenue: Stamp,
    /// Of `spend.daily`.
    pub spend: Stamp,
    /// Of `profit.daily`.
    pub profit: Stamp,
    /// Of `owner-profit.daily`.
    pub owner_profit: Stamp,
    /// Of `kpis.daily`.
    pub kpi: Stamp,
}

impl DayRow {
    /// Adds what an event changes; a row of which nothing changes is not touched.
    pub fn add(&mut self, columns: &Columns, kpis: &Kpis, now: Stamp) {
        self.columns.add(columns);
        self.kpis.add(kpis);
        let touched = [
            (columns.touches_revenue(), &mut self.revenue),
            (columns.ad_spend_minor != 0, &mut self.spend),
            (columns.touches_profit(), &mut self.profit),
            (columns.touches_owner_profit(), &mut self.owner_profit),
            (!kpis.is_zero(), &mut self.kpi),
        ];
        for (_, stamp) in touched.into_iter().filter(|(touches, _)| *touches) {
            stamp.touch(now);
        }
    }
}

/// A month's figures: the sum of its days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MonthRow {
    /// The sums.
    pub columns: Columns,
    /// Of `profit.monthly`.
    pub profit: Stamp,
}

/// What a day has allocated to a partner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllocationRow {
    /// Minor units.
    pub total_minor: i128,
    /// Of `allocations.daily`.
    pub allocated: Stamp,
}
