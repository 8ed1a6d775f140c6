//! The text of a PDF file, as far as it stands in common encodings (ISO 32000).
//!
//! What is shown is put together from the strings of content streams in their order, and all other strings (titles, notes,
//! form fields, scripts) are read as well. Fonts with an encoding of their own, and encrypted files, are not read.

use super::deflate::inflate;
use crate::normal::{
    budget::{Bound, Budget},
    bytes::{Held, readable_runs, text_in},
};

/// What the file shows and says.
pub fn text(bytes: &[u8], budget: &mut Budget) -> Result<String, Bound> {
    let mut text = String::new();
    let mut rest = bytes;
    while let Some(start) = find(rest, b"stream") {
        let (objects, after) = rest.split_at(start);
        strings(objects, &mut text);
        let body = match &after[b"stream".len()..] {
            [b'\r', b'\n', body @ ..] | [b'\n' | b'\r', body @ ..] => body,
            other => other,
        };
        let end = find(body, b"endstream").unwrap_or(body.len());
        let stream = &body[..end];
        rest = body.get(end + b"endstream".len()..).unwrap_or_default();
        match inflate(stream, budget)? {
            Some(inflated) => content(&inflated, &mut text),
            None => content(stream, &mut text),
        }
    }
    strings(rest, &mut text);
    budget.take(text.len())?;
    Ok(text)
}

/// A stream: of page content its strings; of other text, such as XML, all of it; of anything else what can be read.
fn content(stream: &[u8], text: &mut String) {
    if find(stream, b"Tj").is_some() || find(stream, b"TJ").is_some() {
        strings(stream, text);
    } else if let Some(Held::Plain(held) | Held::Utf16(held)) = text_in(stream) {
        text.push_str(&held);
    }
    end_line(text);
}

/// The strings in PDF syntax. Those of one array are one word, as far as no number between them makes a gap.
fn strings(bytes: &[u8], text: &mut String) {
    let mut in_array = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'[' => in_array = true,
            b']' => {
                in_array = false;
                gap(text);
            }
            b'(' => {
                let mut string = Vec::new();
                at = literal(bytes, at, &mut string);
                show(&string, text);
            }
            b'<' if bytes.get(at) == Some(&b'<') => at += 1,
            b'<' => {
                let digits =
                    bytes[at..].iter().take_while(|b| b.is_ascii_hexdigit() || b.is_ascii_whitespace()).count();
                if bytes.get(at + digits) == Some(&b'>') {
                    show(&hexadecimal(&bytes[at..at + digits]), text);
                }
                at += digits;
            }
            // Within an array a number moves what follows to the left, so that a negative one is a space.
            b'-' if in_array => {
                let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
                if digits >= 3 {
                    gap(text);
                }
                at += digits;
            }
            b'T' | b'\'' | b'"' if !in_array => gap(text),
            _ => {}
        }
    }
    end_line(text);
}

/// A string in parentheses, from after the first; where it ends.
fn literal(bytes: &[u8], mut at: usize, string: &mut Vec<u8>) -> usize {
    let mut depth = 1;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            b'\\' => {
                let digits = bytes[at..].iter().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
                if digits > 0 {
                    let value = bytes[at..at + digits].iter().fold(0_u32, |sum, b| sum << 3 | u32::from(b - b'0'));
                    string.push(value as u8);
                    at += digits;
                    continue;
                }
                match bytes.get(at) {
                    Some(b'n' | b'r' | b't' | b'b' | b'f') => string.push(b' '),
                    // The end of a line that is none of the string.
                    Some(b'\n' | b'\r') | None => {}
                    Some(other) => string.push(*other),
                }
                at += 1;
                continue;
            }
            _ => {}
        }
        string.push(byte);
    }
    at
}

fn hexadecimal(digits: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = digits.iter().filter_map(|b| char::from(*b).to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0)).collect()
}

fn show(string: &[u8], text: &mut String) {
    if let [0xfe, 0xff, units @ ..] = string {
        let units = units.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair));
        text.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
        return;
    }
    let n_readable = string.iter().filter(|b| matches!(b, b' '..=b'~')).count();
    if n_readable * 10 >= string.len() * 8 {
        text.push_str(&String::from_utf8_lossy(string));
    } else {
        text.push_str(&readable_runs(string));
    }
}

fn gap(text: &mut String) {
    if !text.is_empty() && !text.ends_with([' ', '\n']) {
        text.push(' ');
    }
}

fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
