//! Schemas and readers agree, and neither takes a key that it does not know.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::{Map, Value};

use super::whole;
use crate::{FileKind, parse, source::Kind};

/// The kind of a file that is written in TOML.
fn kind(path: &str) -> Option<FileKind> {
    Some(match Kind::of(path)? {
        Kind::Maso => FileKind::Maso,
        Kind::Workflow(_) => FileKind::Workflow,
        Kind::Agent(_) => FileKind::Agent,
        Kind::Judge(_) => FileKind::Judge,
        Kind::Server(_) => FileKind::Tools,
        Kind::Rules => FileKind::Rules,
        Kind::Evidence => FileKind::Evidence,
        Kind::Lock(_) | Kind::Policy | Kind::Signatures(_) => return None,
    })
}

/// The validator of a kind of file, made once: thousands of documents are asked about.
fn validator(kind: FileKind) -> &'static jsonschema::Validator {
    static VALIDATORS: LazyLock<BTreeMap<FileKind, jsonschema::Validator>> = LazyLock::new(|| {
        let options = || jsonschema::draft202012::options().should_validate_formats(true);
        FileKind::ALL.iter().map(|kind| (*kind, options().build(&kind.schema()).unwrap())).collect()
    });
    &VALIDATORS[&kind]
}

fn examples() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut files = Vec::new();
    for deployment in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        for folder in ["", "workflows", "agents", "judges", "tools", "rules"] {
            let Ok(entries) = std::fs::read_dir(deployment.join(folder)) else { continue };
            for path in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
                let name = path.strip_prefix(&deployment).unwrap().to_str().unwrap().to_owned();
                files.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    files
}

/// A document and a way in it: keys and indices.
type Way = Vec<Step>;

#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

fn at<'a>(value: &'a mut toml::Value, way: &[Step]) -> &'a mut toml::Value {
    way.iter().fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key.as_str()).unwrap(),
        Step::Index(index) => value.get_mut(*index).unwrap(),
    })
}

/// Every value of a document, with the way to it, but for what is free: constants and schemas of requests.
fn ways(value: &toml::Value, way: &Way, all: &mut Vec<Way>) {
    all.push(way.clone());
    let step = |step| way.iter().cloned().chain([step]).collect::<Way>();
    match value {
        toml::Value::Table(table) => {
            for (key, value) in
                table.iter().filter(|(key, _)| !["constants", "schema", "answer", "one_of"].contains(&key.as_str()))
            {
                ways(value, &step(Step::Key(key.clone())), all);
            }
        }
        toml::Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                ways(value, &step(Step::Index(index)), all);
            }
        }
        _ => {}
    }
}

/// The whole deployment with another text for this file: what is said of that file.
fn read(path: &str, text: &str) -> Result<(), String> {
    let mut source = whole();
    source.files.insert(path.to_owned(), text.to_owned());
    let Err(problems) = parse(&source) else { return Ok(()) };
    problems.iter().find(|problem| problem.file == path).map_or(Ok(()), |problem| Err(problem.to_string()))
}

fn json(document: &toml::Value) -> Value {
    serde_json::to_value(document).unwrap()
}

/// Both say the same of this document.
fn agree(path: &str, document: &toml::Value, change: &str) -> bool {
    let text = toml::to_string(document).unwrap();
    let read = read(path, &text);
    let kind = kind(path).unwrap();
    let valid = validator(kind).validate(&json(document)).map_err(|error| error.to_string());
    // Rules are sentences about events that are named elsewhere in the file, and evidence is about one of two things: of
    // that no schema knows.
    let is_beyond_schemas = matches!(kind, FileKind::Rules | FileKind::Evidence) && valid.is_ok();
    assert!(
        read.is_ok() == valid.is_ok() || is_beyond_schemas,
        "{path} {change}\nreader: {read:?}\nschema: {valid:?}\n{text}"
    );
    read.is_ok()
}

#[test]
fn every_example_satisfies_its_schema() {
    let mut n_files = 0;
    let whole: Vec<(String, String)> = whole().files.into_iter().collect();
    for (path, text) in examples().into_iter().chain(whole) {
        let Some(kind) = kind(&path) else { continue };
        let document: toml::Value = toml::from_str(&text).unwrap();
        let errors: Vec<String> =
            validator(kind).iter_errors(&json(&document)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{path}: {errors:?}");
        n_files += 1;
    }
    assert!(n_files > 15, "{n_files} files");
}

#[test]
fn what_lacks_a_key_has_one_too_many_or_is_of_the_wrong_type_is_refused_by_reader_and_schema_alike() {
    let (mut n_refused, mut n_changes) = (0, 0);
    for (path, text) in whole().files.iter().filter(|(path, _)| kind(path).is_some()) {
        let document: toml::Value = toml::from_str(text).unwrap();
        let mut all = Vec::new();
        ways(&document, &Vec::new(), &mut all);
        for way in all {
            let mut changed = Vec::new();
            let mut change = |what: &str, edit: &dyn Fn(&mut toml::Value)| {
                let mut document = document.clone();
                edit(&mut document);
                changed.push((format!("{what} {way:?}"), document));
            };
            if let Some((Step::Key(key), parent)) = way.split_last() {
                change("without", &|document| drop(at(document, parent).as_table_mut().unwrap().remove(key)));
            }
            if !way.is_empty() {
                for wrong in [toml::Value::Integer(7), toml::Value::Boolean(true), toml::Value::String(String::new())] {
                    change(&format!("with {wrong} at"), &|document| *at(document, &way) = wrong.clone());
                }
                change("with a table at", &|document| *at(document, &way) = toml::Value::Table(toml::Table::new()));
            }
            for (what, document) in changed {
                n_changes += 1;
                n_refused += usize::from(!agree(path, &document, &what));
            }
        }
    }
    assert!(n_refused > 500 && n_changes > n_refused, "{n_refused} of {n_changes}");
}

#[test]
fn an_unknown_key_is_an_error_in_every_table_of_every_file() {
    let mut n_tables = 0;
    for (path, text) in whole().files.iter().filter(|(path, _)| kind(path).is_some()) {
        let document: toml::Value = toml::from_str(text).unwrap();
        let mut all = Vec::new();
        ways(&document, &Vec::new(), &mut all);
        for way in all {
            let mut document = document.clone();
            let Some(table) = at(&mut document, &way).as_table_mut() else { continue };
            // No key, name, pointer or tool anywhere is written like this.
            table.insert("No Such Key".to_owned(), toml::Value::String("x".to_owned()));
            let text = toml::to_string(&document).unwrap();
            // Names of variables and headers are free.
            let free = way.last().is_some_and(|step| {
                matches!(step, Step::Key(key) if ["env", "env_from", "headers_from_env"].contains(&key.as_str()))
            });
            let read = read(path, &text);
            assert_eq!(read.is_ok(), free, "{path} {way:?}: {read:?}");
            assert_eq!(validator(kind(path).unwrap()).is_valid(&json(&document)), free, "{path} {way:?}");
            n_tables += 1;
        }
    }
    assert!(n_tables > 60, "{n_tables} tables");
}

/// All keys of a schema, with the way to each.
fn keys(schema: &Value, way: &str, all: &mut Vec<(String, String)>) {
    let object = |key: &str| schema.get(key).and_then(Value::as_object).into_iter().flat_map(Map::iter);
    for (key, value) in object("properties") {
        all.push((way.to_owned(), key.clone()));
        keys(value, &format!("{way}/{key}"), all);
    }
    for (_, value) in object("patternProperties") {
        keys(value, &format!("{way}/*"), all);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(value) = schema.get(inner) {
            keys(value, &format!("{way}/*"), all);
        }
    }
    for value in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        keys(value, way, all);
    }
}

#[test]
fn every_key_is_described_used_in_the_whole_deployment_and_documented() {
    let docs = concat!(include_str!("../../../../docs/deployment.md"), include_str!("../../../../docs/rules.md"));
    let whole = whole();
    for kind in FileKind::ALL {
        let schema = kind.schema();
        let mut all = Vec::new();
        keys(&schema, "", &mut all);
        assert!(!all.is_empty());
        for (way, key) in all {
            // Workflows and agents share one form of `[oispec]`, and no file has use for all of it.
            let here = |path: &str| way.starts_with("/oispec") || self::kind(path) == Some(*kind);
            let used = whole.files.iter().any(|(path, text)| here(path) && text.contains(&key));
            assert!(used, "{kind}: `{key}` of `{way}` is nowhere in tests/whole");
            let word = docs.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).any(|word| word == key);
            assert!(word, "{kind}: the docs say nothing of `{key}` of `{way}`");
        }
    }
}

#[test]
fn a_schema_is_one_of_the_2020_draft_without_references_and_says_what_each_key_means() {
    for kind in FileKind::ALL {
        let schema = kind.schema();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert!(!schema.to_string().contains("$ref"), "{kind}");
        assert_eq!(schema["additionalProperties"], false, "{kind}");
        for (key, value) in schema["properties"].as_object().unwrap() {
            assert!(value["description"].is_string(), "{kind}: `{key}` says nothing");
        }
    }
}
