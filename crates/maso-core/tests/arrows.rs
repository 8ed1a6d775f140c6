//! Which crate may know which: the arrows that must never be drawn, held against what the manifests say.
//!
//! Only what a crate is built with counts: a test may use a runtime or a server that the crate itself must not know.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Pure crates, in the order of the path: no socket, no file, no clock, no random source.
const WORDS_AND_PROOFS: [&str; 7] =
    ["maso-core", "maso-wire", "maso-identity", "maso-intent", "maso-guard", "maso-policy", "maso-posture"];

/// What reaches out of the process, or waits.
const REACHES_OUT: [&str; 6] = ["tokio", "rusqlite", "reqwest", "axum", "rmcp", "getrandom"];

/// Who may name a crate that speaks a protocol. Judges are asked as a client asks; the program and the demonstration
/// put servers and clients together.
const SPEAKERS: [(&str, &[&str]); 4] = [
    ("axum", &["maso", "maso-console", "maso-control", "maso-gateway"]),
    ("reqwest", &["maso", "maso-demo", "maso-gateway", "maso-judge"]),
    ("rmcp", &["maso-demo"]),
    ("tonic", &["maso-spiffe"]),
];

#[test]
fn words_and_proofs_reach_nothing_outside() {
    let crates = crates();
    for name in WORDS_AND_PROOFS {
        for reaching in REACHES_OUT {
            assert!(!crates[name].built_with.contains(reaching), "`{name}` is built with `{reaching}`");
        }
    }
}

#[test]
fn words_and_proofs_know_only_each_other() {
    let crates = crates();
    for name in WORDS_AND_PROOFS {
        for other in crates[name].built_with.iter().filter(|other| other.starts_with("maso")) {
            assert!(WORDS_AND_PROOFS.contains(&other.as_str()), "`{name}` is built with `{other}`");
        }
    }
}

#[test]
fn words_and_proofs_ask_neither_a_clock_nor_a_file_nor_chance() {
    let outside = [
        ["std::", "fs"].concat(),
        ["std::", "env"].concat(),
        ["std::", "process"].concat(),
        ["std::", "thread"].concat(),
        ["Tcp", "Stream"].concat(),
        ["System", "Time"].concat(),
        ["Instant::", "now"].concat(),
        ["Zoned::", "now"].concat(),
        ["now", "_v7"].concat(),
        ["new", "_v4"].concat(),
    ];
    let crates = crates();
    for name in WORDS_AND_PROOFS {
        for file in sources(&crates[name].folder.join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            for word in &outside {
                assert!(!text.contains(word.as_str()), "`{word}` is named in {}", file.display());
            }
        }
    }
}

#[test]
fn the_core_is_not_serializable() {
    let core = &crates()["maso-core"];
    assert!(!core.built_with.contains("serde"), "the record and the API have versioned types of their own");
}

#[test]
fn policy_hears_no_judge_and_reads_no_record() {
    let policy = &crates()["maso-policy"];
    for other in ["maso-judge", "maso-log", "maso-path"] {
        assert!(!policy.built_with.contains(other), "`maso-policy` is built with `{other}`");
    }
}

#[test]
fn the_path_names_no_protocol() {
    let path = &crates()["maso-path"];
    for other in ["axum", "reqwest", "rmcp", "maso-gateway", "maso-control", "maso-console", "maso-api"] {
        assert!(!path.built_with.contains(other), "`maso-path` is built with `{other}`");
    }
}

#[test]
fn the_verifier_shares_no_code_with_what_it_verifies() {
    let verify = &crates()["maso-verify"];
    let shared: Vec<_> = verify.built_with.iter().filter(|other| other.starts_with("maso")).collect();
    assert!(shared.is_empty(), "`maso-verify` is built with {shared:?}");
}

#[test]
fn the_console_sees_only_the_api() {
    let console = &crates()["maso-console"];
    let inside: Vec<_> =
        console.built_with.iter().filter(|other| other.starts_with("maso") && *other != "maso-api").collect();
    assert!(inside.is_empty(), "`maso-console` is built with {inside:?}");
}

#[test]
fn only_doors_name_a_protocol() {
    for (name, known) in crates() {
        for (protocol, speakers) in SPEAKERS {
            assert!(
                !known.built_with.contains(protocol) || speakers.contains(&name.as_str()),
                "`{name}` is built with `{protocol}`"
            );
        }
    }
}

#[test]
fn every_crate_keeps_the_lints_and_none_is_published() {
    for (name, known) in crates() {
        let manifest = std::fs::read_to_string(known.folder.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("\n[lints]\nworkspace = true\n"), "`{name}` does not keep the workspace's lints");
        assert!(known.is_private, "`{name}` can be published");
    }
}

/// One crate of the workspace, as its manifest describes it.
struct Known {
    folder: PathBuf,
    /// What it depends on; what only its tests or its build script need is not among it.
    built_with: BTreeSet<String>,
    is_private: bool,
}

fn crates() -> BTreeMap<String, Known> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let crates: BTreeMap<_, _> = metadata["packages"].as_array().unwrap().iter().map(known).collect();
    assert!(crates.len() >= WORDS_AND_PROOFS.len(), "the workspace is not there: {:?}", crates.keys());
    crates
}

fn known(package: &Value) -> (String, Known) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let manifest = PathBuf::from(text(&package["manifest_path"]));
    let known = Known {
        folder: manifest.parent().unwrap().to_owned(),
        built_with: package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| text(&dependency["name"]))
            .collect(),
        // `publish = false` is the empty list of registries.
        is_private: package["publish"].as_array().is_some_and(Vec::is_empty),
    };
    (text(&package["name"]), known)
}

/// The sources below a folder, but not tests, which may read what they like.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        if path.is_dir() && !is_test {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
            found.push(path);
        }
    }
    found
}
