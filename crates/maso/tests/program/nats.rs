//! Two programs over one record and one NATS server: one fleet.

use serde_json::json;

use crate::{
    client::{Client, is_done, refused},
    deployment::{Deployment, Edit, Wanted},
    nats_server::Server,
};

const GRANT: Edit = (
    "workflows/notes.toml",
    "",
    "\n[[grants]]\nfrom = \"writer\"\nto = \"reader\"\nrequest = \"look-up\"\nschema = { type = \"object\" }\n",
);

#[tokio::test]
async fn two_programs_serve_one_fleet_and_refuse_while_the_server_is_away() {
    let deployment = Deployment::new(&Wanted { edits: vec![GRANT], ..Wanted::default() });
    let users = deployment.data().join("users.conf");
    let wrote = deployment.run(&["bus", "accounts", "--out", users.to_str().unwrap()]).await;
    assert!(wrote.status.success(), "{}", String::from_utf8_lossy(&wrote.stderr));
    // Written anew it names the same keys: no sidecar loses its own.
    let again = deployment.run(&["bus", "accounts"]).await;
    let text = std::fs::read_to_string(&users).unwrap();
    assert_eq!(String::from_utf8(again.stdout).unwrap().trim_end(), text.trim_end());

    let mut server = Server::start("", &text);
    let bus = format!("\n[bus]\nnats = {:?}\n", server.url());
    deployment.edit(("maso.toml", "", Box::leak(bus.into_boxed_str())));
    let ready = deployment.run(&["bus", "prepare"]).await;
    assert!(ready.status.success(), "{}", String::from_utf8_lossy(&ready.stderr));

    let (one, other) = (deployment.up().await, deployment.up().await);
    let operator = one.operator().await;
    let (_, task) = operator.open_task("look up what the diary says").await;
    let writer = Client::open_at(one.address, "maso", &operator.token("writer", None).await).await;
    let reader = Client::open_at(other.address, "maso", &operator.token("reader", None).await).await;
    let order = json!({ "to": "reader", "request": "look-up", "content": { "what": "the diary" } });
    let sent = writer.call_under(&task, "send_request", order.clone()).await;
    assert!(is_done(&sent), "{sent}");
    let id = sent["result"]["structuredContent"]["id"].clone();
    let received = reader.call_under(&task, "receive_requests", json!({ "wait_ms": 30_000 })).await;
    assert_eq!(received["result"]["structuredContent"]["requests"][0]["id"], id, "{received}");
    let answer = json!({ "id": id, "result": { "it": "rains" } });
    assert!(is_done(&reader.call_under(&task, "complete_request", answer).await));
    let told = writer.call_under(&task, "request_result", json!({ "id": id, "wait_ms": 30_000 })).await;
    assert_eq!(told["result"]["structuredContent"]["result"], json!({ "it": "rains" }), "{told}");

    server.stop();
    let sent = writer.call_under(&task, "send_request", order.clone()).await;
    assert_eq!(refused(&sent), Some("UNAVAILABLE"), "{sent}");
    server.start_again();
    let waiting = json!({ "wait_ms": 30_000 });
    let (sent, received) = tokio::join!(
        async {
            loop {
                let sent = writer.call_under(&task, "send_request", order.clone()).await;
                if is_done(&sent) {
                    return sent["result"]["structuredContent"]["id"].clone();
                }
            }
        },
        reader.call_under(&task, "receive_requests", waiting),
    );
    assert_eq!(received["result"]["structuredContent"]["requests"][0]["id"], sent, "{received}");
    one.stop().await;
    other.stop().await;
    deployment.verify().await;
}
