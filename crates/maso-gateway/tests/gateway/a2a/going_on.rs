//! What an agent asks back about a task, its client is asked.

use super::*;

/// A message that tells the reader something in words.
fn tell(text: &str) -> Value {
    let mut told = check("a");
    told["message"]["parts"] = json!([{ "text": text }]);
    told["message"]["metadata"] = json!({ "skill": "tell" });
    told
}

/// The next message on a task.
fn going_on(task: &Value, text: &str) -> Value {
    let mut said = tell(text);
    said["message"]["taskId"] = task["id"].clone();
    said["message"].as_object_mut().unwrap().remove("metadata");
    said
}

async fn ask(reader: &mut Pipe, task: &Value, question: &str, options: Value) -> Value {
    let mut asking = json!({ "about": task["id"], "question": question });
    if !options.is_null() {
        asking["options"] = options;
    }
    let mut asked = reader.call("ask_clarification", asking).await;
    asked["result"]["structuredContent"]["id"].take()
}

async fn answers(reader: &mut Pipe) -> Vec<Value> {
    let shown = reader.call("clarifications", json!({})).await;
    let all = shown["result"]["structuredContent"]["clarifications"].as_array().cloned().unwrap();
    all.into_iter().map(|one| one["answer"].clone()).collect()
}

#[tokio::test]
async fn a_client_is_asked_what_an_agent_asks_back_and_its_next_message_is_the_answer() {
    let rig = Rig::with_partner(PUSH).await;
    let (partner, mut reader) = (Partner::new(&rig), reader(&rig).await);
    let task = partner.send(tell("file the report")).await;
    take(&mut reader).await;
    let mut followed = partner.follow("SubscribeToTask", &json!({ "id": task["id"] })).await;
    assert_eq!(followed.next().await.unwrap()["task"]["status"]["state"], "TASK_STATE_WORKING");
    ask(&mut reader, &task, "which report?", json!(["of May", "of June"])).await;
    let update = followed.next().await.unwrap()["statusUpdate"].take();
    assert_eq!(update["status"]["state"], "TASK_STATE_INPUT_REQUIRED", "{update}");
    assert_eq!(update["status"]["message"]["parts"][0]["text"], "which report? (of May | of June)");
    assert_eq!(followed.next().await, None, "it answers, and follows again");
    let waiting = partner.result("ListTasks", &json!({ "status": "TASK_STATE_INPUT_REQUIRED" })).await;
    assert_eq!(waiting["totalSize"], 1);

    let going = partner.send(going_on(&task, "of June")).await;
    assert_eq!((&going["id"], &going["status"]["state"]), (&task["id"], &json!("TASK_STATE_WORKING")));
    assert_eq!(answers(&mut reader).await, [json!("of June")]);
    assert_eq!(partner.code("SendMessage", &going_on(&task, "of May")).await, -32004, "it is answered once");
    complete(&mut reader, &task["id"], json!({ "filed": true })).await;
    assert_eq!(partner.code("SendMessage", &going_on(&task, "thanks")).await, -32004);
    let done = partner.result("GetTask", &json!({ "id": task["id"] })).await;
    assert_eq!(done["status"]["state"], "TASK_STATE_COMPLETED");

    // Question and answer are hops, and stand on the record as such.
    let record = rig.record().await;
    let kinds = |is_it: fn(&Body) -> bool| record.iter().filter(|body| is_it(body)).count();
    assert_eq!(kinds(|body| matches!(body, Body::ClarificationAsked(asked) if asked.of == "agent:partner")), 1);
    assert_eq!(kinds(|body| matches!(body, Body::ClarificationAnswered(said) if said.by == "agent:partner")), 1);
}

#[tokio::test]
async fn a_stream_ends_when_its_client_is_asked_and_a_subscription_may_begin_there() {
    let rig = Rig::with_partner(PUSH).await;
    let (partner, mut reader) = (Partner::new(&rig), reader(&rig).await);
    let mut sent = partner.follow("SendStreamingMessage", &tell("file the report")).await;
    let task = sent.next().await.unwrap()["task"].take();
    take(&mut reader).await;
    ask(&mut reader, &task, "which report?", Value::Null).await;
    let states = rest(&mut sent).await;
    assert_eq!(states.last().unwrap(), "TASK_STATE_INPUT_REQUIRED", "{states:?}");

    let mut followed = partner.follow("SubscribeToTask", &json!({ "id": task["id"] })).await;
    assert_eq!(followed.next().await.unwrap()["task"]["status"]["state"], "TASK_STATE_INPUT_REQUIRED");
    let mut going = partner.follow("SendStreamingMessage", &going_on(&task, "of June")).await;
    assert_eq!(going.next().await.unwrap()["task"]["status"]["state"], "TASK_STATE_WORKING");
    complete(&mut reader, &task["id"], json!({ "filed": true })).await;
    for events in [&mut followed, &mut going] {
        let states = rest(events).await;
        assert_eq!(states.last().unwrap(), "TASK_STATE_COMPLETED", "{states:?}");
    }
}

/// The states that a stream tells of until it ends.
async fn rest(events: &mut Events) -> Vec<Value> {
    let mut states = Vec::new();
    while let Some(mut event) = events.next().await {
        if !event["statusUpdate"].is_null() {
            states.push(event["statusUpdate"]["status"]["state"].take());
        }
    }
    states
}

#[tokio::test]
async fn nobody_else_answers_and_nothing_but_words_is_an_answer() {
    let rig = Rig::with_partner(PUSH).await;
    let (partner, mut reader) = (Partner::new(&rig), reader(&rig).await);
    let task = partner.send(tell("file the report")).await;
    assert_eq!(partner.code("SendMessage", &going_on(&task, "now")).await, -32004, "nobody asked");
    take(&mut reader).await;
    ask(&mut reader, &task, "which report?", Value::Null).await;
    assert_eq!(Partner::named(&rig, "writer").code("SendMessage", &going_on(&task, "all")).await, -32001);
    let mut data = going_on(&task, "x");
    data["message"]["parts"] = json!([{ "data": { "report": "all" } }]);
    let mut elsewhere = going_on(&task, "all");
    elsewhere["message"]["contextId"] = json!("another");
    let mut other_skill = going_on(&task, "all");
    other_skill["message"]["metadata"] = json!({ "skill": "check" });
    let mut calling = going_on(&task, "all");
    calling["configuration"]["taskPushNotificationConfig"] = json!({ "url": format!("{PUSH}1") });
    for wrong in [data, elsewhere, other_skill, calling] {
        assert_eq!(partner.code("SendMessage", &wrong).await, -32602, "{wrong}");
    }
    let long = going_on(&task, &"all ".repeat(2_000));
    let told = partner.call("SendMessage", &long).await;
    assert_eq!(told["error"]["code"], -32000, "{told}");
    assert_eq!(answers(&mut reader).await, [Value::Null]);
    // Once the client is stopped, it says nothing more.
    rig.kill("agent:partner").await;
    let told = partner.call("SendMessage", &going_on(&task, "all")).await;
    assert_eq!(told["error"]["message"], "maso refused this: SUSPENDED");
    assert_eq!(answers(&mut reader).await, [Value::Null]);
}

#[tokio::test]
async fn whoever_may_say_nothing_in_words_is_asked_nothing() {
    let rig = Rig::with_partner(PUSH).await;
    let (partner, mut reader) = (Partner::new(&rig), reader(&rig).await);
    let task = partner.send(check("a")).await;
    take(&mut reader).await;
    ask(&mut reader, &task, "which note?", Value::Null).await;
    let standing = partner.result("GetTask", &json!({ "id": task["id"] })).await;
    assert_eq!(standing["status"], json!({ "state": "TASK_STATE_WORKING" }), "a person answers");
    assert_eq!(partner.code("SendMessage", &going_on(&task, "all")).await, -32004);
}

#[tokio::test]
async fn what_waits_for_a_person_among_answers_goes_on_when_somebody_answered() {
    let rig = Rig::with_partner(PUSH).await;
    let (partner, mut reader) = (Partner::new(&rig), reader(&rig).await);
    let task = partner.send(tell("file the report")).await;
    take(&mut reader).await;
    ask(&mut reader, &task, "which report?", Value::Null).await;
    let waiting = partner.send(going_on(&task, SUSPICIOUS)).await;
    assert_eq!(waiting["status"]["state"], "TASK_STATE_WORKING", "{waiting}");
    let ticket = ticket(&waiting);
    assert_eq!(partner.code("SendMessage", &going_on(&task, "of June")).await, -32004, "one answer is on its way");
    assert_eq!(answers(&mut reader).await, [Value::Null]);
    let mut followed = partner.follow("SubscribeToTask", &json!({ "id": task["id"] })).await;
    followed.next().await.unwrap();
    rig.answer_ticket(&ticket, "approve").await;
    let update = followed.next().await.unwrap();
    assert_eq!(update["statusUpdate"]["status"], json!({ "state": "TASK_STATE_WORKING" }), "nothing waits any more");
    assert_eq!(answers(&mut reader).await, [json!(SUSPICIOUS)]);
}

#[tokio::test]
async fn an_answer_that_a_person_rejects_leaves_the_question_open() {
    let rig = Rig::with_partner(PUSH).await;
    let (partner, mut reader) = (Partner::new(&rig), reader(&rig).await);
    let task = partner.send(tell("file the report")).await;
    take(&mut reader).await;
    ask(&mut reader, &task, "which report?", Value::Null).await;
    let waiting = partner.send(going_on(&task, SUSPICIOUS)).await;
    let mut followed = partner.follow("SubscribeToTask", &json!({ "id": task["id"] })).await;
    assert_eq!(followed.next().await.unwrap()["task"]["status"]["state"], "TASK_STATE_WORKING");
    rig.answer_ticket(&ticket(&waiting), "reject").await;
    let update = followed.next().await.unwrap();
    assert_eq!(update["statusUpdate"]["status"]["state"], "TASK_STATE_INPUT_REQUIRED", "{update}");
    partner.send(going_on(&task, "of June")).await;
    assert_eq!(answers(&mut reader).await, [json!("of June")]);
}
