//! Base64, also in its form for URLs, and in lines.

use std::ops::Range;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{
    budget::{Bound, Budget},
    file::{Opened, open},
    layer::Layer,
    view::{Draft, Hiding, Inherit, View},
};

/// What the runs of base64 in a view hold: text, or a file in which there is text.
///
/// What files hold is a view for each kind of file; a text is one for all runs, as an instruction may stand in several.
pub fn take_off(view: &View<'_>, budget: &mut Budget, views: &mut Vec<View<'static>>) -> Result<(), Bound> {
    let mut texts = Draft::of(view, Inherit::Nothing);
    let mut cleaned = Vec::new();
    let mut at = 0;
    // One run that goes past a bound hides nothing that stands in the others.
    let mut result = Ok(());
    while let Some(run) = next_run(view.text.as_bytes(), &mut at) {
        if !view.find(run.clone()).is_news {
            continue;
        }
        clean(&view.text.as_bytes()[run.clone()], &mut cleaned);
        let opened = decode(&cleaned, budget).and_then(|opened| {
            budget.take(opened.as_ref().map_or(0, |opened| opened.text.len()))?;
            Ok(opened)
        });
        let Opened { layers, text } = match opened {
            Ok(Some(opened)) => opened,
            Ok(None) => continue,
            Err(bound) => {
                result = Err(bound);
                continue;
            }
        };
        match layers.as_slice() {
            [] => {
                texts.read(&text, run, Hiding::Hidden);
                texts.end_line();
            }
            layers => {
                let mut file = Draft::of(view, Inherit::Nothing);
                file.read(&text, run, Hiding::Hidden);
                let file = file.finish(Layer::Base64);
                views.extend(file.map(|file| layers.iter().fold(file, |file, layer| file.under(*layer))));
            }
        }
    }
    views.extend(texts.finish(Layer::Base64));
    result
}

/// The next run that may be base64, its lines and padding included.
fn next_run(bytes: &[u8], at: &mut usize) -> Option<Range<usize>> {
    while *at < bytes.len() {
        let start = *at;
        if !is_base64(bytes[start]) {
            *at += 1;
            continue;
        }
        let mut seen = Seen::default();
        let mut end = start;
        loop {
            let line = bytes[end..].iter().take_while(|b| is_base64(**b)).inspect(|b| seen.see(**b)).count();
            end += line;
            // The next line goes on with it only if this one is as long as lines of base64 are.
            let line_end = match &bytes[end..] {
                [b'\r', b'\n', next, ..] if is_base64(*next) => 2,
                [b'\n', next, ..] if is_base64(*next) => 1,
                _ => 0,
            };
            if line < LINE_BYTES_MIN || line_end == 0 {
                break;
            }
            end += line_end;
        }
        *at = end + 1;
        // Prose without spaces and paths are runs as well; encoded text mixes cases, and there is more of it than digits.
        if end - start >= RUN_BYTES_MIN && seen.upper && seen.lower {
            return Some(start..end);
        }
    }
    None
}

#[derive(Default)]
struct Seen {
    upper: bool,
    lower: bool,
}

impl Seen {
    const fn see(&mut self, b: u8) {
        self.upper |= b.is_ascii_uppercase();
        self.lower |= b.is_ascii_lowercase();
    }
}

/// The run without line ends, in the common alphabet.
fn clean(run: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend(run.iter().filter(|b| !matches!(b, b'\r' | b'\n')).map(|b| match b {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    }));
}

/// What a run holds, wherever in it the encoding begins: what stands before may be of the same letters.
fn decode(run: &[u8], budget: &mut Budget) -> Result<Option<Opened>, Bound> {
    for shift in 0..4 {
        let whole = run.get(shift..).unwrap_or_default();
        let whole = if whole.len() % 4 == 1 { &whole[..whole.len() - 1] } else { whole };
        budget.look(whole.len());
        let Ok(bytes) = ENGINE.decode(whole) else { continue };
        let opened = open(&bytes, budget)?.filter(|opened| !opened.text.is_empty());
        if opened.is_some() {
            return Ok(opened);
        }
    }
    Ok(None)
}

const fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_')
}

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Shorter runs hold no instruction.
const RUN_BYTES_MIN: usize = 24;
const LINE_BYTES_MIN: usize = 32;
