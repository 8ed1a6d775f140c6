//! Characters that a person does not see and a model reads.
//!
//! Every kind has honest uses: joiners inside emoji and in Persian or Indic words, direction marks beside Arabic or
//! Hebrew, tags in flags, a byte order mark at the start. Those are left alone.

use std::ops::Range;

use super::{
    budget::{Bound, Budget},
    layer::Layer,
    plain::is_ignorable,
    view::{Draft, Hiding, Inherit, View},
};

/// What hidden characters spell.
pub fn spell_out(
    view: &View<'_>,
    census: &Census,
    budget: &mut Budget,
    views: &mut Vec<View<'static>>,
) -> Result<(), Bound> {
    let mut spell = |text: &str, span: &Range<usize>, layer| {
        if view.find(span.clone()).is_news {
            budget.take(text.len())?;
            let mut draft = Draft::of(view, Inherit::Nothing);
            draft.read(text, span.clone(), Hiding::Hidden);
            views.extend(draft.finish(layer));
        }
        Ok(())
    };
    spell(&census.tags.text, &census.tags.span, Layer::Tags)?;
    spell(&String::from_utf8_lossy(&census.selectors.text), &census.selectors.span, Layer::Selectors)?;
    let zero_width = &census.zero_width;
    if is_steganography(census.longest_run, zero_width.text.len()) {
        for text in bits(&zero_width.text) {
            spell(&text, &zero_width.span, Layer::ZeroWidthBits)?;
        }
    }
    Ok(())
}

/// The view without what nobody sees between letters and digits.
pub fn take_off(view: &View<'_>, inherit: Inherit, budget: &mut Budget) -> Result<Option<View<'static>>, Bound> {
    let text = view.text.as_ref();
    let is_written = |c: char| c.is_ascii_graphic();
    let mut draft = Draft::of(view, inherit);
    let mut copied = 0;
    let mut previous = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if !is_ignorable(c) {
            previous = Some(c);
            continue;
        }
        let mut end = at + c.len_utf8();
        while let Some((next, c)) = characters.next_if(|(_, c)| is_ignorable(*c)) {
            end = next + c.len_utf8();
        }
        let next = characters.peek().map(|(_, next)| *next);
        if previous.is_some_and(is_written) && next.is_some_and(is_written) {
            draft.copy(copied..at);
            copied = end;
        }
    }
    if copied == 0 {
        return Ok(None);
    }
    draft.copy(copied..text.len());
    budget.take(draft.len())?;
    Ok(draft.finish(Layer::Invisible))
}

/// Whether so many zero-width characters, in a row or in all, are data.
pub const fn is_steganography(longest_run: usize, n_characters: usize) -> bool {
    longest_run >= STEGANOGRAPHY_RUN || n_characters >= STEGANOGRAPHY_TOTAL
}

/// What hidden characters a text has.
#[derive(Default)]
pub struct Census {
    /// What tag characters spell, but those of flags.
    pub tags: Hidden<String>,
    /// What variation selectors spell that do not stand after something that varies.
    pub selectors: Hidden<Vec<u8>>,
    /// Variation selectors after a letter or a space.
    pub n_lone_selectors: usize,
    /// Zero-width characters.
    pub zero_width: Hidden<Vec<char>>,
    /// The most zero-width characters in a row.
    pub longest_run: usize,
    /// Zero-width characters without an honest use.
    pub n_unexplained: usize,
    /// Of those, the ones between two letters.
    pub n_inside_words: usize,
    /// Overrides of direction.
    pub n_overrides: usize,
    /// Embeddings of another direction.
    pub n_embeddings: usize,
    /// Controls of direction that are not closed, or close nothing.
    pub n_unbalanced: usize,
    /// Whether there is text that goes from right to left.
    pub has_right_to_left: bool,
}

/// Something that is hidden, and from where to where.
#[derive(Default)]
pub struct Hidden<T> {
    /// What is hidden.
    pub text: T,
    span: Range<usize>,
}

impl<T> Hidden<T> {
    fn reach(&mut self, part: Range<usize>) {
        if self.span.is_empty() {
            self.span = part;
        } else {
            self.span = self.span.start.min(part.start)..self.span.end.max(part.end);
        }
    }
}

impl Census {
    /// Counts them.
    pub fn of(text: &str) -> Self {
        let mut census = Self { has_right_to_left: text.chars().any(is_right_to_left), ..Self::default() };
        let mut flag_tags = None;
        let mut run = 0;
        let mut open = 0_usize;
        let mut previous = None;
        let mut previous_selector: Option<u8> = None;
        let mut selector_from = 0;
        let mut characters = text.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            let part = at..at + c.len_utf8();
            let next = characters.peek().map(|(_, next)| *next);
            let mut selector = None;
            match c {
                '\u{1f3f4}' => flag_tags = Some(Hidden { text: String::new(), span: part }),
                '\u{e0000}'..='\u{e007f}' => {
                    let tag = char::from_u32(c as u32 - 0xe0000).filter(|tag| (' '..='~').contains(tag));
                    match (&mut flag_tags, c) {
                        (Some(tags), '\u{e007f}') if tags.text.len() <= FLAG_TAGS_MAX => flag_tags = None,
                        (Some(tags), _) => {
                            tags.text.extend(tag);
                            tags.reach(part);
                        }
                        (None, _) => {
                            census.tags.text.push(tag.unwrap_or(' '));
                            census.tags.reach(part);
                        }
                    }
                }
                '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
                    let value = selector_value(c);
                    match previous_selector {
                        Some(earlier) => {
                            if census.selectors.text.is_empty() {
                                census.selectors.text.push(earlier);
                            }
                            census.selectors.text.push(value);
                            census.selectors.reach(selector_from..part.end);
                        }
                        None if previous.is_none_or(|c: char| c.is_ascii_alphabetic() || c.is_whitespace()) => {
                            census.n_lone_selectors += 1;
                        }
                        None => {}
                    }
                    selector = Some(value);
                    selector_from = at;
                }
                '\u{202d}' | '\u{202e}' => {
                    census.n_overrides += 1;
                    open += 1;
                }
                '\u{202a}' | '\u{202b}' => {
                    census.n_embeddings += 1;
                    open += 1;
                }
                '\u{2066}'..='\u{2068}' => open += 1,
                '\u{202c}' | '\u{2069}' => match open.checked_sub(1) {
                    Some(fewer) => open = fewer,
                    None => census.n_unbalanced += 1,
                },
                // Direction does not carry over a line's end.
                '\n' => census.n_unbalanced += std::mem::take(&mut open),
                _ if is_ignorable(c) => {
                    census.zero_width.text.push(c);
                    census.zero_width.reach(part);
                    run += 1;
                    census.longest_run = census.longest_run.max(run);
                    let inside_word = previous.is_some_and(is_latin_word) && next.is_some_and(is_latin_word);
                    if !is_explained(c, previous, next, census.has_right_to_left) {
                        census.n_unexplained += 1;
                        census.n_inside_words += usize::from(inside_word);
                    }
                }
                _ => {}
            }
            if !('\u{e0000}'..='\u{e007f}').contains(&c)
                && c != '\u{1f3f4}'
                && let Some(tags) = flag_tags.take()
            {
                census.take_tags(tags);
            }
            if !is_ignorable(c) {
                run = 0;
            }
            previous_selector = selector;
            previous = Some(c);
        }
        if let Some(tags) = flag_tags {
            census.take_tags(tags);
        }
        // Windows puts a lone embedding before paths that are copied from a dialog.
        census.n_unbalanced += if text.starts_with('\u{202a}') { open.saturating_sub(1) } else { open };
        census
    }

    /// Tags after a flag that make no flag.
    fn take_tags(&mut self, tags: Hidden<String>) {
        if !tags.text.is_empty() {
            self.tags.text.push_str(&tags.text);
            self.tags.reach(tags.span);
        }
    }
}

/// Reads two kinds of zero-width characters as bits, whichever of them is the one.
fn bits(characters: &[char]) -> impl Iterator<Item = String> {
    let mut kinds: Vec<(char, usize)> = Vec::new();
    for &c in characters {
        match kinds.iter_mut().find(|(kind, _)| *kind == c) {
            Some((_, count)) => *count += 1,
            None => kinds.push((c, 1)),
        }
    }
    // A third, rarer kind often separates bytes.
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let pair = match kinds.as_slice() {
        [(a, _), (b, _), ..] => Some((*a, *b)),
        _ => None,
    };
    let read = |one: char, other: char| {
        let bits: Vec<u8> =
            characters.iter().filter(|c| **c == one || **c == other).map(|c| u8::from(*c == one)).collect();
        let bytes: Vec<u8> = bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect();
        let n_readable = bytes.iter().filter(|b| matches!(b, b' '..=b'~' | b'\n')).count();
        (bytes.len() >= 3 && n_readable * 10 >= bytes.len() * 8).then(|| String::from_utf8_lossy(&bytes).into_owned())
    };
    pair.into_iter().flat_map(move |(a, b)| [read(a, b), read(b, a)]).flatten().collect::<Vec<_>>().into_iter()
}

/// Whether the neighbours give an invisible character an honest use.
fn is_explained(c: char, previous: Option<char>, next: Option<char>, has_right_to_left: bool) -> bool {
    let beside = |test: fn(char) -> bool| previous.is_some_and(test) || next.is_some_and(test);
    match c {
        '\u{feff}' => previous.is_none(),
        '\u{ad}' => previous.is_some_and(char::is_alphabetic) && next.is_some_and(char::is_alphabetic),
        '\u{200c}' | '\u{200d}' if previous.is_some_and(is_joining_script) => true,
        '\u{200d}' => previous.is_some_and(is_pictograph) && next.is_some_and(is_pictograph),
        '\u{200b}' => beside(is_spaceless_script),
        '\u{200e}' | '\u{200f}' | '\u{61c}' => has_right_to_left,
        '\u{180b}'..='\u{180f}' => previous.is_some_and(|c| ('\u{1800}'..='\u{18af}').contains(&c)),
        '\u{17b4}' | '\u{17b5}' => previous.is_some_and(|c| ('\u{1780}'..='\u{17ff}').contains(&c)),
        '\u{115f}' | '\u{1160}' => beside(|c| ('\u{1100}'..='\u{11ff}').contains(&c)),
        _ => false,
    }
}

const fn is_joining_script(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{f00}'..='\u{109f}' | '\u{1780}'..='\u{18af}'
        | '\u{1900}'..='\u{1cff}' | '\u{a840}'..='\u{abff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10a00}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}')
}

const fn is_spaceless_script(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{ff00}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

const fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}')
}

const fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{5ff}' | '\u{620}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

fn is_latin_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '\u{c0}'..='\u{24f}')
}

const fn selector_value(c: char) -> u8 {
    match c {
        '\u{fe00}'..='\u{fe0f}' => (c as u32 - 0xfe00) as u8,
        _ => (c as u32 - 0xe0100 + 16) as u8,
    }
}

/// Region tags are at most five letters and digits, after the flag.
const FLAG_TAGS_MAX: usize = 6;
const STEGANOGRAPHY_RUN: usize = 8;
const STEGANOGRAPHY_TOTAL: usize = 24;
