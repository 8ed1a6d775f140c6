//! How many letters a sender may choose in what a pattern matches, and whether words can be made of them.

use std::fmt;

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Why a pattern admits prose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prose {
    /// It does not say where the text begins and ends.
    Loose,
    /// It admits letters beside what parts words.
    Words,
    /// It admits characters beyond ASCII.
    Beyond,
    /// It admits more letters than an identifier has.
    Long,
    /// It cannot be judged.
    Unknown,
}

impl fmt::Display for Prose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loose => "its `pattern` does not begin with `^` and end with `$`",
            Self::Words => {
                "its `pattern` admits words: letters beside spaces, or beside signs that may stand between them"
            }
            Self::Beyond => "its `pattern` admits characters beyond ASCII",
            Self::Long => "its `pattern` admits more letters than an identifier has",
            Self::Unknown => "its `pattern` cannot be judged",
        })
    }
}

/// How many letters a sender may choose in a text that the pattern matches.
pub(super) fn letters_of(pattern: &str, length_max: Option<u64>) -> Result<u64, Prose> {
    // Judged is what the text will be held against, which is not how JSON Schema writes it.
    let pattern = jsonschema_regex::to_rust_regex(pattern).map_err(|()| Prose::Unknown)?;
    let hir = regex_syntax::parse(&pattern).map_err(|_| Prose::Unknown)?;
    let properties = hir.properties();
    if !properties.look_set_prefix().contains(Look::Start) || !properties.look_set_suffix().contains(Look::End) {
        return Err(Prose::Loose);
    }
    let Room { letters, has_space } = room(&hir)?;
    let letters = letters.min(length_max.unwrap_or(u64::MAX));
    match (letters, has_space) {
        (0, _) => Ok(0),
        (_, true) => Err(Prose::Words),
        (..=LETTERS_MAX, false) => Ok(letters),
        (_, false) => Err(Prose::Long),
    }
}

#[derive(Default)]
struct Room {
    letters: u64,
    has_space: bool,
}

impl Room {
    /// One after the other.
    fn then(self, next: Self) -> Self {
        let letters = self.letters.saturating_add(next.letters);
        Self { letters, has_space: self.has_space || next.has_space }
    }

    /// One or the other.
    fn or(self, other: Self) -> Self {
        Self { letters: self.letters.max(other.letters), has_space: self.has_space || other.has_space }
    }

    fn times(self, n: Option<u32>) -> Self {
        Self { letters: self.letters.saturating_mul(n.map_or(u64::MAX, u64::from)), ..self }
    }
}

fn room(hir: &Hir) -> Result<Room, Prose> {
    Ok(match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Room::default(),
        // What the schema's author wrote is not of the sender's choosing.
        HirKind::Literal(literal) => Room { letters: 0, has_space: literal.0.iter().any(u8::is_ascii_whitespace) },
        HirKind::Class(class) => of_class(class)?,
        HirKind::Repetition(repetition) => room(&repetition.sub)?.times(repetition.max),
        HirKind::Capture(capture) => room(&capture.sub)?,
        HirKind::Concat(parts) => {
            parts.iter().try_fold(Room::default(), |before, part| Ok(before.then(room(part)?)))?
        }
        HirKind::Alternation(parts) => {
            parts.iter().try_fold(Room::default(), |before, part| Ok(before.or(room(part)?)))?
        }
    })
}

fn of_class(class: &Class) -> Result<Room, Prose> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class.iter().map(|range| (range.start().into(), range.end().into())).collect(),
        Class::Bytes(class) => class.iter().map(|range| (range.start().into(), range.end().into())).collect(),
    };
    let has = |wanted: fn(u8) -> bool| {
        let of_ascii = (0..=127).filter(|byte| wanted(*byte)).map(u32::from);
        of_ascii.into_iter().any(|byte| ranges.iter().any(|(start, end)| (*start..=*end).contains(&byte)))
    };
    if ranges.iter().any(|(_, end)| *end > 127) {
        return Err(Prose::Beyond);
    }
    let has_letters = has(|byte| byte.is_ascii_alphabetic() && !byte.is_ascii_hexdigit());
    if has_letters && has(|byte| !byte.is_ascii_alphanumeric()) {
        return Err(Prose::Words);
    }
    Ok(Room { letters: u64::from(has_letters), has_space: has(|byte| byte.is_ascii_whitespace()) })
}

/// Letters of one string: enough for an IBAN.
const LETTERS_MAX: u64 = 32;
