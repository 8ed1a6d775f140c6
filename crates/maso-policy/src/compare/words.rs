//! Classes, outcomes and acts, as people say them.

use std::collections::BTreeSet;

use maso_core::{Act, Confidentiality, Integrity, Listing, Review, Wants};
use maso_intent::in_currency;

use super::{
    Outcome,
    classes::{Cell, Classes, Predicate, Span},
    space::{Axis, PHASES, TASKS},
};

/// These classes of an argument, in words; `currency` where its numbers are money.
pub(super) fn classes(all: &Classes, some: &BTreeSet<usize>, currency: Option<&str>) -> String {
    let plainly = listed(all, some, currency);
    let rest: BTreeSet<usize> = (0..all.cells.len()).filter(|class| !some.contains(class)).collect();
    let without = listed(all, &rest, currency);
    let parts = if plainly.len() <= without.len() + 1 {
        return any_of(&plainly);
    } else {
        without
    };
    format!("anything but {}", any_of(&parts))
}

fn listed(all: &Classes, some: &BTreeSet<usize>, currency: Option<&str>) -> Vec<String> {
    let mut parts = numbers(all, some, currency);
    parts.extend(texts(all, some));
    for class in some {
        match &all.cells[*class] {
            Cell::Among(values) if !all.cells[*class].is_text() => {
                parts.extend(values.iter().map(|one| format!("`{one}`")))
            }
            Cell::Flag(flag) => parts.push(format!("`{flag}`")),
            Cell::Composite => parts.push("a list or an object".to_owned()),
            Cell::Null => parts.push("null".to_owned()),
            Cell::Absent => parts.push("none at all".to_owned()),
            Cell::Numbers(_) | Cell::Among(_) | Cell::Text(_) => {}
        }
    }
    parts
}

/// The intervals that the classes make together.
fn numbers(all: &Classes, some: &BTreeSet<usize>, currency: Option<&str>) -> Vec<String> {
    let spans: Vec<(bool, Span)> = (all.cells.iter().enumerate())
        .filter_map(
            |(class, cell)| if let Cell::Numbers(span) = cell { Some((some.contains(&class), *span)) } else { None },
        )
        .collect();
    let runs = spans.chunk_by(|one, other| one.0 == other.0).filter(|run| run[0].0);
    let figure = |number: f64| figure(number, currency);
    runs.filter_map(|run| {
        let low = match run.first()?.1 {
            Span::Point(point) => Some((point, "from")),
            Span::Between(low, _) => low.map(|low| (low, "above")),
        };
        let high = match run.last()?.1 {
            Span::Point(point) => Some((point, "up to")),
            Span::Between(_, high) => high.map(|high| (high, "below")),
        };
        Some(match (low, high) {
            (None, None) => "any number".to_owned(),
            (Some((low, from)), None) => format!("{from} {}", figure(low)),
            (None, Some((high, to))) => format!("{to} {}", figure(high)),
            (Some((low, "from")), Some((high, "up to"))) if low == high => figure(low),
            (Some((low, "from")), Some((high, "up to"))) => {
                format!("from {} to {}", figure(low), figure(high))
            }
            (Some((low, from)), Some((high, to))) => format!("{from} {} and {to} {}", figure(low), figure(high)),
        })
    })
    .collect()
}

/// A number with its thousands apart; as money where it counts the smallest unit of a currency.
fn figure(number: f64, currency: Option<&str>) -> String {
    let is_whole = number.fract() == 0.0 && (0.0..9e15).contains(&number);
    if !is_whole {
        return number.to_string();
    }
    // Whole, not negative and small enough to be exact.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = number as u64;
    match currency {
        Some(currency) => in_currency(whole, currency),
        // A currency without decimals, and without its name, is a plain number in groups of three.
        None => in_currency(whole, "JPY").trim_end_matches(" JPY").to_owned(),
    }
}

fn texts(all: &Classes, some: &BTreeSet<usize>) -> Vec<String> {
    let of_text: BTreeSet<usize> = (0..all.cells.len()).filter(|class| all.cells[*class].is_text()).collect();
    let wanted: BTreeSet<usize> = some.intersection(&of_text).copied().collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    if wanted == of_text {
        return vec!["any text".to_owned()];
    }
    let having = |place: usize| -> BTreeSet<usize> {
        of_text.iter().filter(|class| has(&all.cells[**class], place, &all.predicates[place])).copied().collect()
    };
    let predicates: Vec<(BTreeSet<usize>, &str)> =
        all.predicates.iter().enumerate().map(|(place, one)| (having(place), one.words.as_str())).collect();
    for (one, words) in &predicates {
        if *one == wanted {
            return vec![(*words).to_owned()];
        }
    }
    for (one, words) in &predicates {
        if of_text.difference(one).copied().collect::<BTreeSet<_>>() == wanted {
            return vec![format!("anything but {words}")];
        }
    }
    for (one, words) in &predicates {
        for (other, without) in &predicates {
            if one.difference(other).copied().collect::<BTreeSet<_>>() == wanted {
                return vec![format!(
                    "{words}, but not {}",
                    without.trim_start_matches("text that ").trim_start_matches("text ")
                )];
            }
        }
    }
    wanted.iter().flat_map(|class| class_of_text(&all.cells[*class], &all.predicates)).collect()
}

fn class_of_text(cell: &Cell, predicates: &[Predicate]) -> Vec<String> {
    match cell {
        Cell::Among(values) => values.iter().map(|value| format!("`{}`", value.as_str().unwrap_or_default())).collect(),
        Cell::Text(atom) => {
            let has: Vec<_> = predicates
                .iter()
                .zip(&atom.answers)
                .filter(|(_, answer)| **answer)
                .map(|(one, _)| one.words.as_str())
                .collect();
            let what = if has.is_empty() { "other text".to_owned() } else { has.join(" and ") };
            vec![format!("{what}, such as `{}`", atom.example)]
        }
        _ => Vec::new(),
    }
}

fn has(cell: &Cell, place: usize, predicate: &Predicate) -> bool {
    match cell {
        Cell::Text(atom) => atom.answers[place],
        Cell::Among(values) => values.iter().all(|value| value.as_str().is_some_and(|text| predicate.holds(text))),
        _ => false,
    }
}

/// What must be true of an axis for these of its classes; `None` where all of them are meant.
pub(super) fn condition(axis: &Axis, some: &BTreeSet<usize>, money: Option<(&str, &str)>) -> Option<String> {
    if some.len() == axis.len() {
        return None;
    }
    let words = |all: &[&str]| {
        all.iter()
            .enumerate()
            .filter(|(at, _)| some.contains(at))
            .map(|(_, word)| format!("`{word}`"))
            .collect::<Vec<_>>()
    };
    Some(match axis {
        Axis::Argument(pointer, all) => {
            let currency = money.filter(|(of, _)| of == pointer).map(|(_, currency)| currency);
            let shown = if pointer.is_empty() { "as arguments" } else { &format!("with `{pointer}`") };
            format!("{shown} {}", classes(all, some, currency))
        }
        Axis::Object(all) => format!("named {}", classes(all, some, None)),
        Axis::Origin => {
            let levels: Vec<_> = Integrity::ALL.iter().map(|one| one.as_str()).collect();
            format!("with values of {} origin", any_of(&words(&levels)))
        }
        Axis::SeenIntegrity => {
            let levels: Vec<_> = Integrity::ALL.iter().map(|one| one.as_str()).collect();
            format!("where the task has seen nothing less believed than {}", any_of(&words(&levels)))
        }
        Axis::SeenConfidentiality => {
            let levels: Vec<_> = Confidentiality::ALL.iter().map(|one| one.as_str()).collect();
            format!("where the most confidential that the task has seen is {}", any_of(&words(&levels)))
        }
        Axis::Task => {
            let opened = some.iter().any(|class| TASKS[*class]);
            (if opened { "in a task that a person opened" } else { "in its standing task" }).to_owned()
        }
        Axis::Phase => {
            let phases: Vec<_> = PHASES.iter().map(|one| one.as_str()).collect();
            format!("in the phase {}", any_of(&words(&phases)))
        }
    })
}

/// What may be done, as it follows "may".
pub(super) fn phrase(acts: &[Act]) -> String {
    let Some(act) = acts.first() else { return String::new() };
    match act {
        _ if acts.len() > 1 => {
            let server = act.server().map(ToString::to_string).unwrap_or_default();
            format!("list what `{server}` offers, ask it for completions and be told things by it")
        }
        Act::CallTool(tool) => format!("call `{tool}`"),
        Act::ReadResource { server, .. } => format!("read resources of `{server}`"),
        Act::GetPrompt { server, .. } => format!("get prompts of `{server}`"),
        Act::Complete { server } => format!("ask `{server}` for completions"),
        Act::List { server, listing } => {
            let what = match listing {
                Listing::Tools => "tools",
                Listing::Resources => "resources",
                Listing::ResourceTemplates => "resource templates",
                Listing::Prompts => "prompts",
                Listing::Roots => "roots",
            };
            format!("list the {what} of `{server}`")
        }
        Act::AskClient { server, wants } => {
            let what = match wants {
                Wants::Sample => "a completion by its model",
                Wants::Elicit => "words of the person at it",
                Wants::Roots => "its folders",
            };
            format!("have its client asked by `{server}` for {what}")
        }
        Act::Notify { server, .. } => format!("be told things by `{server}`"),
        Act::Request { agent, request } => format!("ask `{agent}` to `{request}`"),
        Act::Tell { agent, contract } => format!("tell `{agent}` a `{contract}`"),
        Act::Report { status } => format!("report its work as {status}"),
        Act::Spawn { agent } => format!("start an instance of `{agent}`"),
    }
}

/// Who must be heard.
pub(super) fn review(review: Review) -> String {
    let some = |n, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("a {one}")),
        n => Some(format!("{n} {many}")),
    };
    let who: Vec<_> = [some(review.n_judges, "judge", "judges"), some(review.n_people, "person", "people")]
        .into_iter()
        .flatten()
        .collect();
    if who.is_empty() { "nobody".to_owned() } else { who.join(" and ") }
}

/// What becomes of an action.
pub(super) fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused => "refused".to_owned(),
        Outcome::After(needed) if needed == Review::NONE => "allowed, nobody is asked".to_owned(),
        Outcome::After(needed) => format!("allowed after {}", review(needed)),
    }
}

/// Alternatives, as a sentence lists them.
pub(super) fn any_of(parts: &[String]) -> String {
    let (shown, more) = parts.split_at(parts.len().min(LISTED_MAX));
    let mut shown = shown.to_vec();
    if !more.is_empty() {
        shown.push(format!("{} more", more.len()));
    }
    match shown.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// Alternatives that a sentence lists.
const LISTED_MAX: usize = 8;
