//! The model's answer, read strictly: what is not exactly a verdict is silence.

use maso_policy::Opinion;
use serde::Deserialize;

use crate::{brief::Ruling, invisible::is_invisible};

/// Reads the body of a chat completion. What goes wrong is told without a word of the answer.
pub(super) fn read(body: &[u8]) -> Result<Ruling, &'static str> {
    let completion: Completion =
        serde_json::from_slice(body).map_err(|_| "the model's endpoint answered with something else")?;
    let [Choice { message, finish_reason }] = &completion.choices[..] else {
        return Err("the model gave several answers or none");
    };
    if finish_reason.as_deref().is_some_and(|reason| reason != "stop") {
        return Err("the model was cut off");
    }
    let Some(content) = &message.content else { return Err("the model refused to judge") };
    verdict(content)
}

fn verdict(content: &str) -> Result<Ruling, &'static str> {
    if content.len() > CONTENT_BYTES_MAX {
        return Err("the model's verdict is too long");
    }
    let written: Written = serde_json::from_str(content).map_err(|_| "the model did not answer with a verdict")?;
    let opinion = match written.opinion.as_str() {
        "approve" => Opinion::Approve,
        "flag" => Opinion::Flag,
        "escalate" => Opinion::Escalate,
        "block" => Opinion::Block,
        _ => return Err("the model gave an opinion that does not exist"),
    };
    if written.reasoning.trim().is_empty() || written.criteria.is_empty() {
        return Err("the model gave no reasoning or no criteria");
    }
    let too_long = written.reasoning.chars().count() > REASONING_CHARS_MAX
        || written.criteria.len() > CRITERIA_MAX
        || written.criteria.iter().any(|criterion| criterion.chars().count() > CRITERION_CHARS_MAX);
    if too_long {
        return Err("the model's verdict is too long");
    }
    Ok(Ruling {
        opinion,
        reasoning: visible(&written.reasoning),
        criteria: written.criteria.iter().map(|criterion| visible(criterion)).collect(),
    })
}

/// A person will read it, and the action may have had a hand in it: nothing invisible gets through.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if is_invisible(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    opinion: String,
    reasoning: String,
    criteria: Vec<String>,
}

const CONTENT_BYTES_MAX: usize = 16 * 1024;
const REASONING_CHARS_MAX: usize = 2_000;
const CRITERIA_MAX: usize = 16;
const CRITERION_CHARS_MAX: usize = 500;
