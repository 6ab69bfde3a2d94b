//! What Prometheus' client library tells of the process. Its names and help are the library's, and the same in every
//! program that has them.

use prometheus::process_collector::ProcessCollector;
use prometheus::{Registry, Result};

use crate::{Metric, metrics};

metrics! {
    CPU = Metric::counter(
        "process_cpu_seconds_total",
        "seconds",
        "Total user and system CPU time spent in seconds.",
    );
    OPEN_FDS = Metric::gauge("process_open_fds", "descriptors", "Number of open file descriptors.");
    MAX_FDS = Metric::gauge("process_max_fds", "descriptors", "Maximum number of open file descriptors.");
    VIRTUAL_MEMORY = Metric::gauge("process_virtual_memory_bytes", "bytes", "Virtual memory size in bytes.");
    RESIDENT_MEMORY = Metric::gauge("process_resident_memory_bytes", "bytes", "Resident memory size in bytes.");
    START_TIME = Metric::gauge(
        "process_start_time_seconds",
        "seconds",
        "Start time of the process since unix epoch in seconds.",
    );
    THREADS = Metric::gauge("process_threads", "threads", "Number of OS threads in the process.");
}

/// Registers them.
///
/// # Errors
/// The registry has them already.
pub fn register(registry: &Registry) -> Result<()> {
    registry.register(Box::new(ProcessCollector::for_self()))
}
