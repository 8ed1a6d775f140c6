//! Numbers that some parser would change are refused, because each side would then act on a different one.

use crate::Malformed;

/// Checks every number in a text that is known to be JSON.
pub(crate) fn check_all(text: &str) -> Result<(), Malformed> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = after_string(bytes, at + 1),
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..].iter().take_while(|byte| is_of_number(**byte)).count();
                check(&text[at..at + length])
                    .map_err(|what| Malformed::because(format!("{what} {}", place(text, at))))?;
                at += length;
            }
            _ => at += 1,
        }
    }
    Ok(())
}

fn check(number: &str) -> Result<(), &'static str> {
    let is_integer = !number.contains(['.', 'e', 'E']);
    if is_integer {
        let fits = number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
        return if fits { Ok(()) } else { Err("integer of more than 64 bits") };
    }
    let mantissa = number.split(['e', 'E']).next().unwrap_or(number);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.len() > SIGNIFICANT_DIGITS_MAX {
        return Err("number with more than 17 significant digits");
    }
    if !significant.is_empty() && number.parse::<f64>().is_ok_and(|value| value == 0.0) {
        return Err("number too small to tell from zero");
    }
    Ok(())
}

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

/// The place behind the closing quote of the string whose content begins at `at`.
fn after_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

fn place(text: &str, at: usize) -> String {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = at - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
    format!("at line {line} column {column}")
}

/// Enough to write any double so that it reads back as itself; a digit more is lost by everyone who reads doubles.
const SIGNIFICANT_DIGITS_MAX: usize = 17;
