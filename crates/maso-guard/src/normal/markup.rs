//! HTML and XML: what a reader sees, and what only a program does.

use std::{convert::Infallible, ops::Range};

use html5gum::{
    Span, Tokenizer,
    emitters::callback::{CallbackEmitter, CallbackEvent},
};

use self::style::hides;
use super::{
    budget::{Bound, Budget},
    layer::Layer,
    view::{Draft, Hiding, Inherit, View},
};

mod style;

/// What markup hid.
#[derive(Default)]
pub struct Unmarked {
    /// What a reader sees.
    pub seen: Option<View<'static>>,
    /// Comments, and text in styles that no reader sees.
    pub unseen: Option<View<'static>>,
    /// Texts beside something: alternative texts, titles, labels.
    pub beside: Option<View<'static>>,
}

/// Takes markup off, if there is any.
pub fn take_off(view: &View<'_>, inherit: Inherit, budget: &mut Budget) -> Result<Unmarked, Bound> {
    let text = view.text.as_ref();
    if !has_tags(text.as_bytes()) {
        return Ok(Unmarked::default());
    }
    budget.look(text.len());
    let mut reader = Reader {
        text,
        at: 0,
        seen: Draft::of(view, inherit),
        unseen: Draft::of(view, inherit),
        beside: Draft::of(view, inherit),
        element: Vec::new(),
        attribute: Vec::new(),
        is_hidden: false,
        hidden_in: None,
        raw_in: None,
    };
    let mut emitter = CallbackEmitter::<_, Infallible, usize>::new(|event: CallbackEvent<'_>, span: Span<usize>| {
        reader.hear(&event, on_characters(text, span.start..span.end));
        None
    });
    // What stands in scripts and styles is no markup.
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(text, emitter).finish();
    reader.text_until(text.len());
    let Reader { seen, unseen, beside, .. } = reader;
    budget.take(seen.len() + unseen.len() + beside.len())?;
    Ok(Unmarked {
        seen: seen.finish(Layer::Markup),
        unseen: unseen.finish(Layer::Unseen),
        beside: beside.finish(Layer::Beside),
    })
}

fn has_tags(bytes: &[u8]) -> bool {
    bytes
        .windows(2)
        .any(|pair| pair[0] == b'<' && (pair[1].is_ascii_alphabetic() || matches!(pair[1], b'/' | b'!' | b'?')))
}

struct Reader<'p> {
    text: &'p str,
    /// Where the last tag or comment ended: until the next one there is text.
    at: usize,
    seen: Draft<'p>,
    unseen: Draft<'p>,
    beside: Draft<'p>,
    /// The element whose start tag is read.
    element: Vec<u8>,
    attribute: Vec<u8>,
    /// Whether something in its tag hides it.
    is_hidden: bool,
    /// The element in which nothing is seen, and how many of its name are open.
    hidden_in: Option<(Vec<u8>, usize)>,
    /// The script or style that is read, which is no text.
    raw_in: Option<Vec<u8>>,
}

impl Reader<'_> {
    fn hear(&mut self, event: &CallbackEvent<'_>, span: Range<usize>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.text_until(span.start);
                self.element.clear();
                self.element.extend_from_slice(name);
                self.is_hidden = *name == b"template";
            }
            CallbackEvent::AttributeName { name } => {
                self.attribute.clear();
                self.attribute.extend_from_slice(name);
                self.is_hidden |= *name == b"hidden";
            }
            CallbackEvent::AttributeValue { value } => {
                if self.attribute == b"style" {
                    self.is_hidden |= hides(value);
                } else if BESIDE.contains(&self.attribute.as_slice()) {
                    self.beside.lift(span, Hiding::Open);
                    self.beside.end_line();
                }
            }
            CallbackEvent::CloseStartTag { self_closing } => {
                self.at = span.end.max(self.at);
                self.open(*self_closing);
            }
            CallbackEvent::EndTag { name } => {
                self.text_until(span.start);
                self.at = span.end.max(self.at);
                self.close(name);
            }
            CallbackEvent::Comment { value } => {
                self.text_until(span.start);
                self.at = span.end.max(self.at);
                self.hear_comment(value, span);
            }
            CallbackEvent::Doctype { .. } => {
                self.text_until(span.start);
                self.at = span.end.max(self.at);
            }
            CallbackEvent::String { .. } | CallbackEvent::Error(_) => {}
        }
    }

    fn text_until(&mut self, end: usize) {
        let text = self.at..end.max(self.at);
        self.at = text.end;
        if self.raw_in.is_some() {
            // Whoever reads the whole reads it there.
        } else if self.hidden_in.is_some() {
            self.unseen.lift(text, Hiding::Hidden);
        } else {
            self.seen.copy(text);
        }
    }

    fn open(&mut self, is_closed: bool) {
        let name = self.element.as_slice();
        if is_block(name) {
            self.seen.end_line();
            self.unseen.end_line();
        }
        if is_closed || VOID.contains(&name) {
            return;
        }
        if matches!(name, b"script" | b"style") {
            self.raw_in = Some(name.to_vec());
        }
        match &mut self.hidden_in {
            Some((hidden, depth)) if hidden == name => *depth += 1,
            None if self.is_hidden => self.hidden_in = Some((name.to_vec(), 1)),
            _ => {}
        }
    }

    fn close(&mut self, name: &[u8]) {
        if is_block(name) {
            self.seen.end_line();
            self.unseen.end_line();
        }
        if self.raw_in.as_deref() == Some(name) {
            self.raw_in = None;
        }
        if let Some((hidden, depth)) = &mut self.hidden_in
            && hidden.as_slice() == name
        {
            *depth -= 1;
            if *depth == 0 {
                self.hidden_in = None;
                self.unseen.end_line();
            }
        }
    }

    fn hear_comment(&mut self, value: &[u8], span: Range<usize>) {
        let inside = inside_comment(&self.text[span.clone()]);
        let inside = span.start + inside.start..span.start + inside.end;
        if value.starts_with(b"[CDATA[") {
            // In XML it is text as it stands.
            self.seen.copy(inside);
        } else if !value.starts_with(b"?") {
            self.unseen.lift(inside, Hiding::Hidden);
            self.unseen.end_line();
        }
    }
}

/// The same span, none of whose ends lies within a character.
fn on_characters(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    start..text.floor_char_boundary(span.end).max(start)
}

/// Where in a comment stands what it says. Tags that are none, such as `</ x>`, are comments to a tokenizer.
fn inside_comment(comment: &str) -> Range<usize> {
    let opening = ["<![CDATA[", "<!--", "<!", "</", "<?"].into_iter().find(|sign| comment.starts_with(sign));
    let start = opening.map_or(0, str::len);
    let closing = ["]]>", "-->", ">"].into_iter().find(|sign| comment[start..].ends_with(sign));
    start..comment.len() - closing.map_or(0, str::len)
}

/// Whether a reader sees the element's content apart from what stands before and after it.
fn is_block(name: &[u8]) -> bool {
    // Paragraphs of office documents are `w:p`, `a:p` and `text:p`.
    BLOCKS.contains(&name) || name.ends_with(b":p")
}

const BLOCKS: &[&[u8]] = &[
    b"address",
    b"article",
    b"aside",
    b"blockquote",
    b"br",
    b"dd",
    b"div",
    b"dl",
    b"dt",
    b"figcaption",
    b"figure",
    b"footer",
    b"form",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"header",
    b"hr",
    b"li",
    b"main",
    b"nav",
    b"ol",
    b"option",
    b"p",
    b"pre",
    b"section",
    b"table",
    b"td",
    b"th",
    b"title",
    b"tr",
    b"ul",
    b"w:tab",
    b"w:br",
    b"row",
    b"si",
    b"text:h",
    b"text:tab",
];
const VOID: &[&[u8]] = &[
    b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta", b"source", b"track", b"wbr",
];
/// Attributes whose values are texts.
const BESIDE: &[&[u8]] =
    &[b"alt", b"aria-description", b"aria-label", b"content", b"label", b"placeholder", b"summary", b"title", b"value"];
