//! Kafka's own command line tools.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use super::cluster::{Cluster, Engine};
use super::docker;
use super::jvm::Jvm;

const NOT_RUNNING: &str = "no broker runs; `cargo xtask kafka start` starts one";

/// A tool, by the name that its script has in Kafka's distribution.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Tool {
    /// Creates, lists, changes and deletes topics
    Topics,
    /// Prints records
    ConsoleConsumer,
    /// Sends records, one for each line
    ConsoleProducer,
    /// Groups, their offsets and lags
    ConsumerGroups,
    /// First and last offsets of partitions
    GetOffsets,
    /// Lists and ends transactions
    Transactions,
    /// Reads and changes settings of topics and brokers
    Configs,
}

impl Tool {
    fn class(self) -> &'static str {
        match self {
            Tool::Topics => "org.apache.kafka.tools.TopicCommand",
            Tool::ConsoleConsumer => "org.apache.kafka.tools.consumer.ConsoleConsumer",
            Tool::ConsoleProducer => "org.apache.kafka.tools.ConsoleProducer",
            Tool::ConsumerGroups => "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
            Tool::GetOffsets => "org.apache.kafka.tools.GetOffsetShell",
            Tool::Transactions => "org.apache.kafka.tools.TransactionsCommand",
            Tool::Configs => "kafka.admin.ConfigCommand",
        }
    }

    fn script(self) -> &'static str {
        match self {
            Tool::Topics => "topics",
            Tool::ConsoleConsumer => "console-consumer",
            Tool::ConsoleProducer => "console-producer",
            Tool::ConsumerGroups => "consumer-groups",
            Tool::GetOffsets => "get-offsets",
            Tool::Transactions => "transactions",
            Tool::Configs => "configs",
        }
    }
}

/// Becomes the tool, so that whoever stops this process, or waits for its status, has the tool itself.
///
/// # Errors
/// There is no broker to ask, or no tool.
pub fn run(cluster: &Cluster, tool: Tool, arguments: &[OsString]) -> Result<ExitCode> {
    let mut command = match cluster.engine {
        Engine::Docker => {
            let runs = docker::is_running(cluster) == Some(true);
            ensure!(runs, "{NOT_RUNNING}");
            docker::tool(cluster, tool.script())
        }
        Engine::Local => {
            let runs = cluster.nodes(None)?.iter().any(|node| node.pid().is_some());
            // A tool would try to reach it for a minute.
            ensure!(runs, "{NOT_RUNNING}");
            let mut command = Jvm::find()?.tool(tool.class());
            command.args(["--bootstrap-server", &cluster.bootstrap()]);
            command
        }
    };
    Err(command.args(arguments).exec()).with_context(|| format!("failed to start {}", tool.script()))
}
