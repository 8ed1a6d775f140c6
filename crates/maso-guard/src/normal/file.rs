//! What bytes are, by their first ones: whoever sends them may say what it likes of them.

mod archive;
mod deflate;
mod image;
mod pdf;

use super::{
    budget::{Bound, Budget},
    bytes::{Held, text_in},
    layer::Layer,
};

/// What was found in some bytes.
pub struct Opened {
    /// What was taken off them, the outermost first.
    pub layers: Vec<Layer>,
    /// The text below; empty if they are a file and there is none in it.
    pub text: String,
}

/// Opens what can be opened; `None` if the bytes are no file that is known and no text.
pub fn open(bytes: &[u8], budget: &mut Budget) -> Result<Option<Opened>, Bound> {
    open_below(bytes, 0, budget)
}

fn open_below(bytes: &[u8], depth: usize, budget: &mut Budget) -> Result<Option<Opened>, Bound> {
    if let Some(inflated) = deflate::inflate(bytes, budget)? {
        if depth == DEPTH_MAX {
            return Err(Bound::Depth(Layer::Deflate));
        }
        let below = open_below(&inflated, depth + 1, budget)?.unwrap_or_else(Opened::nothing);
        return Ok(Some(below.under(Layer::Deflate)));
    }
    budget.look(bytes.len());
    let (layer, text) = match bytes {
        [b'%', b'P', b'D', b'F', b'-', ..] => (Layer::Pdf, pdf::text(bytes, budget)?),
        [b'P', b'K', 3, 4, ..] => (Layer::Archive, archive::text(bytes, budget)?),
        _ => match image::metadata(bytes, budget)? {
            Some(text) => (Layer::Metadata, text),
            None => {
                return Ok(text_in(bytes).map(|held| match held {
                    Held::Plain(text) => Opened { layers: Vec::new(), text },
                    Held::Utf16(text) => Opened { layers: vec![Layer::Utf16], text },
                }));
            }
        },
    };
    Ok(Some(Opened { layers: vec![layer], text }))
}

impl Opened {
    const fn nothing() -> Self {
        Self { layers: Vec::new(), text: String::new() }
    }

    fn under(mut self, layer: Layer) -> Self {
        self.layers.insert(0, layer);
        self
    }
}

/// What is compressed more often than this was made to be.
const DEPTH_MAX: usize = 3;
