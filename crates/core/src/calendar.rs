//! Economic days: the local date of an event in its project's time zone (accounting.md, section 4).

use std::fmt;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, civil::Date};

/// Milliseconds of a day of 24 hours.
pub const DAY_MS: i64 = 86_400_000;

/// The first time that an event may have, Unix milliseconds: in year 1.
pub const TIME_MIN_MS: i64 = -62_135_510_400_000;

/// Times that events may have: years 1 to 9998, so that any zone's local date has four digits.
const TIMES_MS: std::ops::Range<i64> = TIME_MIN_MS..253_370_678_400_000;

/// A time zone of the IANA database that is compiled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated Universal Time, the default.
    pub const UTC: Zone = Zone(TimeZone::UTC);

    /// The zone of an IANA name such as `America/New_York`; `None` where the database has none of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if name == "UTC" {
            return Some(Self::UTC);
        }
        TimeZoneDatabase::bundled().get(name).ok().map(Self)
    }

    /// The name that it was parsed from.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The local date of a time. Days are half-open and last 23 or 25 hours where the zone changes its offset.
    #[must_use]
    pub fn day(&self, time_ms: i64) -> Day {
        let timestamp = Timestamp::from_millisecond(time_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        Day(self.0.to_datetime(timestamp).date())
    }
}

/// Whether `time_ms` is a time that an event may have.
#[must_use]
pub fn is_valid_time(time_ms: i64) -> bool {
    TIMES_MS.contains(&time_ms)
}

/// An economic day, shown as `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// The day of a date's year (1 to 9999), month and day; `None` where there is no such date.
    #[must_use]
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        Date::new(year, month, day).ok().map(Self)
    }

    /// Year, month, day.
    #[must_use]
    pub fn ymd(self) -> (i16, i8, i8) {
        (self.0.year(), self.0.month(), self.0.day())
    }
}

impl Day {
    /// The month that it is in.
    #[must_use]
    pub fn month(self) -> Month {
        Month { year: self.0.year(), month: self.0.month() }
    }
}

/// A month of a project's calendar, shown as `YYYY-MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month of a year (1 to 9999) and number (1 to 12); `None` where there is none.
    #[must_use]
    pub fn new(year: i16, month: i8) -> Option<Self> {
        Day::new(year, month, 1).map(Day::month)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}
