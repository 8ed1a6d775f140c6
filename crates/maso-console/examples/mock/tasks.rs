//! What is asked of the agents, what they ask back, and how it was done.

use std::collections::BTreeMap;

use maso_api::{
    AssessTask, AssumptionScope, AssumptionView, ClarificationView, CriterionView, DepartureView, EvaluationView,
    TaskView,
};

use crate::claims::{TASK, digest};

const WORDS: &str = "Settle the claims that came in on Monday. Pay covered claims to the account on file, stop what is \
    not approved, and tell each policyholder.";
const UNCLEAR: &str = "task_019ab2e1-5c00-7c55-8f21-0d6c2b9e7722";
const STANDING: &str = "task_019ab2e1-0001-8c55-8f21-0d6c2b9e77ff";
const OF_NIGHT: &str = "task_019ab2e1-0002-8c55-8f21-0d6c2b9e77ff";
const CRITERIA: [&str; 3] = [
    "each received claim has an extract and an assessment",
    "each covered claim has exactly one payment of its payable amount to the account on file, or is stopped",
    "each policyholder has exactly one mail about the outcome",
];

pub fn open(now_ms: i64) -> Vec<TaskView> {
    let settle = TaskView {
        task: TASK.to_owned(),
        workflow: "claims".to_owned(),
        words: WORDS.to_owned(),
        success_criteria: CRITERIA.map(str::to_owned).to_vec(),
        scope: Some("claims received today".to_owned()),
        out_of_scope: vec!["claims that another office has opened".to_owned()],
        unclear: Vec::new(),
        vague: None,
        accountable_human: "claims-operations".to_owned(),
        opened_at: now_ms - 23 * 60_000,
        expires_at: now_ms + 217 * 60_000,
        specification: digest(41),
    };
    let tidy = TaskView {
        task: UNCLEAR.to_owned(),
        words: "Tidy up the <b>old</b> claims appropriately.".to_owned(),
        success_criteria: Vec::new(),
        scope: None,
        out_of_scope: Vec::new(),
        unclear: vec!["scope".to_owned()],
        vague: Some("appropriately".to_owned()),
        opened_at: now_ms - 4 * 60_000,
        expires_at: now_ms + 26 * 3_600_000,
        specification: digest(42),
        ..settle.clone()
    };
    vec![settle, tidy]
}

/// What agents asked of people and, from Tier 2, of each other.
pub fn clarifications(now_ms: i64) -> Vec<ClarificationView> {
    let asked = |number: u32, minutes: i64, by: &str, words: &str, options: &[&str]| ClarificationView {
        question: format!("hop_0199a000-0000-7000-8000-00000000c1a{number}"),
        task: TASK.to_owned(),
        specification: digest(41),
        asked_at: now_ms - minutes * 60_000,
        asked_by: by.to_owned(),
        asked_of: "operator:claims-operations".to_owned(),
        about: "scope".to_owned(),
        words: Some(words.to_owned()),
        options: options.iter().map(|text| (*text).to_owned()).collect(),
        answered_by: None,
        answer: None,
    };
    vec![
        ClarificationView {
            answered_by: Some("operator:claims-operations".to_owned()),
            answer: Some("The account at our own bank; the other one was closed in May.".to_owned()),
            about: "objective".to_owned(),
            ..asked(0, 19, "analysis", "Two accounts are on file for P-77. Which one is meant?", &[])
        },
        asked(
            1,
            12,
            "analysis",
            "Does the task include claims that were reopened today?",
            &["yes", "no, only new ones"],
        ),
        ClarificationView {
            about: "success-criteria".to_owned(),
            ..asked(
                2,
                6,
                "communication",
                "A policyholder has no mail address. Is a letter <img src=x> enough\u{202e}?",
                &[],
            )
        },
        ClarificationView {
            asked_of: "agent:intake".to_owned(),
            about: "hop_0199a000-0000-7000-8000-0000000000aa".to_owned(),
            ..asked(3, 2, "analysis", "Is the loss on page 2 the one that I am to assess?", &["page 2", "page 3"])
        },
        ClarificationView {
            task: STANDING.to_owned(),
            about: "objective".to_owned(),
            ..asked(4, 1, "intake", "Nobody gave me a task. Shall I look at what came in over night?", &["yes", "no"])
        },
    ]
}

/// What agents assume: of a task and of none, answered and not.
pub fn assumptions(now_ms: i64) -> Vec<AssumptionView> {
    let assumed = |number: u32, minutes: i64, by: &str, words: &str| AssumptionView {
        assumption: format!("hop_0199a000-0000-7000-8000-00000000a55{number}"),
        task: TASK.to_owned(),
        made_at: now_ms - minutes * 60_000,
        made_by: by.to_owned(),
        words: Some(words.to_owned()),
        inputs: Vec::new(),
        scope: AssumptionScope::Local,
        answered_by: None,
    };
    vec![
        AssumptionView {
            scope: AssumptionScope::Task,
            answered_by: Some("claims-operations".to_owned()),
            ..assumed(0, 14, "intake", "The photographs were taken on the day of the loss.")
        },
        AssumptionView {
            inputs: vec!["hop_0199a000-0000-7000-8000-0000000000aa".to_owned()],
            ..assumed(1, 8, "analysis", "Nobody <b>else</b> was insured against the same loss\u{202e}.")
        },
        AssumptionView {
            task: OF_NIGHT.to_owned(),
            ..assumed(2, 1, "communication", "The night shift has looked at none of it.")
        },
    ]
}

/// How the latest tasks were done, the latest first: each state once.
pub fn evaluations(now_ms: i64) -> Vec<EvaluationView> {
    let base = |number: u64, agent: &str, minutes: i64| EvaluationView {
        task: format!("task_019ab2e0-0000-7c55-8f21-0d6c2b9e77{number:02}"),
        workflow: "claims".to_owned(),
        agent: agent.to_owned(),
        mandate: "AGT-2026-0101-v1".to_owned(),
        at: Some(now_ms - minutes * 60_000),
        words: Some("Settle claim C-1001: pay what is covered to the account on file.".to_owned()),
        class: String::new(),
        means: "right".to_owned(),
        outcome: "right".to_owned(),
        departures: Vec::new(),
        criteria: criteria([Some(true), Some(true), Some(true)], Some(false)),
        plan_attempts: BTreeMap::new(),
        patterns: Vec::new(),
        recommends: String::new(),
        confidence: 100,
    };
    let mut all = vec![
        EvaluationView {
            criteria: criteria([Some(true), Some(true), None], None),
            outcome: "undecided".to_owned(),
            ..base(1, "communication", 3)
        },
        EvaluationView {
            words: Some("Stop the claims that nobody has approved.".to_owned()),
            means: "wrong".to_owned(),
            departures: vec![
                departure("claims-db:read_policy", "skip", "`claims-db:pay_claim` ran before `claims-db:read_policy`"),
                departure("claims-db:pay_claim", "substitution", "used in the place of `claims-db:stop_claim`"),
            ],
            plan_attempts: BTreeMap::from([("mail:send_mail".to_owned(), 3), ("crm:export".to_owned(), 1)]),
            patterns: vec!["repeated-tool".to_owned()],
            ..base(2, "analysis", 9)
        },
        base(3, "intake", 14),
        EvaluationView {
            criteria: criteria([Some(true), Some(false), Some(true)], Some(false)),
            outcome: "wrong".to_owned(),
            ..base(4, "analysis", 31)
        },
        EvaluationView {
            means: "wrong".to_owned(),
            outcome: "wrong".to_owned(),
            criteria: criteria([Some(true), Some(true), Some(true)], Some(true)),
            departures: vec![departure("claims-db:read_claim", "repeat", "it ran 14 times for one claim")],
            ..base(5, "intake", 64)
        },
        EvaluationView {
            means: "unfinished".to_owned(),
            departures: vec![DepartureView {
                hop: None,
                ..departure("mail:send_mail", "open", "the plan has it, and it was not done")
            }],
            ..base(6, "communication", 80)
        },
    ];
    all.iter_mut().for_each(conclude);
    all
}

fn departure(tool: &str, what: &str, detail: &str) -> DepartureView {
    DepartureView {
        hop: Some("hop_0199a000-0000-7000-8000-00000000dd01".to_owned()),
        tool: tool.to_owned(),
        what: what.to_owned(),
        detail: detail.to_owned(),
    }
}

fn criteria(met: [Option<bool>; 3], failed: Option<bool>) -> Vec<CriterionView> {
    let deciders = ["schema:claims-db:record_assessment", "person:claims-operations", "judge:outcome"];
    let successes = CRITERIA.iter().zip(met).zip(deciders).enumerate();
    let successes = successes.map(|(index, ((text, is_met), decider))| CriterionView {
        id: ["assessed", "settled", "told"][index].to_owned(),
        text: Some((*text).to_owned()),
        is_failure: false,
        is_met,
        decided_by: Some(decider.to_owned()),
    });
    let failure = CriterionView {
        id: "failure-1".to_owned(),
        text: Some("a payment goes to an account that is not on file".to_owned()),
        is_failure: true,
        is_met: failed,
        decided_by: None,
    };
    successes.chain([failure]).collect()
}

/// Takes a person's word for a criterion that nothing decided.
pub fn assess(evaluation: &mut EvaluationView, order: &AssessTask, now_ms: i64) {
    for criterion in evaluation.criteria.iter_mut().filter(|criterion| criterion.id == order.criterion) {
        criterion.is_met = Some(order.met);
    }
    evaluation.at = Some(now_ms);
    conclude(evaluation);
}

/// What means and criteria are together, as the real one has it.
fn conclude(evaluation: &mut EvaluationView) {
    let (failures, successes): (Vec<_>, Vec<_>) = evaluation.criteria.iter().partition(|it| it.is_failure);
    let is_wrong =
        failures.iter().any(|it| it.is_met == Some(true)) || successes.iter().any(|it| it.is_met == Some(false));
    let is_right = successes.iter().all(|it| it.is_met == Some(true));
    evaluation.outcome = if is_wrong {
        "wrong"
    } else if is_right {
        "right"
    } else {
        "undecided"
    }
    .to_owned();
    let (class, recommends) = match (evaluation.means.as_str(), evaluation.outcome.as_str()) {
        ("right", "right") => ("normal-operation", "log"),
        ("right" | "unfinished", "wrong") => ("execution-failure", "remediate"),
        ("wrong", "wrong") => ("visible-failure", "incident"),
        ("wrong", "right") => ("creative-substitution", "contain"),
        _ => ("undecided", "decide"),
    };
    class.clone_into(&mut evaluation.class);
    recommends.clone_into(&mut evaluation.recommends);
    let n_decided = evaluation.criteria.iter().filter(|it| it.is_met.is_some()).count() + 1;
    evaluation.confidence = u8::try_from(n_decided * 100 / (evaluation.criteria.len() + 1)).unwrap();
}
