//! What a story remembers.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use serde_json::json;

use super::Story;
use crate::Report;

/// Tells of some hops that were released, some that were denied, and one that is under way.
fn told(mut story: Story) -> Story {
    let mut report = Report::default();
    let mut sequence = 0;
    let mut tell = |body| {
        sequence += 1;
        story.tell(sequence, 1, &body, &mut report).unwrap();
    };
    for number in 0..100 {
        let (allowed, denied) = (format!("allowed {number}"), format!("denied {number}"));
        tell(json!({"kind": "hop-decided", "hop": allowed, "decision": "allow", "enforced": true}));
        tell(json!({"kind": "hop-decided", "hop": denied, "decision": "deny", "enforced": true}));
        tell(json!({"kind": "hop-released", "hop": allowed}));
    }
    tell(json!({"kind": "hop-decided", "hop": "under way", "decision": "allow", "enforced": true}));
    assert!(report.holds(), "{report:?}");
    story
}

#[test]
fn a_permit_that_was_used_is_forgotten() {
    let story = told(Story { is_whole: true, ..Story::new().unwrap() });
    assert_eq!(story.permits.keys().collect::<Vec<_>>(), ["under way"]);
}

#[test]
fn of_a_part_of_a_story_nothing_is_forgotten_that_a_release_could_lack() {
    let story = told(Story::new().unwrap());
    assert_eq!(story.permits.len(), 201);
}
