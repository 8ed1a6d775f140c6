//! Paths and addresses that lead elsewhere than they look (EC-2.15, ENV-1).

use maso_core::{Finding, Word};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

use crate::{normal::decode_percent, notes::Notes, subject::Subject};

/// Looks at the arguments whose manifest says that they are paths or addresses.
pub fn look(subject: &Subject<'_>, notes: &mut Notes<'_>) {
    for (pointer, argument) in subject.authority.into_iter().flatten() {
        let role = match argument.role.as_str() {
            "path" => Role::Path,
            "url" => Role::Url,
            _ => continue,
        };
        let values = match subject.payload.pointer(pointer) {
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => continue,
        };
        for reason in values.iter().filter_map(Value::as_str).filter_map(|text| fault(role, text)) {
            notes.add(Finding::new(EC_2_15, Word::NoGo, reason).at(pointer, ""));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Path,
    Url,
}

/// Why the text does not lead where it seems to, if so.
fn fault(role: Role, text: &str) -> Option<&'static str> {
    if text.chars().any(char::is_control) {
        return Some("control characters in a path or address");
    }
    if role == Role::Url {
        if text.contains('\\') {
            return Some("a backslash in an address");
        }
        let authority = text.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(""));
        if authority.contains('@') {
            return Some("a user name in an address, before the host that it really names");
        }
    }
    let mut form: String = text.nfkc().collect();
    for _ in 0..DECODINGS_MAX {
        if form.contains('\0') || form.chars().any(char::is_control) {
            return Some("encoded control characters in a path or address");
        }
        let path = if role == Role::Url { form.split(['?', '#']).next().unwrap_or_default() } else { &form };
        // A trailing dot or space is dropped by some file systems, so `.. ` climbs too.
        if path.split(['/', '\\']).any(|segment| segment.trim_end_matches([' ', ';']) == "..") {
            return Some("a path that climbs out of its folder");
        }
        if form.to_ascii_lowercase().contains("%c0%a") || form.to_ascii_lowercase().contains("%e0%80%a") {
            return Some("an overlong encoding in a path or address");
        }
        let decoded = decode_percent(&form);
        if decoded == form {
            return None;
        }
        form = decoded;
    }
    Some("a path or address that is encoded more than twice")
}

const EC_2_15: &str = "EC-2.15";
const DECODINGS_MAX: usize = 3;
