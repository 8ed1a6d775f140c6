//! What a sender says beside its content: what it assumes, does not know, and hands on as binding.

use std::{fmt, str::FromStr};

use maso_core::{ConstraintName, Digest, words};

use crate::Malformed;

/// A sentence of a sender: 1 to 2000 bytes, without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(String);

impl Text {
    /// Bytes of one text.
    pub const BYTES_MAX: usize = 2_000;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digest of its bytes, by which it is found again further down a chain.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Text {
    // It may say something confidential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

impl FromStr for Text {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if (1..=Self::BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::because("not a text of 1 to 2000 bytes without control characters"))
        }
    }
}

/// Something that a sender takes for granted (PG-2.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption {
    /// What is assumed.
    pub text: Text,
    /// For whom.
    pub reach: Reach,
}

/// For whom an assumption holds. Low to high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// For the agent that makes it.
    Local,
    /// For all who work on the task.
    Task,
    /// For everybody.
    Global,
}
words!(Reach { Local = "local", Task = "task", Global = "global" });

/// What binds whoever works on, word for word, however often work is handed on (PG-3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// What it is called along the chain.
    pub name: ConstraintName,
    /// How it binds.
    pub force: Force,
    /// What it says.
    pub text: Text,
}

impl Constraint {
    /// The digest of force and text: it is another for one that was loosened.
    pub fn digest(&self) -> Digest {
        // No word of a force contains a space, so no two constraints share these bytes.
        Digest::of(format!("{} {}", self.force, self.text.as_str()).as_bytes())
    }
}

/// How a constraint binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Force {
    /// It has to be so.
    Must,
    /// It may not be so.
    Never,
    /// It has to be exactly this.
    Exactly,
}
words!(Force { Must = "must", Never = "never", Exactly = "exactly" });
