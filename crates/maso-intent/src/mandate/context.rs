//! How much a model's context holds, and how full it is (EC-1.9, EC-2.16).

use maso_core::words;

/// How much a model's context holds, and how what passes is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextTerms {
    /// Tokens that it holds.
    pub tokens: u64,
    /// Bytes that count as one token. An estimate: maso sees bytes.
    pub bytes_per_token: u64,
    /// From how many per cent on the agent is told to rotate it.
    pub rotate_at: u8,
}

/// How full a context is, as far as anything follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContextLevel {
    /// 70 per cent and more: good to know.
    Info,
    /// 85 per cent and more: from Tier 2 up the agent is isolated.
    Warning,
    /// 95 per cent and more: from Tier 2 up nothing more gets there.
    Critical,
}
words!(ContextLevel { Info = "info", Warning = "warning", Critical = "critical" });

impl ContextLevel {
    /// From how many per cent on.
    pub const fn percent(self) -> u8 {
        match self {
            Self::Info => 70,
            Self::Warning => 85,
            Self::Critical => 95,
        }
    }
}

impl ContextTerms {
    /// What is usual, for a context of this size.
    pub const fn of(tokens: u64) -> Self {
        Self { tokens, bytes_per_token: Self::BYTES_PER_TOKEN, rotate_at: 75 }
    }

    /// Bytes of a token where nobody says otherwise.
    pub const BYTES_PER_TOKEN: u64 = 4;

    /// How many tokens so many bytes count as.
    pub fn tokens_of(&self, n_bytes: u64) -> u64 {
        n_bytes.div_ceil(self.bytes_per_token.max(1))
    }

    /// How full it is with so many tokens in it, in per cent, rounded down.
    pub fn percent(&self, used: u64) -> u64 {
        let percent = u128::from(used) * 100 / u128::from(self.tokens.max(1));
        u64::try_from(percent).unwrap_or(u64::MAX)
    }

    /// How full it is; nothing below 70 per cent.
    pub fn level(&self, used: u64) -> Option<ContextLevel> {
        let percent = self.percent(used);
        ContextLevel::ALL.iter().rev().copied().find(|level| percent >= u64::from(level.percent()))
    }

    /// Whether an agent whose context is so full is to rotate it.
    pub fn is_to_rotate(&self, used: u64) -> bool {
        self.percent(used) >= u64::from(self.rotate_at)
    }
}
