//! Credentials: by their format, or by a telling name beside a random value (IA-2.6, DP-2.1).

use std::ops::Range;

use aho_corasick::AhoCorasick;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

/// The rules, compiled.
pub struct Secrets {
    rules: Vec<Rule>,
    anchors: AhoCorasick,
    /// The rule of each anchor; past the last rule stands the generic form.
    rule_of_anchor: Vec<usize>,
    generic: Regex,
}

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret<'a> {
    /// Where it stands.
    pub range: Range<usize>,
    /// What kind it is.
    pub rule: &'a str,
    /// How sure that is.
    pub certainty: Certainty,
}

/// How sure it is that a string is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// A telling name and a random value.
    Likely,
    /// The format of one issuer.
    Format,
    /// The format, and its own checksum holds.
    Checked,
}

impl Secrets {
    pub fn compile() -> Self {
        let file: File = toml::from_str(RULES).expect("the embedded rule file is tested");
        let mut anchors = Vec::new();
        let mut rule_of_anchor = Vec::new();
        for (index, form) in file.rule.iter().enumerate() {
            anchors.extend(form.anchors.iter().cloned());
            rule_of_anchor.extend(form.anchors.iter().map(|_| index));
        }
        anchors.extend(GENERIC_ANCHORS.iter().map(|anchor| (*anchor).to_owned()));
        rule_of_anchor.extend(GENERIC_ANCHORS.iter().map(|_| file.rule.len()));
        let anchors = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(aho_corasick::AhoCorasickKind::DFA))
            .build(&anchors)
            .expect("a few hundred short anchors fit");
        let rules = file
            .rule
            .into_iter()
            .map(|form| Rule {
                pattern: compile(&form.pattern),
                id: form.id,
                entropy: form.entropy,
                checksum: form.checksum,
                placeholders: form.placeholders,
                repeats: form.repeats,
            })
            .collect();
        Self { rules, anchors, rule_of_anchor, generic: compile(GENERIC) }
    }

    /// The secrets in `text`, in order and without overlap. `name` is what the payload calls the text.
    pub fn find(&self, text: &str, name: Option<&str>) -> Vec<Secret<'_>> {
        let mut found = Vec::new();
        if text.len() < SECRET_BYTES_MIN {
            return found;
        }
        let mut seen = [false; RULES_MAX];
        let mut any = false;
        for anchor in self.anchors.find_overlapping_iter(text) {
            seen[self.rule_of_anchor[anchor.pattern().as_usize()]] = true;
            any = true;
        }
        if any {
            for (rule, _) in self.rules.iter().zip(seen).filter(|(_, seen)| *seen) {
                rule.find(text, &mut found);
            }
            if seen[self.rules.len()] {
                self.find_named(text, &mut found);
            }
        }
        if let Some(name) = name
            && !text.contains(char::is_whitespace)
            && is_secret_value(name, text)
        {
            found.push(Secret { range: 0..text.len(), rule: "named-secret", certainty: Certainty::Likely });
        }
        // Of those that overlap the surest stays: it covers at least what it names.
        found.sort_by_key(|secret| (secret.range.start, std::cmp::Reverse(secret.certainty)));
        let mut kept: Vec<Secret<'_>> = Vec::with_capacity(found.len());
        for secret in found {
            match kept.last_mut() {
                Some(last) if secret.range.start < last.range.end => {
                    // What is covered grows, so that nothing of either stays to be read.
                    let range = last.range.start..last.range.end.max(secret.range.end);
                    if secret.certainty > last.certainty {
                        *last = secret;
                    }
                    last.range = range;
                }
                _ => kept.push(secret),
            }
        }
        kept
    }

    fn find_named(&self, text: &str, found: &mut Vec<Secret<'_>>) {
        let bytes = text.as_bytes();
        let mut from = 0;
        while let Some(captures) = self.generic.captures_at(bytes, from) {
            let (Some(key), Some(value)) = (captures.get(1), captures.get(2)) else { break };
            // The next name may stand inside what this one took for its value.
            from = key.end();
            let name_start = (0..key.start()).rev().take(40).take_while(|&at| is_name(bytes[at])).last();
            let value_start = value.start();
            let name = &bytes[name_start.unwrap_or(key.start())..value_start];
            let name = std::str::from_utf8(name).unwrap_or_default();
            // The pattern stops where a value may end; one that goes on is a secret as a whole.
            let n_more = bytes[value.end()..]
                .iter()
                .take(SECRET_BYTES_MAX / 2)
                .take_while(|b| matches!(b, b':' | b'=') || is_name(**b))
                .count();
            let value = std::str::from_utf8(&bytes[value.start()..value.end() + n_more]).unwrap_or_default();
            let value = value.trim_end_matches(['.', ',', ';', ')', ']']);
            if is_secret_value(name, value) {
                let range = value_start..value_start + value.len();
                from = range.end;
                found.push(Secret { range, rule: "named-secret", certainty: Certainty::Likely });
            }
        }
    }
}

/// The same text with each secret replaced.
pub fn redacted(text: &str, secrets: &[Secret<'_>]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for secret in secrets {
        out.push_str(&text[from..secret.range.start]);
        out.push_str(&mark(secret.rule));
        from = secret.range.end;
    }
    out.push_str(&text[from..]);
    out
}

/// What stands in a secret's place.
pub fn mark(rule: &str) -> String {
    format!("[redacted:{rule}]")
}

/// One format.
struct Rule {
    id: String,
    pattern: Regex,
    entropy: f64,
    checksum: Option<Checksum>,
    placeholders: bool,
    repeats: bool,
}

impl Rule {
    fn find<'a>(&'a self, text: &str, found: &mut Vec<Secret<'a>>) {
        for captures in self.pattern.captures_iter(text.as_bytes()) {
            let secret = captures.iter().skip(1).flatten().next().or_else(|| captures.get(0));
            let Some(secret) = secret else { continue };
            let range = secret.range();
            // A byte pattern may end inside a character; then it is no secret of these formats.
            let Some(value) = text.get(range.clone()) else { continue };
            if entropy(value) < self.entropy
                || (!self.repeats && is_placeholder(value))
                || (self.placeholders && is_variable(value))
            {
                continue;
            }
            let certainty = match self.checksum {
                None => Certainty::Format,
                Some(Checksum::Github) if github_checksum_holds(value) => Certainty::Checked,
                Some(Checksum::Github) => Certainty::Format,
                Some(Checksum::Jwt) if is_jwt(value) => Certainty::Checked,
                Some(Checksum::Jwt) => continue,
            };
            found.push(Secret { range, rule: &self.id, certainty });
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Checksum {
    Github,
    Jwt,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: Vec<Form>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    id: String,
    anchors: Vec<String>,
    pattern: String,
    #[serde(default)]
    entropy: f64,
    checksum: Option<Checksum>,
    /// Whether template variables stand in this form's place in honest text.
    #[serde(default)]
    placeholders: bool,
    /// Whether long repeats occur in this form, so that they do not make it a placeholder.
    #[serde(default)]
    repeats: bool,
}

fn compile(pattern: &str) -> Regex {
    RegexBuilder::new(pattern)
        .unicode(false)
        .dfa_size_limit(DFA_BYTES_MAX)
        .size_limit(DFA_BYTES_MAX)
        .build()
        .expect("the embedded rule file is tested")
}

/// Whether a value that stands beside this name is random enough to be a secret.
fn is_secret_value(name: &str, value: &str) -> bool {
    let kind = name_kind(name);
    if kind == NameKind::Innocent || value.len() < SECRET_BYTES_MIN || value.len() > SECRET_BYTES_MAX {
        return false;
    }
    if is_placeholder(value) || is_variable(value) || is_ordinary(value) {
        return false;
    }
    let n_digits = value.bytes().filter(u8::is_ascii_digit).count();
    let n_letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    let bits = entropy(value);
    match kind {
        NameKind::Innocent => false,
        NameKind::Password => {
            let n_other = value.len() - n_digits - n_letters;
            (n_digits > 0 || n_other > 0) && n_letters > 0 && bits >= 2.5 && !value.contains(['(', '/'])
        }
        NameKind::Secret => value.len() >= 14 && n_digits >= 2 && bits >= 3.0,
        NameKind::Key => value.len() >= 16 && n_digits >= 3 && n_letters >= 3 && bits >= 3.2,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum NameKind {
    /// Says nothing of a secret.
    Innocent,
    /// Could be the name of one.
    Key,
    /// Is the name of one.
    Secret,
    /// Is the name of one that a person may have made up.
    Password,
}

fn name_kind(name: &str) -> NameKind {
    let lower = name.to_ascii_lowercase();
    let has = |word: &str| lower.contains(word);
    if INNOCENT_NAMES.iter().any(|word| has(word)) {
        return NameKind::Innocent;
    }
    if ends_word(name, "password")
        || ends_word(name, "passwd")
        || ends_word(name, "passphrase")
        || ends_word(name, "pwd")
    {
        NameKind::Password
    } else if ["token", "secret", "apikey"].iter().any(|word| ends_word(name, word))
        || [
            "api_key",
            "api-key",
            "api key",
            "access_key",
            "access-key",
            "accesskey",
            "access key",
            "secretkey",
            "private_key",
            "privatekey",
            "private key",
            "client_secret",
        ]
        .iter()
        .any(|word| has(word))
    {
        NameKind::Secret
    } else if ["key", "auth", "credential", "access", "private", "pat", "pass"].iter().any(|word| ends_word(name, word))
    {
        NameKind::Key
    } else {
        NameKind::Innocent
    }
}

/// Whether `word` stands in `name` and the name's word ends with it: `authToken` and `TOKENS`, but not `tokenizer`.
fn ends_word(name: &str, word: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() >= word.len()
        && (0..=bytes.len() - word.len()).any(|start| {
            let end = start + word.len();
            let is_short = word.len() <= 4;
            bytes[start..end].eq_ignore_ascii_case(word.as_bytes())
                && !match bytes.get(end) {
                    Some(b's') => bytes.get(end + 1).is_some_and(u8::is_ascii_lowercase),
                    Some(next) => next.is_ascii_lowercase() && bytes[end - 1].is_ascii_lowercase(),
                    None => false,
                }
                && !(is_short
                    && start > 0
                    && bytes[start].is_ascii_lowercase()
                    && bytes[start - 1].is_ascii_lowercase())
                && !(is_short
                    && start > 0
                    && bytes[start].is_ascii_uppercase()
                    && bytes[start - 1].is_ascii_uppercase())
        })
}

/// Whether a value stands for one that is filled in later, or was taken out already.
fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    ["example", "xxxx", "****", "redacted", "placeholder", "changeme", "your", "dummy", "......", "____"]
        .iter()
        .any(|word| lower.contains(word))
        || has_long_repeat(value)
}

/// Whether a value is a template variable or an expression.
fn is_variable(value: &str) -> bool {
    value.starts_with(['$', '<', '{', '%', '@', '&'])
        || value.contains("${")
        || value.contains("{{")
        || value.contains("env.")
        || value.contains("environ")
        || value.contains("getenv")
        || matches!(value, "password" | "secret" | "token")
}

/// Whether a value is a word, path, host, version or identifier of a program.
fn is_ordinary(value: &str) -> bool {
    let has_digit = value.bytes().any(|b| b.is_ascii_digit());
    if !has_digit && value.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b'.' | b'/' | b':')) {
        return true;
    }
    // Words that are joined by separators: `LLM-GPT4-API-KEY`, `sm02915.int.contoso.com`, `src/a/b1.rs`.
    let pieces = value.split(['.', '/', '-', '_', ':']);
    let n_pieces = pieces.clone().count();
    let n_words = pieces.filter(|piece| piece.len() <= 12 && !mixes(piece)).count();
    n_pieces >= 3 && n_words == n_pieces && !is_uuid(value)
        || value.contains("://")
        || value.starts_with(['/', '.', '~'])
        || value.contains("](")
}

/// Whether letters and digits alternate as in random text.
fn mixes(piece: &str) -> bool {
    let bytes = piece.as_bytes();
    bytes.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count() >= 3
        || (piece.len() >= 6 && bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic))
}

fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value
            .bytes()
            .enumerate()
            .all(|(at, b)| if matches!(at, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_alphanumeric() })
}

fn has_long_repeat(value: &str) -> bool {
    value.as_bytes().windows(6).any(|window| window.iter().all(|b| *b == window[0]))
}

/// Shannon entropy, in bits a character.
fn entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length = value.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / length;
            -share * share.log2()
        })
        .sum()
}

/// Whether the last six characters are the base62 form of the CRC-32 of those between the prefix and them.
fn github_checksum_holds(token: &str) -> bool {
    let Some((_, body)) = token.split_once('_') else { return false };
    let Some((random, checksum)) = body.len().checked_sub(6).and_then(|at| body.split_at_checked(at)) else {
        return false;
    };
    let mut number = crc32(random.as_bytes());
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(number % 62) as usize];
        number /= 62;
    }
    digits == checksum.as_bytes()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// Whether the first part decodes to a header that names an algorithm.
fn is_jwt(token: &str) -> bool {
    let header = token.split('.').next().unwrap_or_default();
    URL_SAFE_NO_PAD.decode(header).is_ok_and(|json| {
        serde_json::from_slice::<serde_json::Value>(&json).is_ok_and(|header| header.get("alg").is_some())
    })
}

const fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
}

const RULES: &str = include_str!("../rules/secrets.toml");
/// A telling name, an optional rest of it, a separator, a value.
const GENERIC: &str = concat!(
    r#"(?i)(token|secret|passw(?:or)?d|passphrase|pwd|pass|access|auth|key|credential|private|pat)"#,
    r#"[a-z0-9_. -]{0,20}?["'`\])]{0,2}[ \t]{0,3}(?:=>|:=|==|[:=,>(]|\bis\b|[ \t])[ \t]{0,3}["'`(]{0,2}(?:bearer |basic |token )?"#,
    r#"([A-Za-z0-9_\-+/.~!@#$%^&*]{8,512}={0,2})"#
);
const GENERIC_ANCHORS: &[&str] =
    &["token", "secret", "passw", "passphrase", "pwd", "pass", "key", "credential", "auth", "access", "private"];
/// Names that hold the words of secrets and name none.
const INNOCENT_NAMES: &[&str] = &[
    "public",
    "page_token",
    "pagetoken",
    "next_token",
    "nexttoken",
    "continuation",
    "sync_token",
    "cursor",
    "tokens_",
    "max_token",
    "token_count",
    "token_type",
    "token_limit",
    "tokenize",
    "primary_key",
    "primarykey",
    "foreign_key",
    "sort_key",
    "partition_key",
    "bucket_key",
    "idempotency",
    "cache_key",
    "key_id",
    "keyid",
    "key_name",
    "keyname",
    "key_size",
    "keysize",
    "keyword",
    "keyboard",
    "keystore",
    "keypair",
    "_id",
    "-id",
    "credentialsid",
    "credentialid",
    "version",
    "authentication-results",
    "authsource",
    "author",
    "authority",
    "keyfile",
    "key_file",
    "monkey",
    "turkey",
    "schemakey",
    "sequencekey",
    "accessible",
    "access_level",
    "compass",
    "passport",
    "passenger",
    "passed",
    "passing",
    "pathname",
    "pattern",
    "patch",
    "path",
    "keyframe",
    "keychar",
    "secret_name",
    "_length",
    "keystr",
    "alphabet",
    "csrf",
    "key_vault",
    "secretname",
    "progresstoken",
];
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RULES_MAX: usize = 64;
const SECRET_BYTES_MIN: usize = 8;
const SECRET_BYTES_MAX: usize = 512;
const DFA_BYTES_MAX: usize = 64 << 20;
