//! Where text of the sender's own choosing fits into what a JSON Schema admits (EC-2.14).
//!
//! A schema is judged by what each of its parts says alone: keywords of one object narrow each other, so one of them that
//! leaves no room for text is enough, and one that is not understood only makes the judgement stricter. What cannot be
//! judged counts as free text. A judgement speaks of room, not of meaning: see decision 26.

mod pattern;

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, LazyLock},
};

use serde_json::{Map, Value};

pub use self::pattern::Prose;
use self::pattern::letters_of;

/// The schema of what one agent may ask or tell another, with what was found of it once.
#[derive(Clone, Debug)]
pub struct ContentSchema {
    value: Arc<Value>,
    // INVARIANT: of `value`.
    free_text: Arc<[FreeText]>,
}

/// A place of a schema at which free text fits in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeText {
    /// JSON pointer into the schema.
    pub pointer: String,
    /// Why it does.
    pub why: Roomy,
}

/// What leaves room for free text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roomy {
    /// Nothing says what may stand there.
    Anything,
    /// A string that nothing fixes.
    String,
    /// A string whose pattern admits prose.
    Pattern(Prose),
    /// Fields whose names the sender chooses.
    Fields,
    /// Items of a list, without end.
    Items,
    /// A part that refers to itself, or out of the schema.
    Reference,
    /// A part in another dialect than that in which it is judged.
    Dialect,
    /// More parts than are looked at.
    Large,
    /// Each string is short, and all of them together are not.
    Together,
}

impl ContentSchema {
    /// This schema.
    pub fn new(value: Value) -> Self {
        Self { free_text: free_text(&value).into(), value: Arc::new(value) }
    }

    /// What nothing is declared of: anything fits in.
    pub fn anything() -> &'static Self {
        &ANYTHING
    }

    /// Where free text fits into what it admits; empty for a schema that admits typed values alone.
    pub fn free_text(&self) -> &[FreeText] {
        &self.free_text
    }
}

static ANYTHING: LazyLock<ContentSchema> = LazyLock::new(|| ContentSchema::new(Value::Bool(true)));

impl Deref for ContentSchema {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.value
    }
}

impl fmt::Display for FreeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "the whole" } else { &self.pointer };
        write!(f, "`{place}`: {}", self.why)
    }
}

impl fmt::Display for Roomy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anything => "nothing says of what `type` it is",
            Self::String => "a string that no `enum`, `const`, `pattern` or `format` fixes",
            Self::Pattern(prose) => return prose.fmt(f),
            Self::Fields => "fields of any name may stand beside those that it names, or any number of them",
            Self::Items => "a list without `maxItems`",
            Self::Reference => "it refers to itself, or out of the schema",
            Self::Dialect => "it is written in another dialect than 2020-12",
            Self::Large => "it has more parts than are looked at",
            Self::Together => "the strings of it have room for more letters than a request needs",
        })
    }
}

/// Where free text fits into what a schema admits: the first few places.
pub fn free_text(schema: &Value) -> Vec<FreeText> {
    let mut judge = Judge { root: schema, n_parts: 0 };
    match judge.part(schema, "", &Way::default()) {
        Ok(letters) if letters <= LETTERS_IN_ALL_MAX => Vec::new(),
        Ok(_) => vec![free("", Roomy::Together)],
        Err(mut found) => {
            found.truncate(SHOWN_MAX);
            found
        }
    }
}

/// How many letters a sender may choose, or where it may choose any.
type Judgement = Result<u64, Vec<FreeText>>;

struct Judge<'a> {
    root: &'a Value,
    n_parts: usize,
}

/// How a part was come to.
#[derive(Clone, Default)]
struct Way<'a> {
    /// Parts that hold for the very same value, outermost first.
    beside: Vec<&'a Map<String, Value>>,
    /// References that were followed.
    followed: Vec<&'a str>,
    depth: usize,
}

impl<'a> Way<'a> {
    /// On to something that holds for the same value.
    fn beside(&self, part: &'a Map<String, Value>) -> Self {
        let mut way = self.clone();
        way.beside.push(part);
        way.depth += 1;
        way
    }

    /// On to a value inside.
    fn inside(&self) -> Self {
        Self { beside: Vec::new(), followed: self.followed.clone(), depth: self.depth + 1 }
    }

    /// What parts beside each other say with one keyword, nearest first.
    fn said(&self, keyword: &'static str) -> impl Iterator<Item = &'a Value> {
        self.beside.iter().rev().filter_map(move |part| part.get(keyword))
    }
}

impl<'a> Judge<'a> {
    fn part(&mut self, part: &'a Value, at: &str, way: &Way<'a>) -> Judgement {
        self.n_parts += 1;
        if self.n_parts > PARTS_MAX || way.depth > DEPTH_MAX {
            return Err(vec![free(at, Roomy::Large)]);
        }
        let part = match part {
            Value::Object(part) => part,
            // Nothing at all is admitted.
            Value::Bool(false) => return Ok(0),
            _ => return Err(vec![free(at, Roomy::Anything)]),
        };
        if part.get("$schema").is_some_and(|dialect| dialect.as_str() != Some(DIALECT)) {
            return Err(vec![free(at, Roomy::Dialect)]);
        }
        if !at.is_empty() && part.contains_key("$id") {
            // References inside of it mean something else.
            return Err(vec![free(at, Roomy::Reference)]);
        }
        if part.contains_key("enum") || part.contains_key("const") {
            return Ok(0);
        }
        let way = way.beside(part);
        let mut found = match self.own(part, at, &way) {
            Ok(letters) => return Ok(letters),
            Err(found) => found,
        };
        let says_nothing = found.iter().all(|one| one.pointer == at && one.why == Roomy::Anything);
        for (branch, at, way) in self.conjuncts(part, at, &way)? {
            match self.part(branch, &at, &way) {
                Ok(letters) => return Ok(letters),
                Err(of_branch) if says_nothing => found = of_branch,
                Err(_) => {}
            }
        }
        for keyword in ["anyOf", "oneOf"] {
            let Some(Value::Array(branches)) = part.get(keyword) else { continue };
            let judged =
                self.each(branches.iter().enumerate().map(|(n, it)| (it, format!("{at}/{keyword}/{n}"))), &way);
            match judged {
                Ok(letters) => return Ok(letters.into_iter().max().unwrap_or(0)),
                Err(of_branches) if says_nothing => found = of_branches,
                Err(_) => {}
            }
        }
        Err(found)
    }

    /// Parts that hold for the same value beside this one.
    fn conjuncts(
        &self,
        part: &'a Map<String, Value>,
        at: &str,
        way: &Way<'a>,
    ) -> Result<Vec<(&'a Value, String, Way<'a>)>, Vec<FreeText>> {
        let mut conjuncts = Vec::new();
        if let Some(reference) = part.get("$ref") {
            let unknown = || vec![free(&format!("{at}/$ref"), Roomy::Reference)];
            let reference = reference.as_str().ok_or_else(unknown)?;
            let pointer = reference.strip_prefix('#').filter(|pointer| pointer.is_empty() || pointer.starts_with('/'));
            let pointer = pointer.filter(|_| !way.followed.contains(&reference)).ok_or_else(unknown)?;
            // Escaped otherwise than JSON pointers are by themselves, nothing is found.
            let target = self.root.pointer(pointer).ok_or_else(unknown)?;
            let mut way = way.clone();
            way.followed.push(reference);
            conjuncts.push((target, pointer.to_owned(), way));
        }
        if let Some(Value::Array(branches)) = part.get("allOf") {
            let branches = branches.iter().enumerate();
            conjuncts.extend(branches.map(|(n, branch)| (branch, format!("{at}/allOf/{n}"), way.clone())));
        }
        Ok(conjuncts)
    }

    fn each(
        &mut self,
        parts: impl Iterator<Item = (&'a Value, String)>,
        way: &Way<'a>,
    ) -> Result<Vec<u64>, Vec<FreeText>> {
        let (mut letters, mut found) = (Vec::new(), Vec::new());
        for (part, at) in parts {
            match self.part(part, &at, way) {
                Ok(of_part) => letters.push(of_part),
                Err(of_part) => found.extend(of_part),
            }
        }
        if found.is_empty() { Ok(letters) } else { Err(found) }
    }

    /// What the keywords of one part say, without those that lead to others for the same value.
    fn own(&mut self, part: &'a Map<String, Value>, at: &str, way: &Way<'a>) -> Judgement {
        let types: Vec<Option<&str>> = match way.said("type").next() {
            Some(Value::Array(types)) => types.iter().map(Value::as_str).collect(),
            Some(one) => vec![one.as_str()],
            None => vec![None],
        };
        let (mut letters, mut found) = (0, Vec::new());
        for of_type in types {
            let judged = match of_type {
                Some("null" | "boolean" | "integer" | "number") => Ok(0),
                Some("string") => string(at, way),
                Some("array") => self.array(part, at, way),
                Some("object") => self.object(part, at, way),
                _ => Err(vec![free(at, Roomy::Anything)]),
            };
            match judged {
                Ok(of_type) => letters = letters.max(of_type),
                Err(of_type) => found.extend(of_type),
            }
        }
        if found.is_empty() { Ok(letters) } else { Err(found) }
    }

    fn array(&mut self, part: &'a Map<String, Value>, at: &str, way: &Way<'a>) -> Judgement {
        let way = way.inside();
        let first = part.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let places = first.iter().enumerate().map(|(n, item)| (item, format!("{at}/prefixItems/{n}")));
        let letters = self.each(places, &way)?.into_iter().fold(0, u64::saturating_add);
        let most = part.get("maxItems").and_then(Value::as_u64);
        let further = most.map(|most| most.saturating_sub(first.len() as u64));
        match (part.get("items"), further) {
            (Some(Value::Bool(false)), _) | (_, Some(0)) => Ok(letters),
            (_, None) => Err(vec![free(at, Roomy::Items)]),
            (None, Some(_)) => Err(vec![free(at, Roomy::Anything)]),
            (Some(item), Some(further)) => {
                let of_one = self.part(item, &format!("{at}/items"), &way)?;
                Ok(letters.saturating_add(of_one.saturating_mul(further)))
            }
        }
    }

    fn object(&mut self, part: &'a Map<String, Value>, at: &str, way: &Way<'a>) -> Judgement {
        let way = way.inside();
        let named = part.get("properties").and_then(Value::as_object);
        let fields = named.into_iter().flatten().map(|(name, field)| (field, place(at, "properties", name)));
        let mut found = Vec::new();
        let mut letters = match self.each(fields, &way) {
            Ok(letters) => letters.into_iter().fold(0, u64::saturating_add),
            Err(of_fields) => {
                found = of_fields;
                0
            }
        };
        match self.unnamed(part, at, &way) {
            // The number of fields bounds those that it names too, which were counted.
            Ok(of_one) => {
                let n_most = part.get("maxProperties").and_then(Value::as_u64).unwrap_or(0);
                letters = letters.saturating_add(of_one.saturating_mul(n_most));
            }
            Err(of_others) => found.extend(of_others),
        }
        if found.is_empty() { Ok(letters) } else { Err(found) }
    }

    /// Letters in the name and value of one field that the part does not name; none where there are no such fields.
    fn unnamed(&mut self, part: &'a Map<String, Value>, at: &str, way: &Way<'a>) -> Judgement {
        let patterns = part.get("patternProperties").and_then(Value::as_object);
        let mut most = 0;
        let mut any = false;
        for (pattern, value) in patterns.into_iter().flatten() {
            any = true;
            let at = place(at, "patternProperties", pattern);
            let of_name = letters_of(pattern, None).map_err(|prose| vec![free(&at, Roomy::Pattern(prose))])?;
            most = most.max(of_name.saturating_add(self.part(value, &at, way)?));
        }
        let closed_by_all = || {
            // What others for the same value name would be admitted too.
            part.get("unevaluatedProperties") == Some(&Value::Bool(false))
                && !IN_PLACE.iter().any(|keyword| part.contains_key(*keyword))
        };
        match part.get("additionalProperties") {
            Some(Value::Bool(false)) => {}
            None if closed_by_all() => {}
            None | Some(Value::Bool(true)) => return Err(vec![free(at, Roomy::Fields)]),
            Some(value) => {
                any = true;
                let names = part.get("propertyNames").ok_or_else(|| vec![free(at, Roomy::Fields)])?;
                let of_name = self.part(names, &format!("{at}/propertyNames"), &way.beside(&STRING))?;
                let of_value = self.part(value, &format!("{at}/additionalProperties"), way)?;
                most = most.max(of_name.saturating_add(of_value));
            }
        }
        if any && part.get("maxProperties").and_then(Value::as_u64).is_none() {
            return Err(vec![free(at, Roomy::Fields)]);
        }
        Ok(most)
    }
}

fn string(at: &str, way: &Way<'_>) -> Judgement {
    if way.said("format").any(|format| format.as_str().is_some_and(|name| FORMATS.contains(&name))) {
        return Ok(0);
    }
    let length_max = way.said("maxLength").filter_map(Value::as_u64).min();
    let mut why = Roomy::String;
    for pattern in way.said("pattern").filter_map(Value::as_str) {
        match letters_of(pattern, length_max) {
            Ok(letters) => return Ok(letters),
            Err(prose) => why = Roomy::Pattern(prose),
        }
    }
    Err(vec![free(at, why)])
}

fn free(pointer: &str, why: Roomy) -> FreeText {
    FreeText { pointer: pointer.to_owned(), why }
}

fn place(at: &str, keyword: &str, name: &str) -> String {
    format!("{at}/{keyword}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A part that says that names of fields are strings.
static STRING: std::sync::LazyLock<Map<String, Value>> =
    std::sync::LazyLock::new(|| Map::from_iter([("type".to_owned(), Value::from("string"))]));

/// The dialect of a schema that names none.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Formats that leave no choice of words. Addresses do: whatever stands in `email` or `uri` needs a pattern.
const FORMATS: [&str; 7] = ["date", "time", "date-time", "duration", "uuid", "ipv4", "ipv6"];
/// Keywords by which other parts hold for the same value, and may name fields of it.
const IN_PLACE: [&str; 12] = [
    "$ref",
    "$dynamicRef",
    "$recursiveRef",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
];
/// Letters that the strings of one schema may have room for together: some identifiers, and no letter to anybody.
const LETTERS_IN_ALL_MAX: u64 = 128;
/// Places that are told.
const SHOWN_MAX: usize = 8;
const PARTS_MAX: usize = 4_096;
const DEPTH_MAX: usize = 64;
