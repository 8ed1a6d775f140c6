//! Data sources, and who may do what with them (AT-1.1).

use std::collections::BTreeSet;

use maso_core::{Class, Confidentiality, ToolRef, words};

/// Data that a workflow may use, and the tools that lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSource {
    /// What may be done with it.
    pub access: Access,
    /// The tools that lead to it.
    pub through: BTreeSet<ToolRef>,
    /// How confidential it is; `None` where only the tools' labels say so.
    pub confidentiality: Option<Confidentiality>,
    /// What it is, in words.
    pub description: Option<String>,
}

/// What may be done with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Look at it.
    Read,
    /// Change or add to it, without looking.
    Write,
    /// Both.
    ReadWrite,
}
words!(Access { Read = "read", Write = "write", ReadWrite = "read-write" });

impl Access {
    /// Whether whoever has `wide` has this too.
    pub fn within(self, wide: Self) -> bool {
        wide == Self::ReadWrite || self == wide
    }

    /// What a tool of this class needs.
    pub fn needed(class: Class) -> Self {
        if class == Class::Read { Self::Read } else { Self::Write }
    }
}
