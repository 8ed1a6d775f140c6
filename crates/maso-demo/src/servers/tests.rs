//! The servers, as an MCP client sees them.

use expect_test::expect_file;
use rmcp::model::{GetPromptRequestParams, ReadResourceRequestParams, ResourceContents};
use serde_json::{Value, json};

use crate::{
    DemoServer,
    testing::{Client, call, client_of, seeded},
};

async fn structured(client: &Client, tool: &str, arguments: Value) -> Value {
    let result = call(client, tool, arguments).await;
    assert_ne!(result.is_error, Some(true), "{tool}: {result:?}");
    result.structured_content.unwrap()
}

async fn refused(client: &Client, tool: &str, arguments: Value) -> String {
    let result = call(client, tool, arguments).await;
    assert_eq!(result.is_error, Some(true), "{tool}: {result:?}");
    result.content[0].as_text().unwrap().text.clone()
}

/// The pins of the deployment are what the servers say of themselves. `UPDATE_EXPECT=1` pins anew.
#[tokio::test]
async fn the_pins_are_the_servers_own_words() {
    let data = seeded();
    for which in DemoServer::ALL {
        let client = client_of(which, &data).await;
        let mut tools = client.list_all_tools().await.unwrap();
        tools.sort_by(|a, b| a.name.cmp(&b.name));
        let pins = serde_json::to_string_pretty(&sorted(json!(tools))).unwrap() + "\n";
        expect_file![format!("../../../../examples/claims/tools/{which}.lock.json")].assert_eq(&pins);
    }
}

/// The same value with its keys in order, whatever order the JSON library keeps in this build.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: std::collections::BTreeMap<_, _> =
                members.into_iter().map(|(key, member)| (key, sorted(member))).collect();
            members.into_iter().collect()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        leaf => leaf,
    }
}

#[tokio::test]
async fn every_tool_declares_its_result_and_its_nature() {
    let data = seeded();
    for which in DemoServer::ALL {
        for tool in client_of(which, &data).await.list_all_tools().await.unwrap() {
            assert!(tool.output_schema.is_some(), "{}", tool.name);
            assert!(tool.annotations.unwrap().read_only_hint.is_some(), "{}", tool.name);
            assert_eq!(tool.input_schema.get("additionalProperties").unwrap_or(&json!(false)), &json!(false));
        }
    }
}

#[tokio::test]
async fn a_claim_goes_from_received_to_paid_once() {
    let data = seeded();
    let client = client_of(DemoServer::ClaimsDb, &data).await;
    let claim = structured(&client, "read_claim", json!({ "claim_id": "C-1001" })).await;
    assert_eq!((&claim["state"], &claim["payable_minor"]), (&json!("received"), &json!(393_000)));

    let order = |key: &str, amount: i64| json!({ "claim_id": "C-1001", "payee_iban": "DE52999900010037306409", "amount_minor": amount, "idempotency_key": key });
    assert_eq!(
        refused(&client, "pay_claim", order("one", 393_000)).await,
        "claim `C-1001` is received, expected assessed"
    );
    let assessment = json!({ "claim_id": "C-1001", "covered": true, "rationale": "in force" });
    assert_eq!(structured(&client, "record_assessment", assessment.clone()).await["state"], "assessed");
    assert_eq!(
        refused(&client, "record_assessment", assessment).await,
        "claim `C-1001` is assessed, expected received"
    );

    let first = structured(&client, "pay_claim", order("one", 393_000)).await;
    let again = structured(&client, "pay_claim", order("one", 393_000)).await;
    assert_eq!(first, again, "the same key pays once");
    assert_eq!(
        refused(&client, "pay_claim", order("one", 1)).await,
        "idempotency key `one` was used for another payment"
    );
    assert_eq!(refused(&client, "pay_claim", order("two", 393_000)).await, "claim `C-1001` is paid, expected assessed");
    let stop = json!({ "claim_id": "C-1001", "reason": "refused" });
    assert_eq!(refused(&client, "stop_claim", stop).await, "claim `C-1001` is paid, expected assessed");
}

#[tokio::test]
async fn what_is_payable_is_capped_by_the_policy() {
    let data = seeded();
    let client = client_of(DemoServer::ClaimsDb, &data).await;
    for (claim_id, payable_minor) in [("C-1003", 682_500), ("C-1004", 1_500_000), ("C-1012", 730_500)] {
        let claim = structured(&client, "read_claim", json!({ "claim_id": claim_id })).await;
        assert_eq!(claim["payable_minor"], json!(payable_minor), "{claim_id}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_said_to() {
    let data = seeded();
    let claims = client_of(DemoServer::ClaimsDb, &data).await;
    let documents = client_of(DemoServer::Documents, &data).await;
    let cases = [
        (&claims, "read_claim", json!({ "claim_id": "C-9999" }), "no claim `C-9999`"),
        (&claims, "read_policy", json!({ "policy_id": "P-9999" }), "no policy `P-9999`"),
        (&claims, "record_extract", json!({ "claim_id": "C-9999", "documents": [] }), "no claim `C-9999`"),
        (&documents, "list_documents", json!({ "claim_id": ".." }), "no documents for claim `..`"),
        (
            &documents,
            "read_document",
            json!({ "claim_id": "C-1001", "name": "../../claims.db" }),
            "no document `../../claims.db` for claim `C-1001`",
        ),
        (
            &documents,
            "read_document",
            json!({ "claim_id": "C-1001/../C-1002", "name": "letter.txt" }),
            "no documents for claim `C-1001/../C-1002`",
        ),
    ];
    for (client, tool, arguments, expected) in cases {
        assert_eq!(refused(client, tool, arguments).await, expected);
    }
}

#[tokio::test]
async fn a_document_is_the_same_as_a_tool_result_and_as_a_resource() {
    let data = seeded();
    let client = client_of(DemoServer::Documents, &data).await;
    let resources = client.list_all_resources().await.unwrap();
    let n_listed = {
        let mut n_listed = 0;
        for number in 1001..=1012 {
            let listed = structured(&client, "list_documents", json!({ "claim_id": format!("C-{number}") })).await;
            n_listed += listed["documents"].as_array().unwrap().len();
        }
        n_listed
    };
    assert_eq!(resources.len(), n_listed);
    for resource in resources {
        let (claim_id, name) = resource.uri.strip_prefix("claim://").unwrap().split_once('/').unwrap();
        let document = structured(&client, "read_document", json!({ "claim_id": claim_id, "name": name })).await;
        let read = client.read_resource(ReadResourceRequestParams::new(&resource.uri)).await.unwrap();
        let ResourceContents::TextResourceContents { text, .. } = &read.contents[0] else { panic!("text") };
        assert_eq!(document["text"], json!(text));
    }
    assert!(client.read_resource(ReadResourceRequestParams::new("claim://C-1001/../claims.db")).await.is_err());
}

#[tokio::test]
async fn the_checklist_names_its_claim() {
    let data = seeded();
    let client = client_of(DemoServer::Documents, &data).await;
    let arguments = json!({ "claim_id": "C-1004" }).as_object().unwrap().clone();
    let params = GetPromptRequestParams::new("intake-checklist").with_arguments(arguments);
    let prompt = client.get_prompt(params).await.unwrap();
    assert!(serde_json::to_string(&prompt.messages).unwrap().contains("C-1004"));
}

#[tokio::test]
async fn a_mail_can_be_recalled_once() {
    let data = seeded();
    let client = client_of(DemoServer::Mail, &data).await;
    let sent = structured(
        &client,
        "send_mail",
        json!({ "claim_id": "C-1001", "to": "a@b.example", "subject": "s", "body": "b" }),
    )
    .await;
    assert_eq!(structured(&client, "recall_mail", sent.clone()).await, sent);
    assert_eq!(refused(&client, "recall_mail", sent).await, "no recallable mail `1`");
    let exported = structured(&client, "export_customers", json!({ "to": "a@b.example" })).await;
    assert_eq!(exported["n_customers"], 12);
}

#[test]
fn only_our_servers_have_names() {
    assert_eq!("mail".parse::<DemoServer>().unwrap(), DemoServer::Mail);
    assert_eq!(
        "shell".parse::<DemoServer>().unwrap_err().to_string(),
        "`shell` is not a server of the example: `claims-db`, `documents` or `mail`"
    );
}
