//! What is signed.

use std::collections::BTreeMap;

use maso_core::{Digest, canonical_bytes};
use maso_wire::Limits;
use serde_json::{Map, Value, json};

use crate::Source;

/// One version of a deployment, file by file, and how it came to be: what a signature is under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Counted up from 1 with each version. One that is lower than what was in force is an old one.
    pub number: u32,
    /// The version that it takes the place of.
    pub replaces: Option<Digest>,
    /// Why it does: the trigger of an amendment (AT-2.10).
    pub reason: Option<String>,
    /// Content address of each file of the deployment.
    pub files: BTreeMap<String, Digest>,
}

impl Statement {
    /// What envelopes call it.
    pub const PAYLOAD_TYPE: &str = "application/vnd.maso.deployment-version+json";
    /// Bytes of a reason.
    pub const REASON_BYTES_MAX: usize = 2_000;

    /// Content address of the version: that of the deployment with exactly these files.
    pub fn version(&self) -> Digest {
        digest_of(&self.files)
    }

    /// The bytes that are signed: canonical JSON, so that one statement has one form.
    pub fn payload(&self) -> Vec<u8> {
        let mut members = Map::new();
        members.insert("files".to_owned(), files_value(&self.files));
        members.insert("number".to_owned(), self.number.into());
        if let Some(replaces) = &self.replaces {
            members.insert("replaces".to_owned(), replaces.to_string().into());
        }
        if let Some(reason) = &self.reason {
            members.insert("reason".to_owned(), reason.as_str().into());
        }
        canonical_bytes(&Value::Object(members))
    }

    /// Reads the bytes that were signed; nothing but what [`Statement::payload`] writes is read.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let value = maso_wire::parse_json(payload, &LIMITS).ok()?;
        let text = |member: &str| value.get(member).and_then(Value::as_str);
        let files = value.get("files")?.as_object()?.iter();
        let statement = Self {
            number: u32::try_from(value.get("number")?.as_u64()?).ok()?,
            replaces: text("replaces").and_then(Digest::parse),
            reason: text("reason").map(str::to_owned),
            files: files
                .map(|(path, digest)| Some((path.clone(), Digest::parse(digest.as_str()?)?)))
                .collect::<Option<_>>()?,
        };
        // What is missing, more, or written in another way shows here.
        (statement.payload() == payload).then_some(statement)
    }
}

/// Content address of the deployment with these files.
pub(crate) fn digest_of(files: &BTreeMap<String, Digest>) -> Digest {
    Digest::of_value(&files_value(files))
}

fn files_value(files: &BTreeMap<String, Digest>) -> Value {
    json!(files.iter().map(|(path, digest)| (path.clone(), digest.to_string())).collect::<BTreeMap<_, _>>())
}

/// Bounds on a statement: as many files as a deployment may have.
const LIMITS: Limits = Limits {
    frame_bytes_max: Source::FILE_BYTES_MAX,
    depth_max: 4,
    nodes_max: Source::FILES_MAX + 8,
    keys_max: Source::FILES_MAX,
    ..Limits::DEFAULT
};
