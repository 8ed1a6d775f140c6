//! What is not clear is not worked on, and nothing is handed to whoever is not there.

use super::*;

/// The writer may ask the reader to look something up, who may then write a note.
const GRANT: Edit = (
    "workflows/notes.toml",
    "",
    "\n[[grants]]\nfrom = \"writer\"\nto = \"reader\"\nrequest = \"look-up\"\nschema = { type = \"object\" }\n",
);
const READER_WRITES: Edit =
    ("agents/reader.toml", "", "\n[tools.\"notes:write_note\"]\njustification = \"noting what was found\"\n");

/// The writer pays nothing, so that it may be asked in words.
const PAYS_NOTHING: Edit = (
    "agents/writer.toml",
    "[tools.\"notes:pay\"]\njustification = \"paying for paper\"\n[tools.\"notes:pay\".bounds]\n\"/amount\" = { at_most = 10000 }\n",
    "",
);

/// Two agents that meet in a task, and its token.
struct Meeting {
    writer: Client,
    reader: Client,
    task: String,
    token: String,
}

impl Meeting {
    async fn of(stage: &Scene) -> Self {
        let (task, token) = stage.operator.open_task("look up what the diary says").await;
        let client = async |agent: &str| {
            let agent = stage.operator.token(agent, None).await;
            Client::open_at(stage.up.address, "maso", &agent).await
        };
        Self { writer: client("writer").await, reader: client("reader").await, task, token }
    }

    /// The writer asks the reader for work, who takes it: the id of the request.
    async fn hand_over(&self) -> Value {
        let order = json!({ "to": "reader", "request": "look-up", "content": { "what": "the diary" } });
        assert!(is_done(&self.writer.call_under(&self.token, "send_request", order).await));
        let received = self.reader.call_under(&self.token, "receive_requests", json!({})).await;
        received["result"]["structuredContent"]["requests"][0]["id"].clone()
    }

    /// The reader asks back what is meant: the id of the question.
    async fn ask_back(&self, request: &Value) -> Value {
        let question = json!({ "about": request, "question": "which of the two diaries?", "options": ["old", "new"] });
        let asked = self.reader.call_under(&self.token, "ask_clarification", question).await;
        assert!(is_done(&asked), "{asked}");
        asked["result"]["structuredContent"]["id"].clone()
    }

    /// What the reader's note comes to.
    async fn note(&self, stage: &Scene) -> Value {
        let reader = Client::open(stage.up.address, &stage.operator.token("reader", None).await).await;
        reader.call_under(&self.token, "write_note", json!({ "text": "it says nothing" })).await
    }
}

#[tokio::test]
async fn work_on_a_task_that_does_not_say_what_it_is_about() {
    let scope: Edit =
        ("workflows/notes.toml", "", "\n[clarity]\nrequired = [\"objective\", \"success-criteria\", \"scope\"]\n");
    pair("PG-1.6", managed(&[scope]), Without::Deselected(&["PG-1.6"]), async |stage: &Scene| {
        let (_, token) = stage.operator.open_task("review the account").await;
        let read = stage.client.call_under(&token, "read_note", json!({ "note": "account" })).await;
        assert_eq!(text(&read), "an empty note");
        let answer = stage.client.call_under(&token, "write_note", json!({ "text": "reviewed" })).await;
        assert!(is_done(&answer) || refused(&answer) == Some("UNCLEAR"), "{answer}");
        happened(stage)
    })
    .await;
}

#[tokio::test]
async fn work_on_a_request_that_was_asked_about() {
    let with = managed(&[GRANT, READER_WRITES, PAYS_NOTHING]);
    pair("PG-2.10", with, Without::Deselected(&["PG-2.10"]), async |stage: &Scene| {
        let meeting = Meeting::of(stage).await;
        meeting.ask_back(&meeting.hand_over().await).await;
        let answer = meeting.note(stage).await;
        assert!(is_done(&answer) || refused(&answer) == Some("UNCLEAR"), "{answer}");
        happened(stage)
    })
    .await;
}

#[tokio::test]
async fn a_request_of_an_agent_that_is_not_there() {
    let at_once: Edit = ("workflows/notes.toml", "request = \"look-up\"", "request = \"look-up\"\nqueues = false");
    let with = Wanted { edits: vec![GRANT, at_once], ..Wanted::default() };
    pair("EC-1.7", with, Without::Deselected(&["EC-1.7"]), async |stage: &Scene| {
        let order = || json!({ "to": "reader", "request": "look-up", "content": {} });
        let answer = mandate::ask_another(stage, order()).await;
        assert!(is_done(&answer) || refused(&answer) == Some("UNAVAILABLE"), "{answer}");
        let was_taken = is_done(&answer);
        // As soon as it shows itself, it is asked.
        let reader = Client::open_at(stage.up.address, "maso", &stage.operator.token("reader", None).await).await;
        reader.call("receive_requests", json!({})).await;
        let answer = mandate::ask_another(stage, order()).await;
        assert_eq!(answer["result"]["structuredContent"]["there"], true, "{answer}");
        was_taken
    })
    .await;
}

#[tokio::test]
async fn a_request_that_names_another_goal() {
    let with = Wanted { edits: vec![GRANT], ..Wanted::default() };
    pair("PG-3.2", with, Without::Deselected(&["PG-3.2"]), async |stage: &Scene| {
        let meeting = Meeting::of(stage).await;
        let mut order = json!({ "to": "reader", "request": "look-up", "content": {} });
        assert!(is_done(&meeting.writer.call_under(&meeting.token, "send_request", order.clone()).await));
        let received = meeting.reader.call_under(&meeting.token, "receive_requests", json!({})).await;
        let goal = received["result"]["structuredContent"]["requests"][0]["goal_hash"].as_str().unwrap().to_owned();
        order["goal_hash"] = json!(goal);
        assert!(is_done(&meeting.writer.call_under(&meeting.token, "send_request", order.clone()).await));
        let last = if goal.ends_with('0') { "1" } else { "0" };
        order["goal_hash"] = json!(format!("{}{last}", &goal[..goal.len() - 1]));
        is_done(&meeting.writer.call_under(&meeting.token, "send_request", order).await)
    })
    .await;
}

#[tokio::test]
async fn what_is_asked_is_answered_by_whoever_meant_it_or_by_a_person() {
    let stage = scene(&managed(&[GRANT, READER_WRITES, PAYS_NOTHING])).await;
    let meeting = Meeting::of(&stage).await;
    let request = meeting.hand_over().await;
    let question = meeting.ask_back(&request).await;
    let seen = meeting.writer.call("clarifications", json!({})).await;
    let seen = &seen["result"]["structuredContent"]["clarifications"][0];
    assert_eq!(
        (&seen["id"], &seen["question"], &seen["answered"]),
        (&question, &json!("which of the two diaries?"), &json!(false))
    );
    // Nobody but who was asked answers.
    let answer = json!({ "id": question, "answer": "the old one" });
    let own = meeting.reader.call_under(&meeting.token, "answer_clarification", answer.clone()).await;
    assert!(!is_done(&own), "{own}");
    assert_eq!(refused(&meeting.note(&stage).await), Some("UNCLEAR"));
    assert!(is_done(&meeting.writer.call_under(&meeting.token, "answer_clarification", answer.clone()).await));
    let again = meeting.writer.call_under(&meeting.token, "answer_clarification", answer).await;
    assert!(!is_done(&again), "it was answered once: {again}");
    assert!(is_done(&meeting.note(&stage).await));
    let told = meeting.reader.call("clarifications", json!({})).await;
    assert_eq!(told["result"]["structuredContent"]["clarifications"][0]["answer"], "the old one", "{told}");

    // A question about the task goes to the person who answers for it.
    let about = json!({ "about": "scope", "question": "also last year?" });
    assert!(is_done(&meeting.reader.call_under(&meeting.token, "ask_clarification", about).await));
    assert_eq!(refused(&meeting.note(&stage).await), Some("UNCLEAR"));
    let listed = stage.deployment.run(&["tasks", "clarifications", "--json"]).await;
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let open = listed.as_array().unwrap().iter().find(|one| one.get("answered_by").is_none()).unwrap();
    assert_eq!(
        (&open["about"], &open["words"], &open["asked_of"]),
        (&json!("scope"), &json!("also last year?"), &json!("operator:owner"))
    );
    let path = format!("/v1/tasks/{}/clarifications", meeting.task);
    let said = json!({ "question": open["question"], "answer": "this year only" });
    stage.operator.post(&path, &said).await;
    assert!(is_done(&meeting.note(&stage).await));
    stage.up.stop().await;
    stage.deployment.verify().await;
}

#[tokio::test]
async fn an_assumption_that_its_agent_carries_on_as_true_for_everybody() {
    let with = Wanted { edits: vec![GRANT], ..Wanted::default() };
    pair("PG-2.8", with, Without::Deselected(&["PG-2.8"]), async |stage: &Scene| {
        let meeting = Meeting::of(stage).await;
        let assumed = json!({ "text": "The diary is complete." });
        assert!(is_done(&meeting.writer.call_under(&meeting.token, "assume", assumed).await));
        let beside = json!({ "assumptions": [{ "text": "the diary is COMPLETE", "scope": "global" }] });
        let order = json!({ "to": "reader", "request": "look-up", "content": {}, "message": beside });
        is_done(&meeting.writer.call_under(&meeting.token, "send_request", order).await)
    })
    .await;
}

/// What one process is told to let travel travels, and another process shows it.
#[tokio::test]
async fn what_an_agent_assumes_is_let_travel_by_a_person_once() {
    let stage = scene(&Wanted { edits: vec![GRANT], ..Wanted::default() }).await;
    let meeting = Meeting::of(&stage).await;
    let assumed = json!({ "text": "The diary is complete." });
    let assumed = meeting.writer.call_under(&meeting.token, "assume", assumed).await;
    assert!(is_done(&assumed), "{assumed}");
    let listed = async || {
        let listed = stage.deployment.run(&["tasks", "assumptions", "--json"]).await;
        serde_json::from_slice::<Value>(&listed.stdout).unwrap()[0].clone()
    };
    let open = listed().await;
    assert_eq!(open["assumption"], assumed["result"]["structuredContent"]["id"]);
    assert_eq!((&open["words"], &open["scope"]), (&json!("The diary is complete."), &json!("local")));
    assert_eq!((&open["made_by"], open.get("answered_by")), (&json!("writer"), None));

    let path = format!("/v1/tasks/{}/assumptions", meeting.task);
    stage.operator.post(&path, &json!({ "assumption": open["assumption"], "scope": "task" })).await;
    let known = listed().await;
    assert_eq!((&known["scope"], &known["answered_by"]), (&json!("task"), &json!("owner")));
    let again = stage.operator.try_post(&path, &json!({ "assumption": open["assumption"], "scope": "local" })).await;
    assert_eq!(again, 409);
    let unknown = json!({ "assumption": "hop_00000000000000000000000000000001", "scope": "local" });
    assert_eq!(stage.operator.try_post(&path, &unknown).await, 404);

    let beside = json!({ "assumptions": [{ "text": "The diary is complete.", "scope": "task" }] });
    let order = json!({ "to": "reader", "request": "look-up", "content": {}, "message": beside });
    assert!(is_done(&meeting.writer.call_under(&meeting.token, "send_request", order).await));
    stage.up.stop().await;
    stage.deployment.verify().await;
}

/// The writer pays: from Tier 2 it is asked nothing in words, and the person who answers for the task is.
#[tokio::test]
async fn whoever_pays_is_not_asked_back_in_words() {
    let with = managed(&[GRANT, READER_WRITES]);
    let without = Without::Deselected(&["EC-2.14"]).of(&with);
    for (wanted, asked_of) in [(with, "operator:owner"), (without, "agent:writer")] {
        let stage = scene(&wanted).await;
        let meeting = Meeting::of(&stage).await;
        let question = meeting.ask_back(&meeting.hand_over().await).await;
        let seen = meeting.reader.call("clarifications", json!({})).await;
        let seen = &seen["result"]["structuredContent"]["clarifications"][0];
        assert_eq!((&seen["id"], &seen["asked_of"]), (&question, &json!(asked_of)));
        assert_eq!(refused(&meeting.note(&stage).await), Some("UNCLEAR"));
        let path = format!("/v1/tasks/{}/clarifications", meeting.task);
        stage.operator.post(&path, &json!({ "question": question, "answer": "the old one" })).await;
        assert!(is_done(&meeting.note(&stage).await));
        stage.up.stop().await;
        stage.deployment.verify().await;
    }
}
