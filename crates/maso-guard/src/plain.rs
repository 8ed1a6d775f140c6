//! One form for one text: lower case, one space, no invisible characters, no look-alikes.
//!
//! Rules are written in this form and matched against it, so that spelling an instruction with Cyrillic letters,
//! mathematical bold, accents or hidden characters changes nothing.

use std::sync::LazyLock;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};
use unicode_security::skeleton;

/// Writes the plain form of `text` into `out`, which is cleared first.
pub fn write_plain(text: &str, out: &mut String) {
    out.clear();
    out.reserve(text.len());
    let unescaped = text.contains('\\').then(|| unescape(text));
    let text = unescaped.as_deref().unwrap_or(text);
    if text.is_ascii() {
        write_ascii(text, out);
    } else {
        let mut last_is_space = true;
        for c in text.chars() {
            if c.is_ascii() {
                push_ascii(c, out, &mut last_is_space);
            } else if !is_ignorable(c) {
                for lower in c.to_lowercase() {
                    decompose_compatible(lower, |part| push_part(part, out, &mut last_is_space));
                }
            }
        }
    }
}

/// The plain form of `text`.
pub fn plain(text: &str) -> String {
    let mut out = String::new();
    write_plain(text, &mut out);
    out
}

/// The plain form of one character inside a rule's pattern, where ASCII is syntax and stays as it is.
pub fn write_plain_literal(c: char, out: &mut String) {
    if c.is_ascii() {
        out.push(c);
    } else {
        let mut last_is_space = false;
        decompose_compatible(c, |part| push_part(part, out, &mut last_is_space));
    }
}

/// The ASCII letter or digit that a character is made to look like, if it is.
pub fn look_alike(c: char) -> Option<char> {
    let byte = *LOOK_ALIKES.get(c as usize)?;
    (byte != 0).then_some(char::from(byte))
}

/// Characters that show nothing, alone or where they usually stand.
pub const fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// The text with JSON's escapes read: a document inside a string has them, and whoever reads it reads through them.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        // A document inside a document has two backslashes before each letter.
        rest = rest[at..].trim_start_matches('\\');
        let unit = |rest: &str| rest.strip_prefix('u').and_then(|hex| u32::from_str_radix(hex.get(..4)?, 16).ok());
        if let Some(after) = rest.strip_prefix(['n', 'r', 't']) {
            out.push(' ');
            rest = after;
        } else if let Some(first) = unit(rest) {
            rest = &rest[5..];
            let second = rest.strip_prefix('\\').and_then(unit).filter(|second| (0xdc00..0xe000).contains(second));
            match (first, second) {
                (0xd800..0xdc00, Some(second)) => {
                    rest = &rest[6..];
                    out.extend(char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)));
                }
                _ => out.extend(char::from_u32(first)),
            }
        }
    }
    out.push_str(rest);
    out
}

fn write_ascii(text: &str, out: &mut String) {
    let mut last_is_space = true;
    for &byte in text.as_bytes() {
        push_ascii(char::from(byte), out, &mut last_is_space);
    }
}

fn push_ascii(c: char, out: &mut String, last_is_space: &mut bool) {
    if c <= ' ' || c == '\u{7f}' {
        if !*last_is_space {
            out.push(' ');
        }
        *last_is_space = true;
    } else {
        out.push(c.to_ascii_lowercase());
        *last_is_space = false;
    }
}

fn push_part(part: char, out: &mut String, last_is_space: &mut bool) {
    if part.is_ascii() {
        push_ascii(part, out, last_is_space);
    } else if part.is_whitespace() {
        push_ascii(' ', out, last_is_space);
    } else if matches!(part, '\u{300}'..='\u{36f}') && is_combining_mark(part) {
        // Accents are dropped from rules and texts alike.
    } else {
        let folded = match part {
            '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2032}' => '\'',
            '\u{201c}' | '\u{201d}' | '\u{201e}' => '"',
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            other => look_alike(other).unwrap_or(other),
        };
        out.push(folded);
        *last_is_space = false;
    }
}

/// For each character below U+3000 the ASCII letter that it looks like (UTS 39), or 0.
static LOOK_ALIKES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    (0..0x3000_u32)
        .map(|code| {
            let Some(c) = char::from_u32(code).filter(|c| !c.is_ascii() && c.is_alphabetic()) else { return 0 };
            let mut buffer = [0; 4];
            let mut skeleton = skeleton(c.encode_utf8(&mut buffer));
            match (skeleton.next(), skeleton.next()) {
                (Some(like), None) if like.is_ascii_alphabetic() => like.to_ascii_lowercase() as u8,
                _ => 0,
            }
        })
        .collect()
});
