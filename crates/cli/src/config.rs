//! Configuration: a TOML file, every key also as an environment variable, defaults in code.
//!
//! `docs/reference/configuration.md` is generated from this file's types.

mod registry;

pub use registry::RegistryConfig;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use daybook_stream::kafka::RESERVED;
use daybook_wire::topic::Topic;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, ExitWith};

/// Prefix of environment variables; `__` separates the levels of a key.
const ENV_PREFIX: &str = "DAYBOOK_";

/// What an instance is run with.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The log.
    pub log: LogConfig,
    /// Kafka, where it is the log.
    pub kafka: KafkaConfig,
    /// The schema registry, for Avro on Kafka.
    pub registry: RegistryConfig,
    /// Intake.
    pub intake: IntakeConfig,
    /// The projector.
    pub projector: ProjectorConfig,
    /// The queries and the dashboard.
    pub query: QueryConfig,
    /// The HTTP port.
    pub http: HttpConfig,
    /// What is written to standard error.
    pub logging: LoggingConfig,
}

/// The log behind intake and projector.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Folder of the embedded log; with Kafka, of this instance's state, which is a cache of the journal. It belongs to
    /// one process at a time.
    pub folder: PathBuf,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { folder: "daybook-data".into() }
    }
}

/// Kafka as the log.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaConfig {
    /// `HOST:PORT` of some brokers, separated by commas. Absent: the embedded log.
    pub bootstrap_servers: Option<String>,
    /// First part of the names of consumer groups and transactional ids; instances of one deployment share it.
    pub group: String,
    /// Name of this instance, last part of its transactional id; no two running instances of a group may share it. Absent:
    /// made at the first start and kept in `log.folder`.
    pub instance: Option<String>,
    /// What all topics' names begin with.
    pub topic_prefix: String,
    /// Names of topics that are not called as by default, for example `{ charges = "payments.charges" }`; the prefix is
    /// not added to them.
    pub topics: BTreeMap<String, String>,
    /// Partitions of the journal: fixed when it is made, checked at every start.
    pub journal_partitions: u32,
    /// Partitions that `topics apply` makes `charges` with; they may be more later.
    pub charges_partitions: u32,
    /// Partitions that `topics apply` makes `spend` with; they may be more later.
    pub spend_partitions: u32,
    /// Partitions that `topics apply` makes output topics with.
    pub output_partitions: u32,
    /// Replicas that `topics apply` makes topics with, -1 for the brokers' default.
    pub replication_factor: i32,
    /// Milliseconds between two commits of the projector at least, while it has something to do, 0 to 1000. More of them:
    /// less CPU, later visible.
    pub commit_interval_ms: u64,
    /// Properties of librdkafka for all clients, for example of security. Those that the guarantees rest on are refused.
    pub properties: BTreeMap<String, String>,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            bootstrap_servers: None,
            group: "daybook".to_owned(),
            instance: None,
            topic_prefix: String::new(),
            topics: BTreeMap::new(),
            journal_partitions: 16,
            charges_partitions: 4,
            spend_partitions: 1,
            output_partitions: 4,
            replication_factor: -1,
            commit_interval_ms: 20,
            properties: BTreeMap::new(),
        }
    }
}

impl KafkaConfig {
    /// Names of topics that are not called as by default.
    pub fn names(&self) -> BTreeMap<Topic, String> {
        let name = |topic: Topic| match self.topics.get(topic.name()) {
            Some(name) => name.clone(),
            None => format!("{}{}", self.topic_prefix, topic.name()),
        };
        Topic::ALL.into_iter().map(|topic| (topic, name(topic))).collect()
    }

    fn validate(&self) -> Result<(), String> {
        let name = |text: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            (1..=100).contains(&text.len()) && text.chars().all(fits)
        };
        if let Some(reserved) = self.properties.keys().find(|key| RESERVED.contains(&key.as_str())) {
            return Err(format!(
                "kafka.properties.{reserved} is not yours to set: what daybook guarantees rests on it"
            ));
        }
        if let Some(unknown) = self.topics.keys().find(|name| Topic::from_name(name).is_none()) {
            return Err(format!("kafka.topics.{unknown}: daybook has no topic of this name"));
        }
        let names = self.names();
        if let Some((topic, bad)) = names.iter().find(|(_, given)| !name(given)) {
            return Err(format!("kafka.topics: {bad:?} can't be the name of {}", topic.name()));
        }
        if names.values().collect::<BTreeSet<_>>().len() < names.len() {
            return Err("kafka.topics: two topics have the same name".to_owned());
        }
        if !name(&self.group) || !self.instance.as_deref().is_none_or(name) {
            return Err("kafka.group and kafka.instance must be 1 to 100 of A-Z a-z 0-9 . _ -".to_owned());
        }
        let partitions =
            [self.journal_partitions, self.charges_partitions, self.spend_partitions, self.output_partitions];
        if !partitions.iter().all(|count| (1..=1_000).contains(count)) {
            return Err(
                "kafka.journal_partitions, charges_partitions, spend_partitions and output_partitions must be 1 to 1000"
                    .to_owned(),
            );
        }
        if self.replication_factor != -1 && !(1..=100).contains(&self.replication_factor) {
            return Err("kafka.replication_factor must be -1 or 1 to 100".to_owned());
        }
        if self.commit_interval_ms > 1_000 {
            return Err("kafka.commit_interval_ms must be 0 to 1000".to_owned());
        }
        Ok(())
    }
}

/// What the projector publishes.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectorConfig {
    /// Output topics by their default names. `ledger.entries` is always published; a topic that is left out stays empty,
    /// and costs nothing.
    pub outputs: Vec<String>,
}

impl Default for ProjectorConfig {
    fn default() -> Self {
        Self { outputs: Topic::PROJECTED.iter().map(|topic| topic.name().to_owned()).collect() }
    }
}

impl ProjectorConfig {
    /// The topics to publish to.
    pub fn topics(&self) -> Vec<Topic> {
        Topic::PROJECTED.into_iter().filter(|topic| self.outputs.iter().any(|o| o == topic.name())).collect()
    }

    fn validate(&self) -> Result<(), String> {
        let known = |name: &&String| !Topic::PROJECTED.iter().any(|topic| topic.name() == **name);
        match self.outputs.iter().find(known) {
            Some(unknown) => Err(format!("projector.outputs: {unknown:?} is no output topic")),
            None if !self.topics().contains(&Topic::LedgerEntries) => {
                Err("projector.outputs must have ledger.entries".to_owned())
            }
            None => Ok(()),
        }
    }
}

/// Queries and dashboard.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QueryConfig {
    /// Whether this instance reads all output topics for its queries and its dashboard. Without, they stay empty and cost
    /// nothing.
    pub enabled: bool,
}

impl Default for QueryConfig {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// How input records are read.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IntakeConfig {
    /// Bytes that a record's value may have, 1 KiB to 16 MiB; larger ones are refused (`payload_too_large`).
    pub record_bytes_max: usize,
    /// Project of records that name none in header or value. Absent: they are refused (`project_missing`).
    pub default_project: Option<String>,
}

impl Default for IntakeConfig {
    fn default() -> Self {
        Self { record_bytes_max: 1 << 20, default_project: None }
    }
}

/// The HTTP port: Track API, queries, dashboard, metrics, health.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// Who may send and see what. Without any, every route but health answers 401.
    pub api_keys: Vec<ApiKeyConfig>,
    /// Seconds that open requests may take after a signal to stop.
    pub drain_seconds: u64,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), api_keys: Vec::new(), drain_seconds: 10 }
    }
}

/// A key, bound to what it opens.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyConfig {
    /// Organization in the Track API's path.
    pub organization: String,
    /// Project; `*` is every project of any organization, for operators.
    pub project: String,
    /// The secret, at least 16 characters.
    pub key: String,
}

impl std::fmt::Debug for ApiKeyConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApiKeyConfig({}/{})", self.organization, self.project)
    }
}

/// How the log of the program itself looks.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoggingConfig {
    /// `text` for people, `json` for machines.
    pub format: LoggingFormat,
    /// Levels by module, for example `info,daybook_stream=debug`.
    pub filter: String,
}

impl Default for LoggingConfig {
    fn default() -> Self {
        Self { format: LoggingFormat::Text, filter: "info,fjall=warn,lsm_tree=warn,rdkafka=warn".to_owned() }
    }
}

/// Format of log lines.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LoggingFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The text of a file that is TOML. An error names the place alone: the line may hold a secret.
fn read(file: &Path) -> anyhow::Result<String> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| anyhow!("failed to read configuration: no file {name} ({error})"))?;
    match text.parse::<toml::Table>() {
        Ok(_) => Ok(text),
        Err(error) => {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let (line, column) = (
                before.matches('\n').count() + 1,
                before.chars().rev().take_while(|c| *c != '\n').count() + 1,
            );
            let why = error.message();
            bail!("failed to read configuration: {name}, line {line}, column {column}: {why}")
        }
    }
}

impl Config {
    /// Reads file and environment over the defaults and checks the values.
    ///
    /// # Errors
    /// Ends with [`Exit::Misconfigured`]; the message names the key and where it was set.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let misconfigured = |e: anyhow::Error| ExitWith::error(Exit::Misconfigured, e);
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(file) = file {
            figment = figment.merge(Toml::string(&read(file).map_err(misconfigured)?));
        }
        const SECRET: [&str; 3] = ["api_keys", "properties", "password"];
        // The negative controls and the client's key are no configuration.
        let ignored = ["negative_control", "negative_control_stop", "api_key", "bless"];
        let env = Env::prefixed(ENV_PREFIX).split("__").ignore(&ignored);
        let config: Config = figment.merge(env).extract().map_err(|e| {
            // An error shows the value at fault; that of a key must not be seen.
            let shown = e.into_iter().map(|e| match e.path.iter().any(|part| SECRET.contains(&part.as_str())) {
                true => "http.api_keys: not a list of tables with organization, project and key, or kafka.properties: not a table \
                         of strings, or registry.password: not a string (what looks like a number needs quotes, in an \
                         environment variable too)"
                    .to_owned(),
                false => e.to_string().replace("default.", ""),
            });
            let shown: Vec<String> = shown.collect();
            misconfigured(anyhow!("failed to read configuration: {}", shown.join("; ")))
        })?;
        config.validate().map_err(|message| misconfigured(anyhow!("configuration is invalid: {message}")))?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), String> {
        if !(1024..=16 << 20).contains(&self.intake.record_bytes_max) {
            return Err("intake.record_bytes_max must be 1024 to 16777216".to_owned());
        }
        if let Some(project) = &self.intake.default_project
            && !daybook_core::name::is_valid_project(project)
        {
            return Err("intake.default_project must be 1 to 64 of A-Z a-z 0-9 . _ -".to_owned());
        }
        for (i, key) in self.http.api_keys.iter().enumerate() {
            if key.key.chars().count() < 16 {
                return Err(format!("http.api_keys[{i}].key must have at least 16 characters"));
            }
            if key.project != "*" && !daybook_core::name::is_valid_project(&key.project) {
                return Err(format!("http.api_keys[{i}].project must be a project's name or *"));
            }
        }
        self.kafka.validate()?;
        self.registry.validate(self.kafka.bootstrap_servers.is_some())?;
        self.projector.validate()?;
        tracing_subscriber::EnvFilter::try_new(&self.logging.filter)
            .map_err(|e| format!("logging.filter: {e}"))
            .map(|_| ())
    }

    /// As TOML, secrets masked.
    ///
    /// # Errors
    /// None that a valid configuration can cause.
    pub fn masked(&self) -> anyhow::Result<String> {
        // Whoever adds a property to librdkafka does not ask here whether it is a secret: others are masked.
        const SHOWN: [&str; 10] = [
            "security.protocol",
            "sasl.mechanism",
            "sasl.mechanisms",
            "ssl.ca.location",
            "ssl.certificate.location",
            "ssl.key.location",
            "ssl.endpoint.identification.algorithm",
            "session.timeout.ms",
            "client.rack",
            "debug",
        ];
        let mut masked = self.clone();
        for key in &mut masked.http.api_keys {
            "********".clone_into(&mut key.key);
        }
        if let Some(password) = &mut masked.registry.password {
            "********".clone_into(password);
        }
        for (name, value) in &mut masked.kafka.properties {
            if !SHOWN.contains(&name.as_str()) {
                "********".clone_into(value);
            }
        }
        toml::to_string(&masked).context("failed to print the configuration")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use std::fmt::Write;

    use super::Config;
    use crate::reference::check_page;

    fn rows(schema: &Value, defs: &Value, defaults: &Value, prefix: &str, page: &mut String) {
        let Some(properties) = schema["properties"].as_object() else { return };
        for (name, property) in properties {
            let key = format!("{prefix}{name}");
            let target = property["$ref"].as_str().map(|r| &defs[r.rsplit('/').next().expect("a name")]);
            match target.filter(|t| t["properties"].is_object()) {
                Some(nested) => rows(nested, defs, &defaults[name], &format!("{key}."), page),
                None => {
                    let variable = format!("DAYBOOK_{}", key.to_uppercase().replace('.', "__"));
                    let default = match &defaults[name] {
                        Value::Null => "none".to_owned(),
                        Value::String(s) => format!("`{s}`"),
                        other => format!("`{other}`"),
                    };
                    let about = property["description"].as_str().expect("every key is documented");
                    writeln!(page, "| `{key}` | `{variable}` | {default} | {} |", about.replace('\n', " "))
                        .expect("a string takes all");
                }
            }
        }
    }

    /// What a file that can't be read is said to be.
    fn refused(text: &str) -> String {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("a file can be written");
        Config::load(Some(file.path())).map(|_| ()).expect_err("it is wrong").to_string()
    }

    #[test]
    fn a_secret_is_not_in_what_is_said_of_its_line() {
        for (text, place) in [
            ("[registry]\nurl = \"http://r\"\npassword = \"hunter-2-hunter-2", "line 3"),
            ("[kafka.properties]\n\"sasl.password\" = hunter-2-hunter-2", "line 2"),
            ("[[http.api_keys]]\nkey = 'hunter-2-hunter-2\n", "line 2"),
            ("[registry]\npassword = [\"hunter-2-hunter-2\"]", "registry.password"),
            ("[kafka.properties]\n\"sasl.password\" = [\"hunter-2-hunter-2\"]", "kafka.properties"),
        ] {
            let said = refused(text);
            assert!(said.contains(place) && !said.contains("hunter"), "{said}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_masked() {
        let mut config = Config::default();
        let properties =
            ["sasl.password", "sasl.oauthbearer.config", "ssl.key.pem", "sasl.username", "security.protocol"];
        config.kafka.properties = properties.map(|name| (name.to_owned(), format!("value of {name}"))).into();
        config.registry.password = Some("hunter-2".to_owned());
        let shown = config.masked().expect("TOML");
        assert!(!shown.contains("hunter"), "{shown}");
        let values: Vec<_> = shown.lines().filter(|line| line.contains("value of")).collect();
        assert_eq!(values, ["\"security.protocol\" = \"value of security.protocol\""], "{shown}");
    }

    #[test]
    fn the_reference_page_lists_every_key() {
        let schema = schemars::schema_for!(Config).to_value();
        let defaults = serde_json::to_value(Config::default()).expect("a configuration is JSON");
        let mut page = String::from(
            "# Configuration\n\n<!-- Generated from crates/cli/src/config.rs: DAYBOOK_BLESS=1 cargo test -p daybook-cli -->\n\n\
             `daybook run --config FILE` reads a TOML file. Every key can also be set by the environment variable \
             beside it, which wins over the file. Unknown keys are refused. `daybook run --check` prints what is in \
             effect, secrets masked.\n\n| key | environment variable | default | what it is |\n| --- | --- | --- | --- |\n",
        );
        rows(&schema, &schema["$defs"], &defaults, "", &mut page);
        page.push_str(
            "\nEach of `http.api_keys` has `organization` (in the Track API's path), `project` (`*` is every project of \
             any organization, for operators) and `key` (at least 16 characters):\n\n```toml\n[[http.api_keys]]\n\
             organization = \"acme-inc\"\nproject = \"acme\"\nkey = \"a-secret-of-16-characters-or-more\"\n```\n\n\
             As an environment variable a list is written like \
             `DAYBOOK_HTTP__API_KEYS='[{organization=\"acme-inc\",project=\"acme\",key=\"...\"}]'`.\n",
        );
        check_page("configuration.md", &page);
    }
}
