//! The map on the command line.

use serde_json::{Value, json};

use crate::{
    decisions::{Scene, scene},
    deployment::Wanted,
};

#[tokio::test]
async fn who_deals_with_whom_is_shown_with_what_went_between_them() {
    let Scene { deployment, client, .. } = scene(&Wanted::default()).await;
    let map = async |args: &[&str]| {
        let output = deployment.run(&[&["map"], args].concat()).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(map(&["--traffic"]).await, "");
    assert!(map(&[]).await.contains("0 allowed    0 held    0 refused"));
    client.call("read_note", json!({ "name": "today" })).await;
    client.call("there_is_no_such_tool", json!({})).await;
    let shown = map(&["--traffic"]).await;
    assert!(shown.contains("agent:writer") && shown.contains("server:notes"), "{shown}");
    let said: Value = serde_json::from_str(&map(&["--traffic", "--json"]).await).unwrap();
    let [edge] = &said["edges"].as_array().unwrap()[..] else { panic!("{said:#}") };
    assert_eq!((&edge["from"], &edge["to"]), (&json!("agent:writer"), &json!("server:notes")));
    assert!(edge["decided"]["allowed"].as_u64() > Some(0) && edge["decided"]["refused"].as_u64() > Some(0), "{edge:#}");
}
