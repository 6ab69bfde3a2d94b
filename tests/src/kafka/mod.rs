//! daybook on a real Kafka: brokers, deployments of instances, what they publish as an independent consumer sees it.

mod broker;
mod collect;
mod deployment;
pub mod disturb;
pub mod feed;
mod registry;

pub use broker::{AnotherBroker, Broker};
pub use collect::{KcatRecord, collect, records};
pub use deployment::{Deployment, JOURNAL_PARTITIONS};
pub use registry::Registry;
