//! An export as JSON Lines. Its form is fixed to the byte, so that a line cannot say one thing to a person and another
//! to a program.

use std::io::{self, BufRead, Read as _};

use crate::{
    Report,
    chain::{Raw, Walk},
};

/// Bytes of one line; a longer one is a problem and ends the reading.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Verifies an export. One that does not begin at record 1 is checked as far as it goes.
///
/// # Errors
/// When the export cannot be read, or what it names cannot be noted.
pub fn verify_export(mut export: impl BufRead) -> io::Result<Report> {
    let mut walk = Walk::new().map_err(io::Error::other)?;
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        line.clear();
        number += 1;
        let n_bytes = (&mut export).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if n_bytes == 0 {
            break;
        }
        if line.pop() != Some(b'\n') {
            walk.report.problem(0, format!("line {number} does not end"));
            break;
        }
        match Line::read(&line) {
            Some(Line { sequence, at_ms, previous, hash, body }) => {
                walk.step(&Raw { sequence, at_ms, previous: &previous, hash: &hash, body })
                    .map_err(io::Error::other)?;
            }
            None => walk.report.problem(0, format!("line {number} is not a record in the form of an export")),
        }
    }
    walk.story.end(&mut walk.report);
    walk.report.payloads_absent = walk.story.payloads.n_left().map_err(io::Error::other)?;
    Ok(walk.report)
}

/// One line, read. Nothing in it is believed.
struct Line<'a> {
    sequence: u64,
    at_ms: i64,
    previous: [u8; 32],
    hash: [u8; 32],
    body: &'a [u8],
}

impl<'a> Line<'a> {
    /// Reads `{"sequence":…,"at":"…","previous":"…","hash":"…","body":…}`, and nothing that differs from it by a byte.
    fn read(line: &'a [u8]) -> Option<Self> {
        let rest = std::str::from_utf8(line).ok()?.strip_prefix(r#"{"sequence":"#)?;
        let (digits, rest) = rest.split_once(r#","at":""#)?;
        let (at, rest) = rest.split_once(r#"","previous":""#)?;
        let (previous, rest) = rest.split_once(r#"","hash":""#)?;
        let (hash, rest) = rest.split_once(r#"","body":"#)?;
        let sequence: u64 = digits.parse().ok().filter(|number: &u64| number.to_string() == digits)?;
        let body = rest.strip_suffix('}')?.as_bytes();
        Some(Self { sequence, at_ms: moment(at)?, previous: digest(previous)?, hash: digest(hash)?, body })
    }
}

/// 64 hexadecimal digits, lower case.
fn digest(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    (!text.contains(|digit: char| digit.is_ascii_uppercase())).then_some(bytes)
}

/// Milliseconds since 1970 of `YYYY-MM-DDTHH:MM:SS.mmmZ`.
fn moment(text: &str) -> Option<i64> {
    let form = b"0000-00-00T00:00:00.000Z";
    let fits = text.len() == form.len()
        && text.bytes().zip(form).all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form });
    if !fits {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of = |month: i64| match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=12).contains(&month) || !(1..=days_of(month)).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let before = year - 1;
    let days =
        before * 365 + before / 4 - before / 100 + before / 400 - 719_162 + (1..month).map(days_of).sum::<i64>() + day
            - 1;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + number(20, 23)?)
}
