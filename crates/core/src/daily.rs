//! Figures per economic day and currency (accounting.md, section 7). Each formula stands here and nowhere else.

/// What one event adds to its day; the columns that all others are computed from.
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
        }
    }

    /// Whether every column is 0.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Columns::default()
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
}

/// A row of `revenue.daily`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayRow {
    /// Its figures.
    pub columns: Columns,
    /// Number of events that have touched it.
    pub revision: u64,
    /// Journal time of the last of them, Unix milliseconds.
    pub as_of_ms: i64,
    /// Number of the journal record that last touched it.
    pub journal_sequence: u64,
}
