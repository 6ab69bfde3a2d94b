//! A running instance as an operator reaches it: its topics over HTTP.

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use daybook_stream::record::{Fetched, Record};
use daybook_wire::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::exit::{Exit, ExitWith};
use crate::instance;

/// An answer may hold a page of records, each of megabytes.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// A running instance.
pub struct Remote {
    /// Its address: `http://HOST:PORT`.
    pub url: String,
    /// An operator's key.
    pub api_key: String,
}

/// Records of a topic, from an offset on.
pub struct Page {
    /// Offset of the next record to be appended.
    pub end: u64,
    /// Where the next page begins.
    pub next: u64,
    /// The records.
    pub records: Vec<Fetched>,
}

#[derive(Deserialize)]
struct PageBody {
    end: u64,
    next: u64,
    records: Vec<RecordBody>,
}

#[derive(Deserialize, Serialize)]
struct RecordBody {
    #[serde(default, skip_serializing)]
    offset: u64,
    timestamp_ms: Option<i64>,
    key: String,
    value: String,
    headers: Vec<(String, String)>,
}

#[derive(Serialize)]
struct Appended {
    records: Vec<RecordBody>,
}

impl Remote {
    /// The instance that has the folder of a configuration, by the first operator's key in it. `what` is the key for:
    /// `to hand it the settings with`.
    ///
    /// # Errors
    /// Ends with [`Exit::InUse`] where the configuration has no such key.
    pub fn configured(config: &Config, what: &str) -> anyhow::Result<Self> {
        let key = config.http.api_keys.iter().find(|k| k.project == "*").ok_or_else(|| {
            let message = format!(
                "the folder is in use by a running instance, and the configuration has no operator's key \
                 (http.api_keys with project = \"*\") {what}"
            );
            ExitWith::error(Exit::InUse, anyhow!(message))
        })?;
        Ok(Self { url: format!("http://{}", config.http.listen), api_key: key.key.clone() })
    }

    /// Records of a topic from an offset on, at most `limit`.
    ///
    /// # Errors
    /// The instance can't be reached, or refuses.
    pub fn page(&self, topic: Topic, from: u64, limit: usize) -> anyhow::Result<Page> {
        let address =
            format!("{}/api/v1/topics/{}/records?from={from}&limit={limit}", self.url, topic.name());
        let answer = instance::agent().get(&address).header("x-api-key", &self.api_key).call();
        let text = self.read(&address, answer)?;
        let read = || format!("failed to read {address}");
        let page: PageBody = serde_json::from_str(&text).with_context(read)?;
        let records = page.records.into_iter().map(RecordBody::fetched).collect::<Result<_, _>>();
        Ok(Page { end: page.end, next: page.next, records: records.with_context(read)? })
    }

    /// Appends records to an input topic; they are durable when this returns.
    ///
    /// # Errors
    /// The instance can't be reached, or refuses; some may be appended.
    pub fn append(&self, topic: Topic, records: &[Record]) -> anyhow::Result<()> {
        let address = format!("{}/api/v1/topics/{}/records", self.url, topic.name());
        let body = Appended { records: records.iter().map(RecordBody::of).collect() };
        let body = serde_json::to_vec(&body).context("failed to write records as JSON")?;
        let answer = instance::agent().post(&address).header("x-api-key", &self.api_key).send(&body);
        self.read(&address, answer).map(drop)
    }

    fn read(
        &self,
        address: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> anyhow::Result<String> {
        let mut answer = answer.with_context(|| format!("failed to reach {}", self.url))?;
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        let text = body.read_to_string().with_context(|| format!("failed to read {address}"))?;
        if answer.status().is_success() {
            Ok(text)
        } else {
            Err(anyhow!("{address} answered {}: {text}", answer.status()))
        }
    }
}

impl RecordBody {
    fn of(record: &Record) -> Self {
        let headers = record.headers.iter().map(|(name, value)| (name.clone(), BASE64.encode(value)));
        Self {
            offset: 0,
            timestamp_ms: record.timestamp_ms,
            key: BASE64.encode(&record.key),
            value: BASE64.encode(&record.value),
            headers: headers.collect(),
        }
    }

    fn fetched(self) -> Result<Fetched, base64::DecodeError> {
        let headers = self.headers.into_iter().map(|(name, value)| Ok((name, BASE64.decode(value)?)));
        let record = Record {
            key: BASE64.decode(self.key)?,
            value: BASE64.decode(self.value)?,
            headers: headers.collect::<Result<_, _>>()?,
            timestamp_ms: self.timestamp_ms,
        };
        Ok(Fetched { offset: self.offset, record })
    }
}
