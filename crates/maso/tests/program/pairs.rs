//! Controls in pairs: the attack fails with the control, and succeeds without it, so that it is this control that stops it.
//!
//! Without a control means: `[[controls.deselected]]`. Where a control cannot be switched off, it means the nearest thing
//! that a deployment can say: a mandate that holds the tool, a policy that is not there, a stop that nobody ordered.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::{
    client::{Client, answer, held, is_done, refused, stateless_headers, text},
    decisions::{Scene, scene},
    deployment::{Deployment, Edit, Wanted},
    server,
};

mod bounds;
mod clarity;
mod context;
mod delegation;
mod dry_runs;
mod identity;
mod mandate;
mod order;
mod people;
mod plans;
mod posture;
mod rules;
mod scanners;
mod values;

/// How a deployment does without a control.
enum Without {
    /// It is switched off, by its id.
    Deselected(&'static [&'static str]),
    /// It cannot be switched off; this is declared instead.
    Declared(&'static [Edit]),
}

impl Without {
    fn of(&self, with: &Wanted) -> Wanted {
        let mut without = with.clone();
        match self {
            Self::Deselected(controls) => without.deselected.extend(*controls),
            Self::Declared(edits) => without.edits.extend(*edits),
        }
        without
    }
}

/// Makes the same attack twice. With the control it fails, and the record names the control; without it, it succeeds.
async fn pair(control: &str, with: Wanted, without: Without, attack: impl AsyncFn(&Scene) -> bool) {
    let stage = scene(&with).await;
    assert!(!attack(&stage).await, "it succeeds in spite of {control}");
    // A pure read may be released a moment before it is durable.
    stage.up.stop().await;
    let hops = stage.deployment.bodies("hop-decided").await;
    assert!(
        hops.iter().any(|hop| hop["decision"] != "allow" && names(hop, control)),
        "{control} said nothing: {hops:?}"
    );
    stage.deployment.verify().await;
    let stage = scene(&without.of(&with)).await;
    assert!(attack(&stage).await, "without {control} it fails all the same, so something else stops it");
    stage.up.stop().await;
    let hops = stage.deployment.bodies("hop-decided").await;
    assert!(!hops.iter().any(|hop| names(hop, control)), "{control} speaks although it is off: {hops:?}");
    stage.deployment.verify().await;
}

/// Whether a control has something against a hop.
fn names(hop: &Value, control: &str) -> bool {
    let findings = hop["findings"].as_array().unwrap();
    findings.iter().any(|finding| finding["control"] == control && finding["word"] != "GO")
}

/// A deployment of a tier in which a write of low risk needs nobody. Nothing is tried out first: that is about itself.
fn managed(edits: &[Edit]) -> Wanted {
    let mut all = vec![("maso.toml", "tier = 1", "tier = 2")];
    all.extend(edits);
    Wanted { edits: all, deselected: vec!["EC-2.7a"], hold_open: "1ms", ..Wanted::default() }
}

/// Whether a tool of the server did anything.
fn happened(stage: &Scene) -> bool {
    !stage.deployment.effects().is_empty()
}

/// What comes of a call that a person approves if asked.
async fn approved_call(stage: &Scene, tool: &str, arguments: Value) -> Value {
    let Scene { operator, client, .. } = stage;
    tokio::select! {
        answer = client.call(tool, arguments) => answer,
        answer = async {
            operator.answer(&operator.ticket("open").await, "approve").await;
            std::future::pending::<Value>().await
        } => answer,
    }
}
