//! The same in HTTP+JSON: verbs, paths and statuses in place of frames.

use reqwest::Method;

use super::*;

impl Partner<'_> {
    fn at(&self, verb: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/v1/{path}", self.url());
        self.client.request(verb, url).header("a2a-version", "1.0").bearer_auth(&self.token)
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.at(Method::POST, path).header("content-type", "application/json").body(body.to_string())
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.at(Method::GET, path)
    }
}

/// The status, and what was told.
async fn told(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/a2a+json", "{status}");
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

async fn fine(request: RequestBuilder) -> Value {
    let (status, told) = told(request).await;
    assert_eq!(status, 200, "{told}");
    told
}

/// The status of an error, and the reason that the protocol has for it.
async fn refused(request: RequestBuilder) -> (u16, String) {
    let (status, told) = told(request).await;
    assert_eq!(told["error"]["code"], status, "{told}");
    (status, told["error"]["details"][0]["reason"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_task_is_the_same_by_whichever_binding_it_is_reached() {
    let rig = Rig::with_partner(PUSH).await;
    let (partner, mut reader) = (Partner::new(&rig), reader(&rig).await);
    let task = fine(partner.post("message:send", &check("a"))).await["task"].take();
    assert_eq!(task["status"]["state"], "TASK_STATE_SUBMITTED");
    let request = take(&mut reader).await;
    assert_eq!((&request["id"], &request["content"]), (&task["id"], &json!({ "note": "a" })));
    let path = format!("tasks/{}", task["id"].as_str().unwrap());
    assert_eq!(fine(partner.get(&path)).await["status"]["state"], "TASK_STATE_WORKING");
    complete(&mut reader, &task["id"], json!({ "fine": true })).await;
    let done = fine(partner.get(&format!("{path}?historyLength=0"))).await;
    assert_eq!(done["artifacts"][0]["parts"][0]["data"], json!({ "fine": true }));
    assert_eq!(partner.result("GetTask", &json!({ "id": task["id"] })).await, done);
    let not_cancelable = (400, "TASK_NOT_CANCELABLE".to_owned());
    assert_eq!(refused(partner.post(&format!("{path}:cancel"), &json!({ "id": task["id"] }))).await, not_cancelable);

    let other = partner.send(check("b")).await;
    let path = format!("tasks/{}:cancel", other["id"].as_str().unwrap());
    assert_eq!(fine(partner.at(Method::POST, &path)).await["status"]["state"], "TASK_STATE_CANCELED");
    let listed = fine(partner.get("tasks?pageSize=1&includeArtifacts=true&status=TASK_STATE_COMPLETED")).await;
    assert_eq!((&listed["tasks"], &listed["totalSize"]), (&json!([done]), &json!(1)));
    let card = fine(partner.get("extendedAgentCard")).await;
    assert_eq!(card, partner.result("GetExtendedAgentCard", &json!({})).await);
    let interfaces: Vec<_> =
        card["supportedInterfaces"].as_array().unwrap().iter().map(|one| one["url"].clone()).collect();
    assert_eq!(interfaces, [partner.url(), format!("{}/v1", partner.url())]);
}

#[tokio::test]
async fn a_stream_tells_events_and_no_frames() {
    let rig = Rig::with_partner(PUSH).await;
    let (partner, mut reader) = (Partner::new(&rig), reader(&rig).await);
    let follow = async |request: RequestBuilder| {
        let response = request.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events { response, read: String::new(), is_framed: false }
    };
    let mut sent = follow(partner.post("message:stream", &check("a"))).await;
    let task = sent.next().await.unwrap()["task"].take();
    let path = format!("tasks/{}:subscribe", task["id"].as_str().unwrap());
    let mut followed = follow(partner.get(&path)).await;
    assert_eq!(followed.next().await.unwrap()["task"], task);
    let mut followed_too = follow(partner.at(Method::POST, &path)).await;
    assert_eq!(followed_too.next().await.unwrap()["task"], task);
    let request = take(&mut reader).await;
    complete(&mut reader, &request["id"], json!({ "fine": true })).await;
    for events in [&mut sent, &mut followed, &mut followed_too] {
        let mut last = Value::Null;
        while let Some(event) = events.next().await {
            last = event;
        }
        assert_eq!(last["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED", "{last}");
    }
    assert_eq!(refused(partner.get(&path).header("accept", "*/*")).await, (400, "UNSUPPORTED_OPERATION".to_owned()));
    assert_eq!(partner.get(&path).header("accept", "text/html").send().await.unwrap().status(), 406);
}

#[tokio::test]
async fn what_is_wrong_has_the_status_that_says_so() {
    let rig = Rig::with_partner(PUSH).await;
    let partner = Partner::new(&rig);
    let told = |status: u16, reason: &str| (status, reason.to_owned());
    let nobodys = "tasks/hop_00000000000000000000000000000000";
    let mut unknown = check("a");
    unknown["more"] = json!(1);
    let mut words = check("a");
    words["message"]["parts"] = json!([{ "text": "do it" }]);
    let mut other = check("a");
    other["message"]["metadata"] = json!({ "skill": "destroy" });
    for (request, expected) in [
        (partner.get(nobodys), told(404, "TASK_NOT_FOUND")),
        (partner.get("tasks/none"), told(404, "TASK_NOT_FOUND")),
        (partner.get("task"), told(404, "")),
        (partner.get("message:send"), told(404, "")),
        (partner.at(Method::DELETE, nobodys), told(404, "")),
        (partner.post("message:send", &unknown), told(400, "")),
        (partner.post("message:send", &json!([])), told(400, "")),
        (partner.post("message:send?tenant=a", &check("a")), told(400, "")),
        (partner.get("tasks?pageSize=many"), told(400, "")),
        (partner.get("tasks?pageSize=1&pageSize=2"), told(400, "")),
        (partner.get("tasks?tenant=a"), told(400, "")),
        (partner.get("tasks").header("content-type", "application/json").body("{}"), told(400, "")),
        (partner.post(&format!("{nobodys}:cancel"), &json!({ "id": "another" })), told(400, "")),
        // What maso refuses.
        (partner.post("message:send", &words), told(403, "")),
        (partner.post("message:send", &other), told(200, "")),
    ] {
        let shown = format!("{request:?}");
        if expected.0 == 200 {
            // It has become a task, which the path refuses.
            assert_eq!(fine(request).await["task"]["status"]["state"], "TASK_STATE_REJECTED", "{shown}");
        } else {
            assert_eq!(refused(request).await, expected, "{shown}");
        }
    }
    let url = format!("{}/v1/tasks", partner.url());
    let versionless = partner.client.get(&url).bearer_auth(&partner.token);
    assert_eq!(refused(versionless).await, told(400, "VERSION_NOT_SUPPORTED"));
    let plain = partner.at(Method::POST, "message:send").header("content-type", "text/plain").body("{}");
    assert_eq!(plain.send().await.unwrap().status(), 415);
    let elsewhere = partner.get("tasks").header("host", "elsewhere.example");
    assert_eq!(elsewhere.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_proof_counts_for_its_own_verb_and_path() {
    let rig = Rig::with_partner(PUSH).await;
    let partner = Partner::new(&rig);
    let key = AgentKey::from_seed([3; 32]);
    let now = SystemClock.now();
    let thumbprint = key.thumbprint();
    let (partner_id, id) = (rig.spiffe("partner"), Uuid::new_v4());
    let token = rig.authority.issue_agent_token(&partner_id, Some(&thumbprint), id, now, 3_600_000);
    let url = format!("{}/v1/tasks", partner.url());
    let status = async |proof: Option<&str>| {
        let mut request = partner.client.get(&url).header("a2a-version", "1.0");
        request = request.header("authorization", format!("DPoP {token}"));
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        let response = request.send().await.unwrap();
        let challenge = response.headers().get("www-authenticate").cloned();
        assert_eq!(challenge.is_some(), response.status() == 401);
        response.status().as_u16()
    };
    for (verb, at) in [("POST", &url), ("GET", &partner.url()), ("GET", &format!("{}/v1", partner.url()))] {
        let proof = key.prove(verb, at, &token, Uuid::new_v4(), now);
        assert_eq!(status(Some(&proof)).await, 401, "{verb} {at}");
    }
    assert_eq!(status(None).await, 401);
    let proof = key.prove("GET", &url, &token, Uuid::new_v4(), now);
    assert_eq!(status(Some(&proof)).await, 200);
    assert_eq!(status(Some(&proof)).await, 401, "it was used");
    let controls = controls_against(&rig).await;
    assert!(!controls.is_empty() && controls.iter().all(|control| control.starts_with("IA-2.")), "{controls:?}");
}

#[tokio::test]
async fn callbacks_are_kept_below_their_task() {
    let rig = Rig::with_partner(PUSH).await;
    let partner = Partner::new(&rig);
    let task = partner.send(check("a")).await["id"].as_str().unwrap().to_owned();
    let configs = format!("tasks/{task}/pushNotificationConfigs");
    let place = json!({ "id": "p", "url": format!("{PUSH}a") });
    let made = fine(partner.post(&configs, &place)).await;
    assert_eq!((&made["id"], &made["taskId"]), (&json!("p"), &json!(task)));
    let one = format!("{configs}/p");
    assert_eq!(fine(partner.get(&one)).await, made);
    assert_eq!(fine(partner.get(&configs)).await["configs"], json!([made]));
    assert_eq!(fine(partner.at(Method::DELETE, &one)).await, json!({}));
    assert_eq!(fine(partner.get(&configs)).await["configs"], json!([]));
    let elsewhere = json!({ "url": "https://elsewhere.example/" });
    assert_eq!(refused(partner.post(&configs, &elsewhere)).await, (400, "PUSH_NOTIFICATION_NOT_SUPPORTED".to_owned()));
    assert!(controls_against(&rig).await.contains(&"SC-3.4".to_owned()));
}
