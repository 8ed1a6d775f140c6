//! Places, named ways between them, and how far something spreads.

use std::collections::VecDeque;

/// A directed graph over places that are numbered from 0.
#[derive(Clone, Debug)]
pub(super) struct Graph<W> {
    ways: Vec<Vec<(usize, W)>>,
}

/// How each place is reached from the nearest of some starts.
#[derive(Clone, Debug)]
pub(super) struct Spreading {
    reached: Vec<Option<Before>>,
}

/// Ways one after the other, each with the place that it begins at and the one that it ends at.
pub(super) type Ways<'g, W> = Vec<(usize, &'g W, usize)>;

/// What comes before a place on the shortest way to it.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    Way { from: usize, way: usize },
}

impl<W> Graph<W> {
    /// So many places, and no ways.
    pub(super) fn new(n_places: usize) -> Self {
        Self { ways: (0..n_places).map(|_| Vec::new()).collect() }
    }

    /// Adds a way.
    pub(super) fn way(&mut self, from: usize, to: usize, by: W) {
        self.ways[from].push((to, by));
    }

    /// Spreads from the starts along the ways that may be taken, into the places that let it in. Linear in places and
    /// ways.
    pub(super) fn spread(
        &self,
        starts: impl IntoIterator<Item = usize>,
        takes: impl Fn(&W) -> bool,
        enters: impl Fn(usize) -> bool,
    ) -> Spreading {
        let mut reached = vec![None; self.ways.len()];
        let mut next = VecDeque::new();
        for start in starts {
            if reached[start].is_none() && enters(start) {
                reached[start] = Some(Before::Nothing);
                next.push_back(start);
            }
        }
        while let Some(from) = next.pop_front() {
            for (way, (to, by)) in self.ways[from].iter().enumerate() {
                if reached[*to].is_none() && takes(by) && enters(*to) {
                    reached[*to] = Some(Before::Way { from, way });
                    next.push_back(*to);
                }
            }
        }
        Spreading { reached }
    }

    /// The nearest start, and the ways from it to `place`. `None` where it is not reached.
    pub(super) fn path<'g>(&'g self, spreading: &Spreading, place: usize) -> Option<(usize, Ways<'g, W>)> {
        let mut path = Vec::new();
        let mut at = place;
        while let Before::Way { from, way } = spreading.reached[at]? {
            path.push((from, &self.ways[from][way].1, at));
            at = from;
        }
        path.reverse();
        Some((at, path))
    }
}

impl Spreading {
    /// Whether the place is reached.
    pub(super) fn reaches(&self, place: usize) -> bool {
        self.reached[place].is_some()
    }
}
