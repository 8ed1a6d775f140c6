//! Tool servers that answer as no server should: the client gets an error, the record says what became of the call, and
//! the next one works.

use serde_json::{Value, json};

use crate::{
    client::{Client, is_done, text},
    decisions::{Scene, scene},
    deployment::{Deployment, Wanted},
    server,
};

/// What the client is told.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    /// The good answer.
    Good,
    /// That it did not work.
    Failed,
}

/// How a server misbehaves, and what its client is told then.
const WAYS: &[(&str, Told)] = &[
    ("well", Told::Good),
    ("not json", Told::Good),
    ("twice", Told::Good),
    ("many notifications", Told::Good),
    ("deep", Told::Failed),
    ("duplicate", Told::Failed),
    ("no result", Told::Failed),
    ("both", Told::Failed),
    ("cut off", Told::Failed),
    ("not utf-8", Told::Failed),
    ("wrong type", Told::Failed),
    ("another id", Told::Failed),
    ("id as text", Told::Failed),
    ("oversize", Told::Failed),
    ("endless", Told::Failed),
    ("never", Told::Failed),
    ("close", Told::Failed),
    ("half then close", Told::Failed),
];

#[tokio::test]
async fn whatever_a_server_answers_the_client_is_told_and_life_goes_on() {
    let stage = scene(&Wanted {
        // It fails more often in a row than anybody may try again.
        deselected: vec!["EC-1.10"],
        edits: vec![
            ("workflows/notes.toml", "\"notes:pay\"]", "\"notes:pay\", \"notes:misbehave\"]"),
            ("agents/writer.toml", "", "\n[tools.\"notes:misbehave\"]\n"),
            ("maso.toml", "[limits]", "[limits]\nserver_wait = \"1s\""),
        ],
        ..Wanted::default()
    })
    .await;
    let Scene { client, deployment, up, .. } = stage;
    let mut warm = None;
    for _ in 0..3 {
        for (how, told) in WAYS {
            let answer = client.call("misbehave", json!({ "how": how })).await;
            if *told == Told::Good {
                assert_eq!(text(&answer), "good", "{how}");
            } else {
                assert!(!is_done(&answer), "{how}: {answer}");
                assert!(!answer.to_string().contains("good"), "{how}: {answer}");
            }
            assert_eq!(text(&client.call("read_note", json!({ "note": "x" })).await), "an empty note", "after {how}");
        }
        up.usage().has_not_grown_since(*warm.get_or_insert(up.usage()));
    }
    up.stop().await;
    // Each call was permitted, and what came of it is on the record beside.
    let calls = deployment.bodies("hop-decided").await;
    let asked = |hop: &&Value| hop["object"] == "notes:misbehave" && hop["hop_kind"] == "tool-call";
    let asked: Vec<_> = calls.iter().filter(asked).map(|hop| hop["hop"].clone()).collect();
    assert_eq!(asked.len(), 3 * WAYS.len());
    let released = deployment.bodies("hop-released").await;
    for hop in asked {
        assert_eq!(released.iter().filter(|release| release["hop"] == hop).count(), 1, "{hop}");
    }
    deployment.verify().await;
}

#[tokio::test]
async fn a_server_that_lists_its_tools_as_no_server_should_has_none() {
    let mut deep = json!({});
    for _ in 0..500 {
        deep = json!({ "items": deep });
    }
    let (mut deep_tool, nameless) = (server::tools()[0].clone(), json!({ "description": "Reads a note." }));
    deep_tool["inputSchema"] = deep;
    let huge = json!({ "name": "read_note", "description": "x".repeat(5 << 20), "inputSchema": {} });
    for (what, tools) in [
        ("no list", json!("no list")),
        ("no tools", json!([1, null, "read_note"])),
        ("no name", json!([nameless])),
        ("too deep", json!([deep_tool])),
        ("too large", json!([huge])),
    ] {
        let deployment = Deployment::new(&Wanted::default());
        deployment.publish(&tools);
        let up = deployment.up().await;
        let operator = up.operator().await;
        let client = Client::new(up.address, Some(&operator.token("writer", None).await));
        let answer = client.call_stateless("read_note", json!({ "note": "x" })).await;
        assert!(!is_done(&answer), "{what}: {answer}");
        let agents = operator.get("/api/v1/agents").await;
        assert!(agents.to_string().contains("writer"), "{what}: {agents}");
        up.stop().await;
        deployment.verify().await;
    }
}
