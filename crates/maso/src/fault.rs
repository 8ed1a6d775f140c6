//! What goes wrong, as people read it: what, why, and what to do.

use std::{error::Error, fmt, process::ExitCode};

/// Something that ended a command.
#[derive(Debug)]
pub struct Fault {
    what: String,
    causes: Vec<String>,
    help: Option<String>,
}

impl Fault {
    /// `what` was tried and this came of it.
    pub fn new(what: impl Into<String>, cause: impl Error) -> Self {
        let mut causes = vec![cause.to_string()];
        let mut source = cause.source();
        while let Some(inner) = source {
            causes.push(inner.to_string());
            source = inner.source();
        }
        causes.dedup();
        Self { what: what.into(), causes, help: None }
    }

    /// Something that has no deeper cause.
    pub fn plain(what: impl Into<String>) -> Self {
        Self { what: what.into(), causes: Vec::new(), help: None }
    }

    /// More of why.
    #[must_use]
    pub fn and(mut self, causes: impl IntoIterator<Item = String>) -> Self {
        self.causes.extend(causes);
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says it on standard error. Exit code 2: the command could not do its work.
    pub fn report(self) -> ExitCode {
        anstream::eprintln!("{self}");
        ExitCode::from(2)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", crate::screen::red("error"), self.what)?;
        for cause in &self.causes {
            write!(f, "\n  because {cause}")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  {}: {help}", crate::screen::blue("help"))?;
        }
        Ok(())
    }
}
