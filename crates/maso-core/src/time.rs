//! Moments and days. Time is always an argument: nothing in the core reads a clock.

use std::{fmt, str::FromStr};

use crate::IdError;

/// A moment, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment `wait_ms` milliseconds later; saturates instead of wrapping.
    #[must_use]
    pub const fn plus_ms(self, wait_ms: u64) -> Self {
        Self(self.0.saturating_add_unsigned(wait_ms))
    }

    /// Milliseconds from `earlier` to this moment, zero if `earlier` lies ahead.
    pub const fn since_ms(self, earlier: Self) -> u64 {
        let span = self.0.saturating_sub(earlier.0);
        if span < 0 { 0 } else { span.unsigned_abs() }
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => write!(f, "{moment:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = IdError;

    /// Reads what [`fmt::Display`] writes, and the same without milliseconds where there are none. One moment has no third
    /// spelling, so none is read as another.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::new(text, "a moment in UTC such as `2027-01-31T09:30:00.250Z`");
        let moment: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
        let moment = Self(moment.as_millisecond());
        let written = moment.to_string();
        let is_same =
            written == text || written.strip_suffix(".000Z").is_some_and(|whole| Some(whole) == text.strip_suffix('Z'));
        if is_same { Ok(moment) } else { Err(wrong()) }
    }
}

/// A day in UTC, as people write it in a deployment: `2027-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// The day on which a moment lies.
    pub const fn of(moment: Timestamp) -> Self {
        Self(moment.0.div_euclid(DAY_MS))
    }

    /// The moment at which it begins.
    pub const fn begins(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(DAY_MS))
    }

    /// The day so many days later; saturates instead of wrapping.
    #[must_use]
    pub const fn plus(self, n_days: u32) -> Self {
        Self(self.0.saturating_add(n_days as i64))
    }

    /// Days from `earlier` to this one, zero if `earlier` lies ahead.
    pub const fn since(self, earlier: Self) -> u64 {
        let span = self.0.saturating_sub(earlier.0);
        if span < 0 { 0 } else { span.unsigned_abs() }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.begins().0) {
            Ok(moment) => write!(f, "{}", moment.to_zoned(jiff::tz::TimeZone::UTC).date()),
            Err(_) => write!(f, "day {}", self.0),
        }
    }
}

impl FromStr for Day {
    type Err = IdError;

    /// Reads `2027-01-31`, and nothing else that a date could look like.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::new(text, "a date such as `2027-01-31`");
        let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
        let begins = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?.timestamp();
        let day = Self::of(Timestamp(begins.as_millisecond()));
        if day.to_string() == text { Ok(day) } else { Err(wrong()) }
    }
}

const DAY_MS: i64 = 86_400_000;
