//! `daybook run`: an instance by configuration.

use std::time::Duration;

use anyhow::Context;
use daybook_stream::embedded::EmbeddedLog;

use crate::args::RunArguments;
use crate::config::Config;
use crate::instance::{self, Backend, Instance};
use crate::logging;

/// Runs the command.
pub fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    let config = Config::load(arguments.config.as_deref())?;
    if arguments.check {
        print_config(&config.masked()?);
        return Ok(());
    }
    logging::start(&config.logging);
    if arguments.rebuild_state {
        if config.kafka.bootstrap_servers.is_none() {
            // Only of a log that is there.
            EmbeddedLog::open_existing(&config.log.folder).map_err(instance::open_failed)?;
        }
        Backend::open(&config)?.drop_state().context("failed to drop the state")?;
    }
    runtime()?.block_on(async {
        let instance = Instance::start(&config).await?;
        if config.http.api_keys.is_empty() {
            tracing::warn!("no http.api_keys: every route but /livez and /readyz answers 401");
        }
        tracing::info!(
            address = %instance.local_addr(),
            folder = %config.log.folder.display(),
            "listening: Track API, /api/v1, dashboard at /, /metrics, /livez, /readyz"
        );
        instance.serve(asked_to_stop(), Duration::from_secs(config.http.drain_seconds)).await?;
        tracing::info!(
            "stopped: everything acknowledged is in the books, or in Kafka for others to go on with"
        );
        Ok(())
    })
}

// The configuration is what `--check` is asked for.
#[allow(clippy::print_stdout)]
fn print_config(text: &str) {
    print!("{text}");
}

/// The runtime of HTTP; the engine has threads of its own.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("failed to start the HTTP runtime")
}

/// Resolves at SIGTERM or ctrl-C.
pub async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
