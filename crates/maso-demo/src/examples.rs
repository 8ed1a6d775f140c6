//! The worked deployments, carried inside the program so that it writes them from any folder.

use std::{fs, path::Path};

use include_dir::{Dir, DirEntry, include_dir};

use crate::DemoError;

#[cfg(test)]
mod tests;

/// A worked deployment: declared as a domain would, to be read, checked, served and changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// Its name, and that of its folder in `examples`.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// Where its tool servers are.
    pub servers: Servers,
}

/// Where the tool servers of an example are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Servers {
    /// The program is them, over data that it seeds.
    Carried,
    /// There are none: the commands in `tools/*.toml` are placeholders for one's own.
    Placeholders,
}

impl Example {
    /// Settles claims; it is what `maso demo` runs.
    pub const CLAIMS: Self =
        Self { name: "claims", about: "tier 2: an insurer's claims, as in `maso demo`", servers: Servers::Carried };

    /// All of them, the one to begin with first.
    pub const ALL: &[Self] = &[
        Self::CLAIMS,
        Self {
            name: "grid-operations",
            about: "tier 1: a grid's control room, people dispatch",
            servers: Servers::Placeholders,
        },
        Self {
            name: "oncology-support",
            about: "tier 2: an oncology board's cases and evidence",
            servers: Servers::Placeholders,
        },
        Self {
            name: "investment-research",
            about: "tier 3: research notes, source to publication",
            servers: Servers::Placeholders,
        },
    ];

    /// Writes the deployment folder (mandates, manifests, policies, what to read; no data) to `folder`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn unpack(&self, folder: &Path) -> Result<(), DemoError> {
        let carried = EXAMPLES.get_dir(self.name).expect("each example that is named has its folder");
        write_below(carried, folder, &|path| !path.ends_with(DATA))
    }
}

/// Writes what is carried below `dir` to `folder`, without the folders that are not wanted.
pub(crate) fn write_below(dir: &Dir<'_>, folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<(), DemoError> {
    fs::create_dir_all(folder).map_err(DemoError::file(folder))?;
    for entry in dir.entries() {
        let target = folder.join(entry.path().file_name().expect("what a folder holds has a name"));
        match entry {
            DirEntry::Dir(inner) if wanted(inner.path()) => write_below(inner, &target, wanted)?,
            DirEntry::Dir(_) => {}
            DirEntry::File(file) => fs::write(&target, file.contents()).map_err(DemoError::file(target))?,
        }
    }
    Ok(())
}

/// The folder of what is no declaration: the seed of an example's servers.
pub(crate) const DATA: &str = "data";
pub(crate) static EXAMPLES: Dir<'_> = include_dir!("$OUT_DIR/examples");
