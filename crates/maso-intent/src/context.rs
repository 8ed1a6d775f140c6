//! What a hop puts into the contexts of models (EC-1.9), and what that costs (OB-2.5).
//!
//! An agent's context holds what it was given and what it wrote. maso sees what passes through it, and no more: its sums
//! say how full a context is at least. They are of bytes that count as tokens, so they are estimates.

use maso_core::{Act, AgentName, Principal, Turn};
use serde_json::Value;

use crate::{AgentMandate, ContextTerms, Deployment, Resolved};

/// What one agent has more in its context, or has written, when a hop was carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The agent.
    pub agent: AgentName,
    /// Tokens.
    pub tokens: u64,
    /// What they cost, in millionths of the smallest unit of the currency.
    pub cost_millionths: u64,
    /// How many tokens the agent says are in its context. It may only raise what was counted.
    pub claimed: u64,
}

impl Counted {
    /// What is in its context afterwards, if so much was before.
    pub fn after(&self, before: u64) -> u64 {
        before.saturating_add(self.tokens).max(self.claimed)
    }
}

impl Resolved {
    /// The bytes of the hop that come to lie in a context that somebody watches, or in a budget; `None` for hops that
    /// concern none.
    pub fn context_bytes(&self) -> Option<u64> {
        let hop = self.hop();
        let deployment = self.deployment();
        let counts = || [&hop.from, &hop.to].into_iter().any(|party| deployment.counts_tokens(party));
        (is_read_by_models(hop.act.verb()) && counts()).then(|| {
            *self.context_bytes_once().get_or_init(|| match (&hop.act, hop.turn) {
                (Act::CallTool(_), Turn::Answer { .. }) => bytes_of_result(&hop.payload),
                _ => bytes_of(&hop.payload),
            })
        })
    }

    /// What the hop adds to the contexts and budgets of its agents.
    pub fn counted(&self) -> Vec<Counted> {
        let Some(n_bytes) = self.context_bytes() else { return Vec::new() };
        let hop = self.hop();
        self.deployment().counted((&hop.from, &hop.to), n_bytes, self.identified().claimed_context_tokens())
    }
}

impl Deployment {
    /// What a hop of so many bytes between these adds to contexts and budgets. What the sender claims is of its own.
    pub fn counted(&self, (from, to): (&Principal, &Principal), n_bytes: u64, claimed: Option<u64>) -> Vec<Counted> {
        let one = |party: &Principal, claimed: Option<u64>| {
            let mandate = self.counting(party)?;
            let tokens = match &mandate.context {
                Some(context) => context.tokens_of(n_bytes),
                None => n_bytes.div_ceil(ContextTerms::BYTES_PER_TOKEN),
            };
            let cost_millionths = tokens.saturating_mul(mandate.price_per_million_tokens_minor.unwrap_or(0));
            Some(Counted { agent: mandate.agent.clone(), tokens, cost_millionths, claimed: claimed.unwrap_or(0) })
        };
        one(from, claimed).into_iter().chain(one(to, None)).collect()
    }

    fn counts_tokens(&self, party: &Principal) -> bool {
        self.counting(party).is_some()
    }

    /// The mandate of a party whose tokens are counted: somebody watches its context, or its workflow has a budget.
    fn counting(&self, party: &Principal) -> Option<&AgentMandate> {
        let Principal::Agent(agent) = party else { return None };
        let mandate = self.agents.get(agent)?;
        let counts = mandate.context.is_some()
            || self.workflows.get(&mandate.workflow).is_some_and(|solution| {
                let limits = &solution.limits;
                let has_price = mandate.price_per_million_tokens_minor.is_some();
                limits.max_tokens.is_some() || (limits.max_cost_minor.is_some() && has_price)
            });
        counts.then_some(mandate)
    }
}

/// Whether what is asked or answered by this verb comes before a model. Lists, notifications and completions are read
/// by clients.
fn is_read_by_models(verb: &str) -> bool {
    matches!(verb, "call_tool" | "read_resource" | "get_prompt" | "request" | "tell" | "ask_client")
}

/// A result that says the same as data and as text counts once: a model is given one of them.
fn bytes_of_result(result: &Value) -> u64 {
    let bytes_at = |key: &str| result.get(key).map_or(0, bytes_of);
    match result.get("structuredContent") {
        Some(_) => bytes_at("content").max(bytes_at("structuredContent")),
        None => bytes_of(result),
    }
}

/// How long a value is when it is written, but for escapes. Copies nothing.
fn bytes_of(value: &Value) -> u64 {
    let quoted = |text: &str| text.len() as u64 + 2;
    match value {
        Value::Null => 4,
        Value::Bool(value) => 5 - u64::from(*value),
        Value::Number(number) => digits(number),
        Value::String(text) => quoted(text),
        Value::Array(items) => 2 + items.iter().map(|item| bytes_of(item) + 1).sum::<u64>(),
        Value::Object(members) => 2 + members.iter().map(|(key, item)| quoted(key) + bytes_of(item) + 2).sum::<u64>(),
    }
}

fn digits(number: &serde_json::Number) -> u64 {
    let whole = |n: u64| u64::from(n.checked_ilog10().unwrap_or(0)) + 1;
    match (number.as_u64(), number.as_i64()) {
        (Some(n), _) => whole(n),
        (None, Some(n)) => 1 + whole(n.unsigned_abs()),
        // A fraction, about as it is mostly written.
        (None, None) => 8,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_result_that_says_the_same_twice_counts_once() {
        let data = json!({ "claims": [1, 2, 3], "open": true });
        let twice = json!({ "content": [{ "type": "text", "text": data.to_string() }], "structuredContent": data });
        let text = json!({ "content": [{ "type": "text", "text": data.to_string() }] });
        assert!(bytes_of_result(&twice) <= bytes_of_result(&text));
        assert!(bytes_of_result(&twice) >= bytes_of(&data));
    }

    proptest! {
        /// No escape is in these, so what is said of a value's length differs by a few commas and the form of fractions.
        #[test]
        fn a_value_is_as_long_as_it_is_written(texts in prop::collection::vec("[a-z ]{0,40}", 0..6), n in any::<i64>()) {
            let value = json!({ "texts": texts, "n": n, "more": { "yes": true, "no": false, "nothing": null } });
            let written = value.to_string().len() as u64;
            prop_assert!(bytes_of(&value).abs_diff(written) <= 4, "{} {}", bytes_of(&value), written);
        }
    }
}
