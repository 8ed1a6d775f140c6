//! What people see in a terminal. Colours vanish where nobody would see them.

use std::{fmt, io::Write as _};

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

/// Writes a line to standard output, in colour where somebody would see it.
macro_rules! say {
    () => { $crate::screen::write(format_args!("\n")) };
    ($($arg:tt)*) => { $crate::screen::write(format_args!("{}\n", format_args!($($arg)*))) };
}

/// The same, without ending the line.
macro_rules! say_on {
    ($($arg:tt)*) => { $crate::screen::write(format_args!($($arg)*)) };
}

pub(crate) use {say, say_on};

/// Writes to standard output. Whoever closed it wants no more: the program then ends quietly, as others do.
pub fn write(text: fmt::Arguments<'_>) {
    let mut out = anstream::stdout().lock();
    if out.write_fmt(text).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Prints a value as JSON for scripts.
pub fn json(value: &impl serde::Serialize) {
    say!("{}", serde_json::to_string_pretty(value).expect("what is printed is plain data"));
}
