//! Whom an agent may start: instances of declared agents, so many, and for so long (EC-1.5a).

/// On what terms an agent may start instances of another. What they may do then is that agent's mandate to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpawnTerms {
    /// How many of them may be there at once.
    pub at_most: u32,
    /// How many may be started within an hour, whatever became of them.
    pub per_hour: u32,
    /// Milliseconds after which each of them ends.
    pub ttl_ms: u64,
}

impl SpawnTerms {
    /// The most instances at once that a mandate may declare.
    pub const AT_MOST_MAX: u32 = 1_000;
    /// The most instances of one hour that a mandate may declare.
    pub const PER_HOUR_MAX: u32 = 10_000;
    /// The longest that an instance may live: no credential outlives a day.
    pub const TTL_MS_MAX: u64 = 24 * 3_600_000;
}
