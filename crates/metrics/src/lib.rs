//! What a metric is, said once: its registration and its row of docs/reference/metrics.md both come from a [`Metric`].
//!
//! A crate lists its metrics with [`metrics!`] and registers each by its constant. Names, types, units and labels are a
//! contract with whoever has alerts and dashboards on them.

pub mod process;

use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, Result,
};

/// Prometheus' type of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only goes up; starts at 0 with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// Its name in Prometheus' text format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        }
    }
}

/// The values that a label may have.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// A fixed list; each value is there from the start.
    Fixed(fn() -> Vec<&'static str>),
    /// As many as there are of what is named here.
    Each(&'static str),
    /// One, given the values of the labels before it.
    One,
}

/// A label.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
}

impl Label {
    /// A label with a fixed list of values.
    #[must_use]
    pub const fn fixed(name: &'static str, values: fn() -> Vec<&'static str>) -> Self {
        Self { name, values: Values::Fixed(values) }
    }

    /// A label with a value for each of what `of` names, in plural: `projects`.
    #[must_use]
    pub const fn each(name: &'static str, of: &'static str) -> Self {
        Self { name, values: Values::Each(of) }
    }

    /// A label whose value follows from those before it.
    #[must_use]
    pub const fn one(name: &'static str) -> Self {
        Self { name, values: Values::One }
    }
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// What it counts or measures, in plural where it is a unit: `seconds`, `records`.
    pub unit: &'static str,
    /// Its labels, in the order in which values are given to it.
    pub labels: &'static [Label],
    /// What it says, as on the page and in the text format; without a full stop.
    pub help: &'static str,
}

impl Metric {
    /// A counter without labels.
    #[must_use]
    pub const fn counter(name: &'static str, unit: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, unit, labels: &[], help }
    }

    /// A gauge without labels.
    #[must_use]
    pub const fn gauge(name: &'static str, unit: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, unit, labels: &[], help }
    }

    /// A histogram of seconds without labels.
    #[must_use]
    pub const fn seconds(name: &'static str, buckets: &'static [f64], help: &'static str) -> Self {
        Self { name, kind: Kind::Histogram(buckets), unit: "seconds", labels: &[], help }
    }

    /// The same with labels.
    #[must_use]
    pub const fn by(self, labels: &'static [Label]) -> Self {
        Self { labels, ..self }
    }

    /// How many series it has at most: a number, and what it is to be multiplied with.
    #[must_use]
    pub fn bound(&self) -> String {
        let buckets = match self.kind {
            // Each bucket, that of all, their count and their sum.
            Kind::Histogram(buckets) => buckets.len() + 3,
            Kind::Counter | Kind::Gauge => 1,
        };
        let fixed = self.labels.iter().map(|label| match label.values {
            Values::Fixed(values) => values().len(),
            Values::Each(_) | Values::One => 1,
        });
        let number = fixed.product::<usize>() * buckets;
        let factors = self.labels.iter().filter_map(|label| match label.values {
            Values::Each(of) => Some(of),
            Values::Fixed(_) | Values::One => None,
        });
        let number = (number > 1).then(|| number.to_string());
        let factors: Vec<_> = number.into_iter().chain(factors.map(str::to_owned)).collect();
        if factors.is_empty() { "1".to_owned() } else { factors.join(" × ") }
    }

    /// Every combination of its labels' values; `None` where not all of them are fixed.
    fn combinations(&self) -> Option<Vec<Vec<&'static str>>> {
        self.labels.iter().try_fold(vec![Vec::new()], |combined, label| {
            let Values::Fixed(values) = label.values else { return None };
            let values = values();
            let with = |start: &Vec<&'static str>| {
                let start = start.clone();
                values.iter().map(move |value| [&*start, &[*value]].concat()).collect::<Vec<_>>()
            };
            Some(combined.iter().flat_map(with).collect())
        })
    }

    /// For a metric whose series come and go, or are made when they are asked for.
    #[must_use]
    pub fn opts(&self) -> Opts {
        Opts::new(self.name, self.help)
    }

    /// The names of its labels.
    #[must_use]
    pub fn label_names(&self) -> Vec<&'static str> {
        self.labels.iter().map(|label| label.name).collect()
    }

    /// Registers it as a counter without labels.
    ///
    /// # Errors
    /// The registry has one of this name; likewise for all others.
    pub fn register_counter(&self, registry: &Registry) -> Result<IntCounter> {
        registered(registry, IntCounter::with_opts(self.opts())?)
    }

    /// Registers it as a counter with labels. Where their values are fixed, all are there from now on, at 0.
    #[allow(clippy::missing_errors_doc)]
    pub fn register_counters(&self, registry: &Registry) -> Result<IntCounterVec> {
        let counters = registered(registry, IntCounterVec::new(self.opts(), &self.label_names())?)?;
        for values in self.combinations().unwrap_or_default() {
            counters.with_label_values(&values);
        }
        Ok(counters)
    }

    /// Registers it as a gauge of integers without labels.
    #[allow(clippy::missing_errors_doc)]
    pub fn register_gauge(&self, registry: &Registry) -> Result<IntGauge> {
        registered(registry, IntGauge::with_opts(self.opts())?)
    }

    /// Registers it as a gauge of integers with labels.
    #[allow(clippy::missing_errors_doc)]
    pub fn register_gauges(&self, registry: &Registry) -> Result<IntGaugeVec> {
        registered(registry, IntGaugeVec::new(self.opts(), &self.label_names())?)
    }

    /// Registers it as a gauge without labels.
    #[allow(clippy::missing_errors_doc)]
    pub fn register_float_gauge(&self, registry: &Registry) -> Result<Gauge> {
        registered(registry, Gauge::with_opts(self.opts())?)
    }

    /// Registers it as a gauge with labels.
    #[allow(clippy::missing_errors_doc)]
    pub fn register_float_gauges(&self, registry: &Registry) -> Result<prometheus::GaugeVec> {
        registered(registry, prometheus::GaugeVec::new(self.opts(), &self.label_names())?)
    }

    fn histogram_opts(&self) -> HistogramOpts {
        let opts = HistogramOpts::new(self.name, self.help);
        match self.kind {
            Kind::Histogram(buckets) => opts.buckets(buckets.to_vec()),
            Kind::Counter | Kind::Gauge => opts,
        }
    }

    /// Registers it as a histogram without labels.
    #[allow(clippy::missing_errors_doc)]
    pub fn register_histogram(&self, registry: &Registry) -> Result<Histogram> {
        registered(registry, Histogram::with_opts(self.histogram_opts())?)
    }

    /// Registers it as a histogram with labels.
    #[allow(clippy::missing_errors_doc)]
    pub fn register_histograms(&self, registry: &Registry) -> Result<HistogramVec> {
        let histograms = HistogramVec::new(self.histogram_opts(), &self.label_names())?;
        let histograms = registered(registry, histograms)?;
        for values in self.combinations().unwrap_or_default() {
            histograms.with_label_values(&values);
        }
        Ok(histograms)
    }
}

fn registered<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> Result<M> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

/// Makes a constant of each metric, and `METRICS`, the list of them all.
#[macro_export]
macro_rules! metrics {
    ($($visibility:vis $name:ident = $metric:expr;)+) => {
        $(#[allow(dead_code, reason = "the library registers some by itself")]
        $visibility const $name: $crate::Metric = $metric;)+

        /// All metrics of this module.
        #[allow(dead_code, reason = "a program needs it for its reference page alone")]
        pub const METRICS: &[$crate::Metric] = &[$($name),+];
    };
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Label, Metric};
    use prometheus::{Registry, TextEncoder};

    const STAGE: Label = Label::fixed("stage", || vec!["intake", "projector"]);
    const CHANGE: Label = Label::fixed("change", || vec!["assigned", "revoked"]);
    const PROJECT: Label = Label::each("project", "projects");

    const PLAIN: Metric = Metric::gauge("plain", "records", "Plain");
    const FIXED: Metric = Metric::counter("fixed_total", "records", "Fixed").by(&[STAGE, CHANGE]);
    const OPEN: Metric = Metric::counter("open_total", "records", "Open").by(&[STAGE, PROJECT]);
    const TIMES: Metric = Metric::seconds("times_seconds", &[0.1, 1.0], "Times").by(&[STAGE]);

    #[test]
    fn bounds_are_those_of_the_labels() {
        for (metric, bound) in [(PLAIN, "1"), (FIXED, "4"), (OPEN, "2 × projects"), (TIMES, "10")] {
            assert_eq!(metric.bound(), bound, "{}", metric.name);
        }
    }

    #[test]
    fn fixed_values_are_there_from_the_start_and_no_others() {
        let registry = Registry::new();
        PLAIN.register_gauge(&registry).unwrap();
        FIXED.register_counters(&registry).unwrap();
        OPEN.register_counters(&registry).unwrap();
        TIMES.register_histograms(&registry).unwrap();
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let series = text.lines().filter(|line| !line.starts_with('#'));
        let of = |name: &str| series.clone().filter(|line| line.starts_with(name)).count();
        assert_eq!((of("plain"), of("fixed_total"), of("open_total"), of("times")), (1, 4, 0, 10), "{text}");
        assert!(text.contains("fixed_total{change=\"revoked\",stage=\"intake\"} 0"), "{text}");
        assert!(text.contains("times_seconds_bucket{stage=\"projector\",le=\"0.1\"} 0"), "{text}");
    }
}
