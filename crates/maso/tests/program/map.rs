//! The map on the command line.

use serde_json::{Value, json};

use crate::{
    decisions::{Scene, scene},
    deployment::Wanted,
};

#[tokio::test]
async fn who_deals_with_whom_is_shown_with_what_went_between_them() {
    let Scene { deployment, client, up: _up, .. } = scene(&Wanted::default()).await;
    let map = async |args: &[&str]| {
        let output = deployment.run(&[&["map"], args].concat()).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let map_json =
        async |args: &[&str]| serde_json::from_str::<Value>(&map(&[&["--json"], args].concat()).await).unwrap();
    let refused = |said: &Value| said["edges"][0]["decided"]["refused"].as_u64().unwrap();
    assert_eq!(refused(&map_json(&[]).await), 0);
    assert!(crate::client::refused(&client.call("write_note", json!({ "text": 7 })).await).is_some());
    let shown = map(&["--traffic"]).await;
    assert!(shown.contains("agent:writer") && shown.contains("server:notes"), "{shown}");
    assert!(shown.contains("1 credentials"), "{shown}");
    let said = map_json(&["--traffic"]).await;
    let [edge] = &said["edges"].as_array().unwrap()[..] else { panic!("{said:#}") };
    assert_eq!((&edge["from"], &edge["to"]), (&json!("agent:writer"), &json!("server:notes")));
    assert!(edge["decided"]["allowed"].as_u64() > Some(0) && refused(&said) > 0, "{edge:#}");
}
