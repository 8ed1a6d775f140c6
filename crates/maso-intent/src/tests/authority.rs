use maso_core::{Act, Phase};
use proptest::prelude::*;

use super::*;
use crate::{AgentMandate, Authority, ResourceTerm, SolutionMandate, visible_tools};

/// Authorities over few names, so that they meet often.
fn authorities() -> impl Strategy<Value = Authority> {
    let tools = prop::collection::btree_set(prop::sample::select(vec!["a:x", "a:y", "b:x"]), 0..4);
    let prefixes = prop::sample::select(vec!["", "f:/", "f:/a/", "f:/a/b/", "f:/c/"]);
    let resources = prop::collection::vec((prop::sample::select(vec!["a", "b"]), prefixes), 0..4);
    let prompts =
        prop::collection::vec((prop::sample::select(vec!["a", "b"]), prop::sample::select(vec!["*", "p", "q"])), 0..4);
    let asked_by = prop::collection::btree_set(prop::sample::select(vec!["a", "b"]), 0..3);
    (tools, resources, prompts, asked_by, any::<bool>()).prop_map(|(tools, resources, prompts, asked_by, grant)| {
        let deployment = deployment(&team());
        let base = &deployment.agents[&"intake".parse().unwrap()];
        let parent = &deployment.workflows[&"claims".parse().unwrap()];
        let tools: Vec<maso_core::ToolRef> = tools.into_iter().map(|tool| tool.parse().unwrap()).collect();
        let mandate = AgentMandate {
            tools: tools.iter().map(|tool| (tool.clone(), crate::ToolTerms::default())).collect(),
            resources: resources
                .into_iter()
                .map(|(server, prefix)| ResourceTerm { server: server.parse().unwrap(), uri_prefix: prefix.to_owned() })
                .collect(),
            prompts: prompts.into_iter().map(|(server, prompt)| (server.parse().unwrap(), prompt.to_owned())).collect(),
            may_be_asked_by: asked_by.into_iter().map(|server| server.parse().unwrap()).collect(),
            ..(**base).clone()
        };
        let grants = if grant { parent.grants.clone() } else { Vec::new() };
        Authority::of(&mandate, &SolutionMandate { tools: tools.into_iter().collect(), grants, ..(**parent).clone() })
    })
}

fn acts() -> impl Strategy<Value = Act> {
    let server = prop::sample::select(vec!["a", "b"]);
    let uri = prop::sample::select(vec!["f:/", "f:/a/1", "f:/a/b/1", "f:/c/1", "g:/", "f:/a/../c/1"]);
    let name = prop::sample::select(vec!["x", "y", "p", "q"]);
    (server, uri, name, 0..7).prop_map(|(server, uri, name, kind)| {
        let server: maso_core::ServerName = server.parse().unwrap();
        match kind {
            0 => Act::CallTool(maso_core::ToolRef::new(server, name.parse().unwrap())),
            1 => Act::ReadResource { server, uri: uri.to_owned() },
            2 => Act::GetPrompt { server, prompt: name.to_owned() },
            3 => Act::AskClient { server, wants: maso_core::Wants::Sample },
            4 => Act::Notify { server, topic: "log".to_owned() },
            5 => Act::Complete { server },
            _ => Act::Request { agent: "analysis".parse().unwrap(), request: "assess".parse().unwrap() },
        }
    })
}

proptest! {
    #[test]
    fn meeting_is_a_semilattice(a in authorities(), b in authorities(), c in authorities()) {
        prop_assert_eq!(a.meet(&b), b.meet(&a));
        prop_assert_eq!(a.meet(&b).meet(&c), a.meet(&b.meet(&c)));
        prop_assert_eq!(a.meet(&a), a.clone());
        prop_assert!(a.meet(&Authority::none()).is_none());
    }

    #[test]
    fn meeting_never_widens(a in authorities(), b in authorities(), act in acts()) {
        let both = a.meet(&b);
        prop_assert!(!both.permits(&act) || (a.permits(&act) && b.permits(&act)), "{} by {:?}", act, both);
    }

    #[test]
    fn what_both_permit_by_name_is_kept(a in authorities(), b in authorities(), act in acts()) {
        // A server that both may use for different things concerns neither in common.
        if !matches!(act, Act::Complete { .. } | Act::Notify { .. }) {
            prop_assert_eq!(a.meet(&b).permits(&act), a.permits(&act) && b.permits(&act));
        }
    }

    #[test]
    fn a_tighter_phase_never_widens(a in authorities(), act in acts(), agent in 0_usize..4, around in 0_usize..4) {
        let tight = a.under(Phase::ALL[agent], Phase::ALL[around]);
        prop_assert!(!tight.permits(&act) || a.permits(&act));
        for tighter in around..4 {
            let tighter = a.under(Phase::ALL[agent], Phase::ALL[tighter]);
            prop_assert!(!tighter.permits(&act) || tight.permits(&act));
        }
    }
}

#[test]
fn a_prefix_cannot_be_climbed_out_of() {
    let deployment = deployment(&team());
    let authority = deployment.authority(&"intake".parse().unwrap());
    let reads =
        |uri: &str| authority.permits(&Act::ReadResource { server: "files".parse().unwrap(), uri: uri.to_owned() });
    for inside in ["file:///claims/", "file:///claims/1.txt", "file:///claims/a/b..c", "file:///claims/..."] {
        assert!(reads(inside), "{inside}");
    }
    for outside in [
        "",
        "file:///claim",
        "FILE:///claims/1.txt",
        "file:///claims/../secret",
        "file:///claims/..",
        "file:///claims/a/./b",
        "file:///claims/%2e%2e/secret",
        "file:///claims/%2E./secret",
        "file:///claims/..%2Fsecret",
        "file:///claims/%252e%252e/secret",
        "file:///claims/..\\secret",
        "file:///claims/a%5c..%5csecret",
        "file:///claims/..;x/secret",
        "file:///claims/..\0",
    ] {
        assert!(!reads(outside), "{outside}");
    }
}

#[test]
fn an_agent_sees_its_mandate_and_nothing_else() {
    let deployment = deployment(&team());
    let sees = |agent: &str| -> Vec<String> {
        let tools = visible_tools(&deployment, &agent.parse().unwrap(), &"db".parse().unwrap(), None);
        tools.iter().map(ToString::to_string).collect()
    };
    assert_eq!(sees("intake"), ["db:read_claim"]);
    assert_eq!(sees("analysis"), ["db:delete_claim", "db:pay", "db:read_claim"]);
    assert_eq!(sees("stranger"), [""; 0]);
}

#[test]
fn neither_a_prohibited_tool_nor_one_beyond_the_parent_is_there() {
    let prohibited = edit(team(), "agents/analysis.toml", "logic =", "prohibited = [\"db:pay\"]\nlogic =");
    let beyond = edit(team(), "workflows/claims.toml", "\"db:pay\", ", "");
    for source in [prohibited, beyond] {
        let deployment = deployment(&source);
        let tools = visible_tools(&deployment, &"analysis".parse().unwrap(), &"db".parse().unwrap(), None);
        assert!(!tools.is_empty() && !tools.contains(&"db:pay".parse().unwrap()));
    }
}
