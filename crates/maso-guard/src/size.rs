//! Payloads larger than the work in hand can need (EC-2.14).

use maso_core::{Finding, Word};
use maso_intent::Settings;

use crate::{Surface, leaf::Shape, notes::Notes};

/// How large parts of a payload may be. Past the first of each pair a person must look, past the second it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of one string in arguments, messages and descriptions.
    pub sent_string_bytes_max: (usize, usize),
    /// Bytes of one string in results.
    pub result_string_bytes_max: (usize, usize),
    /// Items of one array or object in arguments, messages and descriptions.
    pub sent_items_max: (usize, usize),
    /// Items of one array or object in results.
    pub result_items_max: (usize, usize),
}

impl Sizes {
    /// The sizes of a deployment with default limits.
    pub const DEFAULT: Self = Self {
        sent_string_bytes_max: (256 << 10, 2 << 20),
        result_string_bytes_max: (2 << 20, 2 << 20),
        sent_items_max: (1_000, 50_000),
        result_items_max: (50_000, 100_000),
    };

    /// The sizes that stand in proportion to a deployment's limits on a frame.
    pub fn within(settings: &Settings) -> Self {
        let string = settings.limits.string_bytes_max;
        let nodes = settings.limits.nodes_max;
        Self {
            sent_string_bytes_max: (string / 8, string),
            result_string_bytes_max: (string, string),
            sent_items_max: (nodes / 100, nodes / 2),
            result_items_max: (nodes / 2, nodes),
        }
    }
}

/// Compares what a walk met with the sizes.
pub fn measure(shape: &Shape, surface: Surface, sizes: &Sizes, notes: &mut Notes<'_>) {
    let (string_bytes_max, items_max) = match surface {
        Surface::Result => (sizes.result_string_bytes_max, sizes.result_items_max),
        Surface::Arguments | Surface::Message | Surface::Description => {
            (sizes.sent_string_bytes_max, sizes.sent_items_max)
        }
    };
    compare("a string of this many bytes", &shape.string_bytes, string_bytes_max, notes);
    compare("a list of this many items", &shape.items, items_max, notes);
    if shape.too_deep {
        notes.add(Finding::new(EC_2_14, Word::NoGo, "nested deeper than can be looked into"));
    }
}

fn compare(what: &str, (size, pointer): &(usize, String), (escalate, refuse): (usize, usize), notes: &mut Notes<'_>) {
    let (word, limit) = if *size > refuse {
        (Word::NoGo, refuse)
    } else if *size > escalate {
        (Word::Escalate, escalate)
    } else {
        return;
    };
    notes
        .add(Finding::new(EC_2_14, word, format!("{what} is over the limit")).at(pointer, format!("{size} > {limit}")));
}

const EC_2_14: &str = "EC-2.14";
