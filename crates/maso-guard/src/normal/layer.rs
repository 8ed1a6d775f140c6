//! What text can lie under.

use std::fmt;

/// One kind of layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Characters that show nothing, between others.
    Invisible,
    /// Tag characters, each of which stands for an ASCII character.
    Tags,
    /// Variation selectors, each of which stands for a byte.
    Selectors,
    /// Two kinds of zero-width characters, which stand for bits.
    ZeroWidthBits,
    /// Base64 and its form for URLs.
    Base64,
    /// Hexadecimal digits.
    Hexadecimal,
    /// Escapes within text: percent, quoted-printable, of programming languages.
    Escapes,
    /// DEFLATE, as in gzip and zlib.
    Deflate,
    /// UTF-16.
    Utf16,
    /// Each letter moved by thirteen.
    Rotated,
    /// Written backwards.
    Reversed,
    /// Digits and signs in place of letters.
    Leet,
    /// A separator after each letter.
    SpacedOut,
    /// Tags and character references of HTML or XML.
    Markup,
    /// Comments and styles that no reader sees.
    Unseen,
    /// Texts that stand beside something: alternative texts, titles, labels.
    Beside,
    /// Links and emphasis of Markdown.
    Markdown,
    /// A PDF file.
    Pdf,
    /// The members of an archive, such as an office document.
    Archive,
    /// What a file says besides its content.
    Metadata,
}

impl Layer {
    /// In words that follow "hidden in".
    const fn as_str(self) -> &'static str {
        match self {
            Self::Invisible => "between invisible characters",
            Self::Tags => "in tag characters",
            Self::Selectors => "in variation selectors",
            Self::ZeroWidthBits => "in zero-width characters",
            Self::Base64 => "in base64",
            Self::Hexadecimal => "in hexadecimal",
            Self::Escapes => "in escapes",
            Self::Deflate => "in compressed data",
            Self::Utf16 => "in UTF-16",
            Self::Rotated => "in rotated letters",
            Self::Reversed => "backwards",
            Self::Leet => "in digits for letters",
            Self::SpacedOut => "in letters apart",
            Self::Markup => "in markup",
            Self::Unseen => "in a part of a document that no reader sees",
            Self::Beside => "in a label of a document",
            Self::Markdown => "in Markdown",
            Self::Pdf => "in a PDF file",
            Self::Archive => "in a file of an archive",
            Self::Metadata => "in a file's metadata",
        }
    }

    /// Whether it is about characters that nobody sees, and what it hid stood there in the clear.
    pub const fn is_invisible(self) -> bool {
        matches!(self, Self::Invisible | Self::Tags | Self::Selectors | Self::ZeroWidthBits)
    }
}

/// The layers that were taken off, the outermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    layers: Vec<Layer>,
}

impl Way {
    /// None.
    pub const fn new() -> Self {
        Self { layers: Vec::new() }
    }

    /// These, and one below them.
    pub fn and(&self, layer: Layer) -> Self {
        let mut layers = Vec::with_capacity(self.layers.len() + 1);
        layers.extend_from_slice(&self.layers);
        layers.push(layer);
        Self { layers }
    }

    /// The layers.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, layer) in self.layers.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}", layer.as_str())?;
        }
        Ok(())
    }
}
