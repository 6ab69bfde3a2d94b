//! One running instance: the log, intake, projector, the gateway, HTTP and the read model, wired together.

mod backend;
mod brokers;
mod follow;
mod health;
mod invariants;
mod track;
mod watch;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use daybook_server::{ApiKey, BoundServer, Counters, ReadModel, Server, Settings};
use daybook_stream::decoder::{Decoder, IntakeSettings};
use daybook_stream::engine::{Ending, Observer, Running, Stop};
use daybook_stream::gateway::{Gateway, gateway};
use daybook_stream::metrics::Metrics;

use crate::config::Config;
use crate::metrics;
use backend::projector_failed;
pub use backend::{Backend, kafka_settings, open_failed};
use brokers::watch_brokers;
use follow::{follow_embedded, follow_kafka};
use health::InstanceHealth;
use invariants::Invariants;
use track::TrackGateway;
use watch::{Watch, joined};

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
    backend: Backend,
    health: Arc<InstanceHealth>,
    stops: Stops,
    gateway: Gateway,
    threads: Threads,
    server: BoundServer,
}

/// What asks the parts to stop; in draining they are asked one after the other.
#[derive(Clone, Default)]
struct Stops {
    /// The instance as a whole, with what only reads.
    instance: Stop,
    intake: Stop,
    projector: Stop,
}

struct Threads {
    appender: JoinHandle<anyhow::Result<()>>,
    intake: JoinHandle<anyhow::Result<()>>,
    projector: JoinHandle<anyhow::Result<()>>,
    follower: Option<JoinHandle<anyhow::Result<()>>>,
    brokers: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Instance {
    /// Opens the log, binds the port and starts everything but HTTP.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let backend = Backend::open(config)?;
        let registry = prometheus::Registry::new();
        let metrics = Metrics::register(&registry).context("failed to register metrics")?;
        let invariant_metrics = metrics::register(&registry).context("failed to register metrics")?;
        let settings = IntakeSettings {
            record_bytes_max: config.intake.record_bytes_max,
            default_project: config.intake.default_project.clone(),
        };
        let books = Arc::new(ReadModel::new());
        let health = Arc::new(InstanceHealth::default());
        let (gateway, appender) = gateway(backend.appender());
        let track = TrackGateway {
            gateway: gateway.clone(),
            backend: backend.clone(),
            decoder: Decoder::new(settings.clone()),
        };
        let server =
            Server::new(http_settings(config), Arc::new(track), health.clone(), books.clone(), registry);
        let server = server.bind().await.with_context(|| {
            format!("failed to listen on {}; is another process using the port?", config.http.listen)
        })?;

        let stops = Stops::default();
        let all = vec![stops.instance.clone(), stops.intake.clone(), stops.projector.clone()];
        let watch = Watch { health: health.clone(), stops: all };
        let (tick, ticks) = channel();
        let appender = watch.spawn("appender", move || appender.run().context("the log can't be written"))?;
        let intake = {
            let (backend, stop, metrics) = (backend.clone(), stops.intake.clone(), metrics.clone());
            watch.spawn("intake", move || {
                let running = Running { stop: &stop, ending: backend.ending(), metrics: &metrics };
                Ok(backend.run_intake(&running, &settings, &ticks)?)
            })?
        };
        let projector = {
            let (backend, stop, metrics) = (backend.clone(), stops.projector.clone(), metrics.clone());
            let observer = Books {
                books: books.clone(),
                health: health.clone(),
                backend: backend.clone(),
                metrics: metrics.clone(),
            };
            let outputs = config.projector.topics();
            watch.spawn("projector", move || {
                let running = Running { stop: &stop, ending: backend.ending(), metrics: &metrics };
                backend.run_projector(&running, &outputs, &tick, &observer).map_err(projector_failed)
            })?
        };
        let follower = if config.query.enabled {
            let (backend, stop, health) = (backend.clone(), stops.instance.clone(), health.clone());
            let mut invariants = Invariants::new(invariant_metrics);
            let mut follow = move || match &backend {
                Backend::Embedded(log) => follow_embedded(log, &books, &mut invariants, &stop, &health),
                Backend::Kafka(kafka, _) => follow_kafka(kafka, &books, &mut invariants, &stop, &health),
            };
            Some(watch.spawn("follower", move || follow().context("the output topics can't be read"))?)
        } else {
            health.books_read();
            None
        };
        let brokers = match &backend {
            Backend::Kafka(kafka, _) => {
                let (kafka, stop, health) = (kafka.clone(), stops.instance.clone(), health.clone());
                Some(watch.spawn("brokers", move || Ok(watch_brokers(&kafka, &health, &stop)?))?)
            }
            Backend::Embedded(_) => None,
        };
        let threads = Threads { appender, intake, projector, follower, brokers };
        Ok(Self { backend, health, stops, gateway, threads, server })
    }

    /// The address that HTTP listens on.
    pub fn local_addr(&self) -> std::net::SocketAddr {
        self.server.local_addr()
    }

    /// The log.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Serves until `shutdown` resolves or a part has failed, then drains: HTTP answers what it has begun, what is
    /// acknowledged goes into the books where nobody else would do it, and the folder is free.
    pub async fn serve(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
        drain: Duration,
    ) -> anyhow::Result<()> {
        let Self { backend, health, stops, gateway, threads, server } = self;
        let failed = {
            let stop = stops.instance.clone();
            async move {
                while !stop.is_asked() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        };
        let (asked, draining) = tokio::sync::oneshot::channel();
        let until = async move {
            tokio::select! { () = shutdown => {}, () = failed => {} }
            health.drain();
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
            let appended = joined(threads.appender);
            stops.intake.ask();
            if backend.ending() == Ending::Leaves {
                // Others go on: the projector need not wait for what intake still does.
                stops.projector.ask();
            }
            let journalled = joined(threads.intake);
            stops.projector.ask();
            let published = joined(threads.projector);
            stops.instance.ask();
            let followed = threads.follower.map_or(Ok(()), joined);
            let watched = threads.brokers.map_or(Ok(()), joined);
            watched.and(followed).and(published).and(journalled).and(appended)
        })
        .await
        .context("failed to drain")?
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

/// Hands what the projector tells of itself to the read model, to health and to the folder's size.
struct Books {
    books: Arc<ReadModel>,
    health: Arc<InstanceHealth>,
    backend: Backend,
    metrics: Metrics,
}

impl Observer for Books {
    fn counted(&self, counts: &mut dyn Iterator<Item = (&str, u64, u64)>) {
        let counters = counts
            .map(|(project, accepted, duplicates)| (project.to_owned(), Counters { accepted, duplicates }));
        self.books.set_counters(counters.collect());
        self.metrics.disk(self.backend.disk_bytes());
    }

    fn ready(&self, ready: bool) {
        self.health.restored(ready);
    }
}

/// Whether a folder holds an embedded log rather than files of `process`.
pub fn is_log(folder: &Path) -> bool {
    !folder.join("summary.json").is_file()
}
