//! What stands between two values: white space, empty lines and comments.

/// What stands between two values, read: a comment on the line of the first one, and lines above the second one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Gap {
    beside: Option<String>,
    // INVARIANT: no two empty lines in a row.
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    Empty,
    Comment(String),
}

impl Gap {
    /// The gap that begins where a line begins.
    pub(super) fn of_lines(text: &str) -> Self {
        Self { beside: None, lines: lines(text) }
    }

    /// The gap that begins in the middle of a line.
    pub(super) fn between(text: &str) -> Self {
        let (beside, rest) = text.split_once('\n').unwrap_or((text, ""));
        Self { beside: comment(beside), lines: lines(rest) }
    }

    #[must_use]
    pub(super) fn without_first_empty(mut self) -> Self {
        if self.lines.first() == Some(&Line::Empty) {
            self.lines.remove(0);
        }
        self
    }

    #[must_use]
    pub(super) fn without_last_empty(mut self) -> Self {
        if self.lines.last() == Some(&Line::Empty) {
            self.lines.pop();
        }
        self
    }

    /// The comment beside what came before.
    pub(super) fn beside(&self) -> String {
        self.beside.as_ref().map_or_else(String::new, |comment| format!(" {comment}"))
    }

    /// The lines above what comes next, and the indentation before it.
    pub(super) fn above(&self, indentation: &str) -> String {
        let mut text = String::new();
        for line in &self.lines {
            if let Line::Comment(comment) = line {
                text.push_str(indentation);
                text.push_str(comment);
            }
            text.push('\n');
        }
        text + indentation
    }
}

/// The lines of a text but for the last one, which is the indentation of what comes next.
fn lines(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut all = text.split('\n').peekable();
    while let Some(line) = all.next() {
        match comment(line) {
            Some(comment) => lines.push(Line::Comment(comment)),
            None if all.peek().is_some() && lines.last() != Some(&Line::Empty) => lines.push(Line::Empty),
            None => {}
        }
    }
    lines
}

fn comment(line: &str) -> Option<String> {
    let line = line.trim();
    line.starts_with('#').then(|| line.to_owned())
}
