//! Temporal rules, one pair for each operator: with the rule the attack fails, without it it succeeds. A program that was
//! killed in between remembers what it has seen.

use super::*;
use crate::decisions::staged;

const FILE: &str = "rules/notes.toml";

/// A payment needs nobody here, so that nothing but the rule stands in its way.
const PAYMENT: Edit = (
    "tools/notes.toml",
    "class = \"transfer\"\nreversibility = \"irreversible\"\nrisk = \"high\"",
    "class = \"write\"\nreversibility = \"reversible\"\nrisk = \"low\"",
);

/// A rule on writing, with the events that it may name.
macro_rules! rule {
    ($stops:literal, $condition:literal) => {
        concat!(
            "[events.writing]\ntools = [\"notes:write_note\"]\n",
            "[events.payment]\ntools = [\"notes:pay\"]\n",
            "[events.outside-read]\nis = \"answer\"\ntools = [\"notes:read_note\"]\nintegrity = \"external\"\n",
            "[events.mail-approved]\nis = \"approval\"\ntools = [\"notes:send_mail\"]\n",
            "[events.reach-beyond]\nis = \"refusal\"\ntools = [\"notes:secret_tool\"]\n",
            "[[rule]]\nid = \"under-test\"\ncontrol = \"EC-2.7\"\nper = \"workflow\"\n",
            $stops,
            "\n",
            $condition,
            "\n",
        )
    };
}

async fn pair_of(rule: &'static str, attack: impl AsyncFn(&Scene) -> bool) {
    let without: &'static [Edit] = Box::leak(Box::new([(FILE, rule, "")]));
    pair("EC-2.7", managed(&[PAYMENT, (FILE, "", rule)]), Without::Declared(without), attack).await;
}

async fn write(stage: &Scene) -> Value {
    stage.client.call("write_note", json!({ "text": "a line" })).await
}

async fn read(stage: &Scene) {
    assert!(is_done(&stage.client.call("read_note", json!({ "note": "x" })).await));
}

async fn pay(stage: &Scene, account: &str, amount: u64) -> Value {
    let arguments = json!({ "account": account, "amount": amount, "reference": "fees" });
    stage.client.call("pay", arguments).await
}

#[tokio::test]
async fn writing_after_a_read_from_outside() {
    pair_of(rule!("forbid = \"writing\"", "when = \"formerly outside-read\""), async |stage: &Scene| {
        read(stage).await;
        write(stage).await;
        happened(stage)
    })
    .await;
}

#[tokio::test]
async fn writing_after_a_read_that_nobody_approved_since() {
    const RULE: &str = rule!("forbid = \"writing\"", "when = \"no mail-approved since outside-read\"");
    pair_of(RULE, async |stage: &Scene| {
        assert!(is_done(&write(stage).await));
        read(stage).await;
        is_done(&write(stage).await)
    })
    .await;
}

#[tokio::test]
async fn one_time_too_often_within_an_hour() {
    const RULE: &str = rule!("forbid = \"writing\"", "unless = \"count of writing within 1h is at most 2\"");
    pair_of(RULE, async |stage: &Scene| {
        for _ in 0..2 {
            assert!(is_done(&write(stage).await));
        }
        is_done(&write(stage).await)
    })
    .await;
}

#[tokio::test]
async fn more_money_than_a_day_has() {
    const RULE: &str =
        rule!("forbid = \"payment\"", "unless = \"sum of /amount of payment within 24h is at most 100\"");
    pair_of(RULE, async |stage: &Scene| {
        assert!(is_done(&pay(stage, "a", 60).await) && is_done(&pay(stage, "a", 40).await));
        is_done(&pay(stage, "a", 1).await)
    })
    .await;
}

#[tokio::test]
async fn one_account_too_many() {
    const RULE: &str =
        rule!("forbid = \"payment\"", "unless = \"distinct /account of payment within 24h is at most 2\"");
    pair_of(RULE, async |stage: &Scene| {
        for account in ["a", "b", "a", "b"] {
            assert!(is_done(&pay(stage, account, 1).await));
        }
        is_done(&pay(stage, "c", 1).await)
    })
    .await;
}

#[tokio::test]
async fn one_agent_too_many() {
    const RULE: &str =
        rule!("forbid = \"writing\"", "when = \"distinct agents of outside-read within 24h is more than 1\"");
    pair_of(RULE, async |stage: &Scene| {
        read(stage).await;
        assert!(is_done(&write(stage).await), "one agent alone has read");
        let token = stage.operator.token("reader", None).await;
        let reader = Client::open_at(stage.up.address, "notes", &token).await;
        assert!(is_done(&reader.call("read_note", json!({ "note": "x" })).await));
        is_done(&write(stage).await)
    })
    .await;
}

#[tokio::test]
async fn writing_after_a_reach_beyond_the_mandate() {
    const RULE: &str = rule!("forbid = \"writing\"", "when = \"formerly reach-beyond within 1h\"");
    pair_of(RULE, async |stage: &Scene| {
        assert!(!is_done(&stage.client.call("secret_tool", json!({})).await));
        is_done(&write(stage).await)
    })
    .await;
}

#[tokio::test]
async fn more_than_happens_without_a_person() {
    const RULE: &str = rule!("hold = \"writing\"", "unless = \"count of writing within 1h is at most 1\"");
    pair_of(RULE, async |stage: &Scene| {
        assert!(is_done(&write(stage).await));
        is_done(&write(stage).await)
    })
    .await;
}

#[tokio::test]
async fn a_killed_program_remembers_what_its_rules_have_seen() {
    const RULE: &str = rule!("forbid = \"writing\"", "unless = \"count of writing within 1h is at most 2\"");
    let mut stage = scene(&managed(&[(FILE, "", RULE)])).await;
    for _ in 0..2 {
        assert!(is_done(&write(&stage).await));
        stage.up.kill().await;
        stage = staged(stage.deployment).await;
    }
    assert_eq!(refused(&write(&stage).await), Some("DENIED"));
    assert_eq!(stage.deployment.effects().len(), 2);
    stage.up.stop().await;
    let hops = stage.deployment.bodies("hop-decided").await;
    let why = |hop: &Value| {
        hop["findings"].as_array().unwrap().iter().any(|finding| {
            let reason = finding["reason"].as_str().unwrap();
            reason.starts_with("rule `under-test` (rules/notes.toml:16)") && reason.contains("; before it came hop_")
        })
    };
    assert!(hops.iter().any(|hop| names(hop, "EC-2.7") && why(hop)), "{hops:?}");
    stage.deployment.verify().await;
}
