//! What `maso.toml` and the judges declare.

use std::{collections::BTreeMap, sync::Arc};

use maso_core::Risk;
use maso_intent::{Condition, Deployment, JudgeSpec, Rule};

use super::{Direction, Ledger, Line, Milliseconds, both, is_switched};

pub(super) fn compare(old: &Deployment, new: &Deployment, ledger: &mut Ledger) {
    let line = |about, what: &str| Line { topic: "deployment", about, what: what.to_owned() };
    let any = "any action";
    // A higher tier asks for fewer people and for more judges.
    ledger.either(
        line("tier", "the tier"),
        &old.tier.number(),
        &new.tier.number(),
        "any action that changes something",
    );
    ledger.either(
        line("trust_domain", "the trust domain"),
        &old.trust_domain,
        &new.trust_domain,
        "a token of an agent",
    );
    let answers = line("accountable_human", "who answers for standing tasks");
    ledger.either(answers, &old.accountable_human, &new.accountable_human, "a standing task");
    let signed = |deployment: &Deployment| deployment.approval.is_required();
    let line = line("signing.required", "whether a version must be signed to start");
    ledger.demand(line, &signed(old), &signed(new), "a version that nobody signed");
    rules(old, new, ledger);
    settings(old, new, ledger);
    operators(old, new, ledger);
    deselections(old, new, ledger, any);
    judges(old, new, ledger);
}

/// A rule only ever takes away. What a changed one takes away more or less of, nobody can say from its words.
fn rules(old: &Deployment, new: &Deployment, ledger: &mut Ledger) {
    let of = |deployment: &Deployment| -> BTreeMap<String, Arc<Rule>> {
        deployment.rules.iter().map(|rule| (rule.id.clone(), Arc::clone(rule))).collect()
    };
    let (old, new) = (of(old), of(new));
    let example = |id: &String| format!("an action that `{id}` stops");
    ledger.members(("rule", "rule"), Direction::Narrower, &old, &new, example);
    for (id, before, after) in both(&old, &new) {
        let line = Line { topic: "rule", about: id, what: format!("rule `{id}`") };
        ledger.either(line, &sentence(before), &sentence(after), &example(id));
        if before.events != after.events {
            let line = Line { topic: "rule", about: id, what: String::new() };
            let text = format!("the events of rule `{id}` are others");
            let values = ("as they were".to_owned(), "changed".to_owned());
            ledger.write(line, Direction::Mixed, text, values, example(id));
        }
    }
}

/// A rule as a sentence.
fn sentence(rule: &Rule) -> String {
    let (word, formula) = match &rule.condition {
        Condition::When(formula) => ("when", formula),
        Condition::Unless(formula) => ("unless", formula),
    };
    let (effect, reach) = (rule.effect.as_str(), rule.reach.as_str());
    format!("{effect} `{}` {word} {formula} (per {reach}, {})", rule.stops, rule.control)
}

fn settings(old: &Deployment, new: &Deployment, ledger: &mut Ledger) {
    let (old, new) = (&old.settings, &new.settings);
    let mut number = |about: &str, of: fn(&maso_intent::Settings) -> u64, example: &str| {
        let what = format!("`{about}`");
        ledger.limit(Line { topic: "setting", about, what }, &of(old), &of(new), example);
    };
    let frame = "a frame just past the smaller limit";
    number("limits.frame_bytes_max", |it| it.limits.frame_bytes_max as u64, frame);
    number("limits.depth_max", |it| it.limits.depth_max as u64, frame);
    number("limits.nodes_max", |it| it.limits.nodes_max as u64, frame);
    number("limits.string_bytes_max", |it| it.limits.string_bytes_max as u64, frame);
    number("limits.keys_max", |it| it.limits.keys_max as u64, frame);
    number("limits.held_actions_max", |it| it.held_actions_max as u64, "one more action that waits");
    number("limits.sessions_per_agent_max", |it| it.open.sessions_per_agent_max as u64, "one more session of an agent");
    number("limits.sessions_max", |it| it.open.sessions_max as u64, "one more session");
    number(
        "limits.connections_per_agent_max",
        |it| it.open.connections_per_agent_max as u64,
        "one more connection of an agent",
    );
    number("limits.connections_max", |it| it.open.connections_max as u64, "one more connection");
    number("limits.bodies_max", |it| it.open.bodies_max as u64, "one more request body");
    number("breakers.blocks_max", |it| it.breaker_blocks_max.into(), "one more blocked action of an agent");
    number("breakers.judge_blocks_max", |it| it.judge_blocks_max.into(), "one more action that a judge blocks");

    let mut duration = |about: &str, of: fn(&maso_intent::Settings) -> u64, example: &str| {
        let what = format!("`{about}`");
        let line = Line { topic: "setting", about, what };
        ledger.limit(line, &Milliseconds(of(old)), &Milliseconds(of(new)), example);
    };
    duration("limits.server_wait", |it| it.server_wait_ms, "a server that answers just past the shorter time");
    duration(
        "limits.alive_within",
        |it| it.alive_within_ms,
        "a request of an agent that was silent for the shorter time",
    );
    duration("limits.session_idle", |it| it.open.session_idle_ms, "a session that nobody used for the shorter time");
    duration("breakers.alternate_max", |it| it.alternate_ms_max, "an agent that was isolated for the shorter time");
    duration("identity.token_ttl", |it| it.token_ttl_ms, "a token that is older than the shorter time");
    duration("identity.proof_window", |it| it.proof_window_ms, "a proof that is older than the shorter time");
    for risk in Risk::ALL {
        let about = format!("approvals.wait.{risk}");
        let what = format!("how long an action of risk {risk} waits for people");
        let line = Line { topic: "setting", about: &about, what };
        let of = |it: &maso_intent::Settings| Milliseconds(it.approval_wait(*risk));
        ledger.limit(line, &of(old), &of(new), "an action that is approved after the shorter time");
    }
    let line = Line { topic: "setting", about: "breakers.window", what: "`breakers.window`".to_owned() };
    let window = |it: &maso_intent::Settings| Milliseconds(it.breaker_window_ms);
    ledger.demand(line, &window(old), &window(new), "blocked actions that lie further apart than the shorter window");
    let line = |about, what: &str| Line { topic: "setting", about, what: what.to_owned() };
    let socket = |it: &maso_intent::Settings| it.workload_socket.clone().unwrap_or_else(|| "none".to_owned());
    let what = line("workload_api.socket", "where attested processes fetch their identities");
    ledger.either(what, &socket(old), &socket(new), "a process that asks at one of them");
    let tls = |it: &maso_intent::Settings| it.tls.as_ref().map_or("none".to_owned(), |tls| tls.listen.to_string());
    ledger.either(line("listen.tls.address", "the door over TLS"), &tls(old), &tls(new), "a connection over TLS");
    let asks = |it: &maso_intent::Settings| it.tls.as_ref().map_or("nothing", |tls| tls.client_certificates.as_str());
    let what = line("listen.tls.client_certificates", "whether certificates have to be shown");
    ledger.either(what, &asks(old), &asks(new), "a connection over TLS without a certificate");
    let names = |it: &maso_intent::Settings| {
        let names = it.tls.iter().flat_map(|tls| &tls.names);
        names.map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let what = line("listen.tls.names", "by what the door over TLS is reached");
    ledger.either(what, &names(old), &names(new), "a connection over TLS to the new name");
    let shown = |it: &maso_intent::Settings| {
        let files = it.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
        files.map_or("maso's own".to_owned(), |files| format!("{}, {}", files.certificate, files.key))
    };
    let what = line("listen.tls.certificate", "by which certificate maso is known");
    ledger.either(what, &shown(old), &shown(new), "a client that knows only one of them");
    let other = |it: &maso_intent::Settings| {
        let federation = it.federation.as_ref();
        federation.map_or("none".to_owned(), |other| format!("{} at {}", other.trust_domain, other.socket))
    };
    let what = line("federation.trust_domain", "the trust domain that is believed beside our own, and its socket");
    ledger.either(what, &other(old), &other(new), "a workload of one of them");
    let bus = |it: &maso_intent::Settings| {
        let server = |bus: &maso_intent::BusSettings| format!("{} ({})", bus.servers, bus.promise.as_str());
        it.bus.as_ref().map_or_else(|| "none".to_owned(), server)
    };
    ledger.either(line("bus.nats", "what carries messages between agents"), &bus(old), &bus(new), "a message");
    let known = |it: &maso_intent::Settings| {
        let roots = it.bus.as_ref().and_then(|bus| bus.roots.clone());
        roots.unwrap_or_else(|| "those of the system".to_owned())
    };
    let what = line("bus.roots", "the certificates by which the bus is known");
    ledger.either(what, &known(old), &known(new), "a server that only one of them vouches for");
    let shown = |it: &maso_intent::Settings| {
        let files = it.bus.as_ref().and_then(|bus| bus.certificate.as_ref());
        files.map_or("none".to_owned(), |files| format!("{}, {}", files.certificate, files.key))
    };
    let what = line("bus.certificate", "by which certificate the bus knows maso");
    ledger.either(what, &shown(old), &shown(new), "a server that asks for one of them");
    let bearer = line("identity.bearer_on_loopback", "whether tokens without a key are accepted on this machine");
    ledger.limit(bearer, &old.bearer_on_loopback, &new.bearer_on_loopback, "a token that is bound to no key");
    ledger.either(
        line("listen.address", "where it listens"),
        &old.listen,
        &new.listen,
        "a connection to the new address",
    );
    let url = |it: &maso_intent::Settings| it.public_url.as_ref().map_or("none".to_owned(), ToString::to_string);
    ledger.either(
        line("listen.public_url", "the public address"),
        &url(old),
        &url(new),
        "a proof that is bound to the new address",
    );
}

fn operators(old: &Deployment, new: &Deployment, ledger: &mut Ledger) {
    let roles = |deployment: &Deployment| -> BTreeMap<String, ()> {
        let all = deployment.operators.iter();
        all.flat_map(|(name, operator)| operator.roles.iter().map(move |role| (format!("{name} as {role}"), ())))
            .collect()
    };
    let example = |who: &String| format!("`{who}` signs in and gives an order of that role");
    ledger.members(("operator", "operator"), Direction::Wider, &roles(old), &roles(new), example);
}

fn deselections(old: &Deployment, new: &Deployment, ledger: &mut Ledger, example: &str) {
    let switched = |deployment: &Deployment| -> BTreeMap<String, Option<maso_core::Timestamp>> {
        let mut latest = BTreeMap::new();
        for one in deployment.deselected.iter().filter(|one| is_switched(&one.control)) {
            // Whichever of two counts longest is the one that counts.
            latest
                .entry(one.control.to_string())
                .and_modify(|until: &mut Option<_>| *until = until.zip(one.until).map(|(a, b)| std::cmp::max(a, b)))
                .or_insert(one.until);
        }
        latest
    };
    let (old, new) = (switched(old), switched(new));
    let kind = ("control", "the deselection of control");
    ledger.members(kind, Direction::Wider, &old, &new, |control| {
        format!("{example} that `{control}` has something against")
    });
    for (control, before, after) in both(&old, &new).filter(|(_, before, after)| before != after) {
        let until = |until: &Option<maso_core::Timestamp>| {
            until.map_or("for good".to_owned(), |until| format!("until {until}"))
        };
        let longer = after.is_none() || before.is_some_and(|before| after.is_some_and(|after| after > before));
        let direction = if longer { Direction::Wider } else { Direction::Narrower };
        let what = format!("how long control `{control}` is switched off");
        let line = Line { topic: "control", about: control, what };
        ledger.value(line, direction, &until(before), &until(after), example);
    }
}

fn judges(old: &Deployment, new: &Deployment, ledger: &mut Ledger) {
    let example = |judge: &maso_core::JudgeName| format!("an action that only `{judge}` would object to");
    ledger.members(("judge", "judge"), Direction::Narrower, &old.judges, &new.judges, example);
    for (name, before, after) in both(&old.judges, &new.judges) {
        let what = format!("what judge `{name}` goes by");
        let line = Line { topic: "judge", about: name.as_str(), what };
        let told = |judge: &JudgeSpec| {
            format!("{:?}", (&judge.kind, &judge.criteria, &judge.exclusions, judge.max_evaluation_latency_ms))
        };
        ledger.either(line, &told(before), &told(after), "an action that is judged by what changed");
    }
}
