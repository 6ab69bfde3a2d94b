//! `daybook demo`: an instance and simulated payment backends that post to it through the Track API.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use daybook_stream::clock::{Clock, SystemClock};
use daybook_stream::embedded::EmbeddedLog;
use daybook_stream::engine::Stop;
use daybook_stream::local::LocalLog;
use daybook_stream::log::Limit;
use daybook_wire::topic::Topic;
use daybook_workload::{Options, Workload};

use crate::args::DemoArguments;
use crate::config::{ApiKeyConfig, Config};
use crate::exit::{Exit, ExitWith};
use crate::instance::{self, Backend, Instance};
use crate::{logging, run};

/// The demo's own key. It opens a port on this machine only, with made-up books behind it.
const KEY: &str = "demo-key-for-this-machine-only";
/// Organization in the demo's Track URLs.
const ORGANIZATION: &str = "demo";

/// Records of the past fortnight that come first, so that there are days to look at.
const HISTORY: u64 = 2_000;
const HISTORY_MS: i64 = 14 * 86_400_000;

/// Runs the command.
pub fn demo(arguments: &DemoArguments) -> anyhow::Result<()> {
    if !arguments.listen.ip().is_loopback() {
        let message = format!(
            "--listen {}: the demo's key is no secret, so it listens on this machine only",
            arguments.listen
        );
        return Err(ExitWith::error(Exit::Misconfigured, anyhow!(message)));
    }
    let mut config = Config::default();
    config.log.folder.clone_from(&arguments.folder);
    config.http.listen = arguments.listen;
    let operator = ApiKeyConfig { organization: ORGANIZATION.into(), project: "*".into(), key: KEY.into() };
    config.http.api_keys.push(operator);
    "warn".clone_into(&mut config.logging.filter);
    logging::start(&config.logging);
    run::runtime()?.block_on(async {
        let instance = Instance::start(&config).await?;
        let address = instance.local_addr();
        let Backend::Embedded(log) = instance.backend() else {
            return Err(anyhow!("the demo needs no Kafka"));
        };
        let sent = log.end(Topic::Charges).context("failed to read the log")?;
        let start_ms = start_of_demo(log)?;
        greet(arguments, address, sent);
        let stop = Stop::default();
        let backends = {
            let (stop, rate, records) = (stop.clone(), arguments.rate, arguments.records.unwrap_or(u64::MAX));
            std::thread::Builder::new()
                .name("backends".to_owned())
                .spawn(move || Backends::new(address, start_ms, rate).send(sent..records, &stop))
                .context("failed to start the payment backends")?
        };
        let until = {
            let stop = stop.clone();
            async move {
                run::asked_to_stop().await;
                stop.ask();
            }
        };
        instance.serve(until, Duration::from_secs(5)).await?;
        stop.ask();
        backends.join().map_err(|_| anyhow!("the payment backends have panicked"))
    })
}

/// When the demo of this folder began: the time of its first record, so that a demo that goes on sends what it
/// would have sent.
fn start_of_demo(log: &EmbeddedLog) -> anyhow::Result<i64> {
    let first = log
        .read(Topic::Charges, 0, Limit { records_max: 1, bytes_max: 1 })
        .context("failed to read the log")?;
    Ok(first.first().and_then(|f| f.record.timestamp_ms).unwrap_or_else(|| SystemClock.now_ms()))
}

// Where to look is what the command is asked for.
#[allow(clippy::print_stdout)]
fn greet(arguments: &DemoArguments, address: SocketAddr, sent: u64) {
    println!("daybook demo: simulated payment backends, exact books\n");
    println!("  page      http://{address}/?apiKey={KEY}");
    println!("  API       http://{address}/api/v1/overview        (header x-api-key: {KEY})");
    println!("  metrics   http://{address}/metrics                (the same header)");
    println!("  folder    {}", arguments.folder.display());
    if sent > 0 {
        println!("  goes on   after {sent} records");
    }
    println!("\nKill it any way you like and start it again: it goes on where it was. Ctrl-C stops it.");
}

/// Payment backends, one request at a time.
struct Backends {
    address: SocketAddr,
    rate: u32,
    history: Workload,
    live: Workload,
}

impl Backends {
    fn new(address: SocketAddr, start_ms: i64, rate: u32) -> Self {
        let history_ms = HISTORY_MS / i64::try_from(HISTORY).unwrap_or(1);
        let history =
            Options { start_ms: start_ms - HISTORY_MS, ms_per_record: history_ms, ..Options::default() };
        let live =
            Options { seed: 2, start_ms, ms_per_record: 1_000 / i64::from(rate), ..Options::default() };
        Self { address, rate, history: Workload::new(history), live: Workload::new(live) }
    }

    fn send(&self, records: std::ops::Range<u64>, stop: &Stop) {
        let agent = instance::agent();
        let pause = Duration::from_secs(1) / self.rate;
        for index in records {
            let begun = Instant::now();
            let record =
                if index < HISTORY { self.history.record(index) } else { self.live.record(index - HISTORY) };
            let url = format!(
                "http://{}/{ORGANIZATION}/projects/{}/sources/{}/track",
                self.address, record.project, record.source
            );
            // Refusals are part of the show: they are dead letters on the page. What is not answered is sent again,
            // as backends do; if it was taken all the same, it is a duplicate.
            loop {
                if stop.is_asked() {
                    return;
                }
                let answer = agent.post(&url).header("x-api-key", KEY).send(&record.value);
                match answer {
                    Ok(answer) if answer.status().as_u16() != 503 => break,
                    Ok(_) | Err(_) => std::thread::sleep(Duration::from_millis(200)),
                }
            }
            if index >= HISTORY {
                std::thread::sleep(pause.saturating_sub(begun.elapsed()));
            }
        }
    }
}
