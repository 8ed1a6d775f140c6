//! Values that are written as text in a file, read straight into the type they mean.

use std::{cmp::Ordering, net::SocketAddr, ops::Deref};

use maso_core::{
    AgentName, Class, Confidentiality, ControlId, Integrity, JudgeName, OperatorName, RequestName, Reversibility, Risk,
    ServerName, Tier, ToolName, ToolRef, TrustDomain, WorkflowName,
};
use serde::{Deserialize, Deserializer, de::Error as _};
use toml::Spanned;

use crate::{Below, Evaluation, Role, nearest::suggestion};

/// A value with the byte offset at which it stands in its file. Equal and ordered by the value alone.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) start: usize,
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

impl<T: PartialOrd> PartialOrd for At<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Ord> Ord for At<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value.cmp(&other.value)
    }
}

impl<'de, T: FromText> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Spanned::<String>::deserialize(deserializer)?;
        let value = T::from_text(text.get_ref()).map_err(D::Error::custom)?;
        Ok(Self { value, start: text.span().start })
    }
}

/// What can be read from text; the error says what was expected.
pub(crate) trait FromText: Sized {
    fn from_text(text: &str) -> Result<Self, String>;
}

/// Milliseconds, written as `500ms`, `30s`, `15m`, `48h` or `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) u64);

/// A JSON pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pointer(pub(crate) String);

impl FromText for String {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() { Err("empty text".to_owned()) } else { Ok(text.to_owned()) }
    }
}

impl FromText for Span {
    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a duration such as `500ms`, `30s`, `15m`, `48h` or `7d`");
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (count, unit) = text.split_at(digits);
        let unit_ms: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        let count: u64 = count.parse().map_err(|_| wrong())?;
        count
            .checked_mul(unit_ms)
            .filter(|ms| *ms <= SPAN_MS_MAX)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is longer than ten years"))
    }
}

impl FromText for Pointer {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.starts_with('/') {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is not a JSON pointer such as `/amount` (it begins with `/`)"))
        }
    }
}

impl FromText for SocketAddr {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("`{text}` is not an address and port such as `127.0.0.1:7680`"))
    }
}

impl FromText for url::Url {
    fn from_text(text: &str) -> Result<Self, String> {
        match text.parse::<Self>() {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            _ => Err(format!("`{text}` is not an http or https URL")),
        }
    }
}

impl FromText for Role {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| unknown_word(text, Self::ALL.iter().map(|role| role.as_str())))
    }
}

impl FromText for Below {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "escalate" => Ok(Self::Escalate),
            "deny" => Ok(Self::Deny),
            _ => Err(unknown_word(text, ["escalate", "deny"])),
        }
    }
}

impl FromText for Evaluation {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "every-action" => Ok(Self::EveryAction),
            "per-phase" => Ok(Self::PerPhase),
            "post-execution" => Ok(Self::PostExecution),
            _ => Err(unknown_word(text, ["every-action", "per-phase", "post-execution"])),
        }
    }
}

macro_rules! from_str {
    ($($name:ty),+) => {$(
        impl FromText for $name {
            fn from_text(text: &str) -> Result<Self, String> {
                text.parse().map_err(|error: maso_core::IdError| error.to_string())
            }
        }
    )+};
}
from_str!(
    AgentName,
    ServerName,
    WorkflowName,
    JudgeName,
    OperatorName,
    RequestName,
    ToolName,
    TrustDomain,
    ControlId,
    ToolRef
);

macro_rules! from_word {
    ($($name:ty),+) => {$(
        impl FromText for $name {
            fn from_text(text: &str) -> Result<Self, String> {
                Self::parse(text).ok_or_else(|| unknown_word(text, Self::ALL.iter().map(|word| word.as_str())))
            }
        }
    )+};
}
from_word!(Class, Reversibility, Risk, Integrity, Confidentiality, Tier);

fn unknown_word<'a>(given: &str, words: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let given: String = given.chars().take(80).collect();
    let all: Vec<String> = words.clone().into_iter().map(|word| format!("`{word}`")).collect();
    let hint = suggestion(&given, words, String::new);
    format!("`{given}` is not one of {}{}{hint}", all.join(", "), if hint.is_empty() { "" } else { "; " })
}

/// Ten years.
const SPAN_MS_MAX: u64 = 3_650 * 86_400_000;
