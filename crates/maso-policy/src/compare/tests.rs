//! What a comparison promises: it misses no action, invents none, and reads the same backwards.

use std::sync::Arc;

use maso_core::{Act, AgentName, Confidentiality, Integrity, Label, Phase, Timestamp, ToolRef, Wants};
use maso_intent::{Deployment, Source, parse};
use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{Action, Change, Direction, Outcome, Version, Witness, compare};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A small deployment: two agents, one server with two tools.
#[derive(Clone, Debug)]
struct World {
    tier: u8,
    judges: usize,
    deselected: Option<&'static str>,
    kinds: [&'static str; 2],
    authority: Option<&'static str>,
    agents: [Mandate; 2],
    grant: Option<&'static str>,
    /// Whether `a` may tell `b` a `sighting`.
    tells: bool,
    policies: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Mandate {
    /// For each tool: whether it is held, prohibited, and on what terms.
    tools: [Option<[&'static str; 2]>; 2],
    prohibited: [bool; 2],
    resources: Vec<&'static str>,
    prompts: Vec<&'static str>,
    asked: bool,
}

impl World {
    fn deployment(&self) -> Arc<Deployment> {
        let mut files = vec![("maso.toml".to_owned(), self.maso()), ("workflows/w.toml".to_owned(), self.workflow())];
        files.extend(
            (0..self.judges)
                .map(|n| (format!("judges/j{n}.toml"), "kind = \"rules\"\ncriteria = [\"fits\"]".to_owned())),
        );
        files.extend(["a", "b"].iter().zip(&self.agents).map(|(name, it)| (format!("agents/{name}.toml"), it.text())));
        files.push(("tools/s.toml".to_owned(), self.tools()));
        files.push(("policies/p.cedar".to_owned(), self.policies.join("\n")));
        let source = Source::of(files);
        Arc::new(parse(&source).unwrap_or_else(|problems| panic!("{problems}\n{source:#?}")))
    }

    fn maso(&self) -> String {
        let deselected = self.deselected.map_or(String::new(), |control| {
            format!("[[controls.deselected]]\ncontrol = \"{control}\"\nreason = \"a test\"\nowner = \"o\"\n")
        });
        format!(
            "name = \"w\"\ntrust_domain = \"w.example\"\ntier = {}\naccountable_human = \"o\"\n\
             [[operators]]\nname = \"o\"\nroles = [\"supervisor\"]\n{deselected}",
            self.tier
        )
    }

    fn workflow(&self) -> String {
        let grant = self.grant.map_or(String::new(), |schema| {
            format!("[[grants]]\nfrom = \"a\"\nto = \"b\"\nrequest = \"look\"\n{schema}\n")
        });
        let message = if self.tells { "[[messages]]\nfrom = \"a\"\nto = \"b\"\ncontract = \"sighting\"\n" } else { "" };
        format!("{WORKFLOW}\n{grant}\n{message}\n{OISPEC}")
    }

    fn tools(&self) -> String {
        let authority = self.authority.map_or(String::new(), |terms| {
            format!("[tools.t0.authority]\n\"/s\" = {{ role = \"recipient\", {terms} }}\n")
        });
        format!(
            "[transport]\nkind = \"stdio\"\ncommand = \"s\"\n[tools.t0]\n{}\n{authority}[tools.t1]\n{}\n",
            self.kinds[0], self.kinds[1]
        )
    }
}

impl Mandate {
    fn text(&self) -> String {
        let mut text = AGENT.to_owned();
        let prohibited = ["s:t0", "s:t1"].iter().zip(self.prohibited).filter(|(_, is)| *is).map(|(tool, _)| tool);
        text += &format!("prohibited = {:?}\n", prohibited.collect::<Vec<_>>());
        if self.asked {
            text += "may_be_asked_by = [\"s\"]\n";
        }
        for (n, terms) in self.tools.iter().enumerate() {
            let Some([number, word]) = terms else { continue };
            text += &format!("[tools.\"s:t{n}\"]\n[tools.\"s:t{n}\".bounds]\n");
            for (pointer, bound) in [("/n", number), ("/s", word)].iter().filter(|(_, bound)| !bound.is_empty()) {
                text += &format!("\"{pointer}\" = {{ {bound} }}\n");
            }
        }
        for prefix in &self.resources {
            text += &format!("[[resources]]\nserver = \"s\"\nuri_prefix = \"{prefix}\"\n");
        }
        for prompt in &self.prompts {
            text += &format!("[[prompts]]\nserver = \"s\"\nprompt = \"{prompt}\"\n");
        }
        text + OISPEC
    }
}

const AGENT: &str = "id = \"A\"\nworkflow = \"w\"\nintent = \"i\"\noutcome = \"o\"\nescalation = \"o\"\n";
const OISPEC: &str = "[oispec]\ngoal = \"g\"\nrisk_classification = \"low\"\n";
const WORKFLOW: &str = r#"
id = "W"
business_process = "w"
intent = "i"
outcome = "o"
agents = ["a", "b"]
tools = ["s:t0", "s:t1"]
effective_date = "2026-01-01"
[limits]
max_transactions_per_batch = 5
max_execution = "1h"
max_value_minor = 100
"#;

const KINDS: &[&str] = &[
    "class = \"read\"\nreversibility = \"reversible\"\nrisk = \"low\"",
    "class = \"write\"\nreversibility = \"reversible\"\nrisk = \"low\"",
    "class = \"send\"\nreversibility = \"irreversible\"\nrisk = \"medium\"",
    "class = \"transfer\"\nreversibility = \"time-bounded\"\nrisk = \"critical\"",
    "",
];
const NUMBERS: &[&str] = &["", "at_most = 5", "at_most = 2", "at_least = 2", "one_of = [1, 5, \"a\", true]"];
const TEXTS: &[&str] = &[
    "",
    "prefix = \"files/\"",
    "prefix = \"f\"",
    "matches = \"C-[0-9]{1,2}\"",
    "matches = \"[A-Z]-[0-9]\"",
    "one_of = [\"a\", \"C-1\", \"files/x\"]",
    "one_of = [\"a\"]",
];
const POLICIES: &[&str] = &[
    r#"forbid (principal, action == Action::"call_tool", resource) unless { context.number.hasTag("/n") && context.number.getTag("/n") <= 3 };"#,
    r#"forbid (principal == Agent::"a", action, resource) when { context.text.hasTag("/s") && context.text.getTag("/s") like "C-*" };"#,
    r#"forbid (principal, action, resource == Tool::"s:t1") when { context.seen.integrity_level == 0 };"#,
    r#"forbid (principal, action == Action::"call_tool", resource) when { resource.class == "send" && context.task == "standing" };"#,
    r#"forbid (principal, action == Action::"read_resource", resource) when { resource.uri like "file:///a/secret*" };"#,
    r#"forbid (principal, action == Action::"get_prompt", resource == Prompt::"s:q");"#,
    r#"forbid (principal, action == Action::"request", resource) when { context.phase_level > 0 };"#,
    r#"forbid (principal, action, resource) when { context.about == "sample" };"#,
    r#"forbid (principal, action == Action::"tell", resource == Message::"b:sighting") when { context.phase_level > 0 };"#,
];

fn mandate() -> impl Strategy<Value = Mandate> {
    let terms = || proptest::option::weighted(0.8, [select(NUMBERS), select(TEXTS)]);
    let pick = |from: &'static [&'static str]| proptest::sample::subsequence(from, 0..=2);
    (
        [terms(), terms()],
        [proptest::bool::weighted(0.1), proptest::bool::weighted(0.1)],
        pick(&["", "file:///a/", "file:///"]),
        pick(&["*", "p", "q"]),
        any::<bool>(),
    )
        .prop_map(|(tools, prohibited, resources, prompts, asked)| Mandate {
            tools,
            prohibited,
            resources,
            prompts,
            asked,
        })
}

fn world() -> impl Strategy<Value = World> {
    let authority = select(vec![
        None,
        Some("integrity_min = \"verified\""),
        Some("integrity_min = \"verified\", below = \"deny\""),
        Some("integrity_min = \"operator\""),
    ]);
    (
        1_u8..=3,
        0_usize..=2,
        select(vec![None, None, Some("PG-2.5"), Some("EC-1.6"), Some("EC-2.5")]),
        [select(KINDS), select(KINDS)],
        authority,
        [mandate(), mandate()],
        (select(vec![None, Some(""), Some("schema = { type = \"object\" }")]), any::<bool>()),
        proptest::sample::subsequence(POLICIES, 0..=2),
    )
        .prop_map(|(tier, judges, deselected, kinds, authority, agents, (grant, tells), policies)| World {
            tier,
            judges,
            deselected,
            kinds,
            authority,
            agents,
            grant,
            tells,
            policies,
        })
}

/// Two worlds that differ in a few things, as versions do.
fn versions() -> impl Strategy<Value = (World, World)> {
    (world(), world(), proptest::collection::vec(any::<bool>(), 10)).prop_map(|(old, other, taken)| {
        let mut new = old.clone();
        let mut parts = taken.into_iter().map(|one| one && old.tier > 0);
        let mut next = || parts.next().unwrap_or_default();
        if next() && next() {
            new.tier = other.tier;
        }
        if next() && next() {
            new.judges = other.judges;
        }
        if next() {
            (new.kinds, new.deselected) = (other.kinds, other.deselected);
        }
        if next() {
            new.authority = other.authority;
        }
        if next() {
            new.agents[0] = other.agents[0].clone();
        }
        if next() {
            (new.agents[1].tools, new.grant, new.tells) = (other.agents[1].tools, other.grant, other.tells);
        }
        if next() {
            new.policies = other.policies;
        }
        (old, new)
    })
}

fn action() -> impl Strategy<Value = Action> {
    let numbers = vec![
        None,
        Some(json!(null)),
        Some(json!(-1)),
        Some(json!(0)),
        Some(json!(0.5)),
        Some(json!(1)),
        Some(json!(2.0)),
        Some(json!(2.5)),
        Some(json!(3)),
        Some(json!(3.5)),
        Some(json!(5)),
        Some(json!(5.5)),
        Some(json!(1000)),
        Some(json!("5")),
        Some(json!("a")),
        Some(json!(true)),
        Some(json!([1])),
    ];
    let texts = vec![
        None,
        Some(json!("")),
        Some(json!("a")),
        Some(json!("ab")),
        Some(json!("files/x")),
        Some(json!("files/y/z")),
        Some(json!("files/../x")),
        Some(json!("files/%2E%2e\\x")),
        Some(json!("f")),
        Some(json!("fz")),
        Some(json!("C-1")),
        Some(json!("C-22")),
        Some(json!("C-333")),
        Some(json!("Q-7")),
        Some(json!("é")),
        Some(json!(7)),
        Some(json!(false)),
        Some(json!({ "x": "y" })),
    ];
    let server: maso_core::ServerName = "s".parse().unwrap();
    let tool = |name: &str| Act::CallTool(name.parse::<ToolRef>().unwrap());
    let read = |uri: &str| Act::ReadResource { server: server.clone(), uri: uri.to_owned() };
    let get = |prompt: &str| Act::GetPrompt { server: server.clone(), prompt: prompt.to_owned() };
    let mut acts: Vec<Act> =
        ["file:///a/x", "file:///b", "file:///a/secret/1", "file:///a/../b", "http://x", ""].map(read).into();
    acts.extend(["p", "q", "r"].map(get));
    acts.extend(Wants::ALL.iter().map(|wants| Act::AskClient { server: server.clone(), wants: *wants }));
    acts.push(Act::Request { agent: "b".parse().unwrap(), request: "look".parse().unwrap() });
    acts.push(Act::Tell { agent: "b".parse().unwrap(), contract: "sighting".parse().unwrap() });
    acts.push(Act::List { server: server.clone(), listing: maso_core::Listing::Tools });
    acts.push(Act::Complete { server: server.clone() });
    acts.push(Act::Notify { server: server.clone(), topic: "message".to_owned() });
    let acts = prop_oneof![3 => select(vec![tool("s:t0"), tool("s:t1")]), 1 => select(acts)];
    let label = (select(Integrity::ALL), select(Confidentiality::ALL));
    let phases = select(super::space::PHASES.to_vec());
    (select(vec!["a", "b"]), acts, select(numbers), select(texts), select(Integrity::ALL), label, any::<bool>(), phases)
        .prop_map(
            |(agent, act, n, s, origin, (integrity, confidentiality), opened, phase): (
                &str,
                _,
                Option<Value>,
                Option<Value>,
                _,
                _,
                _,
                Phase,
            )| {
                let arguments: Map<String, Value> = [("n", n), ("s", s)]
                    .into_iter()
                    .filter_map(|(key, value)| Some((key.to_owned(), value?)))
                    .collect();
                let agent: AgentName = agent.parse().unwrap();
                // An empty text is nobody's: its origin is unknown, whoever is believed otherwise.
                let is_nobodys = arguments.get("s").is_some_and(|text| text == "");
                let origin = if is_nobodys { Integrity::External } else { origin };
                Action {
                    agent,
                    act,
                    payload: arguments.into(),
                    origin,
                    seen: Label { integrity, confidentiality },
                    opened,
                    phase,
                }
            },
        )
}

fn changes(old: &World, new: &World) -> Vec<Change> {
    compare(&old.deployment(), &new.deployment(), NOW).unwrap()
}

/// Whether a change of an action in this direction is what these outcomes show.
fn shows(change: &Change, old: Outcome, new: Outcome) -> bool {
    change.outcomes.is_some_and(|(before, after)| before == old && after == new)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn no_action_is_missed_and_none_is_invented((old, new) in versions(), actions in proptest::collection::vec(action(), 60)) {
        let changes = changes(&old, &new);
        let [old, new] = [old, new].map(|world| Version::new(world.deployment(), NOW).unwrap());
        for action in actions {
            let (before, after) = (old.decide(&action), new.decide(&action));
            let covering: Vec<_> = changes.iter().filter(|change| change.covers(&action)).collect();
            let in_phase = |change: &Change| change.extent.iter().any(|(space, _)| space.point_of(&action).is_some());
            let in_primary = action.phase == Phase::Primary || changes.iter().any(in_phase);
            if before == after || !in_primary {
                continue;
            }
            prop_assert!(covering.iter().any(|change| shows(change, before, after)),
                "{action:?} goes from {before:?} to {after:?}, covered by {covering:#?}");
        }
        for change in changes.iter().filter(|change| change.outcomes.is_some()) {
            let Witness::Action(witness) = &change.witness else { panic!("{change:?}") };
            prop_assert!(change.covers(witness), "{change:#?}");
            prop_assert!(shows(change, old.decide(witness), new.decide(witness)), "{change:#?}");
        }
    }

    #[test]
    fn nothing_changes_from_a_version_to_itself(world in world()) {
        prop_assert_eq!(changes(&world, &world).len(), 0);
    }

    #[test]
    fn backwards_everything_goes_the_other_way((old, new) in versions()) {
        let key = |change: &Change, direction: Direction, (before, after): (String, String)| {
            let extent: Vec<_> = change.extent.iter().map(|(space, region)| (space.act.clone(), region.clone())).collect();
            format!("{direction:?} {} {:?} {} {before} {after} {extent:?}", change.topic, change.agent, change.about)
        };
        let forth = changes(&old, &new);
        let mut forth: Vec<_> =
            forth.iter().map(|one| key(one, one.direction, (one.before.clone(), one.after.clone()))).collect();
        let back = changes(&new, &old);
        let mut back: Vec<_> =
            back.iter().map(|one| key(one, one.direction.reversed(), (one.after.clone(), one.before.clone()))).collect();
        forth.sort();
        back.sort();
        prop_assert_eq!(forth, back);
    }
}
