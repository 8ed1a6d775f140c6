//! Values that are written as text in a file, read straight into the type they mean.

use std::{borrow::Cow, cmp::Ordering, net::SocketAddr, ops::Deref};

use maso_core::{
    AgentName, Class, Confidentiality, ContractName, ControlId, DataSourceName, Day, Digest, Integrity, JudgeName,
    OperatorName, RequestName, Reversibility, Risk, ServerName, Tier, TierFact, Timestamp, ToolName, ToolRef,
    TrustDomain, WorkflowName, WorkloadId,
};
use maso_identity::OperatorPublic;
use maso_wire::DocumentForm;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};
use toml::Spanned;
use uuid::Uuid;

use super::help::with_hint;
use crate::{
    Access, AgentRole, Below, BusServers, ClientCertificates, Comparison, Durability, Evaluation, EventName, Expiry,
    HaltCondition, HostName, JudgeAction, JudgeProhibition, JudgeRole, Occurrence, OnDeviation, Phrase, PrimaryAction,
    Reach, ReviewOutcome, ReviewTrigger, Role, SequenceBy, TaskPart, ToolTerm, Whose, nearest::suggestion,
};

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

impl<T: FromText> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        T::schema()
    }
}

/// What can be read from text; the error says what was expected.
pub(crate) trait FromText: Sized {
    fn from_text(text: &str) -> Result<Self, String>;

    /// Which texts can be read, as far as JSON Schema can say it.
    fn schema() -> Schema;
}

/// Milliseconds, written as `500ms`, `30s`, `15m`, `48h` or `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) u64);

/// A JSON pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pointer(pub(crate) String);

/// A moment, written as RFC 3339 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

/// A share of a whole: a number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share(pub(crate) f64);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let share = f64::deserialize(deserializer)?;
        if (0.0..=1.0).contains(&share) {
            Ok(Self(share))
        } else {
            let message = format!("`{share}` is not a share of a whole");
            Err(D::Error::custom(with_hint(&message, "write a number from 0 to 1, such as `0.05`")))
        }
    }
}

impl JsonSchema for Share {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

impl FromText for String {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() { Err("empty text".to_owned()) } else { Ok(text.to_owned()) }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": r"\S" })
    }
}

/// The milliseconds of a duration, written as in a deployment's files: `500ms`, `30s`, `15m`, `48h` or `7d`.
///
/// # Errors
/// What was expected, where the text is none or longer than ten years.
pub fn span_ms(text: &str) -> Result<u64, String> {
    Span::from_text(text).map(|span| span.0)
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

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$", "examples": ["30s", "15m", "7d"] })
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

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^(/|$)", "format": "json-pointer" })
    }
}

impl FromText for Day {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("`{text}` is not a date such as `2027-01-31`"))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "format": "date" })
    }
}

impl FromText for Moment {
    fn from_text(text: &str) -> Result<Self, String> {
        let moment = text.parse::<jiff::Timestamp>();
        moment
            .map(|moment| Self(Timestamp::from_millis(moment.as_millisecond())))
            .map_err(|_| format!("`{text}` is not a moment such as `2026-11-01T09:00:00Z`"))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", "format": "date-time" })
    }
}

impl FromText for Digest {
    fn from_text(text: &str) -> Result<Self, String> {
        text.strip_prefix("sha256:")
            .and_then(Self::parse)
            .ok_or_else(|| format!("`{text}` is not a content address: `sha256:` and 64 hexadecimal digits"))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^sha256:[0-9a-fA-F]{64}$" })
    }
}

impl FromText for Uuid {
    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a UUID such as `6f1d3c52-9a0e-4d7b-8c35-2e4b7f90a1d6`");
        text.parse::<Self>().ok().filter(|uuid| uuid.hyphenated().to_string() == text).ok_or_else(wrong)
    }

    fn schema() -> Schema {
        let pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
        json_schema!({ "type": "string", "pattern": pattern, "format": "uuid" })
    }
}

impl FromText for Whose {
    fn from_text(text: &str) -> Result<Self, String> {
        if text == "any" { Ok(Self::Any) } else { JudgeName::from_text(text).map(Self::Judge) }
    }

    fn schema() -> Schema {
        JudgeName::schema()
    }
}

impl FromText for SocketAddr {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("`{text}` is not an address and port such as `127.0.0.1:7680`"))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": ":[0-9]+$", "examples": ["127.0.0.1:7680"] })
    }
}

impl FromText for url::Url {
    fn from_text(text: &str) -> Result<Self, String> {
        match text.parse::<Self>() {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            _ => Err(format!("`{text}` is not an http or https URL")),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[hH][tT][tT][pP][sS]?:", "format": "uri" })
    }
}

impl FromText for BusServers {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^([nN][aA][tT][sS]|[tT][lL][sS])://[^?#@]+$" })
    }
}

impl FromText for HostName {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-fA-F.:]+$|^([a-z0-9-]+[.])*[a-z0-9-]*[a-z][a-z0-9-]*$" })
    }
}

impl FromText for OperatorPublic {
    fn from_text(text: &str) -> Result<Self, String> {
        let wrong =
            |_| format!("`{text}` is not a public key as `maso operators keygen` prints it (Ed25519, base64url)");
        text.parse().map_err(wrong)
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{43}$" })
    }
}

impl FromText for Phrase {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

macro_rules! from_str {
    ($($name:ty = $pattern:literal),+ $(,)?) => {$(
        impl FromText for $name {
            fn from_text(text: &str) -> Result<Self, String> {
                text.parse().map_err(|error: maso_core::IdError| error.to_string())
            }

            fn schema() -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    )+};
}
from_str!(
    AgentName = "^[a-z0-9][a-z0-9._-]{0,63}$",
    ServerName = "^[a-z0-9][a-z0-9._-]{0,63}$",
    WorkflowName = "^[a-z0-9][a-z0-9._-]{0,63}$",
    JudgeName = "^[a-z0-9][a-z0-9._-]{0,63}$",
    OperatorName = "^[a-z0-9][a-z0-9._-]{0,63}$",
    RequestName = "^[a-z0-9][a-z0-9._-]{0,63}$",
    ContractName = "^[a-z0-9][a-z0-9._-]{0,63}$",
    DataSourceName = "^[a-z0-9][a-z0-9._-]{0,63}$",
    TrustDomain = "^[a-z0-9][a-z0-9._-]{0,63}$",
    ToolName = "^[A-Za-z0-9._/-]{1,128}$",
    ControlId = "^[A-Z]{2,5}-[A-Za-z0-9.]{1,8}$",
    WorkloadId = "^spiffe://[a-z0-9][a-z0-9._-]{0,63}(/[A-Za-z0-9._-]+)+$",
    ToolRef = "^[a-z0-9][a-z0-9._-]{0,63}:[A-Za-z0-9._/-]{1,128}$",
);

macro_rules! from_word {
    ($($name:ty),+ $(,)?) => {$(
        impl FromText for $name {
            fn from_text(text: &str) -> Result<Self, String> {
                Self::parse(text).ok_or_else(|| unknown_word(text, Self::ALL.iter().map(|word| word.as_str())))
            }

            fn schema() -> Schema {
                let words: Vec<&str> = Self::ALL.iter().map(|word| word.as_str()).collect();
                json_schema!({ "type": "string", "enum": words })
            }
        }
    )+};
}
from_word!(
    Access,
    AgentRole,
    Below,
    Class,
    ClientCertificates,
    Comparison,
    Confidentiality,
    DocumentForm,
    Durability,
    Evaluation,
    Expiry,
    HaltCondition,
    Integrity,
    JudgeAction,
    JudgeProhibition,
    JudgeRole,
    Occurrence,
    OnDeviation,
    PrimaryAction,
    Reach,
    Reversibility,
    ReviewOutcome,
    ReviewTrigger,
    Risk,
    Role,
    SequenceBy,
    TaskPart,
    Tier,
    TierFact,
);

impl FromText for EventName {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9-]{0,63}$" })
    }
}

impl FromText for ToolTerm {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
    }

    fn schema() -> Schema {
        let pattern = r"^[a-z0-9][a-z0-9._-]{0,63}:(\*|[A-Za-z0-9._/-]{1,128})$";
        json_schema!({ "type": "string", "pattern": pattern, "examples": ["payments:pay", "payments:*"] })
    }
}

/// A typed request, written as `agent:request`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestTerm {
    pub(crate) agent: AgentName,
    pub(crate) request: RequestName,
}

impl FromText for RequestTerm {
    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a typed request such as `analysis:assess`");
        let (agent, request) = text.split_once(':').ok_or_else(wrong)?;
        match (agent.parse(), request.parse()) {
            (Ok(agent), Ok(request)) => Ok(Self { agent, request }),
            _ => Err(wrong()),
        }
    }

    fn schema() -> Schema {
        let pattern = "^[a-z0-9][a-z0-9._-]{0,63}:[a-z0-9][a-z0-9._-]{0,63}$";
        json_schema!({ "type": "string", "pattern": pattern, "examples": ["analysis:assess"] })
    }
}

fn unknown_word<'a>(given: &str, words: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let given: String = given.chars().take(80).collect();
    let all: Vec<String> = words.clone().into_iter().map(|word| format!("`{word}`")).collect();
    let hint = suggestion(&given, words, || "write one of them".to_owned());
    with_hint(&format!("`{given}` is not one of {}", all.join(", ")), &hint)
}

/// Ten years.
const SPAN_MS_MAX: u64 = 3_650 * 86_400_000;
