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
    fold(text, &mut Last::new(out));
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
        let mut last = Last { sink: out, is_space: false };
        decompose_compatible(c, |part| last.push_part(part));
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

/// For each byte of the plain form of `text`, where in `text` the character stands that it comes from.
pub fn sources(text: &str) -> Vec<u32> {
    let mut sources = Sources { at: 0, of: Vec::with_capacity(text.len()) };
    fold(text, &mut Last::new(&mut sources));
    sources.of
}

fn fold<S: Sink>(text: &str, out: &mut Last<'_, S>) {
    if text.is_ascii() && !text.contains('\\') {
        for (at, &byte) in text.as_bytes().iter().enumerate() {
            out.sink.comes_from(at);
            out.push_ascii(char::from(byte));
        }
        return;
    }
    for (at, c) in (Unescaped { text, at: 0 }) {
        out.sink.comes_from(at);
        if c.is_ascii() {
            out.push_ascii(c);
        } else if !is_ignorable(c) {
            for lower in c.to_lowercase() {
                decompose_compatible(lower, |part| out.push_part(part));
            }
        }
    }
}

/// What takes the plain form: the form itself, or where each byte of it comes from.
trait Sink {
    /// What follows comes from here.
    fn comes_from(&mut self, at: usize);
    fn push(&mut self, c: char);
}

impl Sink for String {
    fn comes_from(&mut self, _at: usize) {}

    fn push(&mut self, c: char) {
        self.push(c);
    }
}

struct Sources {
    at: u32,
    of: Vec<u32>,
}

impl Sink for Sources {
    fn comes_from(&mut self, at: usize) {
        self.at = u32::try_from(at).unwrap_or(u32::MAX);
    }

    fn push(&mut self, c: char) {
        self.of.extend(std::iter::repeat_n(self.at, c.len_utf8()));
    }
}

/// A sink, and whether what it took last is a space: runs of white space are one, and none stands at the start.
struct Last<'a, S> {
    sink: &'a mut S,
    is_space: bool,
}

impl<'a, S: Sink> Last<'a, S> {
    const fn new(sink: &'a mut S) -> Self {
        Self { sink, is_space: true }
    }

    fn push_ascii(&mut self, c: char) {
        if c <= ' ' || c == '\u{7f}' {
            if !self.is_space {
                self.sink.push(' ');
            }
            self.is_space = true;
        } else {
            self.sink.push(c.to_ascii_lowercase());
            self.is_space = false;
        }
    }

    fn push_part(&mut self, part: char) {
        if part.is_ascii() {
            self.push_ascii(part);
        } else if part.is_whitespace() {
            self.push_ascii(' ');
        } else if matches!(part, '\u{300}'..='\u{36f}') && is_combining_mark(part) {
            // Accents are dropped from rules and texts alike.
        } else {
            let folded = match part {
                '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2032}' => '\'',
                '\u{201c}' | '\u{201d}' | '\u{201e}' => '"',
                '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
                other => look_alike(other).unwrap_or(other),
            };
            self.sink.push(folded);
            self.is_space = false;
        }
    }
}

/// The characters of a text with JSON's escapes read: a document inside a string has them, and whoever reads it reads
/// through them.
struct Unescaped<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Unescaped<'_> {
    type Item = (usize, char);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let from = self.at;
            let rest = &self.text[from..];
            let c = rest.chars().next()?;
            if c != '\\' {
                self.at += c.len_utf8();
                return Some((from, c));
            }
            // A document inside a document has two backslashes before each letter.
            let escaped = rest.trim_start_matches('\\');
            self.at += rest.len() - escaped.len();
            if escaped.starts_with(['n', 'r', 't']) {
                self.at += 1;
                return Some((from, ' '));
            }
            if let Some((c, length)) = utf16_escape(escaped) {
                self.at += length;
                if let Some(c) = c {
                    return Some((from, c));
                }
            }
        }
    }
}

/// The character that `uXXXX` stands for, and how long that is. Half a pair stands for nothing.
fn utf16_escape(text: &str) -> Option<(Option<char>, usize)> {
    let unit = |text: &str| {
        let digits = text.strip_prefix('u')?.as_bytes().get(..4)?;
        digits.iter().try_fold(0, |sum, digit| Some(sum << 4 | char::from(*digit).to_digit(16)?))
    };
    let first = unit(text)?;
    let second = text[5..].strip_prefix('\\').and_then(unit).filter(|second| (0xdc00..0xe000).contains(second));
    Some(match (first, second) {
        (0xd800..0xdc00, Some(second)) => (char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)), 11),
        _ => (char::from_u32(first), 5),
    })
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
