//! Two hundred agents in many workflows, to see whether pages still can be read.

use maso_api::{AgentView, GrantView, HopView, ToolView};

use crate::claims;

const WORKFLOWS: [&str; 14] = [
    "billing",
    "claims",
    "compliance",
    "deliveries",
    "fraud",
    "hiring",
    "inventory",
    "onboarding",
    "payments",
    "pricing",
    "procurement",
    "reporting",
    "support",
    "translation",
];
const ROLES: [&str; 6] = ["reader", "planner", "analyst", "writer", "checker", "sender"];
const SERVERS: [&str; 12] = [
    "archive",
    "bank",
    "calendar",
    "crm",
    "database",
    "documents",
    "mail",
    "maps",
    "payroll",
    "search",
    "storage",
    "tickets",
];
const AGENTS: usize = 200;

pub fn agents() -> Vec<AgentView> {
    let pattern = claims::agents(&[]).remove(0);
    (0..AGENTS)
        .map(|index| AgentView {
            agent: name(index),
            workflow: WORKFLOWS[index % WORKFLOWS.len()].to_owned(),
            sequence_position: u32::try_from(index / WORKFLOWS.len()).unwrap() + 1,
            tools: [index, index * 5 + 3].map(|tool| tool_of(&pattern.tools[0], tool)).to_vec(),
            grants: vec![GrantView { to: after(index), request: "continue".to_owned() }],
            phase: phase(index).to_owned(),
            around_phase: phase(index).to_owned(),
            ..pattern.clone()
        })
        .collect()
}

/// The next thing that happens among them.
pub fn next(index: usize) -> HopView {
    let mut hop = claims::next(index);
    // Some are busy, most are not.
    let agent = (index * index + 7 * index) % if index.is_multiple_of(3) { AGENTS } else { 23 };
    hop.from = Some(format!("agent:{}", name(agent)));
    hop.answers = None;
    hop.ticket = None;
    hop.decision = if index % 17 == 5 {
        "deny"
    } else if index % 29 == 7 {
        "hold"
    } else {
        "allow"
    }
    .to_owned();
    if index.is_multiple_of(4) {
        hop.to = format!("agent:{}", after(agent));
        "request".clone_into(&mut hop.verb);
        hop.object = format!("{}:continue", after(agent));
    } else {
        let server = SERVERS[if index.is_multiple_of(2) { agent } else { agent * 5 + 3 } % SERVERS.len()];
        hop.to = format!("server:{server}");
        "call_tool".clone_into(&mut hop.verb);
        hop.object = format!("{server}:read");
    }
    hop
}

fn name(index: usize) -> String {
    let nth = index / WORKFLOWS.len();
    format!("{}-{}{}", WORKFLOWS[index % WORKFLOWS.len()], ROLES[nth % ROLES.len()], nth / ROLES.len() + 1)
}

/// Who comes after it in its workflow; after the last, the first.
fn after(index: usize) -> String {
    let next = index + WORKFLOWS.len();
    name(if next < AGENTS { next } else { index % WORKFLOWS.len() })
}

fn tool_of(pattern: &ToolView, index: usize) -> ToolView {
    ToolView { tool: format!("{}:read", SERVERS[index % SERVERS.len()]), ..pattern.clone() }
}

fn phase(index: usize) -> &'static str {
    match index {
        31 | 74 => "alternate",
        118 => "contingency",
        163 => "emergency",
        _ => "primary",
    }
}
