//! Characters that a person does not see and a model reads (PG-1.1).
//!
//! Every kind has honest uses: joiners inside emoji and in Persian or Indic words, direction marks beside Arabic or
//! Hebrew, tags in flags, a byte order mark at the start. Those pass; what has no such neighbours is counted.

use maso_core::{Finding, Word};

use crate::{Surface, leaf::Leaf, notes::Notes, plain::is_ignorable};

/// Looks for hidden characters in a string that is not plain ASCII, and gives back what they spelled.
pub fn look(leaf: Leaf<'_>, surface: Surface, notes: &mut Notes<'_>) -> Vec<Revealed> {
    let census = Census::of(leaf.text);
    for (word, reason, count) in census.judge(surface, leaf.text) {
        notes.add(Finding::new(PG_1_1, word, reason).at(leaf.pointer(), format!("{count} characters")));
    }
    census.revealed()
}

/// Looks for terminal escape sequences, which hide or overwrite what a person sees in a terminal.
pub fn look_at_controls(leaf: Leaf<'_>, surface: Surface, notes: &mut Notes<'_>) {
    let bytes = leaf.text.as_bytes();
    if !bytes.iter().any(|&b| matches!(b, 0x1b | 0x08 | 0x00)) {
        return;
    }
    let mut word = Word::Go;
    for (index, _) in bytes.iter().enumerate().filter(|(_, b)| **b == 0x1b) {
        let rest = &bytes[index + 1..];
        let is_colour = rest.first() == Some(&b'[') && {
            let end = rest.iter().skip(1).position(|b| !(b.is_ascii_digit() || *b == b';')).map(|at| at + 1);
            // 8 conceals what follows.
            end.is_some_and(|end| rest[end] == b'm' && !rest[1..end].split(|b| *b == b';').any(|code| code == b"8"))
        };
        if !is_colour {
            word = Word::Escalate;
        }
    }
    if bytes.contains(&0) || bytes.contains(&0x08) {
        word = Word::Escalate;
    }
    if surface == Surface::Description {
        word = Word::NoGo;
    }
    notes
        .add(Finding::new(PG_1_1, word, "control characters that change what a terminal shows").at(leaf.pointer(), ""));
}

/// Text that hidden characters spelled.
pub struct Revealed {
    /// How it was hidden, as words for a reason.
    pub how: &'static str,
    /// The text.
    pub text: String,
}

/// What hidden characters a text has.
#[derive(Default)]
struct Census {
    tags: String,
    selectors: Vec<u8>,
    n_lone_selectors: usize,
    zero_width: Vec<char>,
    longest_run: usize,
    n_unexplained: usize,
    n_inside_words: usize,
    n_overrides: usize,
    n_embeddings: usize,
    n_unbalanced: usize,
    has_right_to_left: bool,
}

impl Census {
    fn of(text: &str) -> Self {
        let mut census = Self { has_right_to_left: text.chars().any(is_right_to_left), ..Self::default() };
        let mut flag_tags = None;
        let mut run = 0;
        let mut open = 0_usize;
        let mut previous = None;
        let mut previous_selector: Option<u8> = None;
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            let next = characters.peek().copied();
            let mut selector = None;
            match c {
                '\u{1f3f4}' => flag_tags = Some(String::new()),
                '\u{e0000}'..='\u{e007f}' => {
                    let tag = char::from_u32(c as u32 - 0xe0000).filter(|tag| (' '..='~').contains(tag));
                    match (&mut flag_tags, c) {
                        (Some(tags), '\u{e007f}') if tags.len() <= FLAG_TAGS_MAX => flag_tags = None,
                        (Some(tags), _) => tags.extend(tag),
                        (None, _) => census.tags.push(tag.unwrap_or(' ')),
                    }
                }
                '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
                    let value = selector_value(c);
                    match previous_selector {
                        Some(earlier) => {
                            if census.selectors.is_empty() {
                                census.selectors.push(earlier);
                            }
                            census.selectors.push(value);
                        }
                        None if previous.is_none_or(|c: char| c.is_ascii_alphabetic() || c.is_whitespace()) => {
                            census.n_lone_selectors += 1;
                        }
                        None => {}
                    }
                    selector = Some(value);
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
                    census.zero_width.push(c);
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
                census.tags.push_str(&tags);
            }
            if !is_ignorable(c) {
                run = 0;
            }
            previous_selector = selector;
            previous = Some(c);
        }
        census.tags.push_str(&flag_tags.unwrap_or_default());
        // Windows puts a lone embedding before paths that are copied from a dialog.
        census.n_unbalanced += if text.starts_with('\u{202a}') { open.saturating_sub(1) } else { open };
        census
    }

    fn judge(&self, surface: Surface, text: &str) -> Vec<(Word, &'static str, usize)> {
        let strict = if surface == Surface::Description { Word::NoGo } else { Word::Escalate };
        let mut judged = Vec::new();
        if !self.tags.is_empty() {
            judged.push((Word::NoGo, "text hidden in tag characters", self.tags.len()));
        }
        if !self.selectors.is_empty() {
            judged.push((Word::NoGo, "data hidden in variation selectors", self.selectors.len()));
        } else if self.n_lone_selectors > 2 {
            judged.push((strict, "variation selectors where nothing varies", self.n_lone_selectors));
        }
        if self.longest_run >= STEGANOGRAPHY_RUN || self.n_unexplained >= STEGANOGRAPHY_TOTAL {
            judged.push((Word::NoGo, "data hidden in zero-width characters", self.zero_width.len()));
        } else if self.n_inside_words >= 3 || (self.n_inside_words > 0 && !text.contains(char::is_whitespace)) {
            judged.push((strict, "zero-width characters inside words", self.n_inside_words));
        } else if self.n_unexplained > 0 {
            judged.push((Word::Go, "zero-width characters", self.n_unexplained));
        }
        if self.n_overrides > 0 {
            let word = if self.has_right_to_left { strict } else { Word::NoGo };
            judged.push((word, "text whose direction is overridden", self.n_overrides));
        } else if self.n_unbalanced > 0 {
            judged.push((strict, "direction controls that are not closed", self.n_unbalanced));
        } else if self.n_embeddings > 0 && !self.has_right_to_left {
            judged.push((Word::Go, "direction controls in left-to-right text", self.n_embeddings));
        }
        judged
    }

    fn revealed(&self) -> Vec<Revealed> {
        let mut revealed = Vec::new();
        if !self.tags.is_empty() {
            revealed.push(Revealed { how: "hidden in tag characters", text: self.tags.clone() });
        }
        if !self.selectors.is_empty() {
            let text = String::from_utf8_lossy(&self.selectors).into_owned();
            revealed.push(Revealed { how: "hidden in variation selectors", text });
        }
        if self.longest_run >= STEGANOGRAPHY_RUN || self.zero_width.len() >= STEGANOGRAPHY_TOTAL {
            revealed
                .extend(bits(&self.zero_width).map(|text| Revealed { how: "hidden in zero-width characters", text }));
        }
        revealed
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

const PG_1_1: &str = "PG-1.1";
/// Region tags are at most five letters and digits, after the flag.
const FLAG_TAGS_MAX: usize = 6;
const STEGANOGRAPHY_RUN: usize = 8;
const STEGANOGRAPHY_TOTAL: usize = 24;
