//! The abstract space of one act: every combination of classes of what the decision can depend on.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{Act, AgentName, Confidentiality, Integrity, Label, Phase};
use serde_json::{Map, Value};

use super::{Action, classes::Classes};

/// Something that the decision can depend on, cut into classes.
#[derive(Clone, Debug)]
pub(super) enum Axis {
    /// An argument.
    Argument(String, Classes),
    /// The address, name or topic that the act names.
    Object(Classes),
    /// How far the origins of values are believed.
    Origin,
    /// Integrity of what the task has seen.
    SeenIntegrity,
    /// Confidentiality of what the task has seen.
    SeenConfidentiality,
    /// Where the task comes from.
    Task,
    /// The phase. A space without it is about the primary one: any other tightens both versions by the same rules.
    Phase,
}

/// One act of one agent, and all that decides about it.
#[derive(Clone, Debug)]
pub(super) struct Space {
    pub(super) agent: AgentName,
    /// The act; an axis may name its object.
    pub(super) act: Act,
    pub(super) axes: Vec<Axis>,
    /// Arguments that both versions treat alike, with a value that satisfies them.
    pub(super) fixed: BTreeMap<String, Value>,
}

/// One class of each axis.
pub(super) type Point = Vec<usize>;

/// Some classes of each axis, in every combination.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Region(pub(super) Vec<BTreeSet<usize>>);

impl Axis {
    /// How many classes it has.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Argument(_, classes) | Self::Object(classes) => classes.cells.len(),
            Self::Origin | Self::SeenIntegrity => Integrity::ALL.len(),
            Self::SeenConfidentiality => Confidentiality::ALL.len(),
            Self::Task => TASKS.len(),
            Self::Phase => PHASES.len(),
        }
    }

    /// Puts an action into this class; false for an argument, which lies among others.
    pub(super) fn place(&self, action: &mut Action, class: usize) -> bool {
        match self {
            Self::Argument(..) => return false,
            Self::Object(classes) => match classes.cells[class].example() {
                Some(Value::String(object)) => action.act = naming(&action.act, &object),
                _ => return false,
            },
            Self::Origin => action.origin = Integrity::ALL[class],
            Self::SeenIntegrity => action.seen.integrity = Integrity::ALL[class],
            Self::SeenConfidentiality => action.seen.confidentiality = Confidentiality::ALL[class],
            Self::Task => action.opened = TASKS[class],
            Self::Phase => action.phase = PHASES[class],
        }
        true
    }
}

impl Space {
    /// How many points it has; `None` if nobody could count that far.
    pub(super) fn size(&self) -> Option<usize> {
        self.axes.iter().try_fold(1_usize, |size, axis| size.checked_mul(axis.len()))
    }

    /// All its points or, where those are too many, those that differ from `around` on one axis only.
    pub(super) fn points(&self, around: Option<&Point>) -> Vec<Point> {
        let Some(around) = around else {
            return self.axes.iter().fold(vec![Vec::new()], |points, axis| {
                let longer = |point: &Point| {
                    let point = point.clone();
                    (0..axis.len()).map(move |class| point.iter().copied().chain([class]).collect())
                };
                points.iter().flat_map(longer).collect()
            });
        };
        let mut points = BTreeSet::from([around.clone()]);
        for (place, axis) in self.axes.iter().enumerate() {
            points.extend((0..axis.len()).map(|class| {
                let mut point = around.clone();
                point[place] = class;
                point
            }));
        }
        points.into_iter().collect()
    }

    /// An action of this point; `None` where no action can be in all of its classes at once.
    pub(super) fn action(&self, point: &Point) -> Option<Action> {
        let mut action = Action {
            agent: self.agent.clone(),
            act: self.act.clone(),
            payload: Value::Null,
            origin: Integrity::Operator,
            seen: Label::NEUTRAL,
            opened: false,
            phase: Phase::Primary,
        };
        let mut arguments = self.fixed.clone();
        for (axis, class) in self.axes.iter().zip(point) {
            match axis {
                Axis::Argument(pointer, classes) => match classes.cells[*class].example() {
                    Some(value) => drop(arguments.insert(pointer.clone(), value)),
                    None => drop(arguments.remove(pointer)),
                },
                axis => {
                    if !axis.place(&mut action, *class) {
                        return None;
                    }
                }
            }
        }
        action.payload = payload(&arguments)?;
        Some(action)
    }

    /// The classes of an action; `None` where it is another act, or happens in a phase that this space is not about.
    pub(super) fn point_of(&self, action: &Action) -> Option<Point> {
        let object = object_of(&action.act);
        let same = action.agent == self.agent
            && (action.act == self.act || object.is_some_and(|object| naming(&self.act, object) == action.act));
        let in_phase = action.phase == Phase::Primary || self.axes.iter().any(|axis| matches!(axis, Axis::Phase));
        if !same || !in_phase {
            return None;
        }
        self.axes
            .iter()
            .map(|axis| match axis {
                Axis::Argument(pointer, classes) => classes.class_of(action.payload.pointer(pointer)),
                Axis::Object(classes) => classes.class_of(Some(&object?.into())),
                Axis::Origin => Some(action.origin as usize),
                Axis::SeenIntegrity => Some(action.seen.integrity as usize),
                Axis::SeenConfidentiality => Some(action.seen.confidentiality as usize),
                Axis::Task => TASKS.iter().position(|opened| *opened == action.opened),
                Axis::Phase => PHASES.iter().position(|phase| *phase == action.phase),
            })
            .collect()
    }
}

impl Region {
    /// As few regions as can easily be found that hold exactly these points.
    pub(super) fn covering(points: impl IntoIterator<Item = Point>) -> Vec<Self> {
        let one = |point: Point| Self(point.into_iter().map(|class| BTreeSet::from([class])).collect());
        let mut regions: BTreeSet<Self> = points.into_iter().map(one).collect();
        let n_axes = regions.first().map_or(0, |region| region.0.len());
        loop {
            let before = regions.len();
            for axis in 0..n_axes {
                let mut joined: BTreeMap<Vec<BTreeSet<usize>>, BTreeSet<usize>> = BTreeMap::new();
                for Self(mut sides) in regions {
                    let side = sides.remove(axis);
                    joined.entry(sides).or_default().extend(side);
                }
                regions = joined
                    .into_iter()
                    .map(|(mut sides, side)| {
                        sides.insert(axis, side);
                        Self(sides)
                    })
                    .collect();
            }
            if regions.len() == before {
                return regions.into_iter().collect();
            }
        }
    }

    /// Whether the point lies in it.
    pub(super) fn holds(&self, point: &Point) -> bool {
        self.0.iter().zip(point).all(|(side, class)| side.contains(class))
    }
}

/// The same act upon another address, name or topic.
pub(super) fn naming(act: &Act, object: &str) -> Act {
    match act {
        Act::ReadResource { server, .. } => Act::ReadResource { server: server.clone(), uri: object.to_owned() },
        Act::GetPrompt { server, .. } => Act::GetPrompt { server: server.clone(), prompt: object.to_owned() },
        Act::Notify { server, .. } => Act::Notify { server: server.clone(), topic: object.to_owned() },
        other => other.clone(),
    }
}

fn object_of(act: &Act) -> Option<&str> {
    match act {
        Act::ReadResource { uri: object, .. }
        | Act::GetPrompt { prompt: object, .. }
        | Act::Notify { topic: object, .. } => Some(object),
        _ => None,
    }
}

/// Arguments with these values at these pointers; `None` where one would have to lie inside the value of another.
fn payload(arguments: &BTreeMap<String, Value>) -> Option<Value> {
    if let Some(whole) = arguments.get("") {
        return (arguments.len() == 1).then(|| whole.clone());
    }
    let mut payload = Value::Object(Map::new());
    for (pointer, value) in arguments {
        let mut place = &mut payload;
        for segment in pointer.split('/').skip(1) {
            // A pointer finds a key that looks like an index as it finds the index.
            let key = segment.replace("~1", "/").replace("~0", "~");
            let members = place.as_object_mut()?;
            place = members.entry(key).or_insert_with(|| Value::Object(Map::new()));
        }
        if place.as_object().is_none_or(|members| !members.is_empty()) {
            return None;
        }
        *place = value.clone();
    }
    Some(payload)
}

/// Whether a person opened the task, or it is the agent's standing one.
pub(super) const TASKS: [bool; 2] = [false, true];

/// The phases in which agents still act.
pub(super) const PHASES: [Phase; 3] = [Phase::Primary, Phase::Alternate, Phase::Contingency];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_lie_where_their_pointers_say() {
        for (arguments, expected) in [
            (json!({}), Some(json!({}))),
            (json!({ "/a/b": 1, "/c~1d": 2 }), Some(json!({ "a": { "b": 1 }, "c/d": 2 }))),
            (json!({ "/a": "x", "/a/b": 1 }), None),
            (json!({ "": "x" }), Some(json!("x"))),
        ] {
            let arguments = arguments.as_object().unwrap().clone().into_iter().collect();
            assert_eq!(payload(&arguments), expected, "{arguments:?}");
        }
    }

    proptest! {
        #[test]
        fn regions_hold_exactly_their_points(points in proptest::collection::btree_set(proptest::collection::vec(0_usize..4, 3), 0..40)) {
            let regions = Region::covering(points.iter().cloned());
            for a in 0..4 { for b in 0..4 { for c in 0..4 {
                let point = vec![a, b, c];
                let n_holding = regions.iter().filter(|region| region.holds(&point)).count();
                prop_assert_eq!(n_holding, usize::from(points.contains(&point)));
            }}}
        }
    }
}
