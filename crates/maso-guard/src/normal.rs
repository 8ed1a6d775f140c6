//! One normal form for all that scanners read.
//!
//! A string is read as it stands, and once more for whatever it was laid under: characters that nobody sees, encodings,
//! markup, files. Each reading is a view that knows where in the original each part of it stands, so that every scanner
//! reads the same and says where. `docs/scanning.md` has the order and the bounds.

mod base64;
mod budget;
mod bytes;
mod disguise;
mod escapes;
mod file;
mod hexadecimal;
mod layer;
mod markdown;
mod markup;
pub mod plain;
mod unseen;
mod view;

use self::view::Inherit;
pub use self::{
    budget::{Bound, Budget},
    escapes::decode_percent,
    layer::{Layer, Way},
    unseen::{Census, is_steganography},
    view::{Found, Reading, View},
};

/// All readings of one string.
pub struct Normal<'a> {
    /// The string as it stands.
    pub whole: View<'a>,
    /// What nobody sees in it, if it is not plain ASCII.
    pub census: Option<Census>,
    /// What it hid, the outermost layers first.
    pub below: Vec<View<'static>>,
    /// Past which bound it went, so that not all of it was read.
    pub over: Option<Bound>,
}

impl<'a> Normal<'a> {
    /// Takes everything off a string, as far as the budget goes.
    pub fn of(text: &'a str, budget: &mut Budget) -> Self {
        budget.extend(text.len());
        let census = (!text.is_ascii()).then(|| Census::of(text));
        let mut normal = Self { whole: View::whole(text), census, below: Vec::new(), over: None };
        normal.over = take_off(&normal.whole, normal.census.as_ref(), budget, &mut normal.below);
        let mut next = 0;
        while let Some(view) = normal.below.get(next) {
            let mut views = Vec::new();
            let census = (!view.text.is_ascii()).then(|| Census::of(&view.text));
            let over = take_off(view, census.as_ref(), budget, &mut views);
            normal.over = normal.over.or(over);
            match views.first().and_then(|view| view.way.layers().last()) {
                // What is below is not read, so nobody knows what it is.
                Some(layer) if view.depth >= DEPTH_MAX => normal.over = normal.over.or(Some(Bound::Depth(*layer))),
                _ => normal.below.append(&mut views),
            }
            next += 1;
        }
        normal
    }
}

/// Takes off one layer of each kind; gives the first bound that one of them met. The others go on, so that whatever there is
/// room for is read.
fn take_off(
    view: &View<'_>,
    census: Option<&Census>,
    budget: &mut Budget,
    views: &mut Vec<View<'static>>,
) -> Option<Bound> {
    budget.look(view.text.len());
    let results = [
        census.map_or(Ok(()), |census| unseen::spell_out(view, census, budget, views)),
        base64::take_off(view, budget, views),
        hexadecimal::take_off(view, budget, views),
        disguise::take_off(view, budget, views),
        rewrite(view, Signs::of(view.text.as_bytes()), budget, views),
    ];
    results.into_iter().find_map(Result::err)
}

/// What stands within the text, all of it at once: a word may be put together from what several kinds of layers hid.
fn rewrite(view: &View<'_>, signs: Signs, budget: &mut Budget, views: &mut Vec<View<'static>>) -> Result<(), Bound> {
    let mut seen: Option<View<'static>> = None;
    // The view was read, and what is made of it on the way was not.
    let step = |seen: &Option<View<'static>>| if seen.is_some() { Inherit::News } else { Inherit::Nothing };
    if signs.beyond_ascii {
        seen = unseen::take_off(view, step(&seen), budget)?;
    }
    if signs.markup {
        let unmarked = markup::take_off(seen.as_ref().unwrap_or(view), step(&seen), budget)?;
        views.extend(unmarked.unseen.into_iter().chain(unmarked.beside));
        seen = unmarked.seen.or(seen);
    }
    if signs.markdown {
        let unmarked = markdown::take_off(seen.as_ref().unwrap_or(view), step(&seen), budget)?;
        views.extend(unmarked.unseen.into_iter().chain(unmarked.beside));
        seen = unmarked.seen.or(seen);
    }
    if signs.escapes {
        seen = escapes::take_off(seen.as_ref().unwrap_or(view), step(&seen), budget)?.or(seen);
    }
    views.extend(seen);
    Ok(())
}

/// What a text must have for a layer to be there, seen in one go.
#[derive(Clone, Copy)]
struct Signs {
    beyond_ascii: bool,
    markup: bool,
    markdown: bool,
    escapes: bool,
}

impl Signs {
    fn of(bytes: &[u8]) -> Self {
        let all = bytes.iter().fold(0, |all, b| all | SIGNS[*b as usize]);
        Self {
            beyond_ascii: all & BEYOND_ASCII != 0,
            markup: all & MARKUP != 0,
            markdown: all & MARKDOWN != 0,
            escapes: all & ESCAPES != 0,
        }
    }
}

const BEYOND_ASCII: u8 = 1;
const MARKUP: u8 = 2;
const MARKDOWN: u8 = 4;
const ESCAPES: u8 = 8;
/// The signs that each byte is.
const SIGNS: [u8; 256] = {
    let mut signs = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        signs[byte] = match byte as u8 {
            128.. => BEYOND_ASCII,
            b'<' => MARKUP,
            b'&' => ESCAPES,
            b'[' | b'*' | b'~' | b'`' => MARKDOWN,
            b'%' | b'=' | b'\\' => ESCAPES,
            _ => 0,
        };
        byte += 1;
    }
    signs
};

/// An honest mail is a document in an encoding, in which there are addresses with escapes: three. Who writes for a fifth
/// writes for a program that takes layers off until there are none.
const DEPTH_MAX: usize = 4;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot read its input has failed")]
mod tests;
