//! Reviews: judges, people, and what they are told.

use super::*;

#[tokio::test]
async fn a_write_that_nobody_looked_at() {
    // That a person approves cannot be switched off. A tool that is declared to change nothing asks for none.
    let asks_nobody: Edit = ("tools/notes.toml", "class = \"write\"", "class = \"read\"");
    for (edits, happens) in [(vec![], false), (vec![asks_nobody], true)] {
        let stage = scene(&Wanted { edits, hold_open: "1ms", ..Wanted::default() }).await;
        let answer = stage.client.call("write_note", json!({ "text": "x" })).await;
        assert_eq!((happened(&stage), held(&answer).is_none()), (happens, happens), "{answer}");
        stage.up.stop().await;
        let hops = stage.deployment.bodies("hop-decided").await;
        let write = hops.iter().find(|hop| hop["object"] == "notes:write_note").unwrap();
        assert_eq!((write["decision"] == "hold", write["review"]["people"] == 1), (!happens, !happens), "{write}");
    }
}

#[tokio::test]
async fn an_approval_that_comes_too_late() {
    // The deadline cannot be switched off. Where it is later, the same answer at the same moment counts.
    let wanted = |wait| Wanted { wait, hold_open: "1ms", ..Wanted::default() };
    let (short, long) = (wanted("1s"), wanted("15m"));
    let (short, long) = tokio::join!(scene(&short), scene(&long));
    let write = async |stage: &Scene| stage.client.call("write_note", json!({ "text": "x" })).await;
    let mut tickets = Vec::new();
    for stage in [&short, &long] {
        let answer = write(stage).await;
        tickets.push(json!({ "ticket": held(&answer).unwrap_or_else(|| panic!("{answer}")) }));
    }
    short.operator.ticket("expired").await;
    for ((stage, ticket), counts) in [&short, &long].into_iter().zip(tickets).zip([false, true]) {
        assert_eq!(stage.operator.try_answer(&ticket, "approve").await, counts);
        let answer = write(stage).await;
        assert_eq!((is_done(&answer), happened(stage)), (counts, counts), "{answer}");
        assert_eq!(stage.deployment.bodies("ticket-expired").await.len(), usize::from(!counts));
        stage.deployment.verify().await;
    }
}

pub(super) const JUDGE: Edit =
    ("judges/rules.toml", "", "kind = \"rules\"\ncriteria = [\"Does it stay within the intent specification?\"]\n");

#[tokio::test]
async fn what_a_judge_blocks() {
    let medium: Edit = (
        "tools/notes.toml",
        "class = \"write\"\nreversibility = \"reversible\"\nrisk = \"low\"",
        "class = \"write\"\nreversibility = \"reversible\"\nrisk = \"medium\"",
    );
    let prohibited: Edit =
        ("agents/writer.toml", "risk_classification", "prohibited_content = [\"project falcon\"]\nrisk_classification");
    let with = managed(&[JUDGE, medium, prohibited]);
    pair("EC-2.5", with, Without::Deselected(&["EC-2.5"]), async |stage: &Scene| {
        let answer = stage.client.call("write_note", json!({ "text": "Project Falcon is late" })).await;
        assert!(is_done(&answer) || refused(&answer) == Some("DENIED"), "{answer}");
        happened(stage)
    })
    .await;
}
