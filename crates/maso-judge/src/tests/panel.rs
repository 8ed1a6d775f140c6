//! Several judges at once.

use std::sync::Arc;

use async_trait::async_trait;
use maso_core::{Digest, JudgeName};
use maso_policy::{Opinion, Verdict};
use serde_json::json;

use super::Scene;
use crate::{Brief, Judge, Panel, brief::Ruling};

/// A judge that does as it is told.
struct Puppet {
    name: JudgeName,
    act: Act,
}

#[derive(Clone, Copy)]
enum Act {
    Approve,
    Panic,
    Never,
    OtherAction,
    OtherName,
}

#[async_trait]
impl Judge for Puppet {
    fn name(&self) -> &JudgeName {
        &self.name
    }

    async fn hear(&self, brief: &Brief) -> Verdict {
        let approval =
            Ruling { opinion: Opinion::Approve, reasoning: "fine".to_owned(), criteria: vec!["all".to_owned()] };
        let verdict = approval.bind(&self.name, brief.action, brief.now);
        match self.act {
            Act::Approve => verdict,
            Act::Panic => panic!("this judge panics"),
            Act::Never => std::future::pending().await,
            Act::OtherAction => Verdict { action: Digest::of(b"another"), ..verdict },
            Act::OtherName => Verdict { judge: "impostor".parse().unwrap(), ..verdict },
        }
    }
}

fn panel(acts: &[(&str, Act)]) -> Panel {
    let judges = acts.iter().map(|(name, act)| {
        let judge: Arc<dyn Judge> = Arc::new(Puppet { name: name.parse().unwrap(), act: *act });
        judge
    });
    Panel { judges: judges.collect() }
}

fn told(verdicts: &[Verdict]) -> Vec<(String, Opinion, String)> {
    verdicts.iter().map(|one| (one.judge.to_string(), one.opinion, one.reasoning.clone())).collect()
}

fn expected(list: &[(&str, Opinion, &str)]) -> Vec<(String, Opinion, String)> {
    list.iter().map(|(judge, opinion, why)| ((*judge).to_owned(), *opinion, (*why).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn each_judge_is_heard_for_itself_and_what_goes_wrong_is_silence() {
    let panel = panel(&[
        ("broken", Act::Panic),
        ("fine", Act::Approve),
        ("impostor-of-names", Act::OtherName),
        ("impostor-of-actions", Act::OtherAction),
        ("late", Act::Never),
    ]);
    let brief = Scene::new().brief("read_note", &json!({ "note": "one" }));
    let verdicts = panel.hear(1, &brief).await;
    assert_eq!(
        told(&verdicts),
        expected(&[
            ("broken", Opinion::Silent, "the judge broke"),
            ("fine", Opinion::Approve, "fine"),
            ("impostor-of-names", Opinion::Silent, "the answer is bound to something else"),
            ("impostor-of-actions", Opinion::Silent, "the answer is bound to something else"),
            ("late", Opinion::Silent, "no answer within 5000 ms"),
        ])
    );
    assert!(verdicts.iter().all(|verdict| verdict.action == brief.action));
}

#[tokio::test]
async fn nobody_is_heard_where_nobody_is_needed() {
    let brief = Scene::new().brief("read_note", &json!({ "note": "one" }));
    assert_eq!(panel(&[("broken", Act::Panic)]).hear(0, &brief).await, []);
    assert_eq!(Panel::default().hear(2, &brief).await, [], "fewer verdicts than needed: nobody stands in");
}

const RULES: &str = "kind = \"rules\"\ncriteria = [\"the action breaks no rule\"]\n";

fn model(endpoint: &str, more: &str) -> String {
    format!("kind = \"model\"\nendpoint = \"{endpoint}\"\nmodel = \"m\"\ncriteria = [\"serves the intent\"]\n{more}")
}

#[test]
fn a_deployment_s_judges_sit_in_the_order_of_their_names() {
    let scene = Scene::new()
        .with_file("judges/tactical.toml", &model("https://models.example/v1", "api_key_env = \"JUDGE_KEY\""))
        .with_file("judges/house-rules.toml", RULES);
    let env = |name: &str| (name == "JUDGE_KEY").then(|| "sk-secret".to_owned());
    let panel = Panel::from_deployment(&scene.deployment(), &env).unwrap();
    let shown = format!("{panel:?}");
    assert!(shown.contains("house-rules") && !shown.contains("sk-secret"), "{shown}");
    let names: Vec<_> = panel.judges.iter().map(|judge| judge.name().as_str()).collect();
    assert_eq!(names, ["house-rules", "tactical"]);
}

#[test]
fn a_judge_that_cannot_be_asked_safely_is_refused_at_the_start() {
    let with_key = |key: Option<&'static str>, endpoint: &str| {
        let scene = Scene::new().with_file("judges/tactical.toml", &model(endpoint, "api_key_env = \"JUDGE_KEY\""));
        Panel::from_deployment(&scene.deployment(), &|_| key.map(str::to_owned)).unwrap_err().to_string()
    };
    let missing =
        "judge `tactical` needs an API key in the environment variable `JUDGE_KEY`, which is empty or not set";
    assert_eq!(with_key(None, "https://models.example/v1"), missing);
    assert_eq!(with_key(Some(" "), "https://models.example/v1"), missing);
    assert_eq!(
        with_key(Some("two\nlines"), "https://models.example/v1"),
        "the API key of judge `tactical` is not one line of visible text"
    );
    assert_eq!(
        with_key(Some("sk"), "http://models.example/v1"),
        "judge `tactical` cannot ask `http://models.example/v1`: expected `https`, or `http` on loopback"
    );
}
