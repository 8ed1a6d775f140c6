//! The samples that the Biscuit project publishes with its library: sound tokens, tampered ones, and ones that say more than they
//! may. None of them is a task token of ours, whoever's key we trusted.

use std::{fs, path::PathBuf, process::Command};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;

/// Where the library's source lies, which cargo knows.
fn samples() -> PathBuf {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let asked = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked", "--manifest-path", manifest])
        .output()
        .unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let known: Value = serde_json::from_slice(&asked.stdout).unwrap();
    let packages = known["packages"].as_array().unwrap();
    let library = packages.iter().find(|package| package["name"] == "biscuit-auth").unwrap();
    PathBuf::from(library["manifest_path"].as_str().unwrap()).with_file_name("samples")
}

#[test]
fn no_sample_of_the_biscuit_project_is_a_task_token() {
    let folder = samples();
    let told: Value = serde_json::from_slice(&fs::read(folder.join("samples.json")).unwrap()).unwrap();
    let mut root = [0; 32];
    hex::decode_to_slice(told["root_public_key"].as_str().unwrap(), &mut root).unwrap();
    // As if the deployment's authority had the key that signed the samples.
    let trusting = Trust::new(TrustSettings::new(domain(), AuthorityPublic::from_bytes(root).unwrap(), START));
    let cases = told["testcases"].as_array().unwrap();
    assert!(cases.len() >= 38, "{}", cases.len());
    for case in cases {
        let file = case["filename"].as_str().unwrap();
        let token = format!("biscuit:{}", URL_SAFE_NO_PAD.encode(fs::read(folder.join(file)).unwrap()));
        let refused = |trust: &Trust| match trust.task(&UnverifiedToken::new(&token), NOW) {
            Err(Unproven::Task(error)) => error,
            other => panic!("{file}: {other:?}"),
        };
        // By the project's own words, its signatures are not those of the key.
        let is_tampered = case["validations"]
            .as_object()
            .unwrap()
            .values()
            .any(|validated| validated["result"]["Err"]["Format"]["Signature"].is_object());
        let expected = if is_tampered { TokenError::Forged } else { TokenError::Malformed };
        assert_eq!(refused(&trusting), expected, "{file}");
        // And under our own key.
        let ours = refused(&trust());
        assert!(matches!(ours, TokenError::Forged | TokenError::Malformed), "{file}: {ours}");
    }
}
