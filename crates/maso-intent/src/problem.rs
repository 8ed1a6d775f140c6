//! What is wrong with a deployment folder: where, why, by which control, and what to do about it.

use std::fmt;

use maso_core::ControlId;

use crate::LintRule;

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The deployment must not be started.
    Error,
    /// Something will not work as intended, or a control is weaker than it looks.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word used in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong with a deployment folder.
///
/// The order of the fields is the order in which problems are listed: by place, then the gravest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, by its path inside the folder.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// How much it matters.
    pub severity: Severity,
    /// The control that asks for it; none for what is no valid file at all.
    pub control: Option<ControlId>,
    /// The rule that found it.
    pub rule: LintRule,
    /// What is wrong: a lowercase fragment.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}: {}", self.file, self.line, self.column, self.severity, self.message)?;
        if let Some(control) = &self.control {
            write!(f, " ({control})")?;
        }
        if !self.remedy.is_empty() {
            write!(f, "\n  help: {}", self.remedy)?;
        }
        Ok(())
    }
}

/// Why a folder is no deployment: at least one problem, in the order of files and lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// These problems, put in order.
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        sort(&mut problems);
        Self(problems)
    }

    /// The problems, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// Gives up the problems.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Puts problems in the order of files and lines, and drops repetitions.
pub(crate) fn sort(problems: &mut Vec<Problem>) {
    problems.sort();
    problems.dedup();
}

/// Line and column, both from 1, of a byte offset in a text.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    Lines::of(text).place(text, offset)
}

/// Where the lines of a text begin.
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    /// The lines of this text.
    pub(crate) fn of(text: &str) -> Self {
        let later = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(later).collect())
    }

    /// Line and column, both from 1, of a byte offset in that text.
    pub(crate) fn place(&self, text: &str, offset: usize) -> (usize, usize) {
        let line = self.0.partition_point(|begins| *begins <= offset).max(1);
        let begins = self.0.get(line - 1).copied().unwrap_or(0);
        let before = text.get(begins..offset).or_else(|| text.get(begins..)).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}
