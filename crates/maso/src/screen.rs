//! What people see in a terminal. Colours vanish where nobody would see them.
//!
//! Much of what is shown was chosen by agents and servers. A terminal obeys what it is shown, so a character that moves
//! its cursor, hides text, turns it around or begins a line of its own is shown by its number instead.

use std::{
    cell::Cell,
    fmt::{self, Write as _},
    io::{self, IsTerminal as _, Write as _},
};

use anstyle::{AnsiColor, Color, Style};

/// A text in a style.
pub struct Styled<T> {
    text: T,
    style: Style,
}

impl<T: fmt::Display> fmt::Display for Styled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ours(|| write!(f, "{}", self.style.render()))?;
        write!(f, "{}", self.text)?;
        ours(|| write!(f, "{}", self.style.render_reset()))
    }
}

thread_local! {
    /// Whether what is being written is our own colouring.
    static OURS: Cell<bool> = const { Cell::new(false) };
}

fn ours(write: impl FnOnce() -> fmt::Result) -> fmt::Result {
    OURS.set(true);
    let written = write();
    OURS.set(false);
    written
}

/// Passes on what a terminal may be shown: our own colouring, and text without any power over the terminal.
struct Harmless<W>(W);

impl<W: io::Write> fmt::Write for Harmless<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if OURS.get() || !text.contains(has_power) {
            return self.0.write_all(text.as_bytes()).map_err(|_| fmt::Error);
        }
        let shown = text.chars().try_for_each(|character| match has_power(character) {
            true => write!(self.0, "{}", character.escape_unicode()),
            false => write!(self.0, "{character}"),
        });
        shown.map_err(|_| fmt::Error)
    }
}

/// Whether a character moves, hides, breaks or turns around what stands near it.
fn has_power(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

const fn coloured(text: &str, colour: AnsiColor) -> Styled<&str> {
    Styled { text, style: Style::new().fg_color(Some(Color::Ansi(colour))).bold() }
}

/// What was refused, or is wrong.
pub const fn red(text: &str) -> Styled<&str> {
    coloured(text, AnsiColor::Red)
}

/// What was allowed, or is well.
pub const fn green(text: &str) -> Styled<&str> {
    coloured(text, AnsiColor::Green)
}

/// What waits.
pub const fn yellow(text: &str) -> Styled<&str> {
    coloured(text, AnsiColor::Yellow)
}

/// What helps.
pub const fn blue(text: &str) -> Styled<&str> {
    coloured(text, AnsiColor::Cyan)
}

/// What matters less.
pub const fn faint<T: fmt::Display>(text: T) -> Styled<T> {
    Styled { text, style: Style::new().dimmed() }
}

/// What matters more.
pub const fn strong(text: &str) -> Styled<&str> {
    Styled { text, style: Style::new().bold() }
}

/// A text folded at the edge of a terminal of the usual width, the lines after the first `indent` columns in. Left as
/// it is where nobody sees it: what reads a file or a pipe wants whole lines.
pub fn folded(indent: usize, text: &str) -> Folded<'_> {
    Folded { text, indent, width: io::stdout().is_terminal().then_some(COLUMNS) }
}

const COLUMNS: usize = 80;

/// A text that is folded between its words.
pub struct Folded<'a> {
    text: &'a str,
    indent: usize,
    width: Option<usize>,
}

impl fmt::Display for Folded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(width) = self.width else { return f.write_str(self.text) };
        let mut column = self.indent;
        for (index, word) in self.text.split(' ').enumerate() {
            let length = word.chars().count();
            if index > 0 && column + 1 + length > width {
                ours(|| write!(f, "\n{:indent$}", "", indent = self.indent))?;
                column = self.indent;
            } else if index > 0 {
                f.write_str(" ")?;
                column += 1;
            }
            f.write_str(word)?;
            column += length;
        }
        Ok(())
    }
}

/// Shows on a terminal that something takes its time, until it is dropped.
pub fn waiting(what: &'static str) -> indicatif::ProgressBar {
    let spinner = indicatif::ProgressBar::new_spinner().with_message(what);
    spinner.enable_steady_tick(std::time::Duration::from_millis(100));
    spinner
}

/// A decision's word in its colour, eight columns wide.
pub fn decision(word: &str) -> impl fmt::Display {
    let (styled, space) = match word {
        "allow" => (green("allowed"), " "),
        "hold" => (yellow("held"), "    "),
        _ => (red("refused"), " "),
    };
    fmt::from_fn(move |f| write!(f, "{styled}{space}"))
}

/// Writes one line to standard output, in colour where somebody would see it. A line's end inside it is shown by its
/// number: nobody else's text begins a line.
macro_rules! say {
    () => { $crate::screen::write(format_args!(""), "\n") };
    ($($arg:tt)*) => { $crate::screen::write(format_args!($($arg)*), "\n") };
}

/// The same, without ending the line.
macro_rules! say_on {
    ($($arg:tt)*) => { $crate::screen::write(format_args!($($arg)*), "") };
}

pub(crate) use {say, say_on};

/// Writes to standard output. Whoever closed it wants no more: the program then ends quietly, as others do.
pub fn write(text: fmt::Arguments<'_>, end: &str) {
    let mut out = anstream::stdout().lock();
    let shown = Harmless(&mut out).write_fmt(text).is_ok();
    if !shown || out.write_all(end.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Prints a value as JSON for scripts.
pub fn json(value: &impl serde::Serialize) {
    json_text(&serde_json::to_string_pretty(value).expect("what is printed is plain data"));
}

/// Prints a value as JSON on one line.
pub fn json_line(value: &impl serde::Serialize) {
    json_text(&serde_json::to_string(value).expect("what is printed is plain data"));
}

fn json_text(text: &str) {
    for line in json_lines(text) {
        say!("{line}");
    }
}

/// The lines of a JSON text, every character with power over a terminal escaped as JSON has it: such characters stand
/// in strings only, so the value stays the same.
fn json_lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split('\n').map(|line| {
        line.chars().fold(String::with_capacity(line.len()), |mut escaped, character| {
            if has_power(character) {
                write!(escaped, "\\u{:04x}", u32::from(character)).expect("a string takes any text");
            } else {
                escaped.push(character);
            }
            escaped
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: fmt::Arguments<'_>) -> String {
        let mut out = Vec::new();
        Harmless(&mut out).write_fmt(text).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_others_wrote_has_no_power_over_the_terminal() {
        for (hostile, expected) in [
            ("\u{1b}[2J\u{1b}]0;title\u{7}", "\\u{1b}[2J\\u{1b}]0;title\\u{7}"),
            ("x\n   99 allowed  agent:a", "x\\u{a}   99 allowed  agent:a"),
            ("\r\u{8}\u{7f}", "\\u{d}\\u{8}\\u{7f}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("pay \u{202e}001\u{2066}", "pay \\u{202e}001\\u{2066}"),
            ("plain Ünïcode €", "plain Ünïcode €"),
        ] {
            assert_eq!(shown(format_args!("{hostile}")), expected);
            let styled = shown(format_args!("{}", strong(hostile)));
            assert_eq!(styled, shown(format_args!("{}{expected}{}", Harmlessly(true), Harmlessly(false))));
            let json = serde_json::to_string(hostile).unwrap();
            let lines: Vec<_> = json_lines(&json).collect();
            assert!(!lines.concat().contains(has_power), "{lines:?}");
            assert_eq!(serde_json::from_str::<String>(&lines.join("\n")).unwrap(), hostile);
        }
    }

    #[test]
    fn a_long_text_is_folded_between_words_and_no_word_is_lost() {
        let text = "one two three four five six seven";
        let folded = Folded { text, indent: 4, width: Some(20) };
        assert_eq!(shown(format_args!("    {folded}")), "    one two three\n    four five six\n    seven");
        let whole = Folded { text, indent: 4, width: None };
        assert_eq!(shown(format_args!("{whole}")), text);
        let hostile = Folded { text: "pay\nallowed", indent: 4, width: Some(20) };
        assert_eq!(shown(format_args!("{hostile}")), "pay\\u{a}allowed");
    }

    /// The beginning or the end of what [`strong`] writes.
    struct Harmlessly(bool);

    impl fmt::Display for Harmlessly {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let style = strong("").style;
            ours(|| match self.0 {
                true => write!(f, "{}", style.render()),
                false => write!(f, "{}", style.render_reset()),
            })
        }
    }
}
