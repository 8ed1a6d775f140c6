//! Styles that keep a text from whoever looks at the page.

/// Whether nothing is seen of what has this style.
pub fn hides(style: &[u8]) -> bool {
    let style: String = String::from_utf8_lossy(style)
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let mut colour = None;
    let mut ground = None;
    for declaration in style.split(';') {
        let Some((property, value)) = declaration.split_once(':') else { continue };
        let value = value.trim_end_matches("!important");
        match property {
            "display" if value == "none" => return true,
            "visibility" if matches!(value, "hidden" | "collapse") => return true,
            "opacity" | "font-size" | "line-height" if is_nothing(value) => return true,
            "font-size" if matches!(value, "1px" | "1pt") => return true,
            "left" | "top" | "text-indent" | "margin-left" | "right" if is_far_out(value) => return true,
            "clip" if value.starts_with("rect(0") || value.starts_with("rect(1px,1px") => return true,
            "clip-path" if value.starts_with("inset(50%") || value.starts_with("inset(100%") => return true,
            "transform" if value.starts_with("scale(0") && !value.starts_with("scale(0.") => return true,
            "color" => colour = Some(colour_of(value)),
            "background" | "background-color" => ground = Some(colour_of(value)),
            _ => {}
        }
    }
    match (colour, ground) {
        (Some(Colour::None), _) => true,
        (Some(colour), Some(ground)) => colour == ground,
        // Pages are white unless they say otherwise.
        (Some(colour), None) => colour == Colour::Rgb([0xff; 3]),
        (None, _) => false,
    }
}

#[derive(PartialEq, Eq)]
enum Colour {
    None,
    Rgb([u8; 3]),
    Named(String),
}

fn colour_of(value: &str) -> Colour {
    let digit = |at: usize| value.as_bytes().get(at).and_then(|b| char::from(*b).to_digit(16)).map(|digit| digit as u8);
    let rgb = |size: usize| {
        let part = |index: usize| match size {
            1 => digit(1 + index).map(|digit| digit * 17),
            _ => Some(digit(1 + 2 * index)? << 4 | digit(2 + 2 * index)?),
        };
        Some(Colour::Rgb([part(0)?, part(1)?, part(2)?]))
    };
    let numbers = || {
        let inside = value.strip_prefix("rgb(")?.strip_suffix(')')?;
        let mut parts = inside.split(',').map(|part| part.parse().ok());
        Some(Colour::Rgb([parts.next()??, parts.next()??, parts.next()??]))
    };
    match (value, value.len()) {
        ("transparent", _) => Some(Colour::None),
        ("white", _) => Some(Colour::Rgb([0xff; 3])),
        ("black", _) => Some(Colour::Rgb([0; 3])),
        (_, 4) if value.starts_with('#') => rgb(1),
        (_, 7) if value.starts_with('#') => rgb(2),
        _ => numbers(),
    }
    .unwrap_or_else(|| Colour::Named(value.to_owned()))
}

/// Whether a number is zero, whatever its unit.
fn is_nothing(value: &str) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    number.parse::<f64>().is_ok_and(|number| number < 0.02)
}

/// Whether a distance leads out of every screen.
fn is_far_out(value: &str) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    number.parse::<f64>().is_ok_and(|number| number.abs() >= 999.0)
}
