//! The worked deployments are carried inside the crate: what is declared in them, and never the keys and the record that
//! serving one leaves beside it.

use std::{env, ffi::OsStr, fs, io, path::Path};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={EXAMPLES}");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo names no folder to write to"))?;
    let carried = Path::new(&out).join("examples");
    if carried.exists() {
        fs::remove_dir_all(&carried)?;
    }
    copy(Path::new(EXAMPLES), &carried)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        if is_hidden(&name) || name == RECORDED {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

const EXAMPLES: &str = "../../examples";

/// Deployments of recorded runs: nobody begins with one.
const RECORDED: &str = "eval";
