//! Days of the calendar, however people write them: `2025-01-11`, `January 11th, 2025`, `from the 13th to the 17th of May`.

use maso_core::Timestamp;

use super::normal::bare;

/// A day that somebody named, with or without its year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    year: Option<u16>,
    month: u8,
    day: u8,
}

impl Day {
    fn new(year: Option<u16>, month: u8, day: u8) -> Option<Self> {
        let last = match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (1..=last).contains(&day).then_some(Self { year, month, day })
    }

    /// The key under which it is found. No word contains whitespace, so no word can be taken for one.
    pub(super) fn key(self) -> String {
        match self.year {
            Some(year) => format!("\n{year:04}-{:02}-{:02}", self.month, self.day),
            None => format!("\n--{:02}-{:02}", self.month, self.day),
        }
    }

    /// The same day of any year.
    pub(super) fn of_any_year(self) -> Self {
        Self { year: None, ..self }
    }

    /// The day so many days before it; none for a day without its year.
    pub(super) fn before(self, n_days: i64) -> Option<Self> {
        let Self { year, month, day } = self;
        let date: maso_core::Day = format!("{:04}-{month:02}-{day:02}", year?).parse().ok()?;
        let begins = date.begins().as_millis().checked_sub(n_days.checked_mul(DAY_MS)?)?;
        iso(&maso_core::Day::of(Timestamp::from_millis(begins)).to_string())
    }
}

/// The day that a value is, or on which a moment lies: `2025-01-11`, `2025-01-11 10:00`, `2025-01-11T10:00:00Z`.
pub(super) fn day_of(value: &str) -> Option<Day> {
    let value = value.trim();
    let (date, time) = value.split_at_checked(10)?;
    let is_time = time.is_empty()
        || time.starts_with([' ', 'T', 't'])
            && time[1..].chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | '.' | '+' | '-' | 'Z' | 'z'));
    if is_time { iso(date) } else { None }
}

/// The day that begins at the first of these words, if one does.
pub(super) fn day_at<'w>(mut words: impl Iterator<Item = &'w str>) -> Option<Day> {
    let first = bare(words.next()?);
    if let Some(day) = first.split_at_checked(10).and_then(|(date, _)| iso(date)) {
        return Some(day);
    }
    let (named, numbered) = (month(first), ordinal(first));
    if named.is_none() && numbered.is_none() {
        return None;
    }
    let rest: Vec<&str> = words.take(LOOK_AHEAD).map(bare).collect();
    let rest = rest.as_slice();
    if let Some(month) = named {
        let (day, rest) = rest.split_first()?;
        return Day::new(year_in(rest), month, ordinal(day)?);
    }
    let day = numbered?;
    // Over the other end of a span, if it is one: `13th to the 17th of May`.
    let rest = match rest {
        ["to" | "until" | "till" | "through" | "and" | "-" | "–", "the", other, rest @ ..]
            if ordinal(other).is_some() =>
        {
            rest
        }
        ["to" | "until" | "till" | "through" | "and" | "-" | "–", other, rest @ ..] if ordinal(other).is_some() => {
            rest
        }
        rest => rest,
    };
    let rest = if let ["of", rest @ ..] = rest { rest } else { rest };
    let (name, rest) = rest.split_first()?;
    Day::new(year_in(rest), month(name)?, day)
}

/// The year that stands next, or after the other end of a span.
fn year_in(rest: &[&str]) -> Option<u16> {
    let year = |word: &&str| word.parse().ok().filter(|year| (1900..=2199).contains(year));
    match rest {
        [word, ..] if year(word).is_some() => year(word),
        ["to" | "until" | "till" | "through" | "and" | "-" | "–", rest @ ..] => {
            let rest = rest.iter().skip_while(|word| {
                **word == "the" || **word == "of" || month(word).is_some() || ordinal(word).is_some()
            });
            rest.take(1).find_map(year)
        }
        _ => None,
    }
}

fn iso(date: &str) -> Option<Day> {
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |part: &str, n: usize| part.len() == n && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return None;
    }
    Day::new(Some(year.parse().ok()?), month.parse().ok()?, day.parse().ok()?)
}

fn ordinal(word: &str) -> Option<u8> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let ending = &word[digits.len()..];
    let counts = matches!(ending, "" | "st" | "nd" | "rd" | "th") && (1..=2).contains(&digits.len());
    if counts { digits.parse().ok() } else { None }
}

fn month(word: &str) -> Option<u8> {
    let nth =
        MONTHS.iter().position(|name| *name == word || word.len() >= 3 && word.len() <= 4 && name.starts_with(word))?;
    u8::try_from(nth + 1).ok()
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Words for days beside today, and how many days lie between.
pub(super) const RELATIVE: [(&str, i64); 4] = [("today", 0), ("tonight", 0), ("tomorrow", 1), ("yesterday", -1)];

const DAY_MS: i64 = 86_400_000;

/// Words that a day can take, with both ends of a span.
const LOOK_AHEAD: usize = 8;

#[cfg(test)]
mod tests {
    use super::{day_at, day_of};

    fn at(text: &str) -> Option<String> {
        day_at(text.to_lowercase().split_whitespace()).map(|day| day.key().trim().to_owned())
    }

    #[test]
    fn a_day_is_read_however_it_is_written() {
        for (text, expected) in [
            ("2025-01-11, please", "2025-01-11"),
            ("January 11th, 2025", "2025-01-11"),
            ("January 11th to January 15th 2025.", "2025-01-11"),
            ("15 Nov", "--11-15"),
            ("15th of November 2024", "2024-11-15"),
            ("13th to the 17th of May 2024", "2024-05-13"),
            ("May 10th to May 13th.", "--05-10"),
            ("1st and 5th of May", "--05-01"),
        ] {
            assert_eq!(at(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["2025-13-01", "May I ask", "11 people", "31 february", "mayor 11", "1.5 May"] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn the_day_before_is_that_of_the_calendar() {
        let before =
            |value: &str, n| day_of(value).and_then(|day| day.before(n)).map(|day| day.key().trim().to_owned());
        assert_eq!(before("2024-03-01", 1).as_deref(), Some("2024-02-29"));
        assert_eq!(before("2023-12-31", -1).as_deref(), Some("2024-01-01"));
        assert_eq!(before("2023-02-29", 1), None);
    }

    #[test]
    fn a_moment_lies_on_a_day_and_nothing_else_does() {
        let key = |value: &str| day_of(value).map(|day| day.key().trim().to_owned());
        assert_eq!(key("2025-01-11 10:00").as_deref(), Some("2025-01-11"));
        assert_eq!(key("2025-01-11T10:00:00Z").as_deref(), Some("2025-01-11"));
        assert_eq!(key("2025-01-11 and more"), None);
        assert_eq!(key("11 May"), None);
    }
}
