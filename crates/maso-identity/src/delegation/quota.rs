//! How much may be done for a request.

/// How much may be done for a request, by all who work on it together. What it does not say it does not bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Calls of tools.
    pub calls: Option<u64>,
    /// Money that is moved, in the smallest unit of the deployment's currency.
    pub value_minor: Option<u64>,
}

impl Quota {
    /// What both allow.
    #[must_use]
    pub fn meet(self, other: Self) -> Self {
        let least = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
        Self { calls: least(self.calls, other.calls), value_minor: least(self.value_minor, other.value_minor) }
    }

    /// Whether it bounds anything.
    pub fn is_bounded(self) -> bool {
        self != Self::default()
    }
}
