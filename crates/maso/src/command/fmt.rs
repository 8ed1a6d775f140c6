//! `maso fmt`: lays out a deployment's files in one way.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use maso_intent::Problem;
use serde_json::json;

use crate::{
    cli::Fmt,
    fault::Fault,
    folder, problems,
    screen::{self, say},
};

/// Exit code 0 if every file is laid out as it should be, 1 if one could not be or, with `--check`, is not.
pub fn run(args: &Fmt) -> Result<ExitCode, Fault> {
    let mut outcome = Outcome::default();
    for path in &args.paths {
        for (path, text) in files(path)? {
            outcome.lay_out(&path, &text, args.check)?;
        }
    }
    let Outcome { changed, n_unchanged, problems } = &outcome;
    if args.json {
        screen::json(&json!({
            "changed": changed,
            "unchanged": n_unchanged,
            "problems": problems.iter().map(problems::json).collect::<Vec<_>>(),
        }));
    } else {
        problems.iter().for_each(problems::show);
        let what = if args.check { "would change" } else { "formatted" };
        for path in changed {
            say!("{} {path}", screen::yellow(what));
        }
        let sum = format!("{} {what}, {n_unchanged} as they should be", changed.len());
        say!("{}", if outcome.is_well(args.check) { screen::green(&sum) } else { screen::red(&sum) });
    }
    Ok(if outcome.is_well(args.check) { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

#[derive(Default)]
struct Outcome {
    changed: Vec<String>,
    n_unchanged: usize,
    problems: Vec<Problem>,
}

impl Outcome {
    /// Lays out one file. What is no TOML is told and left as it is.
    fn lay_out(&mut self, path: &Path, text: &str, only_check: bool) -> Result<(), Fault> {
        match maso_intent::format(&path.display().to_string(), text) {
            Ok(formatted) if formatted == text => self.n_unchanged += 1,
            Ok(formatted) => {
                if !only_check {
                    replace(path, &formatted)
                        .map_err(|error| Fault::new(format!("cannot write `{}`", path.display()), error))?;
                }
                self.changed.push(path.display().to_string());
            }
            Err(problem) => self.problems.push(*problem),
        }
        Ok(())
    }

    fn is_well(&self, only_check: bool) -> bool {
        self.problems.is_empty() && (!only_check || self.changed.is_empty())
    }
}

/// The file, or the TOML files of the deployment in the folder.
fn files(path: &Path) -> Result<Vec<(PathBuf, String)>, Fault> {
    let fault = |fault| Fault::new(format!("cannot read `{}`", path.display()), fault);
    if path.is_dir() {
        let source = folder::read(path).map_err(fault)?;
        let files = source.files.into_iter().filter(|(name, _)| name.ends_with(".toml"));
        Ok(files.map(|(name, text)| (path.join(name), text)).collect())
    } else {
        Ok(vec![(path.to_owned(), folder::text(path).map_err(fault)?)])
    }
}

/// Puts a text in a file's place at once: whoever reads it meanwhile, or pulls the plug, finds the old one or the new one.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // A link is followed, so that it stays one.
    let path = fs::canonicalize(path)?;
    let mut beside = path.clone().into_os_string();
    beside.push(".maso-fmt");
    fs::write(&beside, text)?;
    fs::set_permissions(&beside, fs::metadata(&path)?.permissions())?;
    fs::rename(&beside, &path)
}
