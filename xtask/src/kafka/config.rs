//! A node's settings, as they suit tests on one machine.

use super::cluster::Cluster;
use super::node::Node;

/// What depends on where a node runs.
pub struct Place {
    /// The address that it listens at; empty for all.
    pub host: &'static str,
    /// Where its data is.
    pub data: &'static str,
}

/// Names and values.
pub fn settings(cluster: &Cluster, node: &Node, place: &Place) -> Vec<(&'static str, String)> {
    let Place { host, data } = place;
    let (port, controller_port) = (node.port, node.controller_port);
    let replicas = cluster.brokers.to_string();
    // With three nodes one may stop and everything goes on, but nothing is acknowledged that only one has.
    let in_sync = if cluster.brokers == 1 { "1" } else { "2" }.to_owned();
    let fixed = |text: &str| text.to_owned();
    vec![
        ("process.roles", fixed("broker,controller")),
        ("node.id", node.number.to_string()),
        ("controller.quorum.voters", cluster.voters()),
        ("listeners", format!("PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}")),
        ("advertised.listeners", format!("PLAINTEXT://127.0.0.1:{port}")),
        ("listener.security.protocol.map", fixed("CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT")),
        ("controller.listener.names", fixed("CONTROLLER")),
        ("inter.broker.listener.name", fixed("PLAINTEXT")),
        ("log.dirs", fixed(data)),
        ("num.network.threads", fixed("2")),
        ("num.io.threads", fixed("4")),
        ("default.replication.factor", replicas.clone()),
        ("min.insync.replicas", in_sync.clone()),
        ("offsets.topic.replication.factor", replicas.clone()),
        ("transaction.state.log.replication.factor", replicas.clone()),
        ("transaction.state.log.min.isr", in_sync.clone()),
        ("share.coordinator.state.topic.replication.factor", replicas),
        ("share.coordinator.state.topic.min.isr", in_sync),
        // The default of 50 each is created at the first group and the first transaction, which wait for it.
        ("offsets.topic.num.partitions", fixed("8")),
        ("transaction.state.log.num.partitions", fixed("8")),
        ("group.initial.rebalance.delay.ms", fixed("0")),
        // After a crash, a node is not let in before the session of its former life is over, nor do the partitions that
        // it led have another leader. With the default of 9 s, that is what a test of crashes would wait for.
        ("broker.session.timeout.ms", fixed("3000")),
        ("broker.heartbeat.interval.ms", fixed("500")),
        // A name with a slip of the pen is an error.
        ("auto.create.topics.enable", fixed("false")),
        // Tests write records of any age.
        ("log.retention.ms", fixed("-1")),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Place, settings};
    use crate::kafka::cluster::{Cluster, Engine};

    #[test]
    fn one_node_and_three() -> anyhow::Result<()> {
        let place = Place { host: "127.0.0.1", data: "data" };
        for (brokers, replicas, in_sync) in [(1, "1", "1"), (3, "3", "2")] {
            let (folder, heap) = ("folder".into(), "1g".to_owned());
            let cluster = Cluster { folder, engine: Engine::Local, brokers, port: 19092, heap };
            for node in cluster.nodes(None)? {
                let settings = settings(&cluster, &node, &place);
                let value = |name| settings.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str());
                assert_eq!(value("node.id"), Some(node.number.to_string().as_str()));
                assert_eq!(value("default.replication.factor"), Some(replicas));
                assert_eq!(value("min.insync.replicas"), Some(in_sync));
                let listeners = format!(
                    "PLAINTEXT://127.0.0.1:{},CONTROLLER://127.0.0.1:{}",
                    19091 + node.number,
                    20091 + node.number
                );
                assert_eq!(value("listeners"), Some(listeners.as_str()));
            }
        }
        Ok(())
    }
}
