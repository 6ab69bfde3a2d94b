//! A real Prometheus that scrapes what is under test, and promtool.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::binary::{Ended, finish};
use crate::instance::{Instance, agent};
use crate::wait;

/// Prometheus starts within seconds; a busy machine takes longer.
const LIMIT: Duration = Duration::from_secs(60);
/// What the shipped configuration scrapes, and the file that its key is in.
const DISCOVERY: &str = "dns_sd_configs:\n      - names: [daybook]\n        type: A\n        port: 8080";
const KEY_FILE: &str = "daybook-api-key";
/// How often the shipped configuration scrapes; here it is done each second.
const INTERVAL: &str = "interval: 15s";

/// A file of the repository.
#[must_use]
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Runs promtool, with an input if there is one.
///
/// # Errors
/// It can't be run.
pub fn promtool(arguments: &[&str], folder: &Path, input: Option<&str>) -> Result<Ended> {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(folder);
    let file = tempfile::NamedTempFile::new()?;
    if let Some(input) = input {
        std::fs::write(file.path(), input)?;
    }
    command.stdin(file.reopen()?);
    finish(&mut command).context("promtool; the step `tools` installs it")
}

/// Copies the shipped configuration and rules to a folder, with a key beside them.
///
/// # Errors
/// Something is not there, or can't be written.
pub fn copy_config(folder: &Path, key: &str) -> Result<PathBuf> {
    for name in ["prometheus.yml", "alerts.yml", "alerts.test.yml"] {
        std::fs::copy(repository("deploy/prometheus").join(name), folder.join(name))?;
    }
    std::fs::write(folder.join(KEY_FILE), key)?;
    Ok(folder.join("prometheus.yml"))
}

/// A Prometheus. It is killed where a test forgets it.
pub struct Prometheus {
    child: Child,
    base: String,
    agent: ureq::Agent,
}

/// A metric as Prometheus has seen it: its type and the names of its labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// Names of labels, those aside that Prometheus adds.
    pub labels: BTreeSet<String>,
}

impl Prometheus {
    /// Starts one in a folder with the shipped configuration, on instances that share a key, and waits until it has
    /// scraped each a few times.
    ///
    /// # Errors
    /// It does not start, or gets no metrics.
    pub fn scraping(instances: &[&Instance], folder: &Path) -> Result<Self> {
        let key = instances.first().map(|instance| instance.key.as_str()).context("no instance")?;
        let config = copy_config(folder, key)?;
        let shipped = std::fs::read_to_string(&config)?;
        ensure!(shipped.contains(DISCOVERY) && shipped.contains(INTERVAL), "{shipped}");
        let targets: Vec<_> = instances.iter().map(|i| i.base.trim_start_matches("http://")).collect();
        let found = format!("static_configs:\n      - targets: [\"{}\"]", targets.join("\", \""));
        let config_text = shipped.replace(DISCOVERY, &found).replace(INTERVAL, "interval: 1s");
        // That an instance is down is to be told soon.
        let rules = folder.join("alerts.yml");
        std::fs::write(&rules, std::fs::read_to_string(&rules)?.replace("for: 2m", "for: 1s"))?;
        std::fs::write(&config, config_text)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = std::fs::File::create(folder.join("prometheus.log"))?;
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("failed to start prometheus; the step `tools` installs it")?;
        let prometheus = Self { child, base: format!("http://127.0.0.1:{port}"), agent: agent() };
        let scraped = wait::until("Prometheus to have scraped", LIMIT, || {
            let scraped = prometheus.series("count_over_time(up{job=\"daybook\"}[1m]) > 4 and up == 1");
            Ok((scraped.unwrap_or(0) == instances.len()).then_some(()))
        });
        scraped
            .with_context(|| std::fs::read_to_string(folder.join("prometheus.log")).unwrap_or_default())?;
        Ok(prometheus)
    }

    fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let mut request = self.agent.get(format!("{}/api/v1/{path}", self.base));
        for (name, value) in parameters {
            request = request.query(name, value);
        }
        let body = request.call()?.body_mut().with_config().limit(1 << 28).read_to_string()?;
        let answer: Value = serde_json::from_str(&body).with_context(|| body.clone())?;
        if answer["status"] != "success" {
            bail!("{}", answer["error"].as_str().unwrap_or(&body));
        }
        Ok(answer["data"].clone())
    }

    /// How many series a query gives now.
    ///
    /// # Errors
    /// It is no query.
    pub fn series(&self, query: &str) -> Result<usize> {
        let data = self.get("query", &[("query", query)])?;
        Ok(data["result"].as_array().with_context(|| format!("{query} gives no series: {data}"))?.len())
    }

    /// The values that a label has.
    ///
    /// # Errors
    /// Prometheus does not answer.
    pub fn label_values(&self, label: &str, metric: &str) -> Result<Vec<String>> {
        let values = self.get(&format!("label/{label}/values"), &[("match[]", metric)])?;
        let values = values.as_array().into_iter().flatten();
        Ok(values.filter_map(|value| value.as_str().map(str::to_owned)).collect())
    }

    /// All metrics of the instances, as they were scraped.
    ///
    /// # Errors
    /// Prometheus does not answer.
    pub fn metrics(&self) -> Result<BTreeMap<String, Seen>> {
        let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
        let metadata = self.get("targets/metadata", &[("match_target", "{job=\"daybook\"}")])?;
        for metric in metadata.as_array().into_iter().flatten() {
            let text =
                |name: &str| metric[name].as_str().map(str::to_owned).context("a metric lacks a field");
            seen.entry(text("metric")?).or_default().kind = text("type")?;
        }
        let series = self.get("series", &[("match[]", "{job=\"daybook\"}")])?;
        for one in series.as_array().into_iter().flatten().filter_map(Value::as_object) {
            let name = one.get("__name__").and_then(Value::as_str).unwrap_or_default();
            let suffix =
                ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| name.strip_suffix(suffix));
            let histogram = suffix.filter(|name| seen.get(*name).is_some_and(|m| m.kind == "histogram"));
            let labels = one.keys().filter(|label| match label.as_str() {
                "__name__" | "instance" | "job" => false,
                "le" => histogram.is_none(),
                _ => true,
            });
            // What Prometheus tells of the scrape itself has no metadata.
            if let Some(metric) = seen.get_mut(histogram.unwrap_or(name)) {
                metric.labels.extend(labels.cloned());
            }
        }
        Ok(seen)
    }

    /// Alert rules as Prometheus has loaded them, once each was evaluated.
    ///
    /// # Errors
    /// One can't be evaluated.
    pub fn rules(&self) -> Result<Vec<Value>> {
        wait::until("Prometheus to have evaluated the rules", LIMIT, || {
            let loaded = self.get("rules", &[])?;
            let groups = loaded["groups"].as_array().context("no groups")?;
            let rules: Vec<Value> =
                groups.iter().flat_map(|g| g["rules"].as_array().cloned().unwrap_or_default()).collect();
            for rule in &rules {
                ensure!(rule["health"] != "err", "{}: {}", rule["name"], rule["lastError"]);
            }
            Ok(rules.iter().all(|rule| rule["health"] == "ok").then_some(rules))
        })
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Ended or not: no process outlives its test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Metrics that a query names.
#[must_use]
pub fn names(query: &str) -> BTreeSet<&str> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| word.starts_with("daybook_") || word.starts_with("process_") || *word == "up")
        .collect()
}

/// The metrics of docs/reference/metrics.md.
///
/// # Errors
/// The page can't be read, or holds no table.
pub fn page() -> Result<BTreeMap<String, Seen>> {
    let page = std::fs::read_to_string(repository("docs/reference/metrics.md"))?;
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let metrics: BTreeMap<_, _> = rows
        .map(|row| {
            let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [name, kind, unit, labels, bound, help] = cells[..] else { bail!("{row} has not six cells") };
            ensure!(![name, unit, bound, help].contains(&""), "{row} leaves something open");
            let labels = labels.split(", ").filter(|label| !label.is_empty());
            let labels = labels.map(|label| label.trim_matches('`').to_owned()).collect();
            Ok((name.trim_matches('`').to_owned(), Seen { kind: kind.to_owned(), labels }))
        })
        .collect::<Result<_>>()?;
    ensure!(!metrics.is_empty(), "no metric is on the page");
    Ok(metrics)
}

/// Compares what is described with what was seen, both ways.
///
/// # Errors
/// They differ; the message says in what.
pub fn compare(page: &BTreeMap<String, Seen>, seen: &BTreeMap<String, Seen>) -> Result<()> {
    let mut wrong = Vec::new();
    for (name, described) in page {
        match seen.get(name) {
            None => wrong.push(format!("{name} is on the page, but not there")),
            Some(found) if found != described => {
                wrong.push(format!("{name} is {found:?}, by the page {described:?}"))
            }
            Some(_) => {}
        }
    }
    let unknown = seen.keys().filter(|name| !page.contains_key(*name));
    wrong.extend(unknown.map(|name| format!("{name} is there, but not on the page")));
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
