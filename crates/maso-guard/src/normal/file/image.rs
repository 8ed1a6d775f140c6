//! What images say besides their pixels: text chunks, EXIF, XMP, comments.

use super::deflate::inflate;
use crate::normal::{
    budget::{Bound, Budget},
    bytes::{Held, readable_runs, text_in},
};

/// The metadata of a PNG, JPEG, GIF or WebP file; `None` for whatever is none.
pub fn metadata(bytes: &[u8], budget: &mut Budget) -> Result<Option<String>, Bound> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', chunks @ ..] => png(chunks, budget).map(Some),
        [0xff, 0xd8, 0xff, ..] => Ok(Some(jpeg(&bytes[2..]))),
        [b'G', b'I', b'F', b'8', ..] => Ok(Some(readable_runs(bytes))),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', chunks @ ..] => Ok(Some(webp(chunks))),
        _ => Ok(None),
    }
}

fn png(mut rest: &[u8], budget: &mut Budget) -> Result<String, Bound> {
    let mut text = String::new();
    while let [a, b, c, d, k0, k1, k2, k3, after @ ..] = rest {
        let length = (u32::from_be_bytes([*a, *b, *c, *d]) as usize).min(after.len());
        let (chunk, next) = after.split_at(length);
        match &[*k0, *k1, *k2, *k3] {
            b"tEXt" | b"eXIf" => push(&mut text, chunk),
            // A keyword, some bytes that say how, and text that may be compressed.
            b"iTXt" | b"zTXt" => {
                push(&mut text, chunk);
                let starts = chunk.iter().enumerate().filter(|(_, b)| **b == 0x78 || **b == 0x58).take(STARTS_MAX);
                for (start, _) in starts {
                    if let Some(inflated) = inflate(&chunk[start..], budget)? {
                        push(&mut text, &inflated);
                        break;
                    }
                }
            }
            // The picture ends, and whatever follows is none of it.
            b"IEND" => {
                push(&mut text, next);
                break;
            }
            _ => {}
        }
        // A checksum follows.
        rest = next.get(4..).unwrap_or_default();
    }
    Ok(text)
}

fn jpeg(mut rest: &[u8]) -> String {
    let mut text = String::new();
    while let [0xff, marker, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).saturating_sub(2).min(after.len());
        if matches!(marker, 0xe0..=0xef | 0xfe) {
            push(&mut text, &after[..length]);
        }
        // The picture follows, and after it whatever somebody put there.
        if *marker == 0xda {
            push(&mut text, after);
            break;
        }
        rest = &after[length..];
    }
    text
}

fn webp(mut rest: &[u8]) -> String {
    let mut text = String::new();
    while let [k0, k1, k2, k3, a, b, c, d, after @ ..] = rest {
        let length = (u32::from_le_bytes([*a, *b, *c, *d]) as usize).min(after.len());
        if matches!(&[*k0, *k1, *k2, *k3], b"EXIF" | b"XMP ") {
            push(&mut text, &after[..length]);
        }
        rest = after.get(length + length % 2..).unwrap_or_default();
    }
    text
}

/// What can be read of a part: all of it, or its readable runs. EXIF has text in UTF-16 as well.
fn push(text: &mut String, part: &[u8]) {
    if let Some(Held::Plain(held) | Held::Utf16(held)) = text_in(part) {
        text.push_str(&held);
        text.push('\n');
    }
}

/// A keyword has at most 79 bytes, and few of those begin compressed data.
const STARTS_MAX: usize = 8;
