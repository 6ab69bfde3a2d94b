//! One running instance: the log, the engine, the gateway, HTTP and the read model, wired together.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow};
use daybook_server::{
    ApiKey, BoundServer, Counters, Gateway as HttpGateway, GatewayError, GatewayRecord, Health, OutputRecord,
    ReadModel, RejectedItem, Server, Settings, SettingsError, TopicError, TopicPage, TopicRecord, Validation,
};
use daybook_stream::clock::{Clock, SystemClock};
use daybook_stream::embedded::{EmbeddedLog, OpenError};
use daybook_stream::engine::{Engine, Observer, Stop};
use daybook_stream::gateway::{AppendError, Gateway, gateway};
use daybook_stream::intake::{Decoder, IntakeSettings, PROJECT_HEADER, SOURCE_HEADER, position};
use daybook_stream::log::{Limit, Log};
use daybook_stream::metrics::Metrics;
use daybook_stream::projector::ProjectorError;
use daybook_stream::record::{Fetched, Record};
use daybook_wire::topic::Topic;

use crate::config::Config;
use crate::exit::{Exit, ExitWith};
use crate::progress;

/// Topics that the read model follows.
const FOLLOWED: [Topic; 5] = [
    Topic::LedgerEntries,
    Topic::RevenueDaily,
    Topic::AccountsBalances,
    Topic::RewardsBalances,
    Topic::ChargesDlq,
];

/// Entries that the read model is given from before its start; the page shows fewer.
const ENTRIES_BEFORE: u64 = 5_000;

/// Records read at once by a follower or a page of the API.
const PAGE: Limit = Limit { records_max: 5_000, bytes_max: 8 << 20 };

/// What a folder that can't be opened ends the command with.
pub fn open_failed(error: OpenError) -> anyhow::Error {
    let code = match &error {
        OpenError::Locked(_) => Exit::InUse,
        OpenError::Format { .. } => Exit::Damaged,
        OpenError::Absent(_) => Exit::Misconfigured,
        OpenError::State { .. } | OpenError::Storage { .. } => Exit::Failed,
    };
    ExitWith::error(code, error)
}

/// What books that can't be opened end the command with.
fn projector_failed(error: ProjectorError) -> anyhow::Error {
    let code = match &error {
        ProjectorError::Log(_) => Exit::Failed,
        ProjectorError::StateAhead { .. }
        | ProjectorError::PositionsLost { .. }
        | ProjectorError::JournalLost { .. }
        | ProjectorError::Journal { .. } => Exit::Damaged,
    };
    ExitWith::error(code, error)
}

/// An HTTP client that takes an error status for an answer.
pub fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build();
    config.into()
}

/// An instance whose parts are running.
pub struct Instance {
    log: EmbeddedLog,
    stop: Stop,
    gateway: Gateway,
    appender: JoinHandle<anyhow::Result<()>>,
    engine: JoinHandle<anyhow::Result<()>>,
    follower: JoinHandle<anyhow::Result<()>>,
    server: BoundServer,
}

impl Instance {
    /// Opens the log of a folder, restores the state, binds the port and starts everything but HTTP.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let log = EmbeddedLog::open(&config.log.folder).map_err(open_failed)?;
        let registry = prometheus::Registry::new();
        let metrics = Metrics::register(&registry).context("failed to register metrics")?;
        let settings = IntakeSettings {
            record_bytes_max: config.intake.record_bytes_max,
            default_project: config.intake.default_project.clone(),
        };
        let books = Arc::new(ReadModel::new());
        let health = Arc::new(InstanceHealth::default());
        let (gateway, appender) = gateway(log.clone());
        let track = TrackGateway {
            gateway: gateway.clone(),
            log: log.clone(),
            decoder: Decoder::new(settings.clone()),
        };
        let server =
            Server::new(http_settings(config), Arc::new(track), health.clone(), books.clone(), registry);
        let server = server.bind().await.with_context(|| {
            format!("failed to listen on {}; is another process using the port?", config.http.listen)
        })?;

        let bar = progress::bar(0, "restoring the state", false);
        let engine = Engine::open(log.clone(), SystemClock, settings, metrics, |done, of| {
            bar.set_length(of);
            bar.set_position(done);
        })
        .map_err(projector_failed)?;
        bar.finish_and_clear();

        let stop = Stop::default();
        let watch = Watch { health: health.clone(), stop: stop.clone() };
        let appender = watch.spawn("appender", move || appender.run().context("the log can't be written"))?;
        let engine = {
            let (stop, observer) = (stop.clone(), Books(books.clone()));
            watch.spawn("engine", move || engine.run(&stop, &observer).map_err(projector_failed))?
        };
        let follower = {
            let (stop, log, health) = (stop.clone(), log.clone(), health.clone());
            watch.spawn("follower", move || {
                follow(&log, &books, &stop, &health).context("the output topics can't be read")
            })?
        };
        Ok(Self { log, stop, gateway, appender, engine, follower, server })
    }

    /// The address that HTTP listens on.
    pub fn local_addr(&self) -> std::net::SocketAddr {
        self.server.local_addr()
    }

    /// The log.
    pub fn log(&self) -> &EmbeddedLog {
        &self.log
    }

    /// Serves until `shutdown` resolves or the engine has failed, then drains: HTTP answers what it has begun, what
    /// is acknowledged goes into the books, and the folder is free.
    pub async fn serve(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
        drain: Duration,
    ) -> anyhow::Result<()> {
        let Self { log: _, stop, gateway, appender, engine, follower, server } = self;
        let failed = {
            let stop = stop.clone();
            async move {
                while !stop.is_asked() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        };
        let (asked, draining) = tokio::sync::oneshot::channel();
        let until = async move {
            tokio::select! { () = shutdown => {}, () = failed => {} }
            let _ = asked.send(());
        };
        let deadline = async move {
            let _ = draining.await;
            tokio::time::sleep(drain).await;
        };
        tokio::select! {
            served = server.serve(until) => served.context("failed to serve HTTP")?,
            () = deadline => tracing::warn!("open requests cut off after {} s", drain.as_secs()),
        }
        tracing::info!("draining");
        // Connections that were cut off may still hold a gateway; nobody waits for them.
        gateway.close();
        tokio::task::spawn_blocking(move || {
            let appended = joined(appender);
            stop.ask();
            let projected = joined(engine);
            joined(follower).and(projected).and(appended)
        })
        .await
        .context("failed to drain")?
    }
}

fn joined(thread: JoinHandle<anyhow::Result<()>>) -> anyhow::Result<()> {
    let name = thread.thread().name().unwrap_or("a").to_owned();
    thread.join().unwrap_or_else(|_| Err(anyhow!("the {name} thread has panicked; the log says where")))
}

/// Ends the instance where one of its threads does not end well: half an instance would take events and book none.
#[derive(Clone)]
struct Watch {
    health: Arc<InstanceHealth>,
    stop: Stop,
}

impl Watch {
    fn spawn(
        &self,
        name: &'static str,
        work: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
        let watched = Watched { name, watch: self.clone(), ended_well: false };
        let work = move || {
            let mut watched = watched;
            let outcome = work();
            if let Err(error) = &outcome {
                tracing::error!(error = format!("{error:#}"), "the {name} has failed");
            }
            watched.ended_well = outcome.is_ok();
            outcome
        };
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .with_context(|| format!("failed to start the {name} thread"))
    }
}

/// Dropped when its thread ends, also by a panic.
struct Watched {
    name: &'static str,
    watch: Watch,
    ended_well: bool,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.ended_well {
            self.watch.health.fail(self.name);
            self.watch.stop.ask();
        }
    }
}

fn http_settings(config: &Config) -> Settings {
    let api_keys = config.http.api_keys.iter().map(|k| ApiKey {
        organization: k.organization.clone(),
        project: k.project.clone(),
        key: k.key.clone(),
    });
    Settings {
        listen: config.http.listen,
        api_keys: api_keys.collect(),
        body_bytes_max: config.intake.record_bytes_max,
    }
}

/// Follows the output topics into the read model: up to the ends that one commit left, so that no half of a
/// transaction is seen. Only what there is at the start is taken in by pages.
fn follow(
    log: &EmbeddedLog,
    books: &ReadModel,
    stop: &Stop,
    health: &InstanceHealth,
) -> Result<(), daybook_stream::log::LogError> {
    let mut next: BTreeMap<Topic, u64> = FOLLOWED.into_iter().map(|topic| (topic, 0)).collect();
    next.insert(Topic::LedgerEntries, log.end(Topic::LedgerEntries)?.saturating_sub(ENTRIES_BEFORE));
    while !stop.is_asked() {
        let ends = log.all_ends();
        let starting = !health.ready.load(Ordering::SeqCst);
        let mut fetched: Vec<(Topic, Fetched)> = Vec::new();
        for (topic, from) in &mut next {
            let end = ends.get(topic).copied().unwrap_or(0);
            while *from < end {
                let page = log.read(*topic, *from, PAGE)?;
                *from = page.last().map_or(end, |last| (last.offset + 1).min(end));
                let before_end = page.into_iter().filter(|f| f.offset < end);
                fetched.extend(before_end.map(|f| (*topic, f)));
                if starting {
                    apply(books, std::mem::take(&mut fetched));
                }
            }
        }
        apply(books, fetched);
        health.ready.store(true, Ordering::SeqCst);
        let from = next.get(&Topic::LedgerEntries).copied().unwrap_or(0);
        let _ = log.wait_for(Topic::LedgerEntries, from, Duration::from_millis(250));
    }
    Ok(())
}

fn apply(books: &ReadModel, mut fetched: Vec<(Topic, Fetched)>) {
    let dead_letters = fetched.iter_mut().filter(|(topic, _)| *topic == Topic::ChargesDlq);
    dead_letters.for_each(|(_, f)| add_time(&mut f.record));
    books.apply_batch(fetched.iter().map(|(topic, f)| OutputRecord {
        topic: topic.name(),
        key: &f.record.key,
        value: &f.record.value,
        headers: &f.record.headers,
    }));
}

/// The read model sees keys, values and headers; a dead letter's time is its record's.
fn add_time(record: &mut Record) {
    if let Some(timestamp_ms) = record.timestamp_ms {
        let mut time = String::new();
        daybook_wire::time::push_rfc3339(timestamp_ms, &mut time);
        record.headers.push(("daybook-time".to_owned(), time.into_bytes()));
    }
}

/// Hands the projector's counts to the read model.
struct Books(Arc<ReadModel>);

impl Observer for Books {
    fn counted(&self, counts: &mut dyn Iterator<Item = (&str, u64, u64)>) {
        let counters = counts
            .map(|(project, accepted, duplicates)| (project.to_owned(), Counters { accepted, duplicates }));
        self.0.set_counters(counters.collect());
    }
}

/// What `/livez` and `/readyz` say.
#[derive(Default)]
struct InstanceHealth {
    ready: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl InstanceHealth {
    /// Notes that a part has ended. Anybody may read it, so it says no more; the log does.
    fn fail(&self, part: &str) {
        let why = || format!("the {part} has ended; the log says why");
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(why);
    }
}

impl Health for InstanceHealth {
    fn live(&self) -> Result<(), String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone().map_or(Ok(()), Err)
    }

    fn ready(&self) -> Result<(), String> {
        self.live()?;
        if self.ready.load(Ordering::SeqCst) { Ok(()) } else { Err("reading the books".to_owned()) }
    }
}

/// The Track API's way to `charges`.
struct TrackGateway {
    gateway: Gateway,
    log: EmbeddedLog,
    decoder: Decoder,
}

impl TrackGateway {
    fn append_to(
        &self,
        topic: Topic,
        record: Record,
    ) -> Pin<Box<dyn Future<Output = Result<(), GatewayError>> + Send + '_>> {
        let (done, told) = tokio::sync::oneshot::channel();
        // Whoever asked may be gone by the time it is told.
        self.gateway.append(topic, record, Box::new(move |outcome| drop(done.send(outcome))));
        Box::pin(async move {
            match told.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(AppendError::Closed)) | Err(_) => Err(GatewayError::Draining),
                Ok(Err(error)) => Err(GatewayError::Unavailable(error.to_string())),
            }
        })
    }
}

impl HttpGateway for TrackGateway {
    fn validate(&self, project: &str, body: &[u8]) -> Validation {
        let record = Record {
            value: body.to_vec(),
            headers: vec![(PROJECT_HEADER.to_owned(), project.into())],
            ..Record::default()
        };
        let taken = self.decoder.charges(&record, &position(Topic::Charges, 0), |_| Some(0));
        let rejected = taken.refused.into_iter().map(|(rejection, _, _)| RejectedItem {
            path: rejection.path.to_string(),
            reason: rejection.reason.code(),
            detail: rejection.reason.meaning().to_owned(),
        });
        let accepted = u32::try_from(taken.journal.len()).unwrap_or(u32::MAX);
        Validation { accepted, rejected: rejected.collect() }
    }

    fn append(
        &self,
        record: GatewayRecord,
    ) -> Pin<Box<dyn Future<Output = Result<(), GatewayError>> + Send + '_>> {
        let mut headers = vec![
            (PROJECT_HEADER.to_owned(), record.project.clone().into()),
            (SOURCE_HEADER.to_owned(), record.source.into()),
        ];
        headers.extend(record.traceparent.map(|t| ("traceparent".to_owned(), t.into_bytes())));
        let record = Record {
            key: record.project.into(),
            value: record.body,
            headers,
            timestamp_ms: Some(SystemClock.now_ms()),
        };
        self.append_to(Topic::Charges, record)
    }

    fn apply_settings(
        &self,
        project: &str,
        json: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<(), SettingsError>> + Send + '_>> {
        if let Err(fault) = daybook_wire::settings::parse(&json) {
            let (reason, key, message) = (fault.reason.code(), fault.key, fault.message);
            return Box::pin(async move { Err(SettingsError::Invalid { reason, key, message }) });
        }
        let appended = self.append_to(Topic::Settings, crate::settings::record(project, json));
        Box::pin(async move { appended.await.map_err(SettingsError::Gateway) })
    }

    fn read(&self, topic: &str, from: u64, limit: usize) -> Result<TopicPage, TopicError> {
        let topic = Topic::from_name(topic).ok_or(TopicError::Unknown)?;
        let failed = |e: daybook_stream::log::LogError| TopicError::Failed(e.to_string());
        let end = self.log.end(topic).map_err(failed)?;
        let limit = Limit { records_max: limit, ..PAGE };
        let fetched = self.log.read(topic, from, limit).map_err(failed)?;
        let next = fetched.last().map_or(from, |f| f.offset + 1);
        let records = fetched.into_iter().map(|Fetched { offset, record }| TopicRecord {
            offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key,
            value: record.value,
            headers: record.headers,
        });
        Ok(TopicPage { end, next, records: records.collect() })
    }
}

/// Whether a folder holds an embedded log rather than files of `process`.
pub fn is_log(folder: &Path) -> bool {
    !folder.join("summary.json").is_file()
}
