//! A way of data, in words.

use maso_core::{Class, Integrity};

use super::{Hold, Step};

impl Step<'_> {
    /// A way in one line: `intake` reads `documents:read` (external) → asks `assess` of `analysis`.
    pub fn draw(way: &[Step<'_>]) -> String {
        way.iter().map(Step::words).collect::<Vec<_>>().join(" → ")
    }

    fn words(&self) -> String {
        match self {
            Self::Gets { agent, from, label } => {
                let integrity = if label.integrity == Integrity::External { "external, " } else { "" };
                format!("`{agent}` {} ({integrity}{})", from.words(), label.confidentiality)
            }
            Self::Asks { request, to, .. } => format!("asks `{request}` of `{to}`"),
            Self::Answers { request, to, .. } => format!("answers `{request}` to `{to}`"),
            Self::Tells { contract, to, .. } => format!("tells `{to}` a `{contract}`"),
            Self::Leaves { tool, .. } => format!("writes `{tool}`"),
            Self::Finds { agent, from } => format!("`{agent}` {}", from.words()),
        }
    }
}

impl Hold<'_> {
    fn words(&self) -> String {
        match self {
            Self::Tool(tool, Class::Read) => format!("reads `{tool}`"),
            Self::Tool(tool, _) => format!("calls `{tool}`"),
            Self::Server(server) => format!("reads from server `{server}`"),
        }
    }
}
