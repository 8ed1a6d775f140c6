//! Where two versions decide differently, put into as few sentences as say it exactly.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{Act, Review};

use super::{
    Action, Change, Direction, Outcome, Version, Witness,
    questions::Question,
    space::{Axis, Point, Region, Space},
    words,
};

/// The changes that the answers to a question show.
pub(super) fn changes(question: &Question, old: &Version, new: &Version) -> Vec<Change> {
    let answers: Vec<Answers<'_>> = question.spaces.iter().map(|space| Answers::of(space, old, new)).collect();
    let alike = answers.windows(2).all(|pair| pair[0].regions == pair[1].regions);
    let mut changes: Vec<Change> = if alike && answers.len() > 1 {
        answers.first().map(|first| first.changes(&answers, old, new)).unwrap_or_default()
    } else {
        answers.iter().flat_map(|one| one.changes(std::slice::from_ref(one), old, new)).collect()
    };
    let all_tried = answers.iter().all(|one| one.all_tried);
    let mut beyond = question.beyond.clone();
    if !all_tried {
        beyond.insert("there are too many combinations of classes, so each was varied alone".to_owned());
    }
    // Where both versions go by the same, they decide the same, followed or not.
    if !beyond.is_empty() && !question.same_ground {
        changes.extend(answers.first().map(|one| unsure(one, &beyond)));
    }
    changes
}

/// What cannot be enumerated may be different in any way.
fn unsure(answers: &Answers<'_>, beyond: &BTreeSet<String>) -> Change {
    let space = answers.space;
    let why = beyond.iter().cloned().collect::<Vec<_>>().join("; ");
    let phrase = words::phrase(std::slice::from_ref(&space.act));
    Change {
        direction: Direction::Mixed,
        topic: "policy",
        agent: Some(space.agent.clone()),
        about: space.act.object(),
        text: format!("what lets `{}` {phrase} cannot be compared in full: {why}", space.agent),
        before: "not known in full".to_owned(),
        after: "not known in full".to_owned(),
        witness: match answers.example() {
            Some(action) => Witness::Action(Box::new(action)),
            None => Witness::Words(format!("any attempt of `{}` to {phrase}", space.agent)),
        },
        extent: Vec::new(),
        outcomes: None,
    }
}

/// How the two versions answer over one space.
struct Answers<'a> {
    space: &'a Space,
    /// Where they differ, by what they say.
    regions: BTreeMap<Pair, Vec<Region>>,
    all_tried: bool,
}

/// What the old and the new version say, in an order of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair(Outcome, Outcome);

impl Pair {
    fn key(self) -> [(u8, u8, u8, bool); 2] {
        let key = |outcome| match outcome {
            Outcome::Refused => (0, 0, 0, false),
            Outcome::After(Review { n_judges, n_people, dry_run }) => (1, n_judges, n_people, dry_run),
        };
        [key(self.0), key(self.1)]
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl<'a> Answers<'a> {
    fn of(space: &'a Space, old: &Version, new: &Version) -> Self {
        let all_tried = space.size().is_some_and(|size| size <= POINTS_MAX);
        let points = if all_tried {
            space.points(None)
        } else {
            let around = |version| space.points(Some(&likely(space, version)));
            [old, new].into_iter().flat_map(around).collect()
        };
        let mut differing: BTreeMap<Pair, BTreeSet<Point>> = BTreeMap::new();
        for point in points {
            let Some(action) = space.action(&point) else { continue };
            let pair = Pair(old.decide(&action), new.decide(&action));
            if pair.0 != pair.1 {
                differing.entry(pair).or_default().insert(point);
            }
        }
        let regions = differing.into_iter().map(|(pair, points)| (pair, Region::covering(points))).collect();
        Self { space, regions, all_tried }
    }

    /// One change for each region. `family` is all that is answered in the same way.
    fn changes(&self, family: &[Answers<'_>], old: &Version, new: &Version) -> Vec<Change> {
        let regions = self.regions.iter().flat_map(|(pair, regions)| regions.iter().map(move |region| (*pair, region)));
        let acts: Vec<Act> = family.iter().map(|one| one.space.act.clone()).collect();
        regions
            .filter_map(|(Pair(before, after), region)| {
                let witness = witness(self.space, region)?;
                let sentence =
                    Sentence { space: self.space, region, acts: &acts, witness: &witness.0, before, after, old, new };
                Some(Change {
                    direction: direction(before, after),
                    topic: topic(&self.space.act, before, after),
                    agent: Some(self.space.agent.clone()),
                    about: if acts.len() > 1 { self.space.act.server()?.to_string() } else { about(&self.space.act) },
                    text: sentence.text(),
                    before: words::outcome(before),
                    after: words::outcome(after),
                    witness: Witness::Action(Box::new(witness.1)),
                    extent: family.iter().map(|one| (one.space.clone(), region.clone())).collect(),
                    outcomes: Some((before, after)),
                })
            })
            .collect()
    }

    fn example(&self) -> Option<Action> {
        self.space.action(&self.space.axes.iter().map(|_| 0).collect())
    }
}

/// What stands for what the acts of a space are done to.
fn about(act: &Act) -> String {
    match act {
        Act::ReadResource { server, .. } | Act::GetPrompt { server, .. } | Act::Notify { server, .. } => {
            server.to_string()
        }
        act => act.object(),
    }
}

const fn topic(act: &Act, before: Outcome, after: Outcome) -> &'static str {
    match (act, before, after) {
        (_, Outcome::After(_), Outcome::After(_)) => "review",
        (Act::CallTool(_), ..) => "tool",
        (Act::Request { .. }, ..) => "request",
        (Act::Tell { .. }, ..) => "message",
        (Act::Report { .. }, ..) => "report",
        (Act::Spawn { .. }, ..) => "spawn",
        (Act::ReadResource { .. }, ..) => "resource",
        (Act::GetPrompt { .. }, ..) => "prompt",
        (Act::AskClient { .. }, ..) => "client",
        (Act::Complete { .. } | Act::List { .. } | Act::Notify { .. }, ..) => "server",
    }
}

fn direction(before: Outcome, after: Outcome) -> Direction {
    match (after.is_easier_than(before), before.is_easier_than(after)) {
        (true, false) => Direction::Wider,
        (false, true) => Direction::Narrower,
        _ => Direction::Mixed,
    }
}

/// The point of a region that makes the best example, with an action of it.
fn witness(space: &Space, region: &Region) -> Option<(Point, Action)> {
    let best: Point = space.axes.iter().zip(&region.0).map(|(axis, side)| best(axis, side)).collect();
    if let Some(action) = space.action(&best) {
        return Some((best, action));
    }
    // Its best classes do not go together: any others that do.
    let all = Space { axes: space.axes.clone(), ..space.clone() }.points(None);
    let held = all.into_iter().filter(|point| region.holds(point));
    held.map(|point| (space.action(&point), point)).find_map(|(action, point)| Some((point, action?)))
}

/// The class that makes the best example: a whole number at the end of its interval, a text that was named.
fn best(axis: &Axis, side: &BTreeSet<usize>) -> usize {
    use super::classes::{Cell, Span};
    let first = side.first().copied().unwrap_or_default();
    match axis {
        Axis::Argument(_, classes) | Axis::Object(classes) => {
            let rank = |class: &usize| match &classes.cells[*class] {
                // What makes no difference is left out.
                Cell::Absent if side.len() == axis.len() => (0, 0),
                Cell::Numbers(Span::Point(point)) if *point > 0.0 => (0, usize::MAX - class),
                Cell::Among(_) => (1, *class),
                Cell::Numbers(Span::Between(Some(low), _)) if *low >= 0.0 => (2, *class),
                Cell::Text(atom) if !atom.example.is_empty() => (3, *class),
                _ => (4, *class),
            };
            side.iter().copied().min_by_key(rank).unwrap_or(first)
        }
        Axis::Origin | Axis::SeenIntegrity => side.last().copied().unwrap_or(first),
        Axis::SeenConfidentiality | Axis::Task | Axis::Phase => first,
    }
}

/// A point at which a version likely permits the act: where too many cannot all be tried, the rest is tried around it.
fn likely(space: &Space, version: &Version) -> Point {
    let best = |axis: &Axis| best(axis, &(0..axis.len()).collect());
    let mut point: Point = space.axes.iter().map(best).collect();
    let permits = |point: &Point| space.action(point).is_some_and(|action| version.decide(&action) != Outcome::Refused);
    // Axis by axis, from what all others are: bounds hold each for itself, so this finds their common ground.
    for place in 0..space.axes.len() {
        if permits(&point) {
            break;
        }
        let Some(axis) = space.axes.get(place) else { break };
        let Axis::Argument(pointer, classes) = axis else { continue };
        let bound = version
            .deployment
            .agents
            .get(&space.agent)
            .and_then(|mandate| mandate.tools.get(space.act.tool()?)?.bounds.get(pointer));
        let within = |class: &usize| {
            let example = classes.cells[*class].example();
            bound.is_none_or(|bound| example.is_some_and(|value| crate::authorise::bounds::satisfies(&value, bound)))
        };
        if let Some(class) = (0..axis.len()).find(within) {
            point[place] = class;
        }
    }
    point
}

/// A limit on one argument that moved.
struct Limit {
    pointer: String,
    /// What the version permits that permits more.
    wide: String,
    /// What the other one permits.
    narrow: String,
    /// Whether the same people are asked as within the narrower limit.
    still: bool,
}

/// One region of one space, about to be said.
struct Sentence<'a> {
    space: &'a Space,
    region: &'a Region,
    acts: &'a [Act],
    witness: &'a Point,
    before: Outcome,
    after: Outcome,
    old: &'a Version,
    new: &'a Version,
}

impl Sentence<'_> {
    fn text(&self) -> String {
        let agent = &self.space.agent;
        let phrase = words::phrase(self.acts);
        match (self.before, self.after) {
            (Outcome::Refused, Outcome::After(review)) => match self.moved_limit(self.old, self.new, self.after) {
                Some(Limit { pointer, wide, narrow, still }) => {
                    let (rest, needs) = (self.rest(), needs(review, still));
                    format!("`{agent}` may now {phrase}{rest} with `{pointer}` {wide} (was {narrow}); it {needs}")
                }
                None => format!("`{agent}` may now {phrase}{}; it {}", self.conditions(), needs(review, false)),
            },
            (Outcome::After(review), Outcome::Refused) => match self.moved_limit(self.new, self.old, self.before) {
                Some(Limit { pointer, wide, narrow, still }) => {
                    let (rest, needs) = (self.rest(), needs(review, still));
                    format!("`{agent}` may now {phrase}{rest} only with `{pointer}` {narrow} (was {wide}); it {needs}")
                }
                None => format!("`{agent}` may no longer {phrase}{}", self.conditions()),
            },
            (Outcome::After(was), Outcome::After(now)) => {
                let (now, was) = (words::review(now), words::review(was));
                format!("`{agent}` may {phrase}{} after {now} (was {was})", self.conditions())
            }
            (Outcome::Refused, Outcome::Refused) => String::new(),
        }
    }

    /// Where a single argument decides, and one version permits all of its values that the other does and more.
    fn moved_limit(&self, narrow: &Version, wide: &Version, outcome: Outcome) -> Option<Limit> {
        let mut restricted = self
            .space
            .axes
            .iter()
            .enumerate()
            .filter(|(place, axis)| matches!(axis, Axis::Argument(..)) && self.region.0[*place].len() < axis.len());
        let ((place, axis), None) = (restricted.next()?, restricted.next()) else { return None };
        let Axis::Argument(pointer, classes) = axis else { return None };
        let permitted = |version: &Version| -> BTreeMap<usize, Outcome> {
            let outcome = |class: usize| {
                let mut point = self.witness.clone();
                point[place] = class;
                let outcome = version.decide(&self.space.action(&point)?);
                (outcome != Outcome::Refused).then_some((class, outcome))
            };
            (0..axis.len()).filter_map(outcome).collect()
        };
        let (narrow, wide) = (permitted(narrow), permitted(wide));
        // What only one of them knows is no limit that moved.
        if narrow.is_empty() || !narrow.keys().all(|class| wide.contains_key(class)) {
            return None;
        }
        let money = self.money();
        let currency = money.as_ref().filter(|(of, _)| of == pointer).map(|(_, currency)| currency.as_str());
        let said = |some: &BTreeMap<usize, Outcome>| words::classes(classes, &some.keys().copied().collect(), currency);
        let still = narrow.values().all(|one| *one == outcome);
        Some(Limit { pointer: pointer.clone(), wide: said(&wide), narrow: said(&narrow), still })
    }

    /// All conditions of the region.
    fn conditions(&self) -> String {
        self.conditions_of(|_| true)
    }

    /// The conditions that no argument makes.
    fn rest(&self) -> String {
        self.conditions_of(|axis| !matches!(axis, Axis::Argument(..)))
    }

    fn conditions_of(&self, wanted: impl Fn(&Axis) -> bool) -> String {
        let money = self.money();
        let money = money.as_ref().map(|(pointer, currency)| (pointer.as_str(), currency.as_str()));
        let sides = self.space.axes.iter().zip(&self.region.0).filter(|(axis, _)| wanted(axis));
        sides
            .filter_map(|(axis, side)| words::condition(axis, side, money))
            .fold(String::new(), |all, one| all + " " + &one)
    }

    /// The argument that is money, and its currency.
    fn money(&self) -> Option<(String, String)> {
        let of = |version: &Version| {
            let pointer = version.deployment.tool(self.space.act.tool()?)?.value_pointer.clone()?;
            let workflow = &version.deployment.agents.get(&self.space.agent)?.workflow;
            Some((pointer, version.deployment.workflows.get(workflow)?.limits.currency.clone()?))
        };
        of(self.new).or_else(|| of(self.old))
    }
}

fn needs(review: Review, still: bool) -> String {
    let still = if still { "still " } else { "" };
    if review == Review::NONE {
        format!("{still}needs nobody's word")
    } else {
        format!("{still}needs {}", words::review(review))
    }
}

/// Combinations that are tried of one act.
const POINTS_MAX: usize = 20_000;
