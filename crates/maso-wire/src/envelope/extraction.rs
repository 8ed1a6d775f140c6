//! Where a field of a message was read out of a document.

use maso_core::{Digest, Timestamp, words};

use super::{Confidence, Text};

/// How one field of a message was read out of a document, and whether a person has looked at it (EI-2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extraction {
    /// JSON pointer to the field in the content (RFC 6901).
    pub pointer: String,
    /// Hash of the document.
    pub document: Digest,
    /// The model that read it.
    pub model: Text,
    /// Its version.
    pub model_version: Text,
    /// How sure the model is.
    pub confidence: Confidence,
    /// When it was read.
    pub at: Timestamp,
    /// What a person said of it.
    pub validation: Validation,
}

/// What a person said of a value that a model read, by the sender's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Validation {
    /// Nobody looked.
    Pending,
    /// It is what the document says.
    Confirmed,
    /// It is what a person put in its place.
    Corrected,
}
words!(Validation { Pending = "pending", Confirmed = "confirmed", Corrected = "corrected" });
