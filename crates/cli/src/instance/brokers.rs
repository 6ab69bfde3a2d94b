//! Looks whether the brokers answer, for readiness: consumers and producers wait in silence for brokers that are gone.

use std::time::Duration;

use daybook_stream::engine::Stop;
use daybook_stream::kafka::{KafkaSettings, Probe};
use daybook_stream::log::LogError;

use super::health::InstanceHealth;

/// How long brokers may take for an answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// How long to wait between two looks, in steps after which it is looked whether to stop.
const STEPS: u32 = 10;
const STEP: Duration = Duration::from_millis(200);

/// Looks again and again, until told to stop.
pub fn watch_brokers(settings: &KafkaSettings, health: &InstanceHealth, stop: &Stop) -> Result<(), LogError> {
    let probe = Probe::new(settings)?;
    let mut answered = true;
    while !stop.is_asked() {
        let outcome = probe.look(ANSWER_LIMIT);
        if outcome.is_ok() {
            health.brokers_answer();
        }
        // Said once for each change.
        match (&outcome, answered) {
            (Err(error), true) => tracing::warn!(%error, "brokers are lost"),
            (Ok(()), false) => tracing::info!("brokers answer again"),
            _ => {}
        }
        answered = outcome.is_ok();
        (0..STEPS).take_while(|_| !stop.is_asked()).for_each(|_| std::thread::sleep(STEP));
    }
    Ok(())
}
