//! Schema registries: the one that the tests are given, and those of a test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::binary::finish;

/// Names a registry to test with: the URL of its Confluent-compatible interface.
const REGISTRY: &str = "DAYBOOK_TEST_REGISTRY";
/// Names xtask's binary.
const XTASK: &str = "DAYBOOK_TEST_XTASK";

/// A real schema registry.
#[derive(Debug)]
pub struct Registry {
    /// Of its Confluent-compatible interface.
    pub url: String,
    own: Option<Own>,
}

/// What a registry of a test's own needs to be stopped.
#[derive(Debug)]
struct Own {
    xtask: PathBuf,
    folder: PathBuf,
}

impl Registry {
    /// The one that the environment names.
    ///
    /// # Errors
    /// It names none.
    pub fn under_test() -> Result<Self> {
        let url = named(REGISTRY)?;
        Ok(Self { url, own: None })
    }

    /// Starts one that is stopped when it is dropped; with a certificate and its key it speaks HTTPS.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(folder: &Path, port: u16, certificate: Option<(&Path, &Path)>) -> Result<Self> {
        let xtask: PathBuf = named(XTASK)?.into();
        let folder = folder.join("registry");
        let mut command = Command::new(&xtask);
        command.args(["registry", "start", "--port", &port.to_string(), "--folder"]).arg(&folder);
        if let Some((certificate, key)) = certificate {
            command.arg("--certificate").arg(certificate).arg("--key").arg(key);
        }
        let ended = finish(&mut command)?;
        let said = &ended.with(0)?.stdout;
        let url = said.lines().rev().find_map(|line| line.strip_prefix("registry http"));
        let url = url.with_context(|| format!("no URL in {said}"))?;
        Ok(Self { url: format!("http{url}"), own: Some(Own { xtask, folder }) })
    }

    /// Sends its process a signal, as `kill` names it.
    ///
    /// # Errors
    /// It is none of the test's own, or not running.
    pub fn signal(&self, name: &str) -> Result<()> {
        let own = self.own.as_ref().context("the registry is not this test's to stop")?;
        let pid = std::fs::read_to_string(own.folder.join("pid"))?;
        finish(Command::new("kill").args([&format!("-{name}"), pid.trim()]))?.with(0).map(drop)
    }

    /// Asks it.
    ///
    /// # Errors
    /// It does not answer.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Result<(u16, Value)> {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.url))
            .header("content-type", "application/json")
            .body(body.to_string())?;
        let mut answer = agent.run(request)?;
        let text = answer.body_mut().read_to_string()?;
        Ok((answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_default()))
    }

    /// Registers a schema; its id.
    ///
    /// # Errors
    /// It is refused.
    pub fn register(&self, subject: &str, schema: &str, kind: &str) -> Result<u32> {
        let body = json!({ "schema": schema, "schemaType": kind });
        let (status, said) = self.ask("POST", &format!("subjects/{subject}/versions"), &body)?;
        ensure!(status == 200, "{status} {said}");
        said["id"].as_u64().and_then(|id| id.try_into().ok()).with_context(|| said.to_string())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            let _ = self.signal("CONT");
            let mut command = Command::new(&own.xtask);
            let _ = finish(command.args(["registry", "stop", "--folder"]).arg(&own.folder));
        }
    }
}

fn named(variable: &str) -> Result<String> {
    std::env::var(variable)
        .with_context(|| format!("{variable} is not set; `cargo xtask ci` starts what it names and sets it"))
}
