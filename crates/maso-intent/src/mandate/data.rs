//! Data sources, and who may do what with them (AT-1.1).

use std::collections::BTreeSet;

pub use maso_core::Access;
use maso_core::{Confidentiality, ToolRef};

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
