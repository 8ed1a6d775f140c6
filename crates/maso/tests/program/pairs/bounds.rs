//! How often, how many, and how long it may go back and forth.

use super::*;

const WORKFLOW: &str = "workflows/notes.toml";
const LAST_LIMIT: &str = "max_value_minor = 100000000\n";
const GRANTS: Edit = (
    WORKFLOW,
    "",
    "\n[[grants]]\nfrom = \"writer\"\nto = \"reader\"\nrequest = \"count\"\nitem_pointer = \"/note\"\n\
     schema = { type = \"object\" }\n\
     \n[[grants]]\nfrom = \"reader\"\nto = \"writer\"\nrequest = \"keep\"\nitem_pointer = \"/note\"\n\
     schema = { type = \"object\", additionalProperties = false, properties = { note = { type = \"string\", pattern = \"^n-[0-9]$\" } } }\n",
);

/// What comes of a request about a note.
async fn ask(stage: &Scene, from: &str, note: &str) -> Value {
    let (to, request) = if from == "writer" { ("reader", "count") } else { ("writer", "keep") };
    let token = stage.operator.token(from, None).await;
    let order = json!({ "to": to, "request": request, "content": { "note": note } });
    Client::open_at(stage.up.address, "maso", &token).await.call("send_request", order).await
}

#[tokio::test]
async fn two_agents_that_go_back_and_forth() {
    let three: Edit = (WORKFLOW, LAST_LIMIT, "max_value_minor = 100000000\nturns_max = 3\n");
    pair("EC-1.5", managed(&[GRANTS, three]), Without::Deselected(&["EC-1.5"]), async |stage: &Scene| {
        for from in ["writer", "reader", "writer"] {
            assert!(is_done(&ask(stage, from, "n-1").await));
        }
        // What is about another note is another conversation.
        assert!(is_done(&ask(stage, "writer", "n-2").await));
        let answer = ask(stage, "reader", "n-1").await;
        assert!(is_done(&answer) || held(&answer).is_some(), "{answer}");
        is_done(&answer)
    })
    .await;
}

#[tokio::test]
async fn agents_that_give_each_other_more_and_more_work() {
    let few: Edit = (WORKFLOW, LAST_LIMIT, "max_value_minor = 100000000\ndelegations_max = 4\n");
    let hourly: Edit = (WORKFLOW, LAST_LIMIT, "max_value_minor = 100000000\ndelegations_per_hour_max = 4\n");
    for bound in [few, hourly] {
        pair("EC-1.5a", managed(&[GRANTS, bound]), Without::Deselected(&["EC-1.5a"]), async |stage: &Scene| {
            for (n, from) in ["writer", "reader", "writer", "writer"].into_iter().enumerate() {
                assert!(is_done(&ask(stage, from, &format!("n-{n}")).await));
            }
            let answer = ask(stage, "reader", "n-9").await;
            assert!(is_done(&answer) || refused(&answer) == Some("LIMIT_REACHED"), "{answer}");
            is_done(&answer)
        })
        .await;
    }
}

#[tokio::test]
async fn work_that_is_handed_on_and_on() {
    let two: Edit = ("agents/writer.toml", "[oispec]\n", "[authority]\nmax_delegation_depth = 2\n\n[oispec]\n");
    pair("EC-1.5a", managed(&[GRANTS, two]), Without::Deselected(&["EC-1.5a"]), async |stage: &Scene| {
        assert!(is_done(&ask(stage, "writer", "n-1").await));
        assert!(is_done(&ask(stage, "reader", "n-2").await));
        let answer = ask(stage, "writer", "n-3").await;
        assert!(is_done(&answer) || refused(&answer) == Some("LIMIT_REACHED"), "{answer}");
        is_done(&answer)
    })
    .await;
}

#[tokio::test]
async fn agents_that_start_more_and_more_agents() {
    let with = managed(&[crate::spawning::SPAWNS, crate::spawning::GRANT]);
    pair("EC-1.5a", with, Without::Deselected(&["EC-1.5a"]), async |stage: &Scene| {
        let start = async |seed: u8| {
            let key = maso_identity::AgentKey::from_seed([seed; 32]);
            crate::spawning::start(stage, "reader", &key).await
        };
        for seed in 1..=2 {
            assert!(is_done(&start(seed).await));
        }
        let answer = start(3).await;
        assert!(is_done(&answer) || refused(&answer) == Some("LIMIT_REACHED"), "{answer}");
        is_done(&answer)
    })
    .await;
}

/// A tool of which each test can have the answer that it needs.
const MISBEHAVE: [Edit; 2] = [
    (WORKFLOW, "\"notes:pay\"]", "\"notes:pay\", \"notes:misbehave\"]"),
    ("agents/writer.toml", "", "\n[tools.\"notes:misbehave\"]\n"),
];

/// Whether the server itself said that it failed.
fn complains(answer: &Value) -> bool {
    answer["result"]["isError"] == true && answer["result"]["content"][0]["text"] == "no such note"
}

#[tokio::test]
async fn a_tool_that_fails_again_and_again() {
    pair("EC-1.10", managed(&MISBEHAVE), Without::Deselected(&["EC-1.10"]), async |stage: &Scene| {
        // Once, and three times more.
        for _ in 0..4 {
            let answer = stage.client.call("misbehave", json!({ "how": "complaining" })).await;
            assert!(complains(&answer), "{answer}");
        }
        let answer = stage.client.call("misbehave", json!({ "how": "well" })).await;
        assert!(is_done(&answer) || refused(&answer) == Some("LIMIT_REACHED"), "{answer}");
        is_done(&answer)
    })
    .await;
}

#[tokio::test]
async fn the_same_failing_call_at_once_again() {
    let cooled: Edit = (WORKFLOW, LAST_LIMIT, "max_value_minor = 100000000\nretry_cooldown = \"1h\"\n");
    let with = managed(&[MISBEHAVE[0], MISBEHAVE[1], cooled]);
    pair("ENV-14", with, Without::Deselected(&["ENV-14"]), async |stage: &Scene| {
        let again = async || stage.client.call("misbehave", json!({ "how": "complaining" })).await;
        assert!(complains(&again().await));
        // Anything else may be tried.
        assert!(is_done(&stage.client.call("misbehave", json!({ "how": "well" })).await));
        let answer = again().await;
        assert!(refused(&answer).is_none_or(|code| code == "LIMIT_REACHED"), "{answer}");
        complains(&answer)
    })
    .await;
}

#[tokio::test]
async fn a_decision_that_was_made_before() {
    let mut with = managed(&[
        (
            "tools/notes.toml",
            "class = \"send\"\nreversibility = \"irreversible\"",
            "class = \"send\"\nreversibility = \"time-bounded\"\nreversible_window = \"1m\"",
        ),
        (
            "tools/notes.toml",
            "[tools.send_mail]\n",
            "[tools.send_mail]\nitem_pointer = \"/to\"\ndecision_pointer = \"/body\"\n",
        ),
    ]);
    with.deselected.push("EC-2.5");
    pair("EC-2.6", with, Without::Deselected(&["EC-2.6"]), async |stage: &Scene| {
        let decide = async |body: &str| {
            stage.client.call("send_mail", json!({ "to": "office@notes.example", "body": body })).await
        };
        assert!(is_done(&decide("granted").await));
        // To say the same again reverses nothing.
        assert!(is_done(&decide("granted").await));
        let answer = decide("refused").await;
        assert!(is_done(&answer) || held(&answer).is_some(), "{answer}");
        stage.deployment.effects().len() == 3
    })
    .await;
}
