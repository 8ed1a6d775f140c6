//! Markdown (CommonMark): what a reader sees of links and emphasis, and what stands beside them.

use std::ops::Range;

use super::{
    budget::{Bound, Budget},
    layer::Layer,
    view::{Draft, Hiding, Inherit, View},
};

/// What Markdown hid.
#[derive(Default)]
pub struct Unmarked {
    /// What a reader sees: links without their targets, words without emphasis within them.
    pub seen: Option<View<'static>>,
    /// Comments, which are link definitions that nothing refers to.
    pub unseen: Option<View<'static>>,
    /// Titles of links, and the texts of images.
    pub beside: Option<View<'static>>,
}

/// Takes links and emphasis off, if there are any.
pub fn take_off(view: &View<'_>, inherit: Inherit, budget: &mut Budget) -> Result<Unmarked, Bound> {
    let text = view.text.as_ref();
    if !text.bytes().any(|b| matches!(b, b'[' | b'*' | b'~' | b'`')) {
        return Ok(Unmarked::default());
    }
    budget.look(text.len());
    let mut reader = Reader {
        text,
        copied: 0,
        open: Vec::new(),
        unclosed_until: 0,
        n_looked: 0,
        seen: Draft::of(view, inherit),
        unseen: Draft::of(view, inherit),
        beside: Draft::of(view, inherit),
    };
    reader.read();
    let Reader { seen, unseen, beside, n_looked, .. } = reader;
    budget.look(n_looked);
    budget.take(seen.len() + unseen.len() + beside.len())?;
    Ok(Unmarked {
        seen: seen.finish(Layer::Markdown),
        unseen: unseen.finish(Layer::Unseen),
        beside: beside.finish(Layer::Beside),
    })
}

struct Reader<'p> {
    text: &'p str,
    /// What is before was taken over or left out.
    copied: usize,
    /// Brackets that were opened and not closed.
    open: Vec<usize>,
    /// Before this no parenthesis is closed on its line.
    unclosed_until: usize,
    /// Bytes that were looked through for a parenthesis.
    n_looked: usize,
    seen: Draft<'p>,
    unseen: Draft<'p>,
    beside: Draft<'p>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at = match byte {
                b'[' => {
                    self.open.push(at);
                    at + 1
                }
                b']' => self.close(at),
                b'*' | b'~' | b'`' => self.emphasis(at),
                b'\n' => {
                    // A link's text goes over lines, but not over paragraphs.
                    if bytes.get(at + 1) == Some(&b'\n') {
                        self.open.clear();
                    }
                    at + 1
                }
                _ => at + 1,
            };
        }
        self.seen.copy(self.copied.min(self.text.len())..self.text.len());
    }

    /// A bracket that closes; gives where to go on.
    fn close(&mut self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let Some(open) = self.open.pop() else { return at + 1 };
        match bytes.get(at + 1) {
            Some(b'(') => {
                let Some(end) = self.line_has(b')', at + 2) else { return at + 1 };
                self.link(open, at, at + 2..end);
                end + 1
            }
            Some(b':') if is_line_start(bytes, open) => {
                let end = at + 2 + bytes[at + 2..].iter().take_while(|b| **b != b'\n').count();
                self.definition(open, at + 2..end);
                end
            }
            _ => at + 1,
        }
    }

    /// `[text](target "title")`, or an image if a sign of exclamation stands before it.
    fn link(&mut self, open: usize, close: usize, target: Range<usize>) {
        let is_image = open > 0 && self.text.as_bytes()[open - 1] == b'!';
        let start = if is_image { open - 1 } else { open };
        // A link within a link's text was taken over already.
        if start >= self.copied {
            self.seen.copy(self.copied..start);
            if !is_image {
                self.seen.copy(open + 1..close);
            }
            self.copied = target.end + 1;
        }
        if is_image {
            self.beside.lift(open + 1..close, Hiding::Open);
            self.beside.end_line();
        }
        self.title(target, Hiding::Open);
    }

    /// `[name]: target "title"`, which nobody sees.
    fn definition(&mut self, open: usize, rest: Range<usize>) {
        if open < self.copied {
            return;
        }
        self.seen.copy(self.copied..open);
        self.copied = rest.end;
        let target = self.text[rest.clone()].trim_start();
        // With such a target it is a comment.
        let hiding = if target.starts_with(['#', '<', '"', '(']) { Hiding::Hidden } else { Hiding::Open };
        self.title(rest, hiding);
    }

    /// The title after a target.
    fn title(&mut self, target: Range<usize>, hiding: Hiding) {
        let Some(offset) = self.text[target.clone()].find(['"', '\'', '(']) else { return };
        let title = target.start + offset + 1..target.end;
        let draft = if hiding == Hiding::Hidden { &mut self.unseen } else { &mut self.beside };
        draft.lift(title, hiding);
        draft.end_line();
    }

    /// Emphasis within a word is no part of it; gives where to go on.
    fn emphasis(&mut self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let end = at + bytes[at..].iter().take_while(|b| matches!(b, b'*' | b'~' | b'`')).count();
        let is_letter = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphabetic);
        if at > self.copied && is_letter(bytes.get(at - 1)) && is_letter(bytes.get(end)) {
            self.seen.copy(self.copied..at);
            self.copied = end;
        }
        end
    }

    /// Where the byte stands on this line.
    fn line_has(&mut self, byte: u8, from: usize) -> Option<usize> {
        if from < self.unclosed_until {
            return None;
        }
        let rest = &self.text.as_bytes()[from..];
        let offset = rest.iter().position(|b| *b == byte || *b == b'\n').unwrap_or(rest.len());
        self.n_looked += offset;
        if rest.get(offset) == Some(&byte) {
            return Some(from + offset);
        }
        self.unclosed_until = from + offset;
        None
    }
}

/// Whether at most three spaces stand before it on its line.
fn is_line_start(bytes: &[u8], at: usize) -> bool {
    let n_spaces = bytes[..at].iter().rev().take(4).take_while(|b| **b == b' ').count();
    n_spaces < 4 && (n_spaces == at || bytes[at - n_spaces - 1] == b'\n')
}
