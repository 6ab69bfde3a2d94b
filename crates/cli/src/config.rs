//! Configuration: a TOML file, every key also as an environment variable, defaults in code.
//!
//! `docs/reference/configuration.md` is generated from this file's types.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
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
    /// Intake.
    pub intake: IntakeConfig,
    /// The HTTP port.
    pub http: HttpConfig,
    /// What is written to standard error.
    pub logging: LoggingConfig,
}

/// The log behind intake and projector.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Folder of the embedded log. It belongs to one process at a time.
    pub folder: PathBuf,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { folder: "daybook-data".into() }
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
        Self { format: LoggingFormat::Text, filter: "info,fjall=warn,lsm_tree=warn".to_owned() }
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

impl Config {
    /// Reads file and environment over the defaults and checks the values.
    ///
    /// # Errors
    /// Ends with [`Exit::Misconfigured`]; the message names the key and where it was set.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let misconfigured = |e: anyhow::Error| ExitWith::error(Exit::Misconfigured, e);
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(file) = file {
            if !file.is_file() {
                return Err(misconfigured(anyhow!(
                    "failed to read configuration: no file {}",
                    file.display()
                )));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        // The negative controls and the client's key are no configuration.
        let env = Env::prefixed(ENV_PREFIX).split("__").ignore(&["negative_control", "api_key", "bless"]);
        let config: Config = figment.merge(env).extract().map_err(|e| {
            // An error shows the value at fault; that of a key must not be seen.
            let shown = e.into_iter().map(|e| match e.path.iter().any(|part| part == "api_keys") {
                true => "http.api_keys: not a list of tables with organization, project and key".to_owned(),
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
        tracing_subscriber::EnvFilter::try_new(&self.logging.filter)
            .map_err(|e| format!("logging.filter: {e}"))
            .map(|_| ())
    }

    /// As TOML, secrets masked.
    ///
    /// # Errors
    /// None that a valid configuration can cause.
    pub fn masked(&self) -> anyhow::Result<String> {
        let mut masked = self.clone();
        for key in &mut masked.http.api_keys {
            "********".clone_into(&mut key.key);
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
