//! How often, how many, and how long it may go back and forth (EC-1.5, EC-1.5a, EC-1.10, EC-2.6, ENV-14).

/// Bounds of what a workflow's agents do with each other, and again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Turns of one conversation between two agents. Each further one needs a person; past twice as many there is none.
    pub turns_max: u32,
    /// Requests to other agents in one task.
    pub delegations_max: u32,
    /// Requests to other agents in the whole workflow, within an hour.
    pub delegations_per_hour_max: u32,
    /// Instances of agents that agents may start for one task.
    pub spawns_max: u32,
    /// How deep they may stand below an agent that nobody started.
    pub spawn_depth: u32,
    /// How often an agent may try again what failed, or was refused.
    pub retries_max: u32,
    /// For how long an action that failed or was refused may not be tried again as it is; 0 for no time.
    pub retry_cooldown_ms: u64,
    /// For how long a decision stays committed after it was last carried out.
    pub decisions_kept_ms: u64,
}

impl Bounds {
    /// The most turns that a workflow may declare.
    pub const TURNS_MAX: u32 = 100;
    /// The most requests of one task that a workflow may declare.
    pub const DELEGATIONS_MAX: u32 = 10_000;
    /// The most requests of one hour that a workflow may declare.
    pub const DELEGATIONS_PER_HOUR_MAX: u32 = 100_000;
    /// The most instances for one task that a workflow may declare.
    pub const SPAWNS_MAX: u32 = 1_000;
    /// The deepest that instances may be declared to stand.
    pub const SPAWN_DEPTH_MAX: u32 = 8;
    /// The most retries that a workflow may declare.
    pub const RETRIES_MAX: u32 = 10;
    /// The longest cooldown that a workflow may declare.
    pub const RETRY_COOLDOWN_MS_MAX: u64 = 24 * HOUR_MS;
    /// How long decisions may stay committed: from an hour to 90 days.
    pub const DECISIONS_KEPT_MS: std::ops::RangeInclusive<u64> = HOUR_MS..=90 * 24 * HOUR_MS;
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            turns_max: 10,
            delegations_max: 1_000,
            delegations_per_hour_max: 10_000,
            spawns_max: 32,
            spawn_depth: 1,
            retries_max: 3,
            retry_cooldown_ms: 0,
            decisions_kept_ms: 30 * 24 * HOUR_MS,
        }
    }
}

const HOUR_MS: u64 = 3_600_000;
