//! Avro on Kafka: which schemas outputs are written with, and values read as JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use daybook_core::rejection::Reason;
use daybook_registry::{Registry, RegistryError, Subject};
use daybook_wire::avro::{Nulls, Schema, unframe};
use daybook_wire::schemas;

use super::settings::KafkaSettings;
use crate::format::ValueFormat;
use crate::log::{LogError, ReadError};

/// How long a schema that the registry does not know counts as unknown before it is asked for again.
const UNKNOWN_FOR: Duration = Duration::from_secs(60);

/// Unknown ids that are kept; anybody may write any id.
const UNKNOWN_MAX: usize = 1_000;

/// Avro with a schema registry. Clones share what is known.
#[derive(Clone, Debug)]
pub struct Avro {
    registry: Registry,
    /// Whether outputs are written in it.
    writes: bool,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// Schemas by id; `None` where one can't be used.
    schemas: BTreeMap<u32, Option<Arc<Schema>>>,
    /// When the registry did not know them.
    unknown: BTreeMap<u32, Instant>,
    /// What outputs are written as, once it was looked up: ids never change, and a projector that opens again, after an
    /// abort for example, needs no registry.
    written: Option<ValueFormat>,
}

/// What a stage that opens does about it: an answer that will not change ends it.
fn at_opening(error: RegistryError) -> LogError {
    if error.is_passing() { LogError::Unknown(error.to_string()) } else { LogError::Failed(Box::new(error)) }
}

impl Avro {
    /// Avro by the schemas of `registry`; `writes`: for outputs too.
    #[must_use]
    pub fn new(registry: Registry, writes: bool) -> Self {
        Self { registry, writes, known: Arc::default() }
    }

    /// A value as JSON.
    ///
    /// # Errors
    /// [`ReadError::Refused`] where it is Avro by a schema that is unknown or can't be used (`unknown_schema`), or not what
    /// its schema says (`malformed_json`); [`ReadError::NotYet`] where the registry does not answer.
    pub fn json_of<'a>(&self, value: &'a [u8], nulls: Nulls) -> Result<Cow<'a, [u8]>, ReadError> {
        let Some((id, datum)) = unframe(value) else { return Ok(Cow::Borrowed(value)) };
        // Whatever a registry says while records come, somebody will mend it: they wait.
        let schema = self.schema(id).map_err(|error| ReadError::NotYet(error.to_string()))?;
        let schema = schema.ok_or(ReadError::Refused(Reason::UnknownSchema))?;
        let json = schema.json_of(datum, nulls).map_err(|_| ReadError::Refused(Reason::MalformedJson))?;
        Ok(Cow::Owned(json.into_bytes()))
    }

    /// Whole also where whoever held it has panicked: each change is one step.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of an id already.
    fn known(&self, id: u32) -> Option<Option<Arc<Schema>>> {
        let known = self.lock();
        let is_unknown = || known.unknown.get(&id).is_some_and(|since| since.elapsed() < UNKNOWN_FOR);
        known.schemas.get(&id).cloned().or_else(|| is_unknown().then_some(None))
    }

    fn schema(&self, id: u32) -> Result<Option<Arc<Schema>>, RegistryError> {
        if let Some(schema) = self.known(id) {
            return Ok(schema);
        }
        // Not under the lock: who wants another schema need not wait for this one.
        let found = self.registry.schema(id)?;
        let mut known = self.lock();
        let Some(found) = found else {
            if known.unknown.len() >= UNKNOWN_MAX {
                known.unknown.clear();
            }
            known.unknown.insert(id, Instant::now());
            return Ok(None);
        };
        let schema = match found.is_avro.then(|| Schema::parse_with(&found.text, &found.references)) {
            Some(Ok(schema)) => Some(Arc::new(schema)),
            Some(Err(error)) => {
                tracing::warn!(id, %error, "a schema can't be used");
                None
            }
            None => None,
        };
        known.schemas.insert(id, schema.clone());
        Ok(schema)
    }

    /// What outputs are written as, with the ids that the registry has for their schemas.
    pub(super) fn value_format(&self, settings: &KafkaSettings) -> Result<ValueFormat, LogError> {
        if !self.writes {
            return Ok(ValueFormat::Json);
        }
        if let Some(written) = &self.lock().written {
            return Ok(written.clone());
        }
        let mut ids = BTreeMap::new();
        for (topic, schema) in schemas::outputs() {
            let subject = Subject::of_values(settings.name(topic));
            let Some(id) = self.registry.id_of(&subject, schema).map_err(at_opening)? else {
                let why = format!(
                    "{} has no schema {subject} as this release writes it; `daybook topics apply` registers it",
                    self.registry.url()
                );
                return Err(LogError::Failed(why.into()));
            };
            ids.insert(topic, id);
        }
        let written = ValueFormat::Avro(ids);
        self.lock().written = Some(written.clone());
        Ok(written)
    }
}
