//! How sure somebody is, as a number that compares exactly.

use std::fmt;

/// How sure a sender is, from 0 to 1, in millionths: what is compared along a chain must not depend on rounding (PG-2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Confidence(u32);

impl Confidence {
    /// Quite sure: the neutral element of the lowest.
    pub const FULL: Self = Self(MILLION);

    /// The confidence of so many millionths; `None` past a million.
    pub const fn from_millionths(millionths: u32) -> Option<Self> {
        if millionths <= MILLION { Some(Self(millionths)) } else { None }
    }

    /// In millionths.
    pub const fn as_millionths(self) -> u32 {
        self.0
    }

    /// The confidence that a number says. `None` outside of 0 to 1, and for more than six decimals: a number that had to be
    /// rounded would be another one than its sender signed.
    pub fn from_number(number: f64) -> Option<Self> {
        if !(0.0..=1.0).contains(&number) {
            return None;
        }
        // Inside these bounds the nearest whole number fits.
        let nearest = Self((number * f64::from(MILLION)).round() as u32);
        (nearest.as_number() == number).then_some(nearest)
    }

    /// As a number from 0 to 1. Reads back as itself: the quotient is the double nearest to what six decimals say.
    pub fn as_number(self) -> f64 {
        f64::from(self.0) / f64::from(MILLION)
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_number())
    }
}

const MILLION: u32 = 1_000_000;
