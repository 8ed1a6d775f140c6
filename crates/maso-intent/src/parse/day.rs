//! Days as they are written, in UTC.

use maso_core::Timestamp;

/// The moment at which a day begins in UTC.
pub(crate) fn day_begins(date: &str) -> Option<Timestamp> {
    let day = date.parse::<jiff::civil::Date>().ok()?;
    let begins = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp::from_millis(begins.timestamp().as_millisecond()))
}

/// Whether a whole day has passed, in UTC.
pub(crate) fn day_is_over(date: &str, now: Timestamp) -> bool {
    const DAY_MS: u64 = 86_400_000;
    day_begins(date).is_some_and(|begins| now >= begins.plus_ms(DAY_MS))
}

/// The end of a day as it is written. What is no date has ended already; the lint says so.
pub(super) fn end_of_day(date: &str) -> Timestamp {
    let day = date.parse::<jiff::civil::Date>().and_then(|date| date.tomorrow());
    let end = day.and_then(|next| next.to_zoned(jiff::tz::TimeZone::UTC));
    Timestamp::from_millis(end.map_or(0, |end| end.timestamp().as_millisecond()))
}
