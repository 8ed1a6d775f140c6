//! Text in bytes: all of them, or the runs that can be read.

/// A text that bytes hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// In ASCII or UTF-8.
    Plain(String),
    /// In UTF-16.
    Utf16(String),
}

/// The text in some bytes, if there is any.
pub fn text_in(bytes: &[u8]) -> Option<Held> {
    if let Some(text) = utf16(bytes) {
        return Some(Held::Utf16(text));
    }
    if bytes.len() >= TEXT_BYTES_MIN {
        let n_readable = bytes.iter().filter(|b| is_readable(**b)).count();
        if n_readable * 10 >= bytes.len() * 9 {
            return Some(Held::Plain(String::from_utf8_lossy(bytes).into_owned()));
        }
        // Other scripts than Latin have few bytes of ASCII. Noise is no UTF-8, and what happens to be has control characters.
        if let Ok(text) = std::str::from_utf8(bytes)
            && !text.chars().any(|c| c.is_control() && !c.is_whitespace())
        {
            return Some(Held::Plain(text.to_owned()));
        }
    }
    let runs = readable_runs(bytes);
    (!runs.is_empty()).then_some(Held::Plain(runs))
}

/// The runs of readable ASCII that are too long to be an accident, a line each.
pub fn readable_runs(bytes: &[u8]) -> String {
    let mut runs = String::new();
    for run in bytes.split(|b| !is_readable(*b)).filter(|run| run.len() >= RUN_BYTES_MIN) {
        if !runs.is_empty() {
            runs.push('\n');
        }
        runs.extend(run.iter().map(|b| char::from(*b)));
    }
    runs
}

/// The bytes as UTF-16, if every other one is the zero that Latin letters have there, or a mark says so.
fn utf16(bytes: &[u8]) -> Option<String> {
    if bytes.len() < 2 * TEXT_BYTES_MIN {
        return None;
    }
    let n_pairs = bytes.len() / 2;
    let zeros_at = |offset: usize| bytes.iter().skip(offset).step_by(2).filter(|b| **b == 0).count();
    let read = |unit: fn([u8; 2]) -> u16| {
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    if bytes.starts_with(&[0xff, 0xfe]) || zeros_at(1) * 5 >= n_pairs * 4 {
        Some(read(u16::from_le_bytes))
    } else if bytes.starts_with(&[0xfe, 0xff]) || zeros_at(0) * 5 >= n_pairs * 4 {
        Some(read(u16::from_be_bytes))
    } else {
        None
    }
}

const fn is_readable(b: u8) -> bool {
    matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t')
}

/// Shorter text holds no instruction.
const TEXT_BYTES_MIN: usize = 8;
/// So many readable bytes in a row stand once in some millions of random ones.
const RUN_BYTES_MIN: usize = 16;
