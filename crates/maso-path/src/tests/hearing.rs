//! Judges are asked once for what they are shown, and anew when more is known.

use serde_json::json;

use super::rig::{Rig, held, released};

#[tokio::test]
async fn a_verdict_counts_while_nothing_else_is_known_of_the_action() {
    let rig = Rig::new().await;
    let task = rig.task("write to ada@notes.example").await;
    let letter = || json!({ "to": "ada@notes.example", "text": "hello" });
    // The first time it was tried out, and they were shown what came of that.
    for n_kept in [1, 2, 2] {
        released(&rig.call_in(Some(task), "notes:send_note", letter()).await);
        assert_eq!(rig.path.heard.n_kept(), n_kept, "the judges are asked once");
    }
    // The very same action, in a task that has seen secrets meanwhile.
    let asked = released(&rig.call_in(Some(task), "notes:lookup", json!({ "q": "it" })).await);
    released(&rig.answer(Some(task), asked, "notes:lookup", json!({ "secret": "hush" })).await);
    held(rig.call_in(Some(task), "notes:send_note", letter()).await);
    assert_eq!(rig.path.heard.n_kept(), 3, "what the judges said before, they said of something else");
    held(rig.call_in(Some(task), "notes:send_note", letter()).await);
    assert_eq!(rig.path.heard.n_kept(), 3);
}
