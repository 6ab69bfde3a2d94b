//! The schemas of inputs and outputs in the registry, as `daybook topics apply` puts them there.

use anyhow::Context;
use daybook_registry::{Registry, Subject};
use daybook_stream::kafka::KafkaSettings;
use daybook_wire::schemas;

use crate::config::RegistryConfig;
use crate::topics::say;

/// Registers what is missing, or only looks; how many schemas are missing afterwards.
pub fn apply(config: &RegistryConfig, kafka: &KafkaSettings, check: bool) -> anyhow::Result<u32> {
    let Some(registry) = config.client()? else { return Ok(0) };
    let outputs = schemas::outputs().map(|(topic, schema)| (Subject::of_values(kafka.name(topic)), schema));
    let inputs = schemas::inputs().map(|input| {
        let topic = kafka.name(input.topic);
        let subject = match input.record {
            None => Subject::of_values(topic),
            Some(record) => Subject::of_record(topic, record),
        };
        (subject, input.schema)
    });
    let mut missing = 0;
    for (subject, schema) in inputs.chain(outputs) {
        missing += apply_one(config, &registry, &subject, schema, check)?;
    }
    Ok(missing)
}

fn apply_one(
    config: &RegistryConfig,
    registry: &Registry,
    subject: &Subject,
    schema: &str,
    check: bool,
) -> anyhow::Result<u32> {
    let looked = registry.id_of(subject, schema);
    if let Some(id) = looked.with_context(|| format!("failed to look for the schema {subject}"))? {
        say(&format!("unchanged  schema {subject}: id {id}"));
        return Ok(0);
    }
    if check || !config.auto_register {
        say(&format!("missing    schema {subject}"));
        return Ok(1);
    }
    let registered = registry.register(subject, schema);
    let id = registered.with_context(|| format!("failed to register the schema {subject}"))?;
    registry
        .set_compatibility(subject, &config.compatibility)
        .with_context(|| format!("failed to set the compatibility of {subject}"))?;
    say(&format!("registered schema {subject}: id {id}"));
    Ok(0)
}
