//! Personal data with a form of its own: noted, never refused here. Whether the receiver may have it is a matter of
//! clearance (DP-2.1).

use maso_core::{Finding, Word};
use regex::bytes::{Regex, RegexBuilder};

use crate::{leaf::Leaf, normal::View, notes::Notes};

/// The recognisers, compiled.
pub struct Personal {
    kinds: Vec<Kind>,
}

/// How many of each kind were seen, and where first.
#[derive(Default)]
pub struct Tally([Option<(usize, String)>; N_KINDS]);

impl Personal {
    pub fn compile() -> Self {
        let kinds = KINDS
            .iter()
            .map(|(name, needs, pattern, check)| Kind {
                name,
                needs: *needs,
                pattern: RegexBuilder::new(pattern).unicode(false).build().expect("the patterns are tested"),
                check: *check,
            })
            .collect();
        Self { kinds }
    }

    /// Counts what is in one reading of a string and can be read nowhere above it.
    pub fn count(&self, view: &View<'_>, leaf: Leaf<'_>, tally: &mut Tally) {
        let bytes = view.text.as_bytes();
        let n_digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
        let has_at = bytes.contains(&b'@');
        for (kind, entry) in self.kinds.iter().zip(&mut tally.0) {
            let possible = match kind.needs {
                Needs::At => has_at,
                Needs::Digits(n) => n_digits >= n,
            };
            if !possible {
                continue;
            }
            let found = kind.pattern.find_iter(bytes).filter(|found| (kind.check)(found.as_bytes()));
            let count = found.filter(|found| view.find(found.range()).is_news).count();
            if count > 0 {
                entry.get_or_insert_with(|| (0, leaf.pointer())).0 += count;
            }
        }
    }

    /// Notes what was counted.
    pub fn note(&self, tally: Tally, notes: &mut Notes<'_>) {
        for (kind, entry) in self.kinds.iter().zip(tally.0) {
            if let Some((count, pointer)) = entry {
                let reason = format!("personal data: {}", kind.name);
                notes.add(Finding::new(DP_2_1, Word::Go, reason).at(pointer, format!("{count} found")));
            }
        }
    }
}

struct Kind {
    name: &'static str,
    needs: Needs,
    pattern: Regex,
    check: Check,
}

/// What a text must have for a kind to be worth looking for.
#[derive(Clone, Copy)]
enum Needs {
    At,
    Digits(usize),
}

type Check = fn(&[u8]) -> bool;

/// Remainder modulo 97 of the IBAN with its first four characters at the end (ISO 13616).
fn is_iban(text: &[u8]) -> bool {
    let letters: Vec<u8> = text.iter().copied().filter(|b| *b != b' ').map(|b| b.to_ascii_uppercase()).collect();
    (15..=34).contains(&letters.len())
        && letters[4..].iter().chain(&letters[..4]).fold(0_u32, |rest, b| match b {
            b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
            _ => (rest * 100 + u32::from(b - b'A') + 10) % 97,
        }) == 1
}

fn is_card(text: &[u8]) -> bool {
    let digits = digits(text);
    (13..=19).contains(&digits.len())
        && digits.iter().any(|digit| *digit != digits[0])
        && digits
            .iter()
            .rev()
            .enumerate()
            .map(|(at, digit)| match (at % 2, digit * 2) {
                (0, _) => *digit,
                (_, doubled) if doubled > 9 => doubled - 9,
                (_, doubled) => doubled,
            })
            .sum::<u32>()
            .is_multiple_of(10)
}

fn is_phone(text: &[u8]) -> bool {
    (9..=15).contains(&digits(text).len())
}

fn is_us_social_security(text: &[u8]) -> bool {
    let area = &text[..3];
    area != b"000" && area != b"666" && area[0] != b'9' && &text[4..6] != b"00" && &text[7..] != b"0000"
}

/// The letter is the number modulo 23.
fn is_spanish_id(text: &[u8]) -> bool {
    let number = text[..text.len() - 1].iter().fold(0_u32, |number, b| {
        number * 10
            + match b {
                b'0'..=b'9' => u32::from(b - b'0'),
                b'Y' => 1,
                b'Z' => 2,
                _ => 0,
            }
    });
    text.last() == Some(&b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize])
}

/// The last two digits are 97 less the remainder of the rest.
fn is_french_id(text: &[u8]) -> bool {
    let digits = digits(text);
    let number = |digits: &[u32]| digits.iter().fold(0_u64, |number, digit| number * 10 + u64::from(*digit));
    digits.len() == 15 && number(&digits[13..]) == 97 - number(&digits[..13]) % 97
}

/// Two check digits, each a weighted sum modulo 11.
fn is_brazilian_id(text: &[u8]) -> bool {
    let digits = digits(text);
    let check = |n: usize| {
        let sum: u32 = digits[..n].iter().zip((2..=n as u32 + 1).rev()).map(|(digit, weight)| digit * weight).sum();
        sum * 10 % 11 % 10
    };
    digits.len() == 11
        && digits.iter().any(|digit| *digit != digits[0])
        && check(9) == digits[9]
        && check(10) == digits[10]
}

fn is_mail(_: &[u8]) -> bool {
    true
}

fn digits(text: &[u8]) -> Vec<u32> {
    text.iter().filter(|b| b.is_ascii_digit()).map(|b| u32::from(b - b'0')).collect()
}

const DP_2_1: &str = "DP-2.1";
const N_KINDS: usize = 8;
const KINDS: [(&str, Needs, &str, Check); N_KINDS] = [
    ("mail address", Needs::At, r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+", is_mail),
    ("IBAN", Needs::Digits(10), r"\b[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b", is_iban),
    ("payment card number", Needs::Digits(13), r"\b[3-6][0-9]{3}(?:[ -]?[0-9]){9,15}\b", is_card),
    (
        "phone number",
        Needs::Digits(9),
        r"(?:\+|\b00)[1-9][0-9]{0,2}(?:[ .()/-]{0,2}[0-9]){6,13}\b|\(?\b[2-9][0-9]{2}\)?[ .-][2-9][0-9]{2}[ .-][0-9]{4}\b",
        is_phone,
    ),
    ("social security number", Needs::Digits(9), r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", is_us_social_security),
    ("Spanish identity number", Needs::Digits(7), r"\b(?:[0-9]{8}|[XYZ][0-9]{7})[A-Z]\b", is_spanish_id),
    (
        "French social security number",
        Needs::Digits(15),
        r"\b[12] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}\b",
        is_french_id,
    ),
    ("Brazilian tax number", Needs::Digits(11), r"\b[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}\b", is_brazilian_id),
];
