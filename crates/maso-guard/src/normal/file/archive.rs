//! The members of a ZIP file, such as an office document (OOXML, ODF).
//!
//! What is read is what stands there member by member, and not what the directory at the end says: the two can be made
//! to differ, and another program may believe either.

use super::deflate::raw;
use crate::normal::{
    budget::{Bound, Budget},
    bytes::{Held, text_in},
};

/// The text of all members that are text, XML as it stands.
pub fn text(bytes: &[u8], budget: &mut Budget) -> Result<String, Bound> {
    let mut text = String::new();
    let mut rest = bytes;
    let mut n_looked = 0;
    while let Some(at) = find_signature(rest, |kind| kind == [3, 4]) {
        rest = &rest[at + SIGNATURE_BYTES..];
        let Some(header) = rest.get(..HEADER_BYTES) else { break };
        let number = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let Some(body) = rest.get(HEADER_BYTES + number(22) + number(24)..) else { continue };
        // A size that is said may be too small, and a signature may stand within a member: what is longer is read.
        let said = number(14) | number(16) << 16;
        let until_next = find_signature(body, |kind| matches!(kind, [1, 2] | [3, 4] | [7, 8])).unwrap_or(body.len());
        let member = &body[..said.min(body.len()).max(until_next)];
        rest = &body[until_next..];
        n_looked += member.len();
        if n_looked > bytes.len().saturating_mul(LOOKS_MAX) {
            return Err(Bound::Bytes);
        }
        let held = match number(4) {
            STORED => text_in(member),
            DEFLATED => raw(member, budget)?.and_then(|inflated| text_in(&inflated)),
            _ => None,
        };
        if let Some(Held::Plain(held) | Held::Utf16(held)) = held {
            text.push_str(&held);
            text.push('\n');
        }
    }
    budget.take(text.len())?;
    Ok(text)
}

fn find_signature(bytes: &[u8], is_kind: impl Fn([u8; 2]) -> bool) -> Option<usize> {
    bytes.windows(SIGNATURE_BYTES).position(|window| window.starts_with(b"PK") && is_kind([window[2], window[3]]))
}

const SIGNATURE_BYTES: usize = 4;
/// A header without its signature.
const HEADER_BYTES: usize = 26;
const STORED: usize = 0;
const DEFLATED: usize = 8;
/// Members that claim each other's bytes are read so often in all.
const LOOKS_MAX: usize = 4;
