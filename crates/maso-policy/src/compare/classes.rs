//! Classes of one argument's values: what no bound and no policy of either version tells apart.

use std::{collections::BTreeSet, sync::LazyLock};

use maso_intent::Bound;
use regex::Regex;
use serde_json::{Number, Value};

use super::{
    looks::Looks,
    texts::{Atom, atoms},
};
use crate::authorise::bounds::equal;

/// The classes of one argument, or of one name or address.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    pub(super) cells: Vec<Cell>,
    pub(super) predicates: Vec<Predicate>,
    /// Whether the classes are certainly all there are.
    pub(super) complete: bool,
}

/// Values that are all treated alike.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Numbers of one interval.
    Numbers(Span),
    /// One of these values.
    Among(Vec<Value>),
    /// Any other text with the same answers to all predicates.
    Text(Atom),
    /// True or false.
    Flag(bool),
    /// A list or an object.
    Composite,
    /// An explicit null.
    Null,
    /// It is not there.
    Absent,
}

/// A number, or what lies strictly between two of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Span {
    Point(f64),
    Between(Option<f64>, Option<f64>),
}

/// Something that can be asked of a text.
#[derive(Clone, Debug)]
pub(super) struct Predicate {
    regex: Regex,
    /// How people say it.
    pub(super) words: String,
}

impl Predicate {
    /// `None` for what is no pattern that anybody could match.
    fn new(pattern: &str, words: String) -> Option<Self> {
        Some(Self { regex: Regex::new(pattern).ok()?, words })
    }

    /// Whether the whole text has it.
    pub(super) fn holds(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl Classes {
    /// The classes of an argument under these bounds and under policies that look at this of it.
    pub(super) fn of_argument(bounds: &[&Bound], looks: &Looks) -> Self {
        let listed =
            bounds.iter().flat_map(|bound| if let Bound::OneOf(values) = bound { values.as_slice() } else { &[] });
        let mut classes = Self::of_texts(
            predicates(bounds, looks),
            listed.clone().filter_map(Value::as_str).map(str::to_owned).collect(),
            &looks.texts,
        );
        let mut cells: Vec<Cell> = spans(bounds, looks).into_iter().map(Cell::Numbers).collect();
        let composite = listed.filter(|value| value.is_array() || value.is_object());
        cells.extend(composite.map(|value| Cell::Among(vec![value.clone()])));
        cells.append(&mut classes.cells);
        cells.extend([Cell::Flag(true), Cell::Flag(false), Cell::Composite, Cell::Null, Cell::Absent]);
        classes.cells = cells;
        classes
    }

    /// The classes of a name or an address that must begin with one of these prefixes, or be one of these.
    pub(super) fn of_object(prefixes: &BTreeSet<String>, exact: BTreeSet<String>, looks: &Looks) -> Self {
        let mut asked: Vec<_> =
            prefixes.iter().filter(|prefix| !prefix.is_empty()).filter_map(|it| beginning(it)).collect();
        if !prefixes.is_empty() {
            asked.push(CLIMBS.clone());
        }
        asked.extend(liked(looks));
        Self::of_texts(asked, exact, &looks.texts)
    }

    fn of_texts(predicates: Vec<Predicate>, listed: BTreeSet<String>, compared: &BTreeSet<String>) -> Self {
        let mut groups: Vec<(Vec<bool>, Vec<Value>)> = Vec::new();
        let together = listed.len() + compared.len() > APART_MAX;
        for text in listed.iter().chain(compared.difference(&listed)) {
            let answers: Vec<_> = predicates.iter().map(|one| one.holds(text)).collect();
            // What only bounds list is one class wherever all else is alike; what a policy names is always its own.
            let same = groups.iter_mut().find(|(known, _)| together && !compared.contains(text) && *known == answers);
            match same {
                Some((_, group)) => group.push(text.clone().into()),
                None => groups.push((answers, vec![text.clone().into()])),
            }
        }
        let named: BTreeSet<&str> = listed.iter().chain(compared).map(String::as_str).collect();
        let named = named.into_iter().map(regex::escape).collect::<Vec<_>>().join("|");
        let named = (!named.is_empty()).then(|| format!(r"\A(?:{named})\z"));
        let patterns: Vec<&str> = predicates.iter().map(|one| one.regex.as_str()).chain(named.as_deref()).collect();
        let atoms = atoms(&patterns);
        let mut cells: Vec<Cell> = groups.into_iter().map(|(_, group)| Cell::Among(group)).collect();
        cells.extend(atoms.found.into_iter().filter_map(|mut atom| {
            let is_named = named.is_some() && atom.answers.pop()?;
            (!is_named).then_some(Cell::Text(atom))
        }));
        Self { cells, predicates, complete: atoms.complete }
    }

    /// The class of a value; `None` only where the classes are not complete.
    pub(super) fn class_of(&self, value: Option<&Value>) -> Option<usize> {
        let among = |cell: &Cell| matches!(cell, Cell::Among(values) if value.is_some_and(|value| values.iter().any(|one| equal(one, value))));
        if let Some(named) = self.cells.iter().position(among) {
            return Some(named);
        }
        let answers = |text: &str| self.predicates.iter().map(|one| one.holds(text)).collect::<Vec<_>>();
        self.cells.iter().position(|cell| match (cell, value) {
            (Cell::Absent, None) | (Cell::Null, Some(Value::Null)) => true,
            (Cell::Composite, Some(Value::Array(_) | Value::Object(_))) => true,
            (Cell::Flag(one), Some(Value::Bool(flag))) => one == flag,
            (Cell::Numbers(span), Some(Value::Number(number))) => {
                number.as_f64().is_some_and(|number| span.holds(number))
            }
            (Cell::Text(atom), Some(Value::String(text))) => atom.answers == answers(text),
            _ => false,
        })
    }
}

impl Cell {
    /// An example; `None` where the argument is absent.
    pub(super) fn example(&self) -> Option<Value> {
        Some(match self {
            Self::Numbers(span) => span.example(),
            Self::Among(values) => values.first()?.clone(),
            Self::Text(atom) => atom.example.clone().into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Composite => vec![Value::from("example")].into(),
            Self::Null => Value::Null,
            Self::Absent => return None,
        })
    }

    /// Whether it holds texts.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_)) || matches!(self, Self::Among(values) if values.iter().all(Value::is_string))
    }
}

impl Span {
    fn holds(self, number: f64) -> bool {
        match self {
            Self::Point(point) => number == point,
            Self::Between(low, high) => low.is_none_or(|low| number > low) && high.is_none_or(|high| number < high),
        }
    }

    /// A number of it: a whole one where there is one, near its upper end.
    fn example(self) -> Value {
        let number = match self {
            Self::Point(point) => point,
            Self::Between(None, None) => 1.0,
            Self::Between(Some(low), None) => low.floor() + 1.0,
            Self::Between(low, Some(high)) => {
                let whole = high.ceil() - 1.0;
                low.map_or(whole, |low| if whole > low { whole } else { f64::midpoint(low, high) })
            }
        };
        value_of(number)
    }
}

/// A number as JSON writes it.
pub(super) fn value_of(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < EXACT_MAX {
        // Whole and within what both types hold exactly.
        #[allow(clippy::cast_possible_truncation)]
        let whole = number as i64;
        return whole.into();
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// All numbers, cut at every one that a bound or a policy compares with.
fn spans(bounds: &[&Bound], looks: &Looks) -> Vec<Span> {
    let mut cuts: Vec<f64> = Vec::new();
    for bound in bounds {
        match bound {
            Bound::AtMost(limit) | Bound::AtLeast(limit) => cuts.push(*limit),
            Bound::OneOf(values) => cuts.extend(values.iter().filter_map(Value::as_f64)),
            Bound::Prefix(_) | Bound::Matches(_) => {}
        }
    }
    // A policy sees a fraction rounded away from zero, so that it may treat what lies beside its number in its own way.
    #[allow(clippy::cast_precision_loss)]
    cuts.extend(looks.numbers.iter().flat_map(|number| [-1.0, 0.0, 1.0].map(|beside| *number as f64 + beside)));
    cuts.sort_by(f64::total_cmp);
    cuts.dedup_by(|one, other| one == other);
    let mut spans = vec![Span::Between(None, cuts.first().copied())];
    for (place, cut) in cuts.iter().enumerate() {
        spans.extend([Span::Point(*cut), Span::Between(Some(*cut), cuts.get(place + 1).copied())]);
    }
    spans
}

fn predicates(bounds: &[&Bound], looks: &Looks) -> Vec<Predicate> {
    let mut asked = Vec::new();
    for bound in bounds {
        match bound {
            Bound::Prefix(prefix) => asked.extend(beginning(prefix).into_iter().chain([CLIMBS.clone()])),
            Bound::Matches(regex) => {
                let pattern = regex.as_str();
                let written =
                    pattern.strip_prefix(r"\A(?:").and_then(|rest| rest.strip_suffix(r")\z")).unwrap_or(pattern);
                asked.extend(Predicate::new(&format!(r"\A(?:{written})\z"), format!("text that matches `{written}`")));
            }
            Bound::OneOf(_) | Bound::AtMost(_) | Bound::AtLeast(_) => {}
        }
    }
    asked.extend(liked(looks));
    // In an order of their own, so that the classes are the same whichever version comes first.
    asked.sort_by(|one, other| one.regex.as_str().cmp(other.regex.as_str()));
    asked.dedup_by(|one, other| one.regex.as_str() == other.regex.as_str());
    asked
}

fn beginning(prefix: &str) -> Option<Predicate> {
    Predicate::new(&format!(r"\A{}(?s:.*)\z", regex::escape(prefix)), format!("text that begins with `{prefix}`"))
}

fn liked(looks: &Looks) -> impl Iterator<Item = Predicate> + '_ {
    looks.patterns.iter().filter_map(|(regex, written)| Predicate::new(regex, format!("text like `{written}`")))
}

/// A path or an address with a segment that leads upwards, written plainly or escaped.
static CLIMBS: LazyLock<Predicate> = LazyLock::new(|| {
    let pattern =
        concat!(r"\A(?s:(?:.*(?:[/\\?#]|%2[fF]|%5[cC]))?(?:\.|%2[eE]){2}", r"(?:(?:[/\\?#]|%2[fF]|%5[cC]).*)?)\z");
    Predicate::new(pattern, "what leads upwards".to_owned()).expect("the pattern is well formed")
});

/// Listed texts that are each a class of its own; more of them are put together where nothing tells them apart.
const APART_MAX: usize = 12;

/// Whole numbers below it are exact as a float: 2^53.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
