//! What the documentation shows, as it stands there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use tokio::process::Command;

use crate::deployment::MASO;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The blocks of a page in this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("docs").join(page)).unwrap();
    let fence = format!("```{language}\n");
    let after = text.split(&fence).skip(1);
    after.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The folders of an example that belong to its declaration, copied.
fn copied(example: &str) -> TempDir {
    let (from, to) = (root().join("examples").join(example), tempfile::tempdir().unwrap());
    fs::copy(from.join("maso.toml"), to.path().join("maso.toml")).unwrap();
    for folder in ["workflows", "agents", "judges", "tools", "policies"] {
        fs::create_dir(to.path().join(folder)).unwrap();
        for entry in fs::read_dir(from.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, to.path().join(folder).join(path.file_name().unwrap())).unwrap();
        }
    }
    to
}

#[tokio::test]
async fn the_rules_that_are_shown_are_sound_in_the_claims_example() {
    let blocks = blocks("rules.md", "toml");
    assert!(!blocks.is_empty());
    for block in blocks {
        let folder = copied("claims");
        fs::create_dir(folder.path().join("rules")).unwrap();
        fs::write(folder.path().join("rules/shown.toml"), block).unwrap();
        let checked = Command::new(MASO).args(["check", "--json"]).arg(folder.path()).output().await.unwrap();
        let said: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
        let problems = said["problems"].as_array().unwrap();
        assert!(!problems.iter().any(|problem| problem["file"] == "rules/shown.toml"), "{said:#}");
    }
}
