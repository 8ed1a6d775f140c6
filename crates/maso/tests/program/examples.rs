//! The worked deployments as the program writes, checks and serves them.

use std::{
    path::Path,
    process::{Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use crate::deployment::MASO;

/// Each with how many agents it has, and how many servers that are not there.
const EXAMPLES: [(&str, usize, usize); 5] = [
    ("minimal", 1, 1),
    ("claims", 3, 0),
    ("grid-operations", 5, 9),
    ("oncology-support", 6, 6),
    ("investment-research", 7, 7),
];

async fn maso(args: &[&str]) -> Output {
    Command::new(MASO).args(args).stdin(Stdio::null()).output().await.unwrap()
}

fn path(folder: &Path) -> &str {
    folder.to_str().unwrap()
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(bytes)))
}

#[tokio::test]
async fn each_example_is_written_and_has_no_error() {
    for (example, n_agents, _) in EXAMPLES {
        let folder = TempDir::new().unwrap();
        let written = maso(&["init", path(folder.path()), "--example", example]).await;
        assert!(written.status.success(), "{example}: {written:?}");
        let checked = maso(&["check", path(folder.path()), "--json"]).await;
        assert!(checked.status.success(), "{example}: {checked:?}");
        let listed = maso(&["agents", "list", path(folder.path()), "--json"]).await;
        assert_eq!(json(&listed.stdout).as_array().unwrap().len(), n_agents, "{example}");
    }
}

#[tokio::test]
async fn each_example_is_served_and_absent_servers_are_named() {
    for (example, _, n_absent) in EXAMPLES {
        let folder = TempDir::new().unwrap();
        assert!(maso(&["init", path(folder.path()), "--example", example]).await.status.success());
        let mut up = Command::new(MASO)
            .args(["up", path(folder.path()), "--listen", "127.0.0.1:0", "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let line = BufReader::new(up.stdout.take().unwrap()).lines().next_line().await.unwrap();
        let serving = json(line.expect("it says where it serves").as_bytes());
        let absent = serving["absent"].as_array().unwrap();
        assert_eq!(absent.len(), n_absent, "{example}: {absent:?}");
        let has_door = |server: &Value| serving["mcp"].get(server.as_str().unwrap()).is_some();
        assert!(absent.iter().all(has_door), "{serving}");
        up.kill().await.unwrap();
    }
}

#[tokio::test]
async fn a_slip_in_the_name_of_an_example_is_told_with_the_name_that_was_meant() {
    let folder = TempDir::new().unwrap();
    let refused = maso(&["init", path(folder.path()), "--example", "oncology-suport"]).await;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("a similar value exists: 'oncology-support'"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_example_is_not_written_over_a_deployment() {
    let folder = TempDir::new().unwrap();
    let mine = folder.path().join("maso.toml");
    std::fs::write(&mine, "name = \"mine\"\n").unwrap();
    for (example, ..) in EXAMPLES {
        let refused = maso(&["init", path(folder.path()), "--example", example]).await;
        assert_eq!(refused.status.code(), Some(2), "{example}: {refused:?}");
    }
    assert_eq!(std::fs::read_to_string(mine).unwrap(), "name = \"mine\"\n");
}

#[tokio::test]
async fn the_help_of_init_says_what_each_example_is() {
    let help = maso(&["init", "--help"]).await;
    let help = String::from_utf8(help.stdout).unwrap();
    for (example, ..) in EXAMPLES {
        let told = help.lines().find(|line| line.trim_start().starts_with(&format!("- {example}:")));
        assert!(told.is_some(), "`{example}` is not explained:\n{help}");
    }
}
