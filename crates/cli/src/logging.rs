//! The program's own log, on standard error: docs/reference/logging.md.

use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;

use crate::config::{LoggingConfig, LoggingFormat};

/// Starts logging. A second call in one process changes nothing.
pub fn start(config: &LoggingConfig) {
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    let _ = match config.format {
        LoggingFormat::Text => builder.try_init(),
        LoggingFormat::Json => {
            // As it is printed by default, it is several lines and no JSON.
            std::panic::set_hook(Box::new(log_panic));
            builder.json().try_init()
        }
    };
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let text = panic.payload().downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.payload().downcast_ref::<String>().map(String::as_str));
    let location = panic.location().map(ToString::to_string);
    tracing::error!(location, "panic: {}", text.unwrap_or("it says nothing"));
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

    use serde_json::Value;

    use super::log_panic;

    #[derive(Clone, Default)]
    struct Capture(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Capture {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_one_json_line() {
        let capture = Capture::default();
        let writer = capture.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(log_panic));
        let number = 7;
        tracing::subscriber::with_default(subscriber, || {
            for outcome in [
                std::panic::catch_unwind(|| panic!("asked for")),
                std::panic::catch_unwind(|| panic!("number {number}")),
            ] {
                assert!(outcome.is_err());
            }
        });
        std::panic::set_hook(before);
        let said = capture.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lines: Vec<Value> = String::from_utf8_lossy(&said)
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect();
        let messages: Vec<_> = lines.iter().map(|line| &line["fields"]["message"]).collect();
        assert_eq!(messages, ["panic: asked for", "panic: number 7"]);
        for line in &lines {
            assert_eq!(line["level"], "ERROR");
            let location = line["fields"]["location"].as_str().expect("a location");
            assert!(location.contains("logging.rs:"), "{location}");
        }
    }
}
