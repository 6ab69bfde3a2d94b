//! `daybook topics`: the topics in Kafka, as they have to be.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use daybook_stream::kafka::{KafkaSettings, Probe};
use daybook_stream::log::LogError;
use daybook_wire::topic::Topic;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;

use crate::args::{TopicsApplyArguments, TopicsArguments, TopicsCommand};
use crate::config::Config;
use crate::exit::{Exit, ExitWith};
use crate::instance::kafka_settings;
use crate::run::runtime;
use crate::schemas;

/// How long brokers may take for one request.
const LIMIT: Duration = Duration::from_secs(30);
/// How long it may take until some broker answers at all.
const CONTACT_LIMIT: Duration = Duration::from_secs(10);
/// How often it is looked whether a topic that was made is there.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Runs the command.
pub fn topics(arguments: &TopicsArguments) -> anyhow::Result<()> {
    match &arguments.command {
        TopicsCommand::Apply(arguments) => runtime()?.block_on(apply(arguments)),
    }
}

/// What a topic has to be made like.
struct Specification {
    topic: Topic,
    partitions: u32,
    /// Settings that the product rests on: where a topic has others, that is said.
    essential: Vec<(&'static str, &'static str)>,
    /// Settings that it is made with and that are its owner's to change.
    initial: Vec<(&'static str, &'static str)>,
}

/// A dead letter holds a record as large as senders may make it, and its headers; a journal record all settings of a
/// project.
const RECORD_BYTES_MAX: &str = "20971520";

impl Specification {
    fn of(topic: Topic, config: &Config) -> Self {
        let kept = vec![("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1")];
        let large = ("max.message.bytes", RECORD_BYTES_MAX);
        let compacted = vec![("cleanup.policy", "compact")];
        let kafka = &config.kafka;
        let (partitions, essential, initial) = match topic {
            // What is read once may go: its retention is its owner's affair.
            Topic::Charges => (kafka.charges_partitions, Vec::new(), vec![("retention.ms", "604800000")]),
            Topic::Spend => (kafka.spend_partitions, Vec::new(), vec![("retention.ms", "604800000")]),
            // One order of all settings.
            Topic::Settings => (1, compacted, Vec::new()),
            Topic::Journal => (kafka.journal_partitions, [kept, vec![large]].concat(), Vec::new()),
            // Partition by partition as the journal.
            Topic::ProjectorPositions => {
                (kafka.journal_partitions, compacted, vec![("segment.ms", "3600000")])
            }
            Topic::LedgerEntries | Topic::RewardsPoints | Topic::RevenueAllocations => {
                (kafka.output_partitions, kept, Vec::new())
            }
            Topic::ChargesDlq | Topic::SpendDlq | Topic::SettingsDlq => {
                // One that can't be written would hold up all that come after it.
                (kafka.output_partitions, vec![large], vec![("retention.ms", "-1")])
            }
            // Rows: the last of each key counts.
            Topic::RevenueDaily
            | Topic::SpendDaily
            | Topic::ProfitDaily
            | Topic::ProfitMonthly
            | Topic::OwnerProfitDaily
            | Topic::AllocationsDaily
            | Topic::KpisDaily
            | Topic::AccountsBalances
            | Topic::CustomersProfile
            | Topic::RewardsBalances => (kafka.output_partitions, compacted, Vec::new()),
        };
        Self { topic, partitions, essential, initial }
    }
}

/// What a topic is like.
struct Found {
    partitions: u32,
    settings: BTreeMap<String, String>,
}

async fn apply(arguments: &TopicsApplyArguments) -> anyhow::Result<()> {
    let config = Config::load(arguments.config.as_deref())?;
    let Some(kafka) = kafka_settings(&config, || Ok("topics".to_owned()))? else {
        let message = "kafka.bootstrap_servers is not set: the embedded log needs no topics";
        return Err(ExitWith::error(Exit::Misconfigured, anyhow!(message)));
    };
    // An administrator's client does not say why it has no answer.
    Probe::new(&kafka)?.contact(CONTACT_LIMIT).map_err(|error| match error {
        LogError::Unknown(why) => anyhow!(why),
        other => other.into(),
    })?;
    let admin: AdminClient<DefaultClientContext> =
        kafka.client().create().context("failed to set up the Kafka client")?;
    let mut differs = 0;
    for topic in Topic::ALL {
        let specification = Specification::of(topic, &config);
        differs += match find(&admin, kafka.name(topic)).await? {
            None if arguments.check => {
                say(&format!("missing    {}", kafka.name(topic)));
                1
            }
            None => {
                make(&admin, &kafka, &specification, config.kafka.replication_factor).await?;
                0
            }
            Some(found) => compare(&admin, &kafka, &specification, &found, arguments.check).await?,
        };
    }
    // Its client blocks, and would not let others of this runtime on.
    let missing = tokio::task::block_in_place(|| schemas::apply(&config.registry, &kafka, arguments.check))?;
    if differs + missing > 0 {
        let message = match missing {
            0 => format!("{differs} topics are not as they have to be"),
            _ => format!("{differs} topics are not as they have to be, {missing} schemas are missing"),
        };
        return Err(ExitWith::error(Exit::Misconfigured, anyhow!(message)));
    }
    Ok(())
}

/// Partitions and settings of a topic; `None` where there is none.
async fn find(admin: &AdminClient<DefaultClientContext>, name: &str) -> anyhow::Result<Option<Found>> {
    let Some(partitions) = partitions_of(admin, name)? else { return Ok(None) };
    let options = AdminOptions::new().request_timeout(Some(LIMIT));
    let described = admin
        .describe_configs([&ResourceSpecifier::Topic(name)], &options)
        .await
        .with_context(|| format!("failed to read the settings of {name}"))?;
    let mut settings = BTreeMap::new();
    for resource in described {
        let ConfigResource { entries, .. } =
            resource.map_err(|code| anyhow!("failed to read the settings of {name}: {code}"))?;
        settings.extend(entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))));
    }
    Ok(Some(Found { partitions: u32::try_from(partitions).unwrap_or(u32::MAX), settings }))
}

/// How many partitions a topic has; `None` where there is none.
fn partitions_of(admin: &AdminClient<DefaultClientContext>, name: &str) -> anyhow::Result<Option<usize>> {
    let metadata = admin.inner().fetch_metadata(Some(name), LIMIT).context("no broker answers")?;
    let found = metadata.topics().iter().find(|t| t.name() == name && t.error().is_none());
    Ok(found.map(|t| t.partitions().len()).filter(|count| *count > 0))
}

async fn make(
    admin: &AdminClient<DefaultClientContext>,
    kafka: &KafkaSettings,
    specification: &Specification,
    replication_factor: i32,
) -> anyhow::Result<()> {
    let name = kafka.name(specification.topic);
    let partitions = i32::try_from(specification.partitions).unwrap_or(i32::MAX);
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replication_factor));
    for (key, value) in specification.essential.iter().chain(&specification.initial) {
        topic = topic.set(key, value);
    }
    let options = AdminOptions::new().operation_timeout(Some(LIMIT)).request_timeout(Some(LIMIT));
    let made =
        admin.create_topics([&topic], &options).await.with_context(|| format!("failed to make {name}"))?;
    for outcome in made {
        if let Err((_, code)) = outcome {
            bail!("failed to make {name}: {code}");
        }
    }
    // A broker hears of it a little after the answer. Whoever starts an instance next has to find it.
    let begun = Instant::now();
    while partitions_of(admin, name)?.is_none() {
        if begun.elapsed() > LIMIT {
            bail!("failed to make {name}: no broker knows of it after {} s", LIMIT.as_secs());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    say(&format!("made       {name}: {} partitions", specification.partitions));
    Ok(())
}

/// Says what differs; 1 where something does that has to be as specified. `charges` and outputs may grow by hand, and
/// only `charges` grows here: a project's records keep their place by the number of partitions.
async fn compare(
    admin: &AdminClient<DefaultClientContext>,
    kafka: &KafkaSettings,
    specification: &Specification,
    found: &Found,
    check: bool,
) -> anyhow::Result<u32> {
    let name = kafka.name(specification.topic);
    let (has, wanted) = (found.partitions, specification.partitions);
    let mut differences = Vec::new();
    let may_grow = matches!(specification.topic, Topic::Charges | Topic::Spend);
    if may_grow && has < wanted && !check {
        let count = usize::try_from(wanted).unwrap_or(usize::MAX);
        let grown = admin
            .create_partitions([&NewPartitions::new(name, count)], &AdminOptions::new())
            .await
            .with_context(|| format!("failed to add partitions to {name}"))?;
        for outcome in grown {
            if let Err((_, code)) = outcome {
                bail!("failed to add partitions to {name}: {code}");
            }
        }
        say(&format!("grown      {name}: {has} to {wanted} partitions"));
    } else if has != wanted
        && matches!(specification.topic, Topic::Journal | Topic::Settings | Topic::ProjectorPositions)
    {
        differences.push(format!(
            "{has} partitions instead of {wanted}; they are never changed, set the configuration to what is there"
        ));
    }
    for (key, value) in &specification.essential {
        let set = found.settings.get(*key).map_or("", String::as_str);
        if set != *value {
            differences
                .push(format!("{key} is {set:?}, has to be {value:?}: kafka-configs --alter changes it"));
        }
    }
    for difference in &differences {
        say(&format!("differs    {name}: {difference}"));
    }
    if differences.is_empty() {
        say(&format!("unchanged  {name}: {has} partitions"));
    }
    Ok(u32::from(!differences.is_empty()))
}

/// Says something on standard output.
// What has become of the topics is what the command is asked for.
#[allow(clippy::print_stdout)]
pub fn say(text: &str) {
    println!("{text}");
}
