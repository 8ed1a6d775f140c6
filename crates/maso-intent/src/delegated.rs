//! What an agent may do for somebody who asked it: what every request on the way to it names, and nothing more (IA-2.4).

use maso_core::{Act, Finding, Hop, Principal, Refusal, Turn, Word};
use maso_identity::{Beyond, Chain, Link, NotTheirs, TaskClaim};

use crate::{AgentMandate, Clarifying, Deployment, SolutionMandate, resolved::outside};

/// Looks whether a hop lies within all that was asked of its agent.
///
/// # Errors
/// The refusal, and which request does not name it.
pub(crate) fn within(
    hop: &Hop,
    claim: Option<&TaskClaim>,
    (mandate, solution): (&AgentMandate, &SolutionMandate),
    deployment: &Deployment,
) -> Result<(), (Refusal, Finding)> {
    let Some(TaskClaim { chain, .. }) = claim else { return Ok(()) };
    // Who shows the token: of what a server says, the agent to which it says it.
    let bearer = match &hop.from {
        Principal::Agent(agent) => agent,
        Principal::Server(_) | Principal::Operator(_) => &mandate.agent,
    };
    if let Err(whose) = chain.is_of(bearer) {
        let whose = match whose {
            NotTheirs::Asked(agent) => format!("`{agent}` was asked"),
            NotTheirs::Given(agents) => {
                let names: Vec<_> = agents.iter().map(|agent| format!("`{agent}`")).collect();
                format!("it was given to {}", names.join(", "))
            }
        };
        return Err(outside(DELEGATED, format!("agent `{bearer}` shows a token that is not its own: {whose}")));
    }
    for link in chain.links() {
        names(link, hop, solution, deployment)?;
    }
    further(chain, hop, solution)
}

/// Whether a request names what the hop asks for, as the mandate of now has it.
fn names(
    link: &Link,
    hop: &Hop,
    solution: &SolutionMandate,
    deployment: &Deployment,
) -> Result<(), (Refusal, Finding)> {
    let Link { from, to, request, .. } = link;
    let asked = Act::Request { agent: to.clone(), request: request.clone() };
    let grant = solution.grant(from, to, request).filter(|_| deployment.authority(from).permits(&asked));
    let Some(grant) = grant else {
        return Err(outside(
            DELEGATED,
            format!("`{from}` may not ask `{to}` to `{request}` any more, for which this is done"),
        ));
    };
    if hop.turn != Turn::Ask {
        return Ok(());
    }
    if let Act::CallTool(tool) = &hop.act {
        let scopes = [&link.data, &grant.data].into_iter().flatten();
        let mut beyond = scopes.filter_map(|scope| solution.source_beyond(tool, deployment.class(tool), scope));
        if let Some(source) = beyond.next() {
            let reason = format!(
                "`{tool}` leads to data source `{source}`, which is not what `{from}` may have `{to}` use for `{request}`"
            );
            return Err(outside(DELEGATED, reason));
        }
    }
    // Narrowest wins: what was handed on then, and what may be handed on now.
    let both = [&link.remit, &grant.remit];
    match both.into_iter().try_for_each(|remit| remit.permits(&hop.act, hop.turn, &hop.payload)) {
        Ok(()) => Ok(()),
        Err(Beyond::Act) => {
            let reason = format!("`{}` is not what `{from}` may have `{to}` do for `{request}`", hop.act);
            Err(outside(DELEGATED, reason))
        }
        Err(Beyond::Argument(bound)) => {
            let reason = format!(
                "`{}` of `{}` is not what `{from}` asked `{to}` about with `{request}`",
                bound.pointer, bound.tool
            );
            Err(outside(ON_PAPER, reason))
        }
    }
}

/// Whether the work may be handed on once more. To ask back what is meant hands nothing on.
fn further(chain: &Chain, hop: &Hop, solution: &SolutionMandate) -> Result<(), (Refusal, Finding)> {
    // Who is started is to work on what it is asked: to start somebody hands work on as well.
    if !matches!((&hop.act, hop.turn), (Act::Request { .. } | Act::Spawn { .. }, Turn::Ask))
        || Clarifying::of(hop, solution).is_some()
    {
        return Ok(());
    }
    let reason = match chain.ends_at() {
        Some(link) => {
            format!("what `{}` asked `{}` with `{}` may be handed on no further", link.from, link.to, link.request)
        }
        None if chain.is_full() => format!("it was handed on {} times", chain.links().len()),
        None => return Ok(()),
    };
    Err((Refusal::LimitReached, Finding::new(DELEGATED, Word::NoGo, reason)))
}

/// No permission travels with a request but what its grant names.
const DELEGATED: &str = "IA-2.4";

/// What was asked is signed, with all that it is about.
const ON_PAPER: &str = "IA-3.3";
