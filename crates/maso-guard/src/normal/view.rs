//! One reading of a string, and where each part of it stands in the original.

use std::{borrow::Cow, cell::OnceCell, ops::Range};

use super::{
    layer::{Layer, Way},
    plain::sources,
};

/// One reading of a string: the string as it stands, or what some layers hid.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// What is read.
    pub text: Cow<'a, str>,
    /// What was taken off to read it.
    pub way: Way,
    /// How often something was taken off; several layers at once where none of them can be read by itself.
    pub depth: usize,
    map: Map,
}

/// Where a part of a view stands in the original, and how it came to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The bytes of the original that carry it.
    pub span: Range<usize>,
    /// Whether it is read here first.
    pub is_news: bool,
    /// Whether somebody took pains that people do not read it.
    pub is_hidden: bool,
}

impl<'a> View<'a> {
    /// A string as it stands.
    pub const fn whole(text: &'a str) -> Self {
        Self { text: Cow::Borrowed(text), way: Way::new(), depth: 0, map: Map::Whole }
    }

    /// Whether nothing was taken off.
    pub const fn is_whole(&self) -> bool {
        matches!(self.map, Map::Whole)
    }

    /// The same, below one more layer.
    #[must_use]
    pub fn under(mut self, layer: Layer) -> Self {
        self.way = self.way.and(layer);
        self
    }

    /// Where a part of it stands in the original.
    pub fn find(&self, part: Range<usize>) -> Found {
        match &self.map {
            Map::Whole => Found { span: part, is_news: true, is_hidden: false },
            Map::Pieces(pieces) => find(pieces, self.text.len(), part),
        }
    }
}

/// A view in the plain form, in which rules are matched against it.
pub struct Reading<'a> {
    view: &'a View<'a>,
    /// The plain form.
    pub plain: &'a str,
    /// Made only where something was found.
    sources: OnceCell<Vec<u32>>,
}

impl<'a> Reading<'a> {
    /// A view, and its plain form.
    pub const fn new(view: &'a View<'a>, plain: &'a str) -> Self {
        Self { view, plain, sources: OnceCell::new() }
    }

    /// How what was found had to be read, as the end of a reason; nothing if it stands there.
    pub fn how(&self, found: &Found) -> String {
        match (self.view.is_whole(), found.is_hidden) {
            (true, _) => String::new(),
            (false, true) => format!(", hidden {}", self.view.way),
            (false, false) => format!(", found {}", self.view.way),
        }
    }

    /// Where a part of the plain form stands in the original.
    pub fn find(&self, part: Range<usize>) -> Found {
        let sources = self.sources.get_or_init(|| sources(&self.view.text));
        let end_of_text = self.view.text.len();
        let start = sources.get(part.start).map_or(end_of_text, |at| *at as usize);
        let last = part.end.checked_sub(1).and_then(|at| sources.get(at)).copied().unwrap_or(u32::MAX);
        // The character ends where the next one that is in the plain form begins.
        let end = sources.get(part.end..).unwrap_or_default().iter().find(|at| **at > last);
        self.view.find(start..end.map_or(end_of_text, |at| *at as usize).max(start))
    }
}

/// Where the text of a view comes from.
#[derive(Clone, Debug)]
enum Map {
    /// It is the original.
    Whole,
    /// It was put together from these, in the order of the view.
    Pieces(Vec<Piece>),
}

#[derive(Clone, Debug)]
struct Piece {
    /// Where it begins in the view; it ends where the next begins.
    at: usize,
    /// What carries it in the original.
    from: Range<usize>,
    /// Whether it stands in the original byte for byte.
    is_exact: bool,
    is_hidden: bool,
    news: News,
}

/// What a piece is to whoever read the view from which this one was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    /// It stands there, next to the piece before.
    None,
    /// It stands there, and something between it and the piece before was taken out.
    Joint,
    /// It cannot be read there.
    All,
}

/// Whether people read what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hiding {
    /// As well as a program.
    Open,
    /// Somebody took pains that they do not.
    Hidden,
}

/// A view in the making.
pub struct Draft<'p> {
    parent: &'p View<'p>,
    inherit: Inherit,
    text: String,
    pieces: Vec<Piece>,
    /// Where in the parent the last piece ended.
    end: Option<usize>,
    /// Whether anything in it is news to whoever read the parent.
    is_news: bool,
}

/// Whether what is news in the parent is news in the view as well: where nobody reads the parent itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inherit {
    /// The parent is a step on the way.
    News,
    /// The parent is read as well.
    Nothing,
}

impl<'p> Draft<'p> {
    /// Nothing yet of what is made of this view.
    pub const fn of(parent: &'p View<'p>, inherit: Inherit) -> Self {
        Self { parent, inherit, text: String::new(), pieces: Vec::new(), end: None, is_news: false }
    }

    /// How long it is by now.
    pub const fn len(&self) -> usize {
        self.text.len()
    }

    /// Goes on with a part of the parent, as it stands there.
    pub fn copy(&mut self, part: Range<usize>) {
        let news = if self.end.is_none_or(|end| end == part.start) { News::None } else { News::Joint };
        self.take(part, news, Hiding::Open);
    }

    /// Goes on with a part of the parent that is read apart from what stands around it.
    pub fn lift(&mut self, part: Range<usize>, hiding: Hiding) {
        self.take(part, News::All, hiding);
    }

    /// Goes on with what a part of the parent says in other characters.
    pub fn read(&mut self, text: &str, part: Range<usize>, hiding: Hiding) {
        if text.is_empty() {
            return;
        }
        let Found { span, is_hidden, .. } = self.parent.find(part.clone());
        let is_hidden = is_hidden || hiding == Hiding::Hidden;
        self.pieces.push(Piece { at: self.text.len(), from: span, is_exact: false, is_hidden, news: News::All });
        self.text.push_str(text);
        self.end = Some(part.end);
        self.is_news = true;
    }

    /// Ends a line, so that what follows is another word.
    pub fn end_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// The view, if anything in it is news to whoever read the parent.
    pub fn finish(self, layer: Layer) -> Option<View<'static>> {
        self.is_news.then(|| View {
            text: Cow::Owned(self.text),
            way: self.parent.way.and(layer),
            depth: self.parent.depth + usize::from(self.inherit == Inherit::Nothing),
            map: Map::Pieces(self.pieces),
        })
    }

    fn take(&mut self, part: Range<usize>, news: News, hiding: Hiding) {
        if part.is_empty() {
            return;
        }
        self.is_news |= news != News::None;
        let at = self.text.len();
        let hides = hiding == Hiding::Hidden;
        match &self.parent.map {
            Map::Whole => {
                self.pieces.push(Piece { at, from: part.clone(), is_exact: true, is_hidden: hides, news });
            }
            Map::Pieces(pieces) => {
                let first = pieces.partition_point(|piece| piece.at <= part.start).saturating_sub(1);
                for (index, piece) in pieces.iter().enumerate().skip(first) {
                    if piece.at >= part.end {
                        break;
                    }
                    let piece_end = pieces.get(index + 1).map_or(self.parent.text.len(), |next| next.at);
                    let within = part.start.max(piece.at)..part.end.min(piece_end);
                    if within.is_empty() {
                        continue;
                    }
                    let own = if index == first || news == News::All { news } else { News::None };
                    let inherited = match self.inherit {
                        // A joint is at the start of its piece, and of no other part of it.
                        Inherit::News if piece.news == News::Joint && within.start > piece.at => News::None,
                        Inherit::News => piece.news,
                        Inherit::Nothing => News::None,
                    };
                    self.pieces.push(Piece {
                        at: at + within.start - part.start,
                        from: piece.carries(within),
                        is_exact: piece.is_exact,
                        is_hidden: piece.is_hidden || hides,
                        news: own.max(inherited),
                    });
                }
            }
        }
        self.text.push_str(&self.parent.text[part.clone()]);
        self.end = Some(part.end);
    }
}

impl Piece {
    /// What carries a part of the piece in the original.
    fn carries(&self, part: Range<usize>) -> Range<usize> {
        if !self.is_exact {
            return self.from.clone();
        }
        let place = |at: usize| (self.from.start + at.saturating_sub(self.at)).min(self.from.end);
        place(part.start)..place(part.end)
    }
}

fn find(pieces: &[Piece], text_len: usize, part: Range<usize>) -> Found {
    let first = pieces.partition_point(|piece| piece.at <= part.start).saturating_sub(1);
    let mut span: Option<Range<usize>> = None;
    let (mut is_news, mut is_hidden) = (false, false);
    for (index, piece) in pieces.iter().enumerate().skip(first) {
        if index > first && piece.at >= part.end {
            break;
        }
        let piece_end = pieces.get(index + 1).map_or(text_len, |next| next.at);
        let carried = piece.carries(part.start.max(piece.at)..part.end.min(piece_end).max(piece.at));
        span = Some(match span {
            // Pieces may stand in another order than what carries them.
            Some(span) => span.start.min(carried.start)..span.end.max(carried.end),
            None => carried,
        });
        is_news |= piece.news == News::All || (index > first && piece.news == News::Joint);
        is_hidden |= piece.is_hidden;
    }
    Found { span: span.unwrap_or_default(), is_news, is_hidden }
}
