//! One form for values that mean the same: how text and numbers are compared.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// Text in the form in which it is compared: NFKC, lower case, without characters that nobody sees. Whitespace is
/// left to [`words`].
pub(crate) fn normal_text(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    let seen = text.chars().filter(|&character| !is_invisible(character));
    if is_nfkc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Owned(seen.collect::<String>().to_lowercase())
    } else {
        Cow::Owned(seen.nfkc().collect::<String>().to_lowercase())
    }
}

/// Whether the text holds characters that nobody sees: what a person reads is then not what a tool gets.
pub(super) fn has_invisible(text: &str) -> bool {
    !text.is_ascii() && text.chars().any(is_invisible)
}

/// The text with its `%41` read, if it has any.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let hex = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 3;
            }
            _ => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    (decoded.len() < bytes.len()).then(|| String::from_utf8_lossy(&decoded).into_owned())
}

/// The words of a normalised text: what stands between whitespace.
pub(crate) fn words(normal: &str) -> impl Iterator<Item = &str> {
    normal.split_whitespace()
}

/// The word without the punctuation and quotes that a sentence puts around it.
pub(crate) fn bare(word: &str) -> &str {
    closed(opened(word))
}

/// The word without the quotes and brackets that a sentence puts before it. A leading dot stays: `./etc` is not `/etc`.
pub(super) fn opened(word: &str) -> &str {
    word.trim_start_matches(['(', '[', '{', '<', '"', '\'', '«', '“', '„', '‘', '‚', '`', '*', '|'])
}

/// The word without the punctuation, quotes and brackets that a sentence puts after it.
pub(super) fn closed(word: &str) -> &str {
    word.trim_end_matches([
        ')', ']', '}', '>', '"', '\'', '»', '”', '“', '’', '‘', '`', '*', '|', '.', ',', ';', ':', '!', '?',
    ])
}

/// The parts of a bare word that stand for themselves: `iban:de89…` holds `iban` and `de89…`, `a<b@x.com>` holds `a`
/// and `b@x.com`. An address with a scheme, a number and a path stay whole, so that no part of one is mistaken for a
/// value that somebody said.
pub(super) fn parts(bare_word: &str) -> impl Iterator<Item = &str> {
    const BETWEEN: &[char] = &[',', ';', '|', '<', '>', '(', ')', '[', ']', '{', '}', '"', '=', '`'];
    let whole = bare_word.contains("://") || is_figure(bare_word);
    let pieces = if whole { None } else { Some(bare_word.split(BETWEEN)) };
    pieces.into_iter().flatten().flat_map(labelled).map(bare).filter(move |part| !part.is_empty() && *part != bare_word)
}

/// `label:value` as both; anything else as it is.
fn labelled(piece: &str) -> impl Iterator<Item = &str> {
    let piece = piece.trim_start_matches(':');
    let split = piece.split_once(':').filter(|(label, value)| {
        label.chars().count() >= 2 && label.chars().all(|c| c.is_alphabetic() || c == '_') && !value.starts_with("//")
    });
    let (first, second) = match split {
        Some((label, value)) => (label, Some(value)),
        None => (piece, None),
    };
    std::iter::once(first).chain(second)
}

fn is_figure(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'.' | b'\'' | b'-' | b'+'))
}

/// The canonical decimal form of a number written as text: `1,250.00`, `1.250,00`, `1250,00`, `€1250` are `1250`.
///
/// What begins with a zero that says nothing (`0042`) is an identifier and no number, and so is what has an exponent.
pub(super) fn number_in(word: &str) -> Option<String> {
    if !word.bytes().any(|byte| byte.is_ascii_digit()) || word.len() > 64 {
        return None;
    }
    let word = without_currency(word);
    let (sign, digits) = match word.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", word.strip_prefix('+').unwrap_or(word)),
    };
    let digits = without_currency(digits);
    let (whole, fraction) = split_number(digits)?;
    if whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    Some(canonical(sign, &whole, fraction))
}

/// Whether a number written as text means different numbers to different people: `1.250` is one and a quarter, or a
/// thousand times as much.
pub(super) fn is_ambiguous(word: &str) -> bool {
    let figure = word.trim_matches(|character: char| !character.is_ascii_digit());
    let mut groups = figure.split([',', '.']);
    let (whole, last) = (groups.next().unwrap_or_default(), groups.next().unwrap_or_default());
    groups.next().is_none() && last.len() == 3 && (1..=3).contains(&whole.len()) && whole != "0"
}

/// The canonical decimal form of a JSON number.
pub(super) fn number_of(number: &serde_json::Number) -> String {
    let text = number.to_string();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.as_str()),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().unwrap_or(0)),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if exponent == 0 {
        return canonical(sign, whole, fraction);
    }
    let digits = format!("{whole}{fraction}");
    // A JSON number is an integer or a double, so its exponent is at most a few hundred.
    let point = i64::try_from(whole.len()).unwrap_or(0) + i64::from(exponent);
    match usize::try_from(point) {
        Ok(point) if point >= digits.len() => canonical(sign, &format!("{digits:0<point$}"), ""),
        Ok(point) => canonical(sign, &digits[..point], &digits[point..]),
        Err(_) => {
            let zeros = usize::try_from(point.unsigned_abs()).unwrap_or(0);
            canonical(sign, "0", &format!("{}{digits}", "0".repeat(zeros)))
        }
    }
}

fn canonical(sign: &str, whole: &str, fraction: &str) -> String {
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    match (whole, fraction) {
        ("0", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    }
}

fn without_currency(word: &str) -> &str {
    const SIGNS: &[char] = &['€', '$', '£', '¥'];
    const CODES: [&str; 6] = ["eur", "usd", "gbp", "chf", "jpy", "cny"];
    let word = word.trim_matches(SIGNS);
    let code = CODES.iter().find_map(|code| word.strip_prefix(code).or_else(|| word.strip_suffix(code)));
    code.unwrap_or(word)
}

/// Whole part without grouping, and fraction. `None` if the text is no number in a known way of writing one.
fn split_number(text: &str) -> Option<(String, &str)> {
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let grouped = |part: &str, mark: char| {
        let mut groups = part.split(mark);
        let first = groups.next().is_some_and(|first| all_digits(first) && first.len() <= 3);
        first && groups.all(|group| group.len() == 3 && all_digits(group))
    };
    let (commas, dots) = (text.matches(',').count(), text.matches('.').count());
    match (commas, dots) {
        (0, 0) if all_digits(text) => Some((text.to_owned(), "")),
        (0, 1) => {
            let (whole, fraction) = text.split_once('.')?;
            (all_digits(whole) && all_digits(fraction)).then(|| (whole.to_owned(), fraction))
        }
        (1, 0) if !grouped(text, ',') => {
            let (whole, fraction) = text.split_once(',')?;
            (all_digits(whole) && all_digits(fraction) && fraction.len() <= 2).then(|| (whole.to_owned(), fraction))
        }
        (_, 0) if grouped(text, ',') => Some((text.replace(',', ""), "")),
        (1, _) if text.rfind(',') > text.rfind('.') => {
            let (whole, fraction) = text.split_once(',')?;
            (grouped(whole, '.') && all_digits(fraction)).then(|| (whole.replace('.', ""), fraction))
        }
        (_, 1) => {
            let (whole, fraction) = text.split_once('.')?;
            (grouped(whole, ',') && all_digits(fraction)).then(|| (whole.replace(',', ""), fraction))
        }
        _ => None,
    }
}

/// How long a code written in groups may be: a card number has at least 13 characters, an IBAN at most 34.
pub(super) const CODE_LENGTH: std::ops::RangeInclusive<usize> = 13..=34;

/// A code that people write in groups of four, in one piece: `de89 3704 0044 …` and `4111-1111-…`.
///
/// Only such codes are compared without regard to the spaces in them: `no` and `evil@x.com` side by side are not
/// `noevil@x.com`.
pub(super) fn grouped_code<'a>(groups: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut code = String::new();
    let mut n_groups = 0_usize;
    let mut ended = false;
    for group in groups {
        if ended || !is_group(group) || code.len() + group.len() > *CODE_LENGTH.end() {
            return None;
        }
        ended = group.len() < GROUP_BYTES;
        code.push_str(group);
        n_groups += 1;
    }
    (n_groups > 1 && CODE_LENGTH.contains(&code.len())).then_some(code)
}

/// Whether a word can stand in a code that is written in groups.
pub(super) fn is_group(word: &str) -> bool {
    (1..=GROUP_BYTES).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Bytes of one group of a code.
pub(super) const GROUP_BYTES: usize = 4;

/// Whether a character shows nothing, or moves or turns around what stands near it.
pub(super) fn is_unseen(character: char) -> bool {
    let is_blank = character.is_whitespace() && character != ' ';
    character.is_control() || is_blank || is_invisible(character) || is_private(character)
}

const fn is_private(character: char) -> bool {
    matches!(character, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}')
}

const fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E0FFF}')
}
