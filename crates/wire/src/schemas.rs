//! The schemas of inputs and outputs, `schemas/` of the repository.

use crate::topic::Topic;

macro_rules! output {
    ($topic:ident, $name:literal) => {
        (Topic::$topic, include_str!(concat!("../../../schemas/", $name, ".avsc")))
    };
}

const OUTPUTS: [(Topic, &str); 14] = [
    output!(LedgerEntries, "ledger.entries"),
    output!(RewardsPoints, "rewards.points"),
    output!(RevenueAllocations, "revenue.allocations"),
    output!(RevenueDaily, "revenue.daily"),
    output!(SpendDaily, "spend.daily"),
    output!(ProfitDaily, "profit.daily"),
    output!(ProfitMonthly, "profit.monthly"),
    output!(OwnerProfitDaily, "owner-profit.daily"),
    output!(AllocationsDaily, "allocations.daily"),
    output!(KpisDaily, "kpis.daily"),
    output!(AccountsBalances, "accounts.balances"),
    output!(CustomersProfile, "customers.profile"),
    output!(RewardsBalances, "rewards.balances"),
    output!(ProjectorPositions, "projector.positions"),
];

/// A type of record that an input topic may hold.
#[derive(Clone, Copy, Debug)]
pub struct InputSchema {
    /// The topic.
    pub topic: Topic,
    /// Full name of the record, where it is not the one that the topic's own subject is for.
    pub record: Option<&'static str>,
    /// The Avro schema.
    pub schema: &'static str,
}

macro_rules! input {
    ($topic:ident, $record:expr, $name:literal) => {
        InputSchema {
            topic: Topic::$topic,
            record: $record,
            schema: include_str!(concat!("../../../schemas/input/", $name, ".avsc")),
        }
    };
}

const INPUTS: [InputSchema; 6] = [
    input!(Charges, None, "canonical-charge"),
    input!(Charges, Some("daybook.input.TrackEnvelope"), "track"),
    input!(Charges, Some("daybook.input.StandardTransaction"), "standard-transaction"),
    input!(Charges, Some("daybook.input.SalesEvent"), "sales-event"),
    input!(Spend, None, "spend-event"),
    input!(Settings, None, "settings"),
];

/// The Avro schemas of inputs. A sender may use any of its own: what counts is its fields' names.
pub fn inputs() -> impl Iterator<Item = InputSchema> {
    INPUTS.into_iter().map(|input| InputSchema { schema: input.schema.trim(), ..input })
}

/// Each output topic with the Avro schema of its values, the text as registries are given it: clients trim theirs, and there
/// are registries that look for the very text.
pub fn outputs() -> impl Iterator<Item = (Topic, &'static str)> {
    OUTPUTS.into_iter().map(|(topic, schema)| (topic, schema.trim()))
}
