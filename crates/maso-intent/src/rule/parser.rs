//! The language of rules: words to a [`Formula`].
//!
//! ```text
//! formula  = all { "or" all }
//! all      = since { "and" since }
//! since    = unary [ "since" unary [window] ]
//! unary    = ("not" | "no") unary | "formerly" unary [window] | compare | name | "(" formula ")"
//! compare  = measure [window] "is" relation number
//! measure  = "count" "of" name | "sum" "of" pointer "of" name | "distinct" (pointer | "agents") "of" name
//! relation = "at" "most" | "at" "least" | "more" "than" | "less" "than" | "exactly"
//! window   = "within" duration
//! ```

use std::str::FromStr;

use super::{EventName, Formula, Measure, Quantity, Relation};
use crate::{form::Span, nearest::suggestion};

/// Why a formula cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FormulaError {
    /// Byte offset in the text.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it; empty if the message says it.
    pub remedy: String,
}

impl FromStr for Formula {
    type Err = FormulaError;

    fn from_str(text: &str) -> Result<Self, FormulaError> {
        if text.len() > BYTES_MAX {
            let message = format!("{} bytes, {BYTES_MAX} allowed", text.len());
            return Err(FormulaError { offset: 0, message, remedy: "write several rules".to_owned() });
        }
        let mut parser = Parser { words: words_of(text), next: 0, end: text.len(), depth: 0 };
        let formula = parser.any()?;
        match parser.peek() {
            Some(_) => Err(parser.expected("`and`, `or`, or the end")),
            None if formula.levels() > LEVELS_MAX => Err(too_deep(0)),
            None => Ok(formula),
        }
    }
}

fn too_deep(offset: usize) -> FormulaError {
    let message = format!("more than {LEVELS_MAX} levels deep");
    FormulaError { offset, message, remedy: "write several rules".to_owned() }
}

/// Whether a word has a meaning of its own, so that no event can be called so.
pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

struct Parser<'t> {
    words: Vec<Word<'t>>,
    next: usize,
    end: usize,
    depth: usize,
}

#[derive(Clone, Copy)]
struct Word<'t> {
    text: &'t str,
    offset: usize,
}

/// Words are what lies between spaces and parentheses.
fn words_of(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    for (offset, letter) in text.char_indices() {
        let is_border = letter.is_whitespace() || matches!(letter, '(' | ')');
        match (is_border, start) {
            (false, None) => start = Some(offset),
            (true, Some(from)) => {
                words.push(Word { text: &text[from..offset], offset: from });
                start = None;
            }
            (false, Some(_)) | (true, None) => {}
        }
        if matches!(letter, '(' | ')') {
            words.push(Word { text: &text[offset..offset + 1], offset });
        }
    }
    words.extend(start.map(|from| Word { text: &text[from..], offset: from }));
    words
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Formula, FormulaError> {
        let mut formula = self.all()?;
        while self.takes("or") {
            formula = Formula::Or(Box::new(formula), Box::new(self.all()?));
        }
        Ok(formula)
    }

    fn all(&mut self) -> Result<Formula, FormulaError> {
        let mut formula = self.since()?;
        while self.takes("and") {
            formula = Formula::And(Box::new(formula), Box::new(self.since()?));
        }
        Ok(formula)
    }

    fn since(&mut self) -> Result<Formula, FormulaError> {
        let held = self.unary()?;
        if !self.takes("since") {
            return Ok(held);
        }
        let start = self.unary()?;
        let within = self.window()?;
        if self.peek() == Some("since") {
            return Err(self.error("two `since` in a row can be read in two ways", "put one of them in parentheses"));
        }
        Ok(Formula::Since(Box::new(held), Box::new(start), within))
    }

    fn unary(&mut self) -> Result<Formula, FormulaError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(too_deep(self.offset()));
        }
        let formula = match self.peek() {
            Some("not" | "no") => {
                self.next += 1;
                Formula::Not(Box::new(self.unary()?))
            }
            Some("formerly") => {
                self.next += 1;
                let inner = self.unary()?;
                Formula::Formerly(Box::new(inner), self.window()?)
            }
            Some("(") => {
                self.next += 1;
                let formula = self.any()?;
                self.take(")")?;
                formula
            }
            Some("count" | "sum" | "distinct") => self.compare()?,
            Some(_) => Formula::Event(self.name()?),
            None => return Err(self.expected("an event, `formerly`, `count of`, `sum of`, `distinct` or `not`")),
        };
        self.depth -= 1;
        Ok(formula)
    }

    fn compare(&mut self) -> Result<Formula, FormulaError> {
        let quantity = if self.takes("count") {
            Quantity::Count
        } else if self.takes("sum") {
            self.take("of")?;
            Quantity::Sum(self.pointer()?)
        } else {
            self.take("distinct")?;
            if self.takes("agents") { Quantity::DistinctAgents } else { Quantity::Distinct(self.pointer()?) }
        };
        self.take("of")?;
        let event = self.name()?;
        let within = self.window()?;
        self.take("is")?;
        let relation = self.relation()?;
        let number = self.number()?;
        Ok(Formula::Compare(Measure { quantity, event, within }, relation, number))
    }

    fn relation(&mut self) -> Result<Relation, FormulaError> {
        for relation in Relation::ALL {
            let mut words = relation.as_str().split(' ');
            let (first, second) = (words.next().unwrap_or_default(), words.next());
            let follows = self.words.get(self.next + 1).map(|word| word.text);
            if self.peek() == Some(first) && second.is_none_or(|second| follows == Some(second)) {
                self.next += 1 + usize::from(second.is_some());
                return Ok(*relation);
            }
        }
        Err(self.expected("`at most`, `at least`, `more than`, `less than` or `exactly`"))
    }

    fn window(&mut self) -> Result<Option<u64>, FormulaError> {
        if !self.takes("within") {
            return Ok(None);
        }
        let Some(word) = self.peek() else { return Err(self.expected("a duration such as `24h`")) };
        match <Span as crate::form::FromText>::from_text(word) {
            Ok(Span(0)) => Err(self.error("a window of no length", "write how far back it reaches, as `24h`")),
            Ok(Span(ms)) => {
                self.next += 1;
                Ok(Some(ms))
            }
            Err(message) => Err(self.error(&message, "")),
        }
    }

    fn number(&mut self) -> Result<u64, FormulaError> {
        let word = self.peek().unwrap_or_default();
        let digits: String = word.chars().filter(|letter| *letter != '_').collect();
        let is_number = word.starts_with(|c: char| c.is_ascii_digit()) && digits.bytes().all(|b| b.is_ascii_digit());
        // What is summed and compared is kept in 64 bits with a sign, so no number needs more.
        match digits.parse::<u64>().ok().filter(|number| is_number && i64::try_from(*number).is_ok()) {
            Some(number) => {
                self.next += 1;
                Ok(number)
            }
            None => Err(self.expected("a whole number such as `3` or `500_000`")),
        }
    }

    fn pointer(&mut self) -> Result<String, FormulaError> {
        match self.peek() {
            Some(word) if word.starts_with('/') => {
                let pointer = word.to_owned();
                self.next += 1;
                Ok(pointer)
            }
            _ => Err(self.expected("a JSON pointer such as `/amount`")),
        }
    }

    fn name(&mut self) -> Result<EventName, FormulaError> {
        let Some(word) = self.peek() else { return Err(self.expected("an event")) };
        if is_keyword(word) || matches!(word, "(" | ")") {
            return Err(self.expected("an event"));
        }
        match word.parse() {
            Ok(name) => {
                self.next += 1;
                Ok(name)
            }
            Err(message) => Err(self.error(&message, "")),
        }
    }

    fn peek(&self) -> Option<&'_ str> {
        self.words.get(self.next).map(|word| word.text)
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(word);
        self.next += usize::from(is_next);
        is_next
    }

    fn take(&mut self, word: &str) -> Result<(), FormulaError> {
        if self.takes(word) { Ok(()) } else { Err(self.expected(&format!("`{word}`"))) }
    }

    fn expected(&self, what: &str) -> FormulaError {
        match self.peek() {
            Some(given) => {
                let shown: String = given.chars().take(80).collect();
                let remedy = suggestion(&shown, KEYWORDS.iter().copied(), String::new);
                self.error(&format!("`{shown}` where {what} was expected"), &remedy)
            }
            None => self.error(&format!("it ends where {what} was expected"), ""),
        }
    }

    fn error(&self, message: &str, remedy: &str) -> FormulaError {
        FormulaError { offset: self.offset(), message: message.to_owned(), remedy: remedy.to_owned() }
    }

    fn offset(&self) -> usize {
        self.words.get(self.next).map_or(self.end, |word| word.offset)
    }
}

/// Words that mean something.
const KEYWORDS: [&str; 18] = [
    "and", "or", "not", "no", "formerly", "since", "within", "count", "sum", "distinct", "agents", "of", "is", "at",
    "more", "less", "than", "exactly",
];

/// Bytes of one formula.
const BYTES_MAX: usize = 2_000;

/// Operators inside each other.
const LEVELS_MAX: usize = 24;

/// How deep reading goes: what is read by recursion must not fill the stack. An operator and the parentheses around it
/// take a step each.
const DEPTH_MAX: usize = 2 * LEVELS_MAX + 2;
