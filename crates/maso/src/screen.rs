//! What people see in a terminal. Colours vanish where nobody would see them.

use std::fmt;

use anstyle::{AnsiColor, Color, Style};

/// A text in a style.
pub struct Styled<'a> {
    text: &'a str,
    style: Style,
}

impl fmt::Display for Styled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.style.render(), self.text, self.style.render_reset())
    }
}

const fn coloured(text: &str, colour: AnsiColor) -> Styled<'_> {
    Styled { text, style: Style::new().fg_color(Some(Color::Ansi(colour))).bold() }
}

/// What was refused, or is wrong.
pub const fn red(text: &str) -> Styled<'_> {
    coloured(text, AnsiColor::Red)
}

/// What was allowed, or is well.
pub const fn green(text: &str) -> Styled<'_> {
    coloured(text, AnsiColor::Green)
}

/// What waits.
pub const fn yellow(text: &str) -> Styled<'_> {
    coloured(text, AnsiColor::Yellow)
}

/// What helps.
pub const fn blue(text: &str) -> Styled<'_> {
    coloured(text, AnsiColor::Cyan)
}

/// What matters less.
pub const fn faint(text: &str) -> Styled<'_> {
    Styled { text, style: Style::new().dimmed() }
}

/// What matters more.
pub const fn strong(text: &str) -> Styled<'_> {
    Styled { text, style: Style::new().bold() }
}

/// A decision's word in its colour, eight columns wide.
pub fn decision(word: &str) -> String {
    match word {
        "allow" => format!("{} ", green("allowed")),
        "hold" => format!("{}    ", yellow("held")),
        _ => format!("{} ", red("refused")),
    }
}

/// Prints a value as JSON for scripts.
#[expect(clippy::print_stdout, reason = "the result of a command")]
pub fn json(value: &impl serde::Serialize) {
    println!("{}", serde_json::to_string_pretty(value).expect("what is printed is plain data"));
}
