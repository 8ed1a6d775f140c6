//! Escapes within a text: percent (RFC 3986), quoted-printable (RFC 2045), character references of HTML and XML, and those
//! of programming languages.

use html5gum::{Token, Tokenizer};

use super::{
    budget::{Bound, Budget},
    layer::Layer,
    view::{Draft, Hiding, Inherit, View},
};

/// The view with its escapes read, if it has any.
pub fn take_off(view: &View<'_>, inherit: Inherit, budget: &mut Budget) -> Result<Option<View<'static>>, Bound> {
    let text = view.text.as_ref();
    let bytes = text.as_bytes();
    let mut draft = Draft::of(view, inherit);
    let mut copied = 0;
    let mut at = 0;
    let mut escaped = Vec::new();
    while let Some(offset) = bytes[at..].iter().position(|b| matches!(b, b'%' | b'=' | b'\\' | b'&')) {
        at += offset;
        escaped.clear();
        let mut end = at;
        let sign = bytes[at];
        // Escapes that follow each other spell one character together where it takes several bytes.
        while let Some((byte, length)) = octet(sign, &bytes[end..]) {
            escaped.push(byte);
            end += length;
        }
        if end > at {
            if let Some(read) = readable(&escaped) {
                draft.copy(copied..at);
                let hides = read.bytes().any(|b| b.is_ascii_alphanumeric());
                draft.read(read, at..end, if hides { Hiding::Hidden } else { Hiding::Open });
                copied = end;
            }
            at = end;
        } else if let Some(length) = soft_line_end(bytes, at) {
            draft.copy(copied..at);
            at += length;
            copied = at;
        } else if let Some((c, length)) = code_point(&bytes[at..]) {
            draft.copy(copied..at);
            let hides = c.is_ascii_alphanumeric();
            let hiding = if hides { Hiding::Hidden } else { Hiding::Open };
            draft.read(c.encode_utf8(&mut [0; 4]), at..at + length, hiding);
            at += length;
            copied = at;
        } else if let Some((meant, length)) = reference(&text[at..]) {
            draft.copy(copied..at);
            let hides = meant.bytes().any(|b| b.is_ascii_alphanumeric());
            draft.read(&meant, at..at + length, if hides { Hiding::Hidden } else { Hiding::Open });
            at += length;
            copied = at;
        } else {
            at += 1;
        }
    }
    if copied == 0 {
        return Ok(None);
    }
    draft.copy(copied..text.len());
    budget.take(draft.len())?;
    Ok(draft.finish(Layer::Escapes))
}

/// The bytes of `%XX` or `%uXXXX`, read once; what is none stays as it is.
pub fn decode_percent(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let (byte, length) = octet(b'%', &bytes[at..]).unwrap_or((bytes[at], 1));
        out.push(byte);
        at += length;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The byte that an escape with this sign stands for, and how long it is.
fn octet(sign: u8, bytes: &[u8]) -> Option<(u8, usize)> {
    let hex = |high: u8, low: u8| {
        let digit = |b: u8| char::from(b).to_digit(16);
        Some((digit(high)? << 4 | digit(low)?) as u8)
    };
    match (sign, bytes) {
        (b'%', [b'%', high, low, ..]) => Some((hex(*high, *low)?, 3)),
        // Quoted-printable has upper case only, and a sign of equality stands before many a lower-case word.
        (b'=', [b'=', high, low, ..]) if !high.is_ascii_lowercase() && !low.is_ascii_lowercase() => {
            Some((hex(*high, *low)?, 3))
        }
        (b'\\', [b'\\', b'x' | b'X', high, low, ..]) => Some((hex(*high, *low)?, 4)),
        _ => None,
    }
}

/// The character of `\uXXXX`, `\u{X…}`, `\UXXXXXXXX` or `%uXXXX`, and how long that is.
fn code_point(bytes: &[u8]) -> Option<(char, usize)> {
    let (digits, prefix, suffix) = match bytes {
        [b'\\', b'u', b'{', rest @ ..] => {
            let length = rest.iter().take(6).take_while(|b| b.is_ascii_hexdigit()).count();
            (rest.get(..length).filter(|_| rest.get(length) == Some(&b'}'))?, 3, 1)
        }
        [b'\\' | b'%', b'u', rest @ ..] => (rest.get(..4)?, 2, 0),
        [b'\\', b'U', rest @ ..] => (rest.get(..8)?, 2, 0),
        _ => return None,
    };
    let value = digits.iter().try_fold(0_u32, |sum, b| Some(sum.checked_mul(16)? + char::from(*b).to_digit(16)?))?;
    let c = char::from_u32(value).filter(|c| !digits.is_empty() && !is_noise(*c))?;
    Some((c, prefix + digits.len() + suffix))
}

/// What a character reference means, and how long it is. A tokenizer of HTML knows all two thousand names.
fn reference(text: &str) -> Option<(String, usize)> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'&') || !bytes.get(1).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'#') {
        return None;
    }
    let n_name = bytes[2..].iter().take(NAME_BYTES_MAX).take_while(|b| b.is_ascii_alphanumeric()).count();
    let length = 2 + n_name + usize::from(bytes.get(2 + n_name) == Some(&b';'));
    let reference = &text[..length];
    let token = Tokenizer::new(reference).find_map(|token| match token {
        Ok(Token::String(meant)) => String::from_utf8(meant.value.into()).ok(),
        _ => None,
    });
    // What stays as it is is none.
    token.filter(|meant| meant != reference).map(|meant| (meant, length))
}

/// The end of a line that quoted-printable made, which is none of the text. A row of signs is a rule under a heading.
fn soft_line_end(bytes: &[u8], at: usize) -> Option<usize> {
    let is_rule = at > 0 && bytes[at - 1] == b'=';
    match &bytes[at..] {
        [b'=', b'\r', b'\n', ..] if !is_rule => Some(3),
        [b'=', b'\n', ..] if !is_rule => Some(2),
        _ => None,
    }
}

/// What escaped bytes say, unless it is noise: a sign of equality or a percent sign often stands before two digits.
fn readable(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.chars().any(is_noise)).then_some(text)
}

fn is_noise(c: char) -> bool {
    c.is_control() && !c.is_whitespace()
}

/// The longest name has 31 letters; of a number more digits change nothing.
const NAME_BYTES_MAX: usize = 32;
