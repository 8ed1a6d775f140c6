//! `maso schema`: JSON Schemas of a deployment's files, for editors and other tools.

use std::{fs, path::Path, process::ExitCode};

use maso_intent::FileKind;
use serde_json::{Map, Value};

use crate::{
    cli::Schema,
    fault::Fault,
    screen::{self, say},
};

pub fn run(args: &Schema) -> Result<ExitCode, Fault> {
    match (&args.dir, args.kind) {
        (Some(dir), kind) => write(dir, kind)?,
        (None, Some(kind)) => screen::json(&kind.schema()),
        (None, None) => {
            let all: Map<String, Value> = FileKind::ALL.iter().map(|kind| (kind.to_string(), kind.schema())).collect();
            screen::json(&all);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the schema of this kind of file, or of every kind, and says which files each is for.
fn write(dir: &Path, one: Option<FileKind>) -> Result<(), Fault> {
    fs::create_dir_all(dir).map_err(|error| Fault::new(format!("cannot make `{}`", dir.display()), error))?;
    for kind in FileKind::ALL.iter().copied().filter(|kind| one.is_none_or(|one| one == *kind)) {
        let path = dir.join(format!("{kind}.schema.json"));
        let text = serde_json::to_string_pretty(&kind.schema()).expect("a schema is plain data") + "\n";
        fs::write(&path, text).map_err(|error| Fault::new(format!("cannot write `{}`", path.display()), error))?;
        say!("{}  {}", path.display(), screen::faint(format!("for {}", kind.files())));
    }
    Ok(())
}
