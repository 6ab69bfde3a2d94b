//! A server on a port of its own, a gateway that the test controls, and a client.

#![allow(dead_code, clippy::unwrap_used)]

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};

use daybook_server::{
    ApiKey, Gateway, GatewayError, GatewayRecord, Health, OutputRecord, ReadModel, RecordsError,
    RejectedItem, Server, Settings, SettingsError, TopicError, TopicPage, TopicRecord, Validation,
};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

pub const ACME_KEY: &str = "acme-key-6f1c";
pub const OTHER_KEY: &str = "other-key-a37e";
pub const OPERATOR_KEY: &str = "operator-key-90bd";
pub const BODY_BYTES_MAX: usize = 1024;

/// What the next appends do.
#[derive(Clone, Copy)]
pub enum Log {
    Durable,
    /// Each append waits for one permit of [`TestGateway::release`].
    Held,
    Unavailable,
    Draining,
}

pub struct TestGateway {
    pub log: Mutex<Log>,
    pub release: Semaphore,
    pub records: Mutex<Vec<GatewayRecord>>,
    /// Project and settings of each apply.
    pub settings: Mutex<Vec<(String, Vec<u8>)>>,
    /// What the topic `charges` holds; offsets are places.
    pub charges: Mutex<Vec<TopicRecord>>,
    /// Told of each append as it begins.
    pub begun: Mutex<Option<mpsc::Sender<()>>>,
}

impl Gateway for TestGateway {
    /// The body says what is to be thought of it: `accepted` and reasons, parted by spaces.
    fn validate(&self, _: &str, body: &[u8]) -> Validation {
        let mut validation = Validation::default();
        for word in std::str::from_utf8(body).unwrap().split_whitespace() {
            let reason = match word {
                "accepted" => {
                    validation.accepted += 1;
                    continue;
                }
                "panic" => panic!("asked for"),
                "malformed_json" => "malformed_json",
                "amount_missing" => "amount_missing",
                "not_succeeded" => "not_succeeded",
                _ => "unknown_schema",
            };
            validation.rejected.push(RejectedItem {
                path: format!("track[0].payload[{}]", validation.rejected.len()),
                reason,
                detail: format!("It is {reason}."),
            });
        }
        validation
    }

    fn append(
        &self,
        record: GatewayRecord,
    ) -> Pin<Box<dyn Future<Output = Result<(), GatewayError>> + Send + '_>> {
        Box::pin(async move {
            if let Some(begun) = self.begun.lock().unwrap().as_ref() {
                begun.send(()).unwrap();
            }
            let log = *self.log.lock().unwrap();
            match log {
                Log::Durable => {}
                Log::Held => self.release.acquire().await.unwrap().forget(),
                Log::Unavailable => return Err(GatewayError::Unavailable("broker 3 is gone".into())),
                Log::Draining => return Err(GatewayError::Draining),
            }
            self.records.lock().unwrap().push(record);
            Ok(())
        })
    }

    /// The body says what is wrong with it: a reason and a key, or nothing.
    fn apply_settings(
        &self,
        project: &str,
        json: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<(), SettingsError>> + Send + '_>> {
        let project = project.to_owned();
        Box::pin(async move {
            let text = String::from_utf8(json.clone()).unwrap();
            let reason = match text.split_whitespace().next() {
                Some("settings_invalid") => "settings_invalid",
                Some("split_rule_invalid") => "split_rule_invalid",
                _ => "",
            };
            if !reason.is_empty() {
                let key = text.split_whitespace().nth(1).unwrap_or_default().to_owned();
                return Err(SettingsError::Invalid { reason, key, message: "must be another".into() });
            }
            match *self.log.lock().unwrap() {
                Log::Durable | Log::Held => {}
                Log::Unavailable => return Err(GatewayError::Unavailable("broker 3 is gone".into()).into()),
                Log::Draining => return Err(GatewayError::Draining.into()),
            }
            self.settings.lock().unwrap().push((project, json));
            Ok(())
        })
    }

    fn read(&self, topic: &str, from: u64, limit: usize) -> Result<TopicPage, TopicError> {
        match topic {
            "charges" => {}
            "panic" => panic!("asked for"),
            "broken" => return Err(TopicError::Failed("disk 3 is gone".into())),
            _ => return Err(TopicError::Unknown),
        }
        let charges = self.charges.lock().unwrap();
        let records: Vec<TopicRecord> =
            charges.iter().filter(|record| record.offset >= from).take(limit).cloned().collect();
        let next = records.last().map_or(from, |record| record.offset + 1);
        Ok(TopicPage { end: charges.len() as u64, next, records })
    }

    fn append_records(
        &self,
        topic: &str,
        records: Vec<TopicRecord>,
    ) -> Pin<Box<dyn Future<Output = Result<(), RecordsError>> + Send + '_>> {
        let refused = match (topic, *self.log.lock().unwrap()) {
            ("charges", Log::Durable | Log::Held) => None,
            ("charges", Log::Unavailable) => {
                Some(GatewayError::Unavailable("broker 3 is gone".into()).into())
            }
            ("charges", Log::Draining) => Some(GatewayError::Draining.into()),
            ("journal", _) => Some(RecordsError::NotInput),
            _ => Some(RecordsError::Unknown),
        };
        if refused.is_none() {
            self.charges.lock().unwrap().extend(records);
        }
        Box::pin(async move { refused.map_or(Ok(()), Err) })
    }
}

#[derive(Default)]
pub struct TestHealth {
    pub live: Mutex<Option<String>>,
    pub ready: Mutex<Option<String>>,
}

impl Health for TestHealth {
    fn live(&self) -> Result<(), String> {
        self.live.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn ready(&self) -> Result<(), String> {
        self.ready.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

pub struct Rig {
    pub base: String,
    pub gateway: Arc<TestGateway>,
    pub health: Arc<TestHealth>,
    pub books: Arc<ReadModel>,
    pub runtime: Runtime,
    pub stop: Option<oneshot::Sender<()>>,
    pub served: Option<JoinHandle<std::io::Result<()>>>,
    agent: ureq::Agent,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Rig {
    pub fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let gateway = Arc::new(TestGateway {
            log: Mutex::new(Log::Durable),
            release: Semaphore::new(0),
            records: Mutex::default(),
            settings: Mutex::default(),
            charges: Mutex::default(),
            begun: Mutex::default(),
        });
        let health = Arc::new(TestHealth::default());
        let books = Arc::new(ReadModel::new());
        let key = |organization: &str, project: &str, key: &str| ApiKey {
            organization: organization.into(),
            project: project.into(),
            key: key.into(),
        };
        let settings = Settings {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            api_keys: vec![
                key("acme-org", "acme", ACME_KEY),
                key("other-org", "other", OTHER_KEY),
                key("ops", "*", OPERATOR_KEY),
                key("nobody", "*", ""),
            ],
            body_bytes_max: BODY_BYTES_MAX,
        };
        let server = Server::new(
            settings,
            gateway.clone(),
            health.clone(),
            Arc::clone(&books),
            prometheus::Registry::new(),
        );
        let bound = runtime.block_on(server.bind()).unwrap();
        let base = format!("http://{}", bound.local_addr());
        let (stop, stopped) = oneshot::channel();
        let served = runtime.spawn(bound.serve(async {
            stopped.await.ok();
        }));
        Self { base, gateway, health, books, runtime, stop: Some(stop), served: Some(served), agent: agent() }
    }

    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        send(&self.agent, "GET", &format!("{}{path}", self.base), headers, None)
    }

    /// A query with the operator's key.
    pub fn query(&self, path: &str) -> Answer {
        self.get(path, &[("x-api-key", OPERATOR_KEY)])
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        send(&self.agent, "POST", &format!("{}{path}", self.base), headers, Some(body))
    }

    pub fn put(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        send(&self.agent, "PUT", &format!("{}{path}", self.base), headers, Some(body))
    }

    pub fn apply(&self, topic: &str, key: &str, value: &Value) {
        let value = value.to_string();
        self.books.apply(OutputRecord { topic, key: key.as_bytes(), value: value.as_bytes(), headers: &[] });
    }

    /// Records that were appended since the last call.
    pub fn appended(&self) -> Vec<GatewayRecord> {
        std::mem::take(&mut *self.gateway.records.lock().unwrap())
    }
}

pub fn agent() -> ureq::Agent {
    let config =
        ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build();
    config.into()
}

pub fn send(
    agent: &ureq::Agent,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Answer {
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = match body {
        Some(body) => agent.run(request.body(body.to_owned()).unwrap()),
        None => agent.run(request.body(()).unwrap()),
    };
    let mut response = response.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.body_mut().read_to_string().unwrap(),
    }
}
