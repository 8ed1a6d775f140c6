//! What a rule asks of the history: past-time metric temporal logic over named events, in words.
//!
//! The points in time are the events that the rule names, in its reach; it sees nothing else, so nothing else costs
//! anything. The event that is being decided is the last of them, taken as if it were let through. Windows reach back
//! from it and include both ends.

use std::fmt;

use super::EventName;

/// What a rule asks of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Formula {
    /// This event is such a one.
    Event(EventName),
    /// It does not hold.
    Not(Box<Self>),
    /// Both hold.
    And(Box<Self>, Box<Self>),
    /// One holds.
    Or(Box<Self>, Box<Self>),
    /// It holds now, or held at some event within the window.
    Formerly(Box<Self>, Option<u64>),
    /// At some event within the window the second held, and the first has held at each event after it, up to now.
    Since(Box<Self>, Box<Self>, Option<u64>),
    /// What was measured stands so to a number.
    Compare(Measure, Relation, u64),
}

/// What is measured of the events of one name within a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// What is measured.
    pub quantity: Quantity,
    /// Of which events.
    pub event: EventName,
    /// How far back, in milliseconds; all of it, if none.
    pub within: Option<u64>,
}

impl Measure {
    /// The value that is measured, by its JSON pointer.
    pub const fn pointer(&self) -> Option<&String> {
        match &self.quantity {
            Quantity::Sum(pointer) | Quantity::Distinct(pointer) => Some(pointer),
            Quantity::Count | Quantity::DistinctAgents => None,
        }
    }
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// How many events there are.
    Count,
    /// The sum of a value, a whole number that is not negative: of money, in the smallest unit.
    Sum(String),
    /// How many different values there are.
    Distinct(String),
    /// How many different agents there are.
    DistinctAgents,
}

/// How a measure must stand to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// No more.
    AtMost,
    /// No less.
    AtLeast,
    /// More.
    MoreThan,
    /// Less.
    LessThan,
    /// Exactly so much.
    Exactly,
}

impl Relation {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::AtMost, Self::AtLeast, Self::MoreThan, Self::LessThan, Self::Exactly];

    /// The words used in rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtMost => "at most",
            Self::AtLeast => "at least",
            Self::MoreThan => "more than",
            Self::LessThan => "less than",
            Self::Exactly => "exactly",
        }
    }

    /// Whether `measured` stands so to `number`.
    pub const fn holds(self, measured: u128, number: u64) -> bool {
        let number = number as u128;
        match self {
            Self::AtMost => measured <= number,
            Self::AtLeast => measured >= number,
            Self::MoreThan => measured > number,
            Self::LessThan => measured < number,
            Self::Exactly => measured == number,
        }
    }
}

impl Formula {
    /// All names in it, in their order, also repeated.
    pub fn names(&self) -> Vec<&EventName> {
        let mut names = Vec::new();
        self.each(&mut |formula| match formula {
            Self::Event(name) => names.push(name),
            Self::Compare(measure, ..) => names.push(&measure.event),
            _ => {}
        });
        names
    }

    /// Everything that is measured in it.
    pub fn measures(&self) -> Vec<&Measure> {
        let mut measures = Vec::new();
        self.each(&mut |formula| {
            if let Self::Compare(measure, ..) = formula {
                measures.push(measure);
            }
        });
        measures
    }

    /// All windows in it, in milliseconds.
    pub fn windows(&self) -> Vec<u64> {
        let mut windows = Vec::new();
        self.each(&mut |formula| match formula {
            Self::Formerly(_, within) | Self::Since(.., within) => windows.extend(*within),
            Self::Compare(measure, ..) => windows.extend(measure.within),
            _ => {}
        });
        windows
    }

    /// Visits it and all that it is made of, children first.
    pub fn each<'f>(&'f self, visit: &mut impl FnMut(&'f Self)) {
        match self {
            Self::Event(_) | Self::Compare(..) => {}
            Self::Not(inner) | Self::Formerly(inner, _) => inner.each(visit),
            Self::And(one, other) | Self::Or(one, other) | Self::Since(one, other, _) => {
                one.each(visit);
                other.each(visit);
            }
        }
        visit(self);
    }

    /// How many operators stand inside each other. A row of `and`, or of `or`, is one.
    pub(super) fn levels(&self) -> usize {
        match self {
            Self::Event(_) | Self::Compare(..) => 1,
            Self::Not(inner) | Self::Formerly(inner, _) => 1 + inner.levels(),
            Self::Since(one, other, _) => 1 + one.levels().max(other.levels()),
            Self::And(one, other) | Self::Or(one, other) => {
                let joins = usize::from(one.tightness() != self.tightness());
                (joins + one.levels()).max(1 + other.levels())
            }
        }
    }

    /// How tightly its outermost operator binds: of what binds less, an operand stands in parentheses.
    const fn tightness(&self) -> u8 {
        match self {
            Self::Or(..) => 0,
            Self::And(..) => 1,
            Self::Since(..) => 2,
            Self::Not(_) => 3,
            Self::Formerly(..) => 4,
            Self::Event(_) => 5,
            Self::Compare(..) => 4,
        }
    }
}

/// As the parser reads it, with no more parentheses than needed.
impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operand = |f: &mut fmt::Formatter<'_>, inner: &Self, least: u8| {
            if inner.tightness() < least { write!(f, "({inner})") } else { write!(f, "{inner}") }
        };
        match self {
            Self::Event(name) => write!(f, "{name}"),
            Self::Not(inner) => {
                f.write_str("not ")?;
                operand(f, inner, 3)
            }
            Self::And(one, other) => {
                operand(f, one, 1)?;
                f.write_str(" and ")?;
                operand(f, other, 2)
            }
            Self::Or(one, other) => {
                operand(f, one, 0)?;
                f.write_str(" or ")?;
                operand(f, other, 1)
            }
            // A window belongs to the operator that is nearest, so whatever may have one stands in parentheses.
            Self::Formerly(inner, within) => {
                f.write_str("formerly ")?;
                operand(f, inner, 5)?;
                window(f, *within)
            }
            Self::Since(held, start, within) => {
                operand(f, held, 3)?;
                f.write_str(" since ")?;
                operand(f, start, 5)?;
                window(f, *within)
            }
            Self::Compare(Measure { quantity, event, within }, relation, number) => {
                match quantity {
                    Quantity::Count => write!(f, "count of {event}")?,
                    Quantity::Sum(pointer) => write!(f, "sum of {pointer} of {event}")?,
                    Quantity::Distinct(pointer) => write!(f, "distinct {pointer} of {event}")?,
                    Quantity::DistinctAgents => write!(f, "distinct agents of {event}")?,
                }
                window(f, *within)?;
                write!(f, " is {} {number}", relation.as_str())
            }
        }
    }
}

fn window(f: &mut fmt::Formatter<'_>, within: Option<u64>) -> fmt::Result {
    match within {
        None => Ok(()),
        Some(ms) => write!(f, " within {}", span(ms)),
    }
}

/// A duration as people say it: in the largest unit that makes it whole, and a day as 24 hours.
pub fn span(ms: u64) -> String {
    for (unit_ms, least_ms, unit) in [(DAY_MS, 2 * DAY_MS, "d"), (3_600_000, 1, "h"), (60_000, 1, "m"), (1_000, 1, "s")]
    {
        if ms >= least_ms && ms.is_multiple_of(unit_ms) {
            return format!("{}{unit}", ms / unit_ms);
        }
    }
    format!("{ms}ms")
}

const DAY_MS: u64 = 86_400_000;
