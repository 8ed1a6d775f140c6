//! The text of a deployment folder.

use std::collections::BTreeMap;

use maso_core::Digest;
use maso_identity::Envelope;

use crate::{LintRule, Problem, Severity, signing::digest_of};

/// The text of a deployment folder, by path inside it (with `/`). Doors read files; this crate gets text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Path inside the folder, and the file's text.
    pub files: BTreeMap<String, String>,
}

impl Source {
    /// Bytes of one file; more is a problem.
    pub const FILE_BYTES_MAX: usize = 1 << 20;
    /// Files of one folder; more is a problem.
    pub const FILES_MAX: usize = 2_000;

    /// Whether a file at this path belongs to a deployment. Doors need not read any other.
    pub fn wants(path: &str) -> bool {
        Kind::of(path).is_some()
    }

    /// The folder made of these files.
    pub fn of<P: Into<String>, T: Into<String>>(files: impl IntoIterator<Item = (P, T)>) -> Self {
        Self { files: files.into_iter().map(|(path, text)| (path.into(), text.into())).collect() }
    }

    /// Content address of the deployment: of all its files, whatever else lies in the folder, and whoever signed it.
    pub fn digest(&self) -> Digest {
        digest_of(&self.digests())
    }

    /// Content address of each file that declares something; signatures declare nothing.
    pub fn digests(&self) -> BTreeMap<String, Digest> {
        let declares = |path: &str| Kind::of(path).is_some_and(|kind| !matches!(kind, Kind::Signatures(_)));
        let files = self.files.iter().filter(|(path, _)| declares(path));
        files.map(|(path, text)| (path.clone(), Digest::of(text.as_bytes()))).collect()
    }

    /// Where the signatures of a version lie.
    pub fn path_of_signatures(version: Digest) -> String {
        format!("signatures/{}.dsse.json", version.to_string().trim_start_matches("sha256:"))
    }

    /// The files that hold signatures, by path.
    pub(crate) fn signatures(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter().filter(|(path, _)| matches!(Kind::of(path), Some(Kind::Signatures(_))));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// All envelopes that can be read, each with the version under whose name it lies.
    pub(crate) fn envelopes(&self) -> impl Iterator<Item = (Digest, Envelope)> {
        self.files.iter().filter_map(|(path, text)| match Kind::of(path)? {
            Kind::Signatures(version) => Some((Digest::parse(version)?, Envelope::read(text).ok()?)),
            _ => None,
        })
    }

    /// The envelope that lies under the name of this version, if it can be read.
    pub(crate) fn envelope(&self, version: Digest) -> Option<Envelope> {
        Envelope::read(self.files.get(&Self::path_of_signatures(version))?).ok()
    }

    /// What is too big to be read.
    pub(crate) fn excesses(&self) -> Vec<Problem> {
        let problem = |file: &str, message: String, remedy: String| Problem {
            file: file.to_owned(),
            line: 1,
            column: 1,
            severity: Severity::Error,
            control: None,
            rule: LintRule::Malformed,
            message,
            remedy,
        };
        let mut problems = Vec::new();
        let n_files = self.files.keys().filter(|path| Self::wants(path)).count();
        if n_files > Self::FILES_MAX {
            let message = format!("{n_files} files, {} allowed", Self::FILES_MAX);
            problems.push(problem("maso.toml", message, "split the deployment".to_owned()));
        }
        for (path, text) in
            self.files.iter().filter(|(path, text)| Self::wants(path) && text.len() > Self::FILE_BYTES_MAX)
        {
            let message = format!("{} bytes, {} allowed", text.len(), Self::FILE_BYTES_MAX);
            problems.push(problem(path, message, "split the file".to_owned()));
        }
        problems
    }
}

/// What a file of a deployment folder is, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// `maso.toml`
    Maso,
    /// `workflows/NAME.toml`
    Workflow(&'a str),
    /// `agents/NAME.toml`
    Agent(&'a str),
    /// `judges/NAME.toml`
    Judge(&'a str),
    /// `tools/NAME.toml`
    Server(&'a str),
    /// `tools/NAME.lock.json`
    Lock(&'a str),
    /// `evidence/NAME.toml`
    Evidence,
    /// `policies/NAME.cedar`
    Policy,
    /// `rules/NAME.toml`
    Rules,
    /// `signatures/VERSION.dsse.json`
    Signatures(&'a str),
}

impl<'a> Kind<'a> {
    pub(crate) fn of(path: &'a str) -> Option<Self> {
        if path == "maso.toml" {
            return Some(Self::Maso);
        }
        let (folder, file) = path.split_once('/')?;
        if file.contains('/') || file.starts_with('.') {
            return None;
        }
        match folder {
            "workflows" => file.strip_suffix(".toml").map(Self::Workflow),
            "agents" => file.strip_suffix(".toml").map(Self::Agent),
            "judges" => file.strip_suffix(".toml").map(Self::Judge),
            "tools" => {
                (file.strip_suffix(".lock.json").map(Self::Lock)).or(file.strip_suffix(".toml").map(Self::Server))
            }
            "evidence" => file.strip_suffix(".toml").map(|_| Self::Evidence),
            "policies" => file.strip_suffix(".cedar").map(|_| Self::Policy),
            "rules" => file.strip_suffix(".toml").map(|_| Self::Rules),
            "signatures" => file.strip_suffix(".dsse.json").map(Self::Signatures),
            _ => None,
        }
    }
}
