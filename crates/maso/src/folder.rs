//! Reading a deployment folder from disk. What is read is text; `maso-intent` gives it meaning.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use maso_intent::Source;

/// Why a folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    /// The folder holds no deployment.
    #[error("`{0}` holds no `maso.toml`")]
    NoDeployment(PathBuf),
    /// A file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file is too large.
    #[error("`{0}` is larger than {max} bytes", max = Source::FILE_BYTES_MAX)]
    TooLarge(PathBuf),
}

/// Reads the deployment in `folder`: its files two levels deep, nothing else.
pub fn read(folder: &Path) -> Result<Source, ReadFault> {
    if !folder.join("maso.toml").is_file() {
        return Err(ReadFault::NoDeployment(folder.to_owned()));
    }
    let mut source = Source::default();
    for name in names(folder)? {
        let path = folder.join(&name);
        let inside = if path.is_dir() && !name.starts_with('.') {
            names(&path)?.into_iter().map(|inner| format!("{name}/{inner}")).collect()
        } else {
            vec![name]
        };
        for name in inside.into_iter().filter(|name| Source::wants(name)) {
            source.files.insert(name.clone(), text(&folder.join(name))?);
        }
    }
    Ok(source)
}

/// An error if `folder` holds a deployment: nobody's work is written over.
pub fn vacant(folder: &Path) -> io::Result<()> {
    if folder.join("maso.toml").exists() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the folder holds a `maso.toml` already"));
    }
    Ok(())
}

/// Writes a deployment into `folder`, which must not hold one yet.
pub fn write(folder: &Path, source: &Source) -> io::Result<()> {
    vacant(folder)?;
    for (name, text) in &source.files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}

/// Reads one file of a deployment.
pub fn text(path: &Path) -> Result<String, ReadFault> {
    let fault = |source| ReadFault::Read { path: path.to_owned(), source };
    if fs::metadata(path).map_err(fault)?.len() > Source::FILE_BYTES_MAX as u64 {
        return Err(ReadFault::TooLarge(path.to_owned()));
    }
    fs::read_to_string(path).map_err(fault)
}

fn names(folder: &Path) -> Result<Vec<String>, ReadFault> {
    let fault = |source| ReadFault::Read { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(fault)? {
        // A name that is not UTF-8 is none that a deployment's file can have.
        names.extend(entry.map_err(fault)?.file_name().to_str().map(str::to_owned));
    }
    names.sort();
    Ok(names)
}
