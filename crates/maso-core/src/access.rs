//! What may be done with data.

use crate::{Class, words};

/// What may be done with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Look at it.
    Read,
    /// Change or add to it, without looking.
    Write,
    /// Both.
    ReadWrite,
}
words!(Access { Read = "read", Write = "write", ReadWrite = "read-write" });

impl Access {
    /// Whether whoever has `wide` has this too.
    pub fn within(self, wide: Self) -> bool {
        wide == Self::ReadWrite || self == wide
    }

    /// What a tool of this class needs.
    pub fn needed(class: Class) -> Self {
        if class == Class::Read { Self::Read } else { Self::Write }
    }
}
