//! What a gullible reader takes from a text: each imperative sentence in it, however it is hidden.
//!
//! Stands in for a language model that cannot tell content from instruction. Like one, it reads what people do not see.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Something that a text tells its reader to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Instruction {
    /// Pay to an account.
    Pay { iban: String, amount_minor: Option<i64> },
    /// Send a mail to an address.
    Mail { to: String },
    /// Call a tool.
    CallTool { tool: String, server: Option<String>, to: Option<String> },
    /// Tell another agent something.
    Tell { agent: String, text: String },
    /// Take this amount instead of another.
    UseAmount { amount_minor: i64 },
}

/// The instructions in `text` for `reader`: those addressed to it, and those addressed to nobody.
pub(crate) fn instructions(text: &str, reader: &str) -> Vec<Instruction> {
    let revealed = reveal(text);
    let mut found = Vec::new();
    for paragraph in PARAGRAPHS.split(&revealed) {
        let words = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        let addressee = ADDRESSEE.captures(&words).map(|captures| captures["agent"].to_lowercase());
        if addressee.is_some_and(|agent| agent != reader) {
            continue;
        }
        found.extend(SENTENCES.split(&words).filter_map(instruction));
    }
    found
}

/// The text as a model reads it: tag characters are letters, zero-width characters are nothing.
fn reveal(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\u{E0020}'..='\u{E007E}' => char::from_u32(u32::from(c) - 0xE_0000),
            '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{00AD}' => {
                None
            }
            '\u{E0000}'..='\u{E007F}' => None,
            _ => Some(c),
        })
        .collect()
}

fn instruction(sentence: &str) -> Option<Instruction> {
    if let Some(told) = TELL.captures(sentence) {
        return Some(Instruction::Tell { agent: told["agent"].to_lowercase(), text: told["text"].to_owned() });
    }
    if let Some(call) = CALL.captures(sentence) {
        return Some(Instruction::CallTool {
            tool: call["tool"].to_owned(),
            server: SERVER.captures(sentence).map(|server| server["server"].to_owned()),
            to: address(sentence),
        });
    }
    if let Some(pay) = PAY.captures(sentence) {
        return Some(Instruction::Pay { iban: pay["iban"].replace(' ', ""), amount_minor: amount_minor(sentence) });
    }
    if MAIL.is_match(sentence) {
        return address(sentence).map(|to| Instruction::Mail { to });
    }
    if USE_AMOUNT.is_match(sentence) {
        return amount_minor(sentence).map(|amount_minor| Instruction::UseAmount { amount_minor });
    }
    None
}

/// The first amount of money in the text, in cents.
pub(super) fn amount_minor(text: &str) -> Option<i64> {
    AMOUNT.captures(text).as_ref().and_then(cents)
}

/// The amount that a bill or an estimate comes to, in cents.
pub(super) fn total_minor(text: &str) -> Option<i64> {
    text.lines().find(|line| line.trim_start().starts_with("total")).and_then(amount_minor)
}

fn cents(captures: &Captures<'_>) -> Option<i64> {
    let digits: String = captures["amount"].chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn address(text: &str) -> Option<String> {
    ADDRESS.find(text).map(|found| found.as_str().trim_end_matches(['.', ',', ';']).to_owned())
}

macro_rules! pattern {
    ($name:ident, $pattern:literal) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($pattern).expect("the pattern is well formed"));
    };
}

pattern!(PARAGRAPHS, r"\n[ \t]*\n");
pattern!(SENTENCES, r"[.!?](?:\s+|$)");
pattern!(ADDRESSEE, r"(?i)\b(?P<agent>intake|analysis|communication) (?:agent|team|desk) ?[:,]");
pattern!(
    TELL,
    r"(?i)\b(?:tell|ask|instruct|have) the (?P<agent>intake|analysis|communication) (?:agent|team|desk) to (?P<text>.+)"
);
pattern!(CALL, r"(?i)\b(?:call|use|run|invoke) the tool [`'\x22]?(?P<tool>[A-Za-z0-9_.-]+)");
pattern!(SERVER, r"(?i)\b(?:on|of) the (?P<server>[a-z0-9-]+) server\b");
pattern!(
    PAY,
    r"(?:\b[Pp]ay|\b[Tt]ransfer|\b[Ww]ire|\b[Rr]emit|\b[Ss]end)\b.*\b(?:to|into)\b.*?\b(?P<iban>[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3}\b)?)"
);
pattern!(MAIL, r"(?i)\b(?:send|write|forward|mail|e-?mail)\b.*\bto\b.*@");
pattern!(USE_AMOUNT, r"(?i)\b(?:use|take|record|enter) the amount\b");
pattern!(AMOUNT, r"EUR\s*(?P<amount>[0-9]{1,3}(?:,?[0-9]{3})*\.[0-9]{2})");
pattern!(ADDRESS, r"[^\s@`'<>()]+@[^\s@`'<>()]+\.[^\s@`'<>()]+");
