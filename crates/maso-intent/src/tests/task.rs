use maso_core::{TaskId, Timestamp};

use super::*;
use crate::{OpenError, OpenTask, Specification, TaskKind, TaskSpec};

/// The time box of the minimal deployment's workflow.
const HOUR_MS: u64 = 3_600_000;

fn wish() -> OpenTask {
    OpenTask {
        workflow: "notes".parse().unwrap(),
        words: "send note 1 to the front desk".to_owned(),
        success_criteria: Vec::new(),
        scope: None,
        out_of_scope: Vec::new(),
        accountable_human: None,
        ttl_ms: None,
    }
}

fn open(wish: OpenTask) -> Result<TaskSpec, OpenError> {
    let id = TaskId::from_uuid(uuid::Uuid::nil());
    TaskSpec::open(wish, id, Timestamp::from_millis(1_000), &deployment(&minimal()))
}

#[test]
fn a_task_takes_what_is_not_said_from_the_deployment() {
    let task = open(wish()).unwrap();
    assert_eq!(task.accountable_human.as_str(), "owner");
    assert_eq!(task.success_criteria.len(), 1);
    assert_eq!(task.expires_at, Timestamp::from_millis(1_000).plus_ms(HOUR_MS), "its workflow's time box is less");
}

#[test]
fn what_is_not_clear_is_not_opened() {
    assert_eq!(open(OpenTask { words: " \n".to_owned(), ..wish() }), Err(OpenError::NoWords));
    let empty = vec!["sent".to_owned(), String::new()];
    assert_eq!(open(OpenTask { success_criteria: empty, ..wish() }), Err(OpenError::NoCriterion { position: 2 }));
    let words = "w".repeat(OpenTask::WORDS_BYTES_MAX);
    assert!(open(OpenTask { words: words.clone(), ..wish() }).is_ok());
    assert!(matches!(open(OpenTask { words: words + "w", ..wish() }), Err(OpenError::TooLong { .. })));
    let workflow = "other".parse().unwrap();
    assert!(matches!(open(OpenTask { workflow, ..wish() }), Err(OpenError::UnknownWorkflow { .. })));
    let operator = Some("stranger".parse().unwrap());
    assert!(matches!(open(OpenTask { accountable_human: operator, ..wish() }), Err(OpenError::UnknownOperator { .. })));
    for (ttl_ms, opens) in [(0, false), (1, true), (HOUR_MS, true), (HOUR_MS + 1, false)] {
        assert_eq!(open(OpenTask { ttl_ms: Some(ttl_ms), ..wish() }).is_ok(), opens, "{ttl_ms}");
    }
}

#[test]
fn a_task_ends_with_its_workflows_time_box_and_a_standing_one_does_not() {
    let mut limits = deployment(&minimal()).workflows.values().next().unwrap().limits.clone();
    let task = open(wish()).unwrap();
    assert_eq!(task.ends_at(&limits), task.expires_at);
    limits.max_execution_ms = 1_000;
    assert_eq!(task.ends_at(&limits), Timestamp::from_millis(2_000), "also when the box was made smaller since");
    let id = TaskId::from_uuid(uuid::Uuid::nil());
    let standing = TaskSpec::standing(&deployment(&minimal()), &"writer".parse().unwrap(), id).unwrap();
    assert_eq!(standing.ends_at(&limits), standing.expires_at);
}

#[test]
fn a_standing_task_is_the_same_whenever_it_is_made() {
    let id = TaskId::from_uuid(uuid::Uuid::nil());
    let standing = |agent: &str| TaskSpec::standing(&deployment(&minimal()), &agent.parse().unwrap(), id);
    assert_eq!(standing("writer").unwrap().digest(), standing("writer").unwrap().digest());
    assert_eq!(standing("writer").unwrap().words, "");
    assert_eq!(standing("stranger"), None);
}

#[test]
fn the_hash_is_of_exactly_what_is_said() {
    let task = open(wish()).unwrap();
    let again = |change: fn(&mut Specification)| {
        let mut said = Specification::clone(&task);
        change(&mut said);
        TaskSpec::from(said).digest()
    };
    assert_eq!(again(|_| {}), task.digest());
    let changes: [fn(&mut Specification); 9] = [
        |said| said.id = TaskId::from_uuid(uuid::Uuid::max()),
        |said| said.kind = TaskKind::Standing("writer".parse().unwrap()),
        |said| said.words.push('.'),
        |said| said.success_criteria.clear(),
        |said| said.scope = Some("all of it".to_owned()),
        |said| said.out_of_scope.push("the rest".to_owned()),
        |said| said.accountable_human = "another".parse().unwrap(),
        |said| said.expires_at = said.expires_at.plus_ms(1),
        |said| said.under = None,
    ];
    for (place, change) in changes.into_iter().enumerate() {
        assert_ne!(again(change), task.digest(), "{place}");
    }
}
