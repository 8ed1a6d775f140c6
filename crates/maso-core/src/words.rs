//! Closed lists of words.

/// Gives an enum its words, lowest first: `ALL`, `as_str`, `parse` and `Display`. One word is one value everywhere: in a
/// deployment's files, in records and in the console.
#[macro_export]
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// All values, lowest first.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in configuration, records and the console.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads the word, exactly as written.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
