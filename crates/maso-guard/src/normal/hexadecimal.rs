//! Hexadecimal digits: in one run, or in pairs with a separator between them.

use std::ops::Range;

use super::{
    budget::{Bound, Budget},
    bytes::{Held, text_in},
    layer::Layer,
    view::{Draft, Hiding, Inherit, View},
};

/// What the runs of hexadecimal digits in a view say.
pub fn take_off(view: &View<'_>, budget: &mut Budget, views: &mut Vec<View<'static>>) -> Result<(), Bound> {
    let mut draft = Draft::of(view, Inherit::Nothing);
    let mut at = 0;
    let mut decoded = Vec::new();
    while let Some(run) = next_run(view.text.as_bytes(), &mut at, &mut decoded) {
        if !view.find(run.clone()).is_news {
            continue;
        }
        if let Some(Held::Plain(text) | Held::Utf16(text)) = text_in(&decoded) {
            budget.take(text.len())?;
            draft.read(&text, run, Hiding::Hidden);
            draft.end_line();
        }
    }
    views.extend(draft.finish(Layer::Hexadecimal));
    Ok(())
}

/// The next run, and the bytes that it stands for.
fn next_run(bytes: &[u8], at: &mut usize, decoded: &mut Vec<u8>) -> Option<Range<usize>> {
    while *at < bytes.len() {
        let start = *at;
        let Some(first) = pair(bytes, start) else {
            *at += 1;
            continue;
        };
        decoded.clear();
        decoded.push(first);
        let mut end = start + 2;
        while let Some((byte, next)) = pair(bytes, end).map(|byte| (byte, end + 2)).or_else(|| parted(bytes, end)) {
            decoded.push(byte);
            end = next;
        }
        *at = end;
        if decoded.len() >= PAIRS_MIN {
            let prefix = if bytes[..start].ends_with(b"0x") { 2 } else { 0 };
            return Some(start - prefix..end);
        }
    }
    None
}

/// The pair after a separator, and where it ends.
fn parted(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let rest = bytes.get(at..)?;
    let n_separators =
        rest.iter().take(2).take_while(|b| matches!(b, b' ' | b':' | b',' | b'-' | b';' | b'\n')).count();
    let prefix = if rest[n_separators..].starts_with(b"0x") { 2 } else { 0 };
    let start = at + n_separators + prefix;
    (start > at).then(|| pair(bytes, start)).flatten().map(|byte| (byte, start + 2))
}

fn pair(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
    Some((digit(at)? << 4 | digit(at + 1)?) as u8)
}

/// Fewer hold no instruction.
const PAIRS_MIN: usize = 12;
