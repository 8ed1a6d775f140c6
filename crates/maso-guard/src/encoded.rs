//! Text that hides in base64 or hexadecimal: decoded once, never twice.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// A run of encoded characters that decodes to text.
pub struct Decoded {
    /// Where the run stands in the text.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What it decodes to.
    pub text: String,
}

/// Finds runs that decode to readable text.
pub fn decode(text: &str) -> Vec<Decoded> {
    let mut decoded = Vec::new();
    let bytes = text.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        if !is_encoding(bytes[start]) {
            start += 1;
            continue;
        }
        let length = bytes[start..].iter().take_while(|&&b| is_encoding(b)).count();
        let end = start + length;
        if length >= RUN_BYTES_MIN
            && let Some(text) = readable(&text[start..end])
        {
            decoded.push(Decoded { start, end, text });
        }
        start = end + 1;
    }
    decoded
}

fn readable(run: &str) -> Option<String> {
    if run.bytes().all(|b| b.is_ascii_hexdigit()) {
        return run.len().is_multiple_of(2).then(|| unhex(run)).and_then(text_of);
    }
    // Prose without spaces and paths are runs as well; encoded text mixes cases or digits.
    if !(run.bytes().any(|b| b.is_ascii_uppercase()) && run.bytes().any(|b| b.is_ascii_lowercase())) {
        return None;
    }
    let engine = if run.bytes().any(|b| matches!(b, b'-' | b'_')) { &URL_SAFE } else { &STANDARD };
    let whole = run.trim_end_matches('=');
    let whole = if whole.len() % 4 == 1 { &whole[..whole.len() - 1] } else { whole };
    text_of(engine.decode(whole).ok()?)
}

fn unhex(run: &str) -> Vec<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0) as u8;
    run.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// The bytes as text, if most of them are text.
fn text_of(bytes: Vec<u8>) -> Option<String> {
    let n_readable = bytes.iter().filter(|b| matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t')).count();
    let is_text = n_readable * 10 >= bytes.len() * 9 || std::str::from_utf8(&bytes).is_ok();
    is_text.then(|| String::from_utf8_lossy(&bytes).into_owned())
}

const fn is_encoding(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=')
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
/// Shorter runs hold no instruction.
const RUN_BYTES_MIN: usize = 24;
