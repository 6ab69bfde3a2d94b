//! A client of a schema registry with Confluent's HTTP interface: Confluent's own, Apicurio (`/apis/ccompat/v7`), Karapace,
//! Redpanda.
//!
//! It asks and answers; what is cached, and when to ask again, is up to whoever uses it (docs/adr/0012).

mod schema;
mod tls;

pub use schema::{Schema, Subject};
pub use tls::{Identity, Tls};

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use ureq::http::{Method, Request};
use ureq::{Agent, Body};

/// How long a registry may take for an answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// How a registry is reached.
#[derive(Clone, Default)]
pub struct Settings {
    /// Where it is: `http://HOST:PORT`, with the path of its Confluent-compatible interface.
    pub url: String,
    /// User name and password, sent by HTTP's basic authentication.
    pub credentials: Option<(String, String)>,
    /// For `https`.
    pub tls: Tls,
}

/// Why a registry has not done what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It can't be reached, has no answer in time, or is in trouble itself: it may answer later.
    #[error("the schema registry does not answer: {0}")]
    Unavailable(String),
    /// It has refused.
    #[error("the schema registry refuses ({status}): {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// Certificates that can't be read.
    #[error("{0}")]
    Misconfigured(String),
}

impl RegistryError {
    /// Whether the same may go well later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, RegistryError::Unavailable(_))
    }
}

/// A registry. Clones share connections.
#[derive(Clone)]
pub struct Registry {
    agent: Agent,
    url: String,
    authorization: Option<String>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registry({})", self.url)
    }
}

/// What a registry says where it refuses.
#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    error_code: u32,
    #[serde(default)]
    message: String,
}

/// Codes for a subject, a version and a schema that are not there. Any other 404 is somebody else's: of a proxy, or of an
/// address that is not the registry's.
const ABSENT: [u32; 3] = [40_401, 40_402, 40_403];

/// Ids are positive `int`s to registries, whatever four bytes say.
const ID_MAX: u32 = i32::MAX as u32;

/// What a schema refers to, each once.
#[derive(Default)]
struct References {
    asked: BTreeSet<(String, u32)>,
    texts: Vec<String>,
}

/// What a part of a path may not hold as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name as a part of a path.
fn encoded(name: &str) -> PercentEncode<'_> {
    utf8_percent_encode(name, RESERVED)
}

#[derive(Serialize)]
struct Registration<'a> {
    schema: &'a str,
    #[serde(rename = "schemaType")]
    schema_type: &'a str,
}

#[derive(Deserialize)]
struct Id {
    id: u32,
}

impl Registry {
    /// A client.
    ///
    /// # Errors
    /// [`RegistryError::Misconfigured`] where certificates can't be read.
    pub fn new(settings: &Settings) -> Result<Self, RegistryError> {
        let agent = Agent::config_builder()
            .timeout_global(Some(ANSWER_LIMIT))
            .http_status_as_error(false)
            .tls_config(settings.tls.config()?)
            .build()
            .new_agent();
        let basic = |(user, password): &(String, String)| {
            format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
        };
        Ok(Self {
            agent,
            url: settings.url.trim_end_matches('/').to_owned(),
            authorization: settings.credentials.as_ref().map(basic),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The schema of an id, with all that it refers to; `None` where the registry knows none.
    ///
    /// # Errors
    /// [`RegistryError`]; likewise for the others.
    pub fn schema(&self, id: u32) -> Result<Option<Schema>, RegistryError> {
        if id > ID_MAX {
            return Ok(None);
        }
        let found = match self.found::<schema::Found>(&format!("schemas/ids/{id}")) {
            // An id that it takes for none.
            Err(RegistryError::Refused { status: 400 | 422, .. }) => None,
            found => found?,
        };
        let Some(found) = found else { return Ok(None) };
        let mut references = References::default();
        if !self.gather(&found.references, &mut references, 0)? {
            return Ok(None);
        }
        let references = references.texts;
        Ok(Some(Schema {
            text: found.schema,
            is_avro: found.schema_type.is_none_or(|t| t == "AVRO"),
            references,
        }))
    }

    /// The texts of references and of what these refer to; `false` where one is not there, or they are more than any schema
    /// needs.
    fn gather(
        &self,
        references: &[schema::Reference],
        into: &mut References,
        depth: usize,
    ) -> Result<bool, RegistryError> {
        for reference in references {
            let schema::Reference { subject, version } = reference;
            if !into.asked.insert((subject.clone(), *version)) {
                continue;
            }
            if depth >= schema::DEPTH_MAX || into.asked.len() > schema::REFERENCES_MAX {
                return Ok(false);
            }
            let path = format!("subjects/{}/versions/{version}", encoded(subject));
            let Some(found) = self.found::<schema::Found>(&path)? else { return Ok(false) };
            if !self.gather(&found.references, into, depth + 1)? {
                return Ok(false);
            }
            into.texts.push(found.schema);
        }
        Ok(true)
    }

    /// The id under which a subject has this very schema; `None` where it has it not.
    #[allow(clippy::missing_errors_doc)]
    pub fn id_of(&self, subject: &Subject, schema: &str) -> Result<Option<u32>, RegistryError> {
        let body = registration(schema);
        let id =
            absent(self.send(Method::POST, &format!("subjects/{}", encoded(subject.name())), Some(&body)))?;
        id.map(|id| read::<Id>(id).map(|id| id.id)).transpose()
    }

    /// Registers a schema: its id, which is the one it has where the subject has it already.
    #[allow(clippy::missing_errors_doc)]
    pub fn register(&self, subject: &Subject, schema: &str) -> Result<u32, RegistryError> {
        let body = registration(schema);
        let id =
            self.send(Method::POST, &format!("subjects/{}/versions", encoded(subject.name())), Some(&body))?;
        read::<Id>(id).map(|id| id.id)
    }

    /// Sets what later versions of a subject have to be compatible with.
    #[allow(clippy::missing_errors_doc)]
    pub fn set_compatibility(&self, subject: &Subject, level: &str) -> Result<(), RegistryError> {
        let body = json!({ "compatibility": level });
        self.send(Method::PUT, &format!("config/{}", encoded(subject.name())), Some(&body)).map(drop)
    }

    fn found<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, RegistryError> {
        absent(self.send(Method::GET, path, None))?.map(read).transpose()
    }

    fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, RegistryError> {
        let unavailable =
            |why: &dyn std::fmt::Display| RegistryError::Unavailable(format!("{}: {why}", self.url));
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.url))
            .header("accept", "application/vnd.schemaregistry.v1+json, application/json");
        if body.is_some() {
            request = request.header("content-type", "application/vnd.schemaregistry.v1+json");
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        let request =
            request.body(text).map_err(|e| RegistryError::Misconfigured(format!("{}: {e}", self.url)))?;
        let mut answer = self.agent.run(request).map_err(|e| unavailable(&e))?;
        let status = answer.status().as_u16();
        match status {
            200..300 => parsed(answer.body_mut()).map_err(|e| unavailable(&e)),
            // Busy, or a proxy that does not reach it.
            429 | 500.. => Err(unavailable(&format!("status {status}"))),
            _ => {
                let said: Option<Refusal> =
                    parsed(answer.body_mut()).ok().and_then(|body| serde_json::from_value(body).ok());
                let code = said.as_ref().map_or(0, |said| said.error_code);
                if status == 404 && !ABSENT.contains(&code) {
                    return Err(unavailable(
                        &"status 404, and not in a schema registry's words: is the path right?",
                    ));
                }
                let message = said.map(|said| said.message).filter(|message| !message.is_empty());
                Err(RegistryError::Refused {
                    status,
                    message: message.unwrap_or_else(|| "no reason given".to_owned()),
                })
            }
        }
    }
}

fn registration(schema: &str) -> Value {
    json!(Registration { schema, schema_type: "AVRO" })
}

fn parsed(body: &mut Body) -> Result<Value, ureq::Error> {
    body.with_config().limit(ANSWER_BYTES_MAX).read_json()
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, RegistryError> {
    serde_json::from_value(value)
        .map_err(|e| RegistryError::Unavailable(format!("its answer is none of a schema registry: {e}")))
}

/// What is not there is no error.
fn absent(outcome: Result<Value, RegistryError>) -> Result<Option<Value>, RegistryError> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(RegistryError::Refused { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
