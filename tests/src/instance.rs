//! A running `daybook run` or `daybook demo`.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::Value;

use crate::binary::{Binary, exit_code};
use crate::wait;

/// The operator's key in the configurations that are written here.
pub const OPERATOR_KEY: &str = "operator-key-of-the-tests";
/// Restoring books may take a while on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Draining has a deadline of 10 s of its own.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Records of a topic read at once.
const PAGE: u64 = 5_000;

/// A process that serves HTTP. It is killed where a test forgets it.
#[derive(Debug)]
pub struct Instance {
    child: Child,
    /// Where it listens: `http://ADDRESS`.
    pub base: String,
    /// A key that opens everything.
    pub key: String,
    agent: ureq::Agent,
    said: Arc<Mutex<String>>,
}

/// What a request was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// It is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("no JSON: {}", self.body))
    }
}

/// A record of a topic.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Vec<u8>,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
}

impl Record {
    /// The value as JSON.
    ///
    /// # Errors
    /// It is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.value).context("a record's value is no JSON")
    }

    /// The last header of a name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Deserialize)]
struct Page {
    end: u64,
    next: u64,
    records: Vec<PageRecord>,
}

#[derive(Deserialize)]
struct PageRecord {
    key: String,
    value: String,
    headers: Vec<(String, String)>,
}

/// Writes a configuration for a folder of the embedded log.
///
/// # Errors
/// It can't be written.
pub fn write_config(folder: &Path, listen: &str) -> Result<PathBuf> {
    let log = serde_json::to_string(&folder.join("log"))?;
    let config = folder.join("daybook.toml");
    let text = format!(
        "[log]\nfolder = {log}\n\n[http]\nlisten = \"{listen}\"\n\n[[http.api_keys]]\norganization = \"ops\"\n\
         project = \"*\"\nkey = \"{OPERATOR_KEY}\"\n\n[logging]\nformat = \"json\"\n"
    );
    std::fs::write(&config, text)?;
    Ok(config)
}

/// A client that takes an error status for an answer.
#[must_use]
pub fn agent() -> ureq::Agent {
    let limit = Some(Duration::from_secs(30));
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(limit).build();
    config.into()
}

impl Instance {
    /// Starts `daybook run` and waits until it says where it listens.
    ///
    /// # Errors
    /// It ends before that, or takes too long.
    pub fn run(binary: &Binary, config: &Path) -> Result<Self> {
        let mut command = binary.command();
        command.arg("run").arg("--config").arg(config);
        Self::start(&mut command, OPERATOR_KEY, |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            let fields = &line["fields"];
            let listens = fields["message"].as_str()?.starts_with("listening");
            listens.then(|| fields["address"].as_str().map(|address| format!("http://{address}")))?
        })
    }

    /// Starts `daybook demo` and waits until it prints the address of its page, the key in it.
    ///
    /// # Errors
    /// It ends before that, or takes too long.
    pub fn demo(binary: &Binary, folder: &Path, more: &[&str]) -> Result<Self> {
        let mut command = binary.command();
        command.args(["demo", "--listen", "127.0.0.1:0", "--folder"]).arg(folder).args(more);
        let mut instance = Self::start(&mut command, "", |line| {
            Some(line.split_whitespace().find(|word| word.starts_with("http://"))?.to_owned())
        })?;
        let page = instance.base.clone();
        let (base, key) = page.split_once("/?apiKey=").context("the page's address holds no key")?;
        base.clone_into(&mut instance.base);
        key.clone_into(&mut instance.key);
        Ok(instance)
    }

    fn start(
        command: &mut Command,
        key: &str,
        address: impl Fn(&str) -> Option<String> + Clone + Send + 'static,
    ) -> Result<Self> {
        let mut child = command.spawn().with_context(|| format!("failed to start {command:?}"))?;
        let said = Arc::new(Mutex::new(String::new()));
        let (found, told) = std::sync::mpsc::channel();
        for output in [
            child.stdout.take().map(|output| Box::new(output) as Box<dyn Read + Send>),
            child.stderr.take().map(|output| Box::new(output) as Box<dyn Read + Send>),
        ] {
            let (said, found, address) = (Arc::clone(&said), found.clone(), address.clone());
            let output = output.context("the output is not taken")?;
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if let Some(address) = address(&line) {
                        // Whoever waited may have given up.
                        let _ = found.send(address);
                    }
                    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                    said.push_str(&line);
                    said.push('\n');
                }
            });
        }
        let mut instance = Self { child, base: String::new(), key: key.to_owned(), agent: agent(), said };
        instance.base = wait::until("a process to say where it listens", START_LIMIT, || {
            if let Ok(base) = told.try_recv() {
                return Ok(Some(base));
            }
            if let Some(status) = instance.child.try_wait()? {
                bail!("it ended with {status} instead\n{}", instance.said());
            }
            Ok(None)
        })?;
        Ok(instance)
    }

    /// The process' number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A metric without labels.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn metric(&self, name: &str) -> Result<u64> {
        metric(&self.get("/metrics")?.body, &format!("{name} "))
    }

    /// A metric with one label of a value.
    ///
    /// # Errors
    /// There is none.
    pub fn labelled(&self, name: &str, value: &str) -> Result<u64> {
        let metrics = self.get("/metrics")?.body;
        let of =
            metrics.lines().find(|line| line.starts_with(name) && line.contains(&format!("\"{value}\"")));
        let number = of.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        number.with_context(|| format!("no metric {name} of {value} in\n{metrics}"))
    }

    /// All that it has said so far.
    #[must_use]
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A query.
    ///
    /// # Errors
    /// There is no answer.
    pub fn get(&self, path: &str) -> Result<Answer> {
        let url = format!("{}{path}", self.base);
        let answer = self.agent.get(&url).header("x-api-key", &self.key).call();
        read(answer).with_context(|| format!("failed to get {url}\n{}", self.said()))
    }

    /// A query's answer, which must be one.
    ///
    /// # Errors
    /// There is no answer, or it is a refusal.
    pub fn query(&self, path: &str) -> Result<Value> {
        let answer = self.get(path)?;
        ensure!(answer.status == 200, "{path} is answered {}: {}", answer.status, answer.body);
        answer.json()
    }

    /// Posts a body to the Track API of a project, as the backend `shop`.
    ///
    /// # Errors
    /// There is no answer.
    pub fn track(&self, project: &str, body: &[u8]) -> Result<Answer> {
        track(&self.agent, &self.base, &self.key, project, body)
    }

    /// Appends a record to an input topic as an operator may, past the checks of any command.
    ///
    /// # Errors
    /// It is not taken.
    pub fn append(&self, topic: &str, key: &str, value: &str) -> Result<()> {
        let url = format!("{}/api/v1/topics/{topic}/records", self.base);
        let (key, value) = (BASE64.encode(key), BASE64.encode(value));
        let body = serde_json::json!({"records": [{"key": key, "value": value, "headers": [], "timestamp_ms": null}]});
        let answer =
            read(self.agent.post(&url).header("x-api-key", &self.key).send(body.to_string().as_bytes()))?;
        ensure!(answer.status < 300, "{} {}", answer.status, answer.body);
        Ok(())
    }

    /// All records of a topic.
    ///
    /// # Errors
    /// They can't be read.
    pub fn records(&self, topic: &str) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        let mut from = 0;
        loop {
            let page = self.page(topic, from)?;
            let empty = page.records.is_empty();
            for record in page.records {
                let headers = record.headers.into_iter().map(|(name, value)| Ok((name, text(&value)?)));
                records.push(Record {
                    key: text(&record.key)?,
                    value: BASE64.decode(&record.value)?,
                    headers: headers.collect::<Result<_>>()?,
                });
            }
            if empty || page.next >= page.end {
                return Ok(records);
            }
            from = page.next;
        }
    }

    /// Offset of the next record of a topic.
    ///
    /// # Errors
    /// The topic can't be read.
    pub fn end(&self, topic: &str) -> Result<u64> {
        Ok(self.page(topic, u64::MAX)?.end)
    }

    fn page(&self, topic: &str, from: u64) -> Result<Page> {
        let page = self.query(&format!("/api/v1/topics/{topic}/records?from={from}&limit={PAGE}"))?;
        serde_json::from_value(page).context("a page of records is not as it should be")
    }

    /// Waits until everything that was sent is in the books. For an instance that is the first on its folder: it
    /// counts from its own start.
    ///
    /// # Errors
    /// It does not get there in time.
    pub fn settle(&self) -> Result<()> {
        wait::until("everything to be in the books", START_LIMIT, || {
            let metrics = self.get("/metrics")?.body;
            let read = metric(&metrics, "daybook_intake_records_total")?;
            let taken = self.end("charges")? + self.end("settings")?;
            let positions = self.records("projector.positions")?;
            let published = match positions.last() {
                Some(record) => record.json()?["journal_offset"].as_u64(),
                None => Some(0),
            };
            Ok((read >= taken && published == Some(self.end("journal")?)).then_some(()))
        })
    }

    /// Ends it as a power cut does.
    ///
    /// # Errors
    /// It had ended before.
    pub fn kill(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("it had ended before it was killed, with {status}\n{}", self.said());
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits until it ends by itself, and says with which exit code and what it said.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn ended(mut self) -> Result<(Option<i32>, String)> {
        let code = exit_code(&mut self.child, "a process to end by itself", STOP_LIMIT)
            .with_context(|| self.said())?;
        Ok((code, self.said()))
    }

    /// Asks it to end (SIGTERM); its exit code must be 0.
    ///
    /// # Errors
    /// It ends otherwise, or not in time.
    pub fn stop(mut self) -> Result<()> {
        let signal = format!("kill -TERM {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &signal]).status()?;
        ensure!(sent.success(), "failed to signal the process");
        let code =
            exit_code(&mut self.child, "a process to drain", STOP_LIMIT).with_context(|| self.said())?;
        ensure!(code == Some(0), "it ended with {code:?} after a SIGTERM\n{}", self.said());
        Ok(())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // Ended or not: no process outlives its test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Posts a body to the Track API of a project.
///
/// # Errors
/// There is no answer.
pub fn track(agent: &ureq::Agent, base: &str, key: &str, project: &str, body: &[u8]) -> Result<Answer> {
    let url = format!("{base}/ops/projects/{project}/sources/shop/track");
    read(agent.post(&url).header("x-api-key", key).send(body))
}

/// A metric without labels.
fn metric(metrics: &str, name: &str) -> Result<u64> {
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.with_context(|| format!("no metric {name} in\n{metrics}"))
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer> {
    let mut answer = answer?;
    let body = answer.body_mut().with_config().limit(1 << 30).read_to_string()?;
    Ok(Answer { status: answer.status().as_u16(), body })
}

fn text(base64: &str) -> Result<String> {
    Ok(String::from_utf8_lossy(&BASE64.decode(base64)?).into_owned())
}
