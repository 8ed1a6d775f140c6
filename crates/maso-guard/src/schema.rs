//! Payloads against the schema that was declared for them (EC-2.13, EC-2.14, EC-1.8, ENV-1).

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use jsonschema::{PatternOptions, Validator};
use maso_core::{Digest, Finding, Word};
use maso_intent::Wordy;
use serde_json::{Value, json};

use crate::{
    notes::Notes,
    subject::{Contract, Subject},
};

/// Compiled schemas, kept under the digest of the definition that holds them.
#[derive(Default)]
pub struct Schemas {
    compiled: RwLock<HashMap<(Digest, Part), Compiled>>,
}

impl Schemas {
    /// Checks the payload against its contract.
    pub fn check(&self, subject: &Subject<'_>, notes: &mut Notes<'_>) {
        if let Some(Wordy { place, is_refused }) = subject.wordy {
            let word = if is_refused { Word::NoGo } else { Word::Go };
            let reason = "an agent that holds a privileged tool takes typed values, and this has room for free text";
            notes.add(Finding::new(EC_2_14, word, reason).at("", place.to_string()));
        }
        match subject.contract {
            Contract::None => {}
            Contract::ToolInput(definition) => {
                let Some(schema) = definition.value.get("inputSchema") else {
                    notes.add(Finding::new(EC_2_14, Word::NoGo, "the tool's definition has no input schema"));
                    return;
                };
                // No arguments and an empty object are the same to a tool.
                let none = json!({});
                let arguments = if subject.payload.is_null() { &none } else { subject.payload };
                self.check_against(schema, (definition.digest, Part::Input), arguments, "", Rule::ARGUMENTS, notes);
            }
            Contract::ToolOutput(definition) => {
                let failed = subject.payload.get("isError").and_then(Value::as_bool) == Some(true);
                let Some(schema) = definition.value.get("outputSchema").filter(|_| !failed) else { return };
                match subject.payload.get("structuredContent") {
                    Some(content) => {
                        let key = (definition.digest, Part::Output);
                        self.check_against(schema, key, content, "/structuredContent", Rule::RESULT, notes);
                    }
                    None => notes.add(Finding::new(
                        EC_1_8,
                        Word::NoGo,
                        "the tool declares an output schema and returned nothing structured",
                    )),
                }
            }
            Contract::Request(schema) | Contract::Message(schema) => {
                let is_request = matches!(subject.contract, Contract::Request(_));
                let rule = if is_request { Rule::REQUEST } else { Rule::MESSAGE };
                let digest = subject.contract.digest().unwrap_or_else(|| Digest::of_value(schema));
                self.check_against(schema, (digest, Part::Request), subject.payload, "", rule, notes);
            }
            Contract::Undeclared => {
                notes.add(Finding::new(EC_2_14, Word::NoGo, "nothing declares what this may hold"));
            }
        }
    }

    fn check_against(
        &self,
        schema: &Value,
        key: (Digest, Part),
        value: &Value,
        base: &str,
        rule: Rule,
        notes: &mut Notes<'_>,
    ) {
        let Some(validator) = self.compiled(schema, key) else {
            for control in rule.controls {
                notes.add(Finding::new(control, Word::NoGo, "the declared schema cannot be checked"));
            }
            return;
        };
        if validator.is_valid(value) {
            return;
        }
        for fault in validator.iter_errors(value).take(FAULTS_MAX) {
            // The library's own message quotes the value, which may be a secret: the keyword and the place do.
            let keyword = fault.schema_path().as_str().rsplit('/').find(|step| step.parse::<usize>().is_err());
            let keyword = keyword.unwrap_or_default().to_owned();
            let pointer = format!("{base}{}", fault.instance_path().as_str());
            for control in rule.controls {
                let reason = format!("{} not satisfy the declared schema", rule.subject);
                notes.add(Finding::new(control, Word::NoGo, reason).at(&pointer, format!("`{keyword}`")));
            }
        }
    }

    fn compiled(&self, schema: &Value, key: (Digest, Part)) -> Compiled {
        // A panic elsewhere cannot leave a half-written entry, so a poisoned lock still guards whole ones.
        if let Some(compiled) = self.compiled.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return compiled.clone();
        }
        let compiled = compile(schema, key.1);
        let mut all = self.compiled.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= COMPILED_MAX {
            all.clear();
        }
        all.insert(key, compiled.clone());
        compiled
    }
}

/// A usable schema, or none: one that reaches outside itself, or does not compile.
type Compiled = Option<Arc<Validator>>;

fn compile(schema: &Value, part: Part) -> Compiled {
    if !schema.is_object() && !schema.is_boolean() {
        return None;
    }
    jsonschema::options()
        .offline()
        // A format says what a request may hold as a pattern does: it is taken for a reason why no words fit in. What a tool's
        // own schema says of formats is a note to its reader, as the standard has it.
        .should_validate_formats(part == Part::Request)
        .with_pattern_options(
            PatternOptions::fancy_regex().backtrack_limit(BACKTRACKS_MAX).size_limit(PATTERN_BYTES_MAX),
        )
        .build(schema)
        .ok()
        .map(Arc::new)
}

/// Which schema of a definition.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Input,
    Output,
    Request,
}

/// Under which controls a contract stands, and what to call its subject.
#[derive(Clone, Copy)]
struct Rule {
    controls: &'static [&'static str],
    subject: &'static str,
}

impl Rule {
    const ARGUMENTS: Self = Self { controls: &[EC_2_14, "ENV-1"], subject: "the arguments do" };
    const RESULT: Self = Self { controls: &["EC-2.13"], subject: "the result does" };
    const MESSAGE: Self = Self { controls: &[EC_2_14], subject: "the message does" };
    const REQUEST: Self = Self { controls: &[EC_2_14], subject: "the request does" };
}

const EC_2_14: &str = "EC-2.14";
const EC_1_8: &str = "EC-1.8";
const FAULTS_MAX: usize = 8;
const COMPILED_MAX: usize = 1_024;
const BACKTRACKS_MAX: usize = 100_000;
const PATTERN_BYTES_MAX: usize = 1 << 20;
