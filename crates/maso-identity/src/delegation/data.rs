//! Which data may be used for a request.

use std::collections::BTreeMap;

use maso_core::{Access, DataSourceName};

/// The data sources that may be used for a request, and how; what it does not name may not be used. Sources are those that
/// the workflow declares, by which tools lead to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataScope(BTreeMap<DataSourceName, Access>);

impl DataScope {
    /// These sources.
    pub fn new(sources: BTreeMap<DataSourceName, Access>) -> Self {
        Self(sources)
    }

    /// The sources, and what may be done with each.
    pub fn sources(&self) -> impl Iterator<Item = (&DataSourceName, Access)> {
        self.0.iter().map(|(source, access)| (source, *access))
    }

    /// Whether a source may be used so.
    pub fn permits(&self, source: &DataSourceName, needed: Access) -> bool {
        self.0.get(source).is_some_and(|access| needed.within(*access))
    }
}
