//! What is said to be proven, against the tests that there are and the documentation.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use maso_core::ControlId;

use crate::Control;

#[test]
fn every_test_that_the_catalogue_names_exists_and_runs() {
    let tests = tests_of_the_workspace();
    assert!(tests.len() > 500, "{} tests", tests.len());
    for control in Control::all() {
        for proof in control.proofs() {
            let named: Vec<_> = tests.iter().filter(|test| test.path == proof || is_end(&test.path, proof)).collect();
            let [test] = named.as_slice() else {
                panic!("{}: `{proof}` is the name of {} tests, not of one: {named:?}", control.id, named.len());
            };
            assert!(
                test.runs,
                "{}: `{proof}` does not run: it is ignored, or its file belongs to no module",
                control.id
            );
        }
    }
}

#[test]
fn the_documentation_shows_the_tests_that_the_catalogue_names() {
    let documented = documented();
    for control in Control::all() {
        let of_catalogue = control.does.as_ref().map_or_else(Proofs::default, |does| Proofs {
            proof: does.proof.iter().cloned().collect(),
            pairs: does.pairs.iter().cloned().collect(),
        });
        let of_documentation = documented.get(&control.id).cloned().unwrap_or_default();
        let file = control.id.as_str().split('-').next().unwrap_or_default().to_lowercase();
        assert_eq!(
            of_documentation, of_catalogue,
            "{}: its rows in docs/controls.md (left) and catalogue/{file}.toml (right) name other tests; change the one \
             that is wrong",
            control.id
        );
    }
}

/// The tests that show a control: at work, and from both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Proofs {
    proof: BTreeSet<String>,
    pairs: BTreeSet<String>,
}

/// What the tables of `docs/controls.md` that have the columns control, what, where and test say of each control.
fn documented() -> BTreeMap<ControlId, Proofs> {
    let text = fs::read_to_string(workspace().join("docs/controls.md")).unwrap();
    let mut documented: BTreeMap<ControlId, Proofs> = BTreeMap::new();
    for row in text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")) {
        let [controls, _, _, tests] = row.split(" | ").collect::<Vec<_>>()[..] else { continue };
        let ids = controls.split([' ', ',']).filter_map(|word| word.parse::<ControlId>().ok());
        for id in ids.filter(|id| Control::of(id).is_some()) {
            let proofs = documented.entry(id).or_default();
            // Between backticks, and a pair if its sign follows.
            let mut pieces = tests.split('`').skip(1);
            while let Some(name) = pieces.next() {
                let rest = pieces.next().unwrap_or_default();
                let kind = if rest.starts_with(" ⇄") { &mut proofs.pairs } else { &mut proofs.proof };
                kind.insert(name.to_owned());
            }
        }
    }
    documented
}

/// A test function of the workspace.
#[derive(Debug)]
struct Test {
    /// Folders, file and name, joined by `::`.
    path: String,
    /// Whether it is part of a crate and not ignored.
    runs: bool,
}

fn is_end(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|before| before.ends_with("::"))
}

fn tests_of_the_workspace() -> Vec<Test> {
    let crates = workspace().join("crates");
    let mut files = Vec::new();
    for krate in children(&crates) {
        rust_files(&krate.join("src"), &mut files);
        rust_files(&krate.join("tests"), &mut files);
    }
    files.iter().flat_map(|file| tests_of(file, &crates)).collect()
}

fn tests_of(file: &Path, crates: &Path) -> Vec<Test> {
    let text = fs::read_to_string(file).unwrap();
    let relative = file.strip_prefix(crates).unwrap().with_extension("");
    let module = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("::");
    let is_module = is_part_of_its_crate(file);
    let mut tests = Vec::new();
    let (mut is_test, mut is_ignored) = (false, false);
    for line in text.lines().map(str::trim) {
        if line == "#[test]" || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if line.starts_with("#[ignore") || (is_test && line.starts_with("#[cfg(")) {
            is_ignored = true;
        } else if let (true, Some(rest)) = (is_test, line.trim_start_matches("async ").strip_prefix("fn ")) {
            let name: String = rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            tests.push(Test { path: format!("{module}::{name}"), runs: is_module && !is_ignored });
            (is_test, is_ignored) = (false, false);
        }
    }
    tests
}

/// Whether a file is the root of a crate, or named as a module by the file above it, up to a root.
fn is_part_of_its_crate(file: &Path) -> bool {
    let (Some(folder), Some(name)) = (file.parent(), file.file_stem().and_then(|name| name.to_str())) else {
        return false;
    };
    let is_tests_of_a_crate = folder.file_name().is_some_and(|name| name == "tests")
        && folder.parent().is_some_and(|krate| krate.join("Cargo.toml").is_file());
    if matches!(name, "lib" | "main") || is_tests_of_a_crate {
        return true;
    }
    // `a/mod.rs` is named where `a.rs` would be.
    let (folder, name) = if name == "mod" {
        let Some(above) = folder.parent() else { return false };
        (above, folder.file_name().and_then(|name| name.to_str()).unwrap_or_default())
    } else {
        (folder, name)
    };
    let above = ["lib.rs", "main.rs", "mod.rs"].map(|file| folder.join(file));
    let above = above.into_iter().chain([folder.with_extension("rs")]).filter(|file| file.is_file());
    let declares = |parent: &PathBuf| {
        let text = fs::read_to_string(parent).unwrap();
        text.lines()
            .any(|line| line.trim_start_matches("pub ").trim_start_matches("pub(crate) ") == format!("mod {name};"))
    };
    above.into_iter().any(|parent| declares(&parent) && is_part_of_its_crate(&parent))
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for child in children(folder) {
        if child.is_dir() {
            rust_files(&child, files);
        } else if child.extension().is_some_and(|extension| extension == "rs") {
            files.push(child);
        }
    }
}

fn children(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
