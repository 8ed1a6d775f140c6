//! A tool whose definition changed is blocked until a person approves the change (SC-2.2).

use maso_intent::PinState;
use maso_log::v1::{Body, ToolApproved};
use serde_json::json;

use super::rig::{Rig, changed_definition, refusal, released};

#[tokio::test]
async fn a_changed_definition_blocks_the_tool_until_it_is_approved() {
    let rig = Rig::new().await;
    released(&rig.call("notes:read_note", json!({ "note": "n-1" })).await);

    let (tool, definition) = changed_definition();
    let states = rig.path.published(vec![(tool.clone(), definition.clone())]).await;
    assert!(matches!(states[0].1, PinState::Drifted { .. }));
    assert!(refusal(&rig.call("notes:read_note", json!({ "note": "n-1" })).await).is_some());
    assert!(rig.path.world().pins().waiting().contains_key(&tool));

    let approved = ToolApproved {
        tool: tool.to_string(),
        digest: definition.digest.to_string(),
        definition: definition.value.clone(),
        by: "owner".into(),
    };
    rig.path.recorder().record(Body::ToolApproved(approved)).await.unwrap();
    released(&rig.call("notes:read_note", json!({ "note": "n-1" })).await);
}
