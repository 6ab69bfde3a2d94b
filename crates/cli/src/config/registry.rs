//! The schema registry.

use std::path::PathBuf;

use anyhow::anyhow;
use daybook_registry::{Identity, Registry, Settings, Tls};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, ExitWith};

/// A schema registry with Confluent's interface, for Avro on Kafka.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryConfig {
    /// Where it is, with the path of its Confluent-compatible interface (`http://HOST:PORT/apis/ccompat/v7` for Apicurio).
    /// Absent: inputs and outputs are JSON. With it, inputs may be JSON or Avro, record by record.
    pub url: Option<String>,
    /// What outputs are written in, `avro` or `json`.
    pub outputs: OutputFormat,
    /// Whether `topics apply` registers schemas that are missing. Without, it only checks that they are there.
    pub auto_register: bool,
    /// What `topics apply` has a registry demand of later versions of the schemas that it registers.
    pub compatibility: String,
    /// User name for HTTP's basic authentication.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// PEM file of the certificates to trust. Absent: those of the system.
    pub ca_file: Option<PathBuf>,
    /// PEM file of the certificate to show to the registry, with those that have signed it.
    pub certificate_file: Option<PathBuf>,
    /// PEM file of its private key, not encrypted.
    pub key_file: Option<PathBuf>,
}

/// What outputs are written in where there is a schema registry.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// Avro in the Confluent wire format.
    Avro,
    /// Canonical JSON.
    Json,
}

impl OutputFormat {
    /// Whether it is Avro.
    pub fn is_avro(self) -> bool {
        self == OutputFormat::Avro
    }
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            url: None,
            outputs: OutputFormat::Avro,
            auto_register: true,
            compatibility: "BACKWARD_TRANSITIVE".to_owned(),
            username: None,
            password: None,
            ca_file: None,
            certificate_file: None,
            key_file: None,
        }
    }
}

/// Without the password.
impl std::fmt::Debug for RegistryConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RegistryConfig({})", self.url.as_deref().unwrap_or("none"))
    }
}

impl RegistryConfig {
    /// What is wrong with it.
    pub(super) fn validate(&self, is_on_kafka: bool) -> Result<(), String> {
        let Some(url) = &self.url else { return Ok(()) };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err("registry.url must begin with http:// or https://".to_owned());
        }
        if !is_on_kafka {
            return Err("registry.url is for Kafka, and kafka.bootstrap_servers is not set".to_owned());
        }
        if url.contains('@') {
            return Err("registry.url must not hold a password; registry.username and password do".to_owned());
        }
        if self.certificate_file.is_some() != self.key_file.is_some() {
            return Err("registry.certificate_file and key_file belong together".to_owned());
        }
        if self.password.is_some() && self.username.is_none() {
            return Err("registry.password is set, registry.username is not".to_owned());
        }
        const LEVELS: [&str; 7] = [
            "NONE",
            "BACKWARD",
            "BACKWARD_TRANSITIVE",
            "FORWARD",
            "FORWARD_TRANSITIVE",
            "FULL",
            "FULL_TRANSITIVE",
        ];
        if !LEVELS.contains(&self.compatibility.as_str()) {
            return Err(format!("registry.compatibility must be one of {}", LEVELS.join(", ")));
        }
        Ok(())
    }

    /// A client of the registry, where there is one.
    ///
    /// # Errors
    /// Ends with [`Exit::Misconfigured`] where certificates can't be read.
    pub fn client(&self) -> anyhow::Result<Option<Registry>> {
        let Some(url) = &self.url else { return Ok(None) };
        let credentials = self.username.clone().map(|user| (user, self.password.clone().unwrap_or_default()));
        let identity = match (&self.certificate_file, &self.key_file) {
            (Some(certificate), Some(key)) => {
                Some(Identity { certificate: certificate.clone(), key: key.clone() })
            }
            _ => None,
        };
        let tls = Tls { ca: self.ca_file.clone(), identity };
        let settings = Settings { url: url.clone(), credentials, tls };
        let client = Registry::new(&settings)
            .map_err(|e| ExitWith::error(Exit::Misconfigured, anyhow!("registry: {e}")))?;
        Ok(Some(client))
    }
}
