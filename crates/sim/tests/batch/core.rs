//! The projector's books, in the terms of the batch model.

use std::collections::BTreeMap;

use daybook_core::calendar::Day;
use daybook_core::daily::{Columns, DayRow};
use daybook_core::derive::{derive, terms};
use daybook_core::entry::{Entry, EntryKind};
use daybook_core::event::{Body, Identity, JournalRecord};
use daybook_core::flags::Flag;
use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::project::{Disposition, Effects, apply};
use daybook_core::settings::PartnerType;
use daybook_core::state::{Change, DayView, NoStore, Row, State};
use daybook_sim::batch::figures::{Books, Counts, Customer, EventKey, Kpis, OwnerProfit, Profit, Revenue};
use daybook_sim::batch::{Ending, Outcome};

/// How the projector is run, and where its figures are taken from.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// All in one batch: rows and charges of the final state.
    Whole,
    /// In batches of so many records: of each key the last row that was published.
    Batches(usize),
    /// As `Whole`, in a state that no store takes over; points and allocations are the sums of their records.
    Volatile,
}

struct Core {
    state: State<NoStore>,
    result: Ending,
    /// By entry number: which event's primary entry it is.
    primary: BTreeMap<(Name, u64), EventKey>,
    /// The last record that each identity was accepted in.
    accepted: BTreeMap<(Name, Identity), usize>,
    since: BTreeMap<Name, u64>,
    /// Sums of the records of points and allocations.
    points: BTreeMap<(Name, Name), (i128, i128)>,
    allocations: BTreeMap<(Name, Partner), i128>,
}

/// Day, currency, type and name.
type Partner = (Day, Currency, PartnerType, Name);

/// The projector's books.
pub fn books(records: &[JournalRecord], run: Run) -> Ending {
    let state = match run {
        Run::Volatile => State::volatile(),
        Run::Whole | Run::Batches(_) => State::new(NoStore),
    };
    let mut core = Core {
        state,
        result: Ending::default(),
        primary: BTreeMap::new(),
        accepted: BTreeMap::new(),
        since: BTreeMap::new(),
        points: BTreeMap::new(),
        allocations: BTreeMap::new(),
    };
    for (number, record) in records.iter().enumerate() {
        let Ok(effects) = apply(&mut core.state, record);
        core.effects(number, record, &effects);
        if let Run::Batches(size) = run
            && (number + 1) % size == 0
        {
            core.rows();
            core.state.settle();
        }
    }
    core.rows();
    core.heads();
    match run {
        Run::Whole => core.charges(),
        Run::Volatile => core.sums(),
        Run::Batches(_) => {}
    }
    leave_out_zeros(core.result)
}

fn outcome(disposition: &Disposition) -> Outcome {
    match disposition {
        Disposition::Accepted => Outcome::Accepted,
        Disposition::AcceptedSpend => Outcome::AcceptedSpend,
        Disposition::Duplicate => Outcome::Duplicate,
        Disposition::Refused(rejection) => Outcome::Refused(rejection.reason),
        Disposition::AlreadySeen => Outcome::AlreadySeen,
        Disposition::NotAnEvent => Outcome::NotAnEvent,
    }
}

impl Core {
    /// What is published as it happens: entries, points, allocations.
    fn effects(&mut self, number: usize, record: &JournalRecord, effects: &Effects) {
        let outcome = outcome(&effects.disposition);
        self.result.outcomes.push(outcome);
        let project = &record.project;
        for change in &effects.points {
            let points = self.points.entry((project.clone(), change.user.clone())).or_default();
            points.0 += i128::from(change.delta.pending);
            points.1 += i128::from(change.delta.available);
        }
        for allocation in &effects.allocations {
            for share in &allocation.shares {
                let (partner_type, name) = (share.partner.partner_type, share.partner.name.clone());
                let partner = (allocation.economic_day, allocation.currency, partner_type, name);
                *self.allocations.entry((project.clone(), partner)).or_default() += share.amount_minor;
            }
        }
        for entry in &effects.entries {
            let key = self.about(number, record, entry);
            let books = self.result.books.entry(project.clone()).or_default();
            let event = books.events.entry(key).or_default();
            for p in &entry.postings {
                let sides = [
                    (&p.orig_organization, p.orig_account, -p.amount_minor),
                    (&p.dest_organization, p.dest_account, p.amount_minor),
                ];
                for (organization, account, amount) in sides {
                    let key = (entry.economic_day, organization.clone(), account, entry.currency);
                    *books.moved.entry(key).or_default() += i128::from(amount);
                }
                let there = (
                    p.orig_organization.clone(),
                    p.orig_account,
                    p.dest_organization.clone(),
                    p.dest_account,
                );
                let back = (there.2.clone(), there.3, there.0.clone(), there.1);
                let (pair, amount) =
                    if there <= back { (there, p.amount_minor) } else { (back, -p.amount_minor) };
                *event.postings.entry(pair).or_default() += i128::from(amount);
            }
        }
    }

    /// What records of points and allocations add up to stands for their rows.
    fn sums(&mut self) {
        for books in self.result.books.values_mut() {
            books.points.clear();
            books.allocations.clear();
        }
        for ((project, user), points) in std::mem::take(&mut self.points) {
            self.result.books.entry(project).or_default().points.insert(user, points);
        }
        for ((project, partner), amount) in std::mem::take(&mut self.allocations) {
            self.result.books.entry(project).or_default().allocations.insert(partner, amount);
        }
    }

    /// The event that an entry is about.
    fn about(&mut self, number: usize, record: &JournalRecord, entry: &Entry) -> EventKey {
        let project = record.project.clone();
        match entry.kind {
            EntryKind::Adjustment { corrects } => self.primary[&(project, corrects)],
            EntryKind::Primary(_) => {
                let own = matches!(&record.body, Body::Charge(event) if event.identity == entry.identity);
                let key = if own {
                    // What time clears comes first, of whoever had the id before.
                    self.accepted.insert((project.clone(), entry.identity.clone()), number);
                    (number, false)
                } else {
                    let pending = entry.identity.event_id.strip_suffix("#clears").expect("a clearing");
                    let pending = Identity { event_id: pending.into(), line: entry.identity.line };
                    (self.accepted[&(project.clone(), pending)], true)
                };
                self.primary.insert((project, entry.entry_number), key);
                key
            }
        }
    }

    /// Rows that the batch has changed replace those before.
    fn rows(&mut self) {
        let mut since = std::mem::take(&mut self.since);
        for (project, row) in self.state.rows(&since) {
            let books = self.result.books.entry(project.clone()).or_default();
            match row {
                Row::Day { view, day, currency, row } => put_day(books, view, (day, currency), row),
                Row::Month { month, currency, row } => {
                    books.months.insert((month, currency), profit(&row.columns));
                }
                Row::Allocation { key, row } => {
                    let partner = (key.day, key.currency, key.partner.partner_type, key.partner.name.clone());
                    books.allocations.insert(partner, row.total_minor);
                }
                Row::Customer { organization, profile } => {
                    let customer = Customer {
                        value: profile.value_minor,
                        payable: profile.payable_minor,
                        acquisition: profile.acquisition_minor,
                        dispute: profile.dispute_minor,
                    };
                    books.customers.insert((organization.clone(), profile.currency), customer);
                }
                Row::Balance { organization, balance } => {
                    let key = (organization.clone(), balance.account, balance.currency);
                    books.balances.insert(key, balance.balance_minor);
                }
                Row::Points { user, balance } => {
                    let points = (balance.points.pending.into(), balance.points.available.into());
                    books.points.insert(user.clone(), points);
                }
            }
        }
        for (project, books) in self.state.books() {
            since.insert(project.clone(), books.head().journal_sequence);
        }
        self.since = since;
    }

    fn heads(&mut self) {
        for (project, books) in self.state.books() {
            let head = books.head();
            let counts = Counts {
                accepted: head.accepted,
                accepted_spend: head.accepted_spend,
                duplicates: head.duplicates,
                refused: head.refused.iter().map(|(reason, count)| (reason.code(), *count)).collect(),
                already_seen: head.already_seen,
            };
            self.result.books.entry(project.clone()).or_default().counts = counts;
        }
    }

    /// State and flags of every event whose charge is in the books to the end.
    fn charges(&mut self) {
        for (project, change) in self.state.changes() {
            let Change::Charge(key, charge) = change else { continue };
            let Some((_, books)) = self.state.books().find(|(name, _)| *name == project) else { continue };
            let head = books.head();
            if !head.is_live(charge.recorded_at_ms, charge.journal_sequence) {
                continue;
            }
            let terms = terms(project, key, &charge.history, &head.settings).expect("a history");
            let time_ms = head.journal_time_ms.expect("a time");
            let (derived, fold) = derive(&terms, &charge.history, &charge.cleared, &head.settings, time_ms);
            assert_eq!(fold, charge.fold, "one step after another ends where the whole history does");
            for derived in derived {
                let identity = (project.clone(), derived.accepted.event.identity.clone());
                let key = (self.accepted[&identity], derived.clearing);
                let books = self.result.books.entry(project.clone()).or_default();
                let event = books.events.entry(key).or_default();
                event.charge_state = derived.meaning.state.name();
                let flags = derived.meaning.flags.iter().filter(|f| *f != Flag::Overdrawn);
                event.flags = flags.map(Flag::name).collect();
                event.live = true;
            }
        }
    }
}

fn put_day(books: &mut Books, view: DayView, key: (Day, Currency), row: &DayRow) {
    let columns = &row.columns;
    match view {
        DayView::Revenue => {
            let revenue = Revenue {
                gross_sales: columns.gross_sales_minor,
                refunds: columns.refunds_minor,
                chargebacks: columns.chargebacks_minor,
                gross_revenue: columns.gross_revenue_minor(),
                platform_fees: columns.platform_fees_minor,
                net_revenue: columns.net_revenue_minor(),
                transaction_count: columns.transaction_count.into(),
                refund_count: columns.refund_count.into(),
                chargeback_count: columns.chargeback_count.into(),
            };
            books.revenue.insert(key, revenue);
        }
        DayView::Spend => {
            books.spend.insert(key, columns.ad_spend_minor);
        }
        DayView::Profit => {
            books.profit.insert(key, profit(columns));
        }
        DayView::OwnerProfit => {
            let owner = OwnerProfit {
                net_revenue: columns.net_revenue_minor(),
                affiliate_fees: columns.affiliate_fees_minor,
                coproducer_fees: columns.coproducer_fees_minor,
                owner_revenue: columns.owner_revenue_minor(),
                ad_spend: columns.ad_spend_minor,
                owner_profit: columns.owner_profit_minor(),
                owner_roas: columns.owner_roas(),
            };
            books.owner_profit.insert(key, owner);
        }
        DayView::Kpis => {
            let kpis = Kpis {
                gross_sales: row.kpis.billed_minor,
                net_sales: row.kpis.net_sales_minor(),
                pending_revenue: row.kpis.outstanding_minor,
                points_issued: row.kpis.points_issued.into(),
                points_redeemed: row.kpis.points_redeemed.into(),
                points_reversed: row.kpis.points_reversed.into(),
            };
            books.kpis.insert(key, kpis);
        }
    }
}

fn profit(columns: &Columns) -> Profit {
    Profit {
        gross_revenue: columns.gross_revenue_minor(),
        platform_fees: columns.platform_fees_minor,
        net_revenue: columns.net_revenue_minor(),
        ad_spend: columns.ad_spend_minor,
        profit: columns.profit_minor(),
        roas: columns.roas(),
    }
}

fn leave_out_zeros(mut result: Ending) -> Ending {
    result.books.values_mut().for_each(Books::leave_out_zeros);
    result
}
