//! What each fuzz target does with its bytes, so that a test without a fuzzer can do the same.
//!
//! A target does not only look for panics: it says what must hold of whatever is accepted.

use std::sync::LazyLock;

use maso_core::{AgentName, Digest, HopId, SpiffeId, TaskId, Timestamp, TrustDomain};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use maso_guard::{Budget, Normal, Redaction, Scanner, Surface};
use maso_identity::{AgentKey, AuthorityKey, Envelope, Link, OperatorKey, Quota, Remit, Trust, TrustSettings};
use maso_intent::{Formula, Source, Statement, ToolDefinition};
use maso_wire::{
    a2a::{Asked, Card, Content, Method as Operation, Said},
    Credential, Limits, UnverifiedToken,
    envelope::Message,
    mcp::{Frame, Method, Mirrored, act_of, parameter_headers, payload_of},
    parse,
    sse::{Event, Reader},
};
use serde_json::Value;
use uuid::Uuid;

#[cfg(test)]
mod tests;

/// Strict JSON. Whatever is accepted means the same to a parser that is not strict.
pub fn json(bytes: &[u8]) {
    let Ok(parsed) = parse(bytes, &Limits::DEFAULT) else { return };
    let lenient: Value = serde_json::from_slice(bytes).expect("strict parsing accepts nothing that is not JSON");
    assert_eq!(&lenient, parsed.value(), "read in two ways");
    assert_eq!(parsed.digest(), Digest::of(bytes), "its digest is not that of its bytes");
}

/// An MCP frame, with the headers that come with it: up to three lines before an empty one, or none.
pub fn frame(bytes: &[u8]) {
    let (headers, body) = match bytes.windows(2).position(|window| window == b"\n\n") {
        Some(end) => (std::str::from_utf8(&bytes[..end]).unwrap_or_default(), &bytes[end + 2..]),
        None => ("", bytes),
    };
    let mut lines = headers.lines();
    let mirrored = Mirrored { version: lines.next(), method: lines.next(), name: lines.next() };
    let Ok(Frame::Request(request)) = Frame::parse(body, &Limits::DEFAULT) else { return };
    if mirrored.agree_with(&request).is_ok() {
        assert_eq!(mirrored.method, Some(request.method.as_str()), "a header that names another method agrees");
    }
    let Some(method) = Method::parse(&request.method) else { return };
    let server = "server".parse().expect("`server` is a server name");
    if act_of(&server, method, request.params_value()).is_ok() {
        let payload = payload_of(method, &request.params);
        parse(payload.get().as_bytes(), &Limits::DEFAULT).expect("a part of what parsed parses");
    }
    if let (Some(schema), Some(arguments)) =
        (request.params_value().get("schema"), request.params_value().get("arguments"))
        && let Ok(headers) = parameter_headers(schema, arguments)
    {
        assert!(headers.iter().all(|(_, value)| value.bytes().all(|byte| (0x20..0x7f).contains(&byte))));
    }
}

/// What a client of A2A asks, and what a peer says: its card, and events of a task.
pub fn a2a(bytes: &[u8]) {
    let Ok(parsed) = parse(bytes, &Limits::DEFAULT) else { return };
    if let Ok(card) = Card::read(parsed.value()) {
        assert!(!card.interfaces.is_empty(), "a card that leads nowhere is of use");
    }
    let mut said = Said::default();
    if said.hear(parsed.value()).is_ok() {
        assert!(said.told().is_object());
        assert!(said.task.is_some() || said.state.is_none(), "a state of no task");
    }
    let Ok(Frame::Request(request)) = Frame::parse(bytes, &Limits::DEFAULT) else { return };
    for operation in Operation::ALL {
        if let Ok(Asked::Send(send) | Asked::SendAndFollow(send)) = Asked::read(*operation, request.params_value())
            && let Content::Data { pointer } = send.content
        {
            assert!(request.params_value().pointer(&pointer).is_some(), "data that is nowhere");
        }
    }
}

/// A server's stream of events: a first byte that says how it is cut, then the stream. However it is cut, the same events
/// come out, and none that is longer than one may be.
pub fn events(bytes: &[u8]) {
    let Some((cut, stream)) = bytes.split_first() else { return };
    let whole = read_events([stream]);
    assert_eq!(whole, read_events(stream.chunks(usize::from(*cut).max(1))), "read in two ways");
    assert_eq!(whole, read_events(stream.chunks(1)), "read in two ways, byte by byte");
    for event in whole.iter().flatten() {
        assert!(event.data.len() <= EVENT_BYTES_MAX + EVENT_FRAMING_BYTES, "longer than a frame may be");
        assert!(!event.id.as_ref().is_some_and(|id| id.contains('\n')), "an id of two lines");
    }
}

/// All events of a stream; `None` where one of them is too long.
fn read_events<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<Event>> {
    let mut reader = Reader::new(EVENT_BYTES_MAX);
    chunks.into_iter().try_fold(Vec::new(), |mut events, chunk| {
        events.extend(reader.take(chunk)?);
        Some(events)
    })
}

/// Tokens and proofs. An odd first byte edits those that were issued, three bytes for an edit; an even one shows what
/// follows as it is. Nothing is believed but what was issued, to the letter.
pub fn token(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let shown = if choice % 2 == 1 { edited(&ISSUED, rest) } else { Issued::read(rest) };
    let trust = trust();
    let loopback = Credential::Bearer { token: UnverifiedToken::new(shown.bearer.clone()), loopback: true };
    if trust.authenticate(&loopback, NOW).is_ok() {
        assert_eq!(shown.bearer, ISSUED.bearer, "a bearer token that nobody issued is believed");
    }
    let bound = Credential::Bound {
        token: UnverifiedToken::new(shown.bound.clone()),
        proof: UnverifiedToken::new(shown.proof.clone()),
        method: METHOD.to_owned(),
        url: URL.to_owned(),
    };
    if trust.authenticate(&bound, NOW).is_ok() {
        assert_eq!(shown.bound, ISSUED.bound, "a bound token that nobody issued is believed");
        assert_eq!(shown.proof, ISSUED.proof, "a proof that nobody signed is believed");
    }
    if trust.task(&UnverifiedToken::new(shown.task.clone()), NOW).is_ok() {
        assert_eq!(shown.task, ISSUED.task, "a task token that nobody issued is believed");
    }
}

/// A tool's definition as a server publishes it. The same text is always judged in the same way.
pub fn definition(bytes: &[u8]) {
    let Ok(parsed) = parse(bytes, &Limits::DEFAULT) else { return };
    let definition = ToolDefinition::new(parsed.into_value());
    let scan = SCANNER.scan_value(Surface::Description, &definition.value, NOW);
    let again = SCANNER.scan_value(Surface::Description, &definition.value, NOW);
    assert_eq!(scan.findings, again.findings, "the same text was judged in two ways");
    let mut redacted = definition.value.clone();
    Redaction::apply(&mut redacted, &scan.redactions);
    assert_eq!(redacted == definition.value, scan.redactions.is_empty(), "a redaction changes what it is about");
}

/// What an agent or a server says, wherever it may say it. The same text is always judged in the same way, what is to be
/// replaced is replaced, and then it is not found again.
pub fn payload(bytes: &[u8]) {
    let Ok(parsed) = parse(bytes, &Limits::DEFAULT) else { return };
    for surface in [Surface::Arguments, Surface::Result, Surface::Message] {
        let scan = SCANNER.scan_value(surface, parsed.value(), NOW);
        let again = SCANNER.scan_value(surface, parsed.value(), NOW);
        assert_eq!(scan.findings, again.findings, "the same text was judged in two ways");
        let mut redacted = parsed.value().clone();
        Redaction::apply(&mut redacted, &scan.redactions);
        let left = SCANNER.scan_value(surface, &redacted, NOW).redactions;
        assert!(left.is_empty(), "a secret outlives its redaction: {left:?}");
    }
}

/// A string that layers are taken off. The first byte says what the rest is: text as it stands, or bytes in base64 that begin
/// as one kind of file does. Whatever is read stands in the string, is bounded by it, and is read so each time.
pub fn normal(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let text = match FILES.get(usize::from(*choice) % (FILES.len() + 1)) {
        Some(start) => format!("it is {} .", STANDARD.encode([start, rest].concat())),
        None => String::from_utf8_lossy(rest).into_owned(),
    };
    let normal = Normal::of(&text, &mut Budget::default());
    let again = Normal::of(&text, &mut Budget::default());
    assert_eq!(normal.over, again.over, "a string was read in two ways");
    assert_eq!(normal.below.len(), again.below.len(), "a string was read in two ways");
    let n_bytes: usize = normal.below.iter().map(|view| view.text.len()).sum();
    assert!(n_bytes <= 8 * text.len() + (64 << 10), "more was read than there is room for: {n_bytes}");
    for (view, other) in normal.below.iter().zip(&again.below) {
        assert_eq!(view.text, other.text, "a string was read in two ways");
        let starts = view.text.char_indices().map(|(at, _)| at);
        for part in starts.step_by(7).map(|at| at..view.text.len()).chain([0..view.text.len()]) {
            let span = view.find(part).span;
            assert!(text.get(span.clone()).is_some(), "{span:?} is no part of the string");
        }
    }
}

/// How files begin, and what compressed data begins with.
const FILES: &[&[u8]] = &[
    b"",
    b"%PDF-1.7\n",
    b"PK\x03\x04",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"RIFF\0\0\0\0WEBP",
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    b"\x78\x9c",
];

/// What a temporal rule asks of the history, and a file of rules. What is read means the same when it is printed.
pub fn rule(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(formula) = text.parse::<Formula>() {
        match formula.to_string().parse::<Formula>() {
            Ok(again) => assert_eq!(again, formula, "read in two ways"),
            // Printed with all its parentheses it may be longer than a rule can be, and nothing else.
            Err(wrong) => assert!(wrong.message.contains("allowed"), "`{formula}` is not read back: {wrong}"),
        }
    }
    let mut source: Source = maso_intent::minimal();
    source.files.insert("rules/fuzz.toml".to_owned(), text.to_owned());
    for problem in maso_intent::check(&source) {
        assert!(problem.line >= 1 && problem.column >= 1, "{problem} stands nowhere");
    }
}

/// A deployment folder: the smallest one that is sound, with one line of one file replaced by the text.
pub fn deployment(bytes: &[u8]) {
    let [file, line, text @ ..] = bytes else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let mut source: Source = maso_intent::minimal();
    let n_files = source.files.len();
    let Some(content) = source.files.values_mut().nth(usize::from(*file) % n_files) else { return };
    let mut lines: Vec<&str> = content.lines().collect();
    let index = usize::from(*line) % lines.len();
    lines[index] = text;
    *content = lines.join("\n");
    if let Ok(deployment) = maso_intent::parse(&source) {
        for problem in maso_intent::lint(&deployment, &source) {
            assert!(!problem.to_string().is_empty());
        }
    }
}

/// The signatures of a deployment's version. An odd first byte edits an envelope that was signed, as for tokens; an even
/// one shows what follows as it is. What is read is written and read again as the same, and only what was signed is
/// believed.
pub fn envelope(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let text = if choice % 2 == 1 { edited_text(&SIGNED, rest) } else { String::from_utf8_lossy(rest).into_owned() };
    let Ok(envelope) = Envelope::read(&text) else { return };
    assert_eq!(Envelope::read(&envelope.write()).as_ref(), Ok(&envelope), "written and read again it is another");
    let statement = Statement::read(envelope.unverified_payload());
    assert!(statement.is_none_or(|read| read.payload() == envelope.unverified_payload()), "read in two ways");
    if envelope.is_signed_by(&OperatorKey::from_seed([9; 32]).public().key()) {
        assert_eq!(envelope.unverified_payload(), STATEMENT, "a payload that nobody signed is believed");
        assert_eq!(envelope.payload_type(), Statement::PAYLOAD_TYPE, "it is believed as something else");
    }
}

/// A message between agents. What is accepted is written and read again as the same, and is a message for a parser that is
/// not strict.
pub fn message(bytes: &[u8]) {
    let Ok(message) = Message::parse(bytes) else { return };
    let lenient: Value = serde_json::from_slice(bytes).expect("strict parsing accepts nothing that is not JSON");
    assert_eq!(lenient["content"].as_object(), Some(&message.content), "its content was read in two ways");
    assert_eq!(lenient["message_type"], message.beside.kind.as_str(), "its type was read in two ways");
    assert_eq!(Message::parse(&message.write()), Ok(message), "written and read again it is another");
}

static SIGNED: LazyLock<String> = LazyLock::new(|| {
    let mut envelope = Envelope::new(Statement::PAYLOAD_TYPE, STATEMENT);
    envelope.sign(&OperatorKey::from_seed([9; 32]));
    envelope.write()
});

/// Each three bytes put one byte in one place: whether it goes in between, where, what.
fn edited_text(text: &str, edits: &[u8]) -> String {
    let mut text = text.as_bytes().to_vec();
    for edit in edits.chunks_exact(3) {
        let place = (usize::from(edit[0] >> 1) << 8 | usize::from(edit[1])) % text.len();
        if edit[0] & 1 == 0 {
            text[place] = edit[2];
        } else {
            text.insert(place, edit[2]);
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

const STATEMENT: &[u8] = br#"{"files":{},"number":1}"#;

/// What the authority and the agent gave out.
struct Issued {
    bearer: String,
    bound: String,
    proof: String,
    task: String,
}

impl Issued {
    /// Four lines.
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.splitn(4, '\n').map(ToOwned::to_owned);
        let mut next = || lines.next().unwrap_or_default();
        Self { bearer: next(), bound: next(), proof: next(), task: next() }
    }
}

static ISSUED: LazyLock<Issued> = LazyLock::new(|| {
    let (authority, agent) = (AuthorityKey::from_seed([7; 32]), AgentKey::from_seed([8; 32]));
    let name: AgentName = "writer".parse().expect("`writer` is an agent name");
    let id = SpiffeId { trust_domain: trust_domain(), agent: name };
    let bound = authority.issue_agent_token(&id, Some(&agent.thumbprint()), Uuid::from_u128(2), NOW, HOUR_MS);
    Issued {
        bearer: authority.issue_agent_token(&id, None, Uuid::from_u128(1), NOW, HOUR_MS),
        proof: agent.prove(METHOD, URL, &bound, Uuid::from_u128(3), NOW),
        bound,
        task: handed_on(&authority),
    }
});

/// The token of a task that one agent handed on to another.
fn handed_on(authority: &AuthorityKey) -> String {
    let claim = (TaskId::from_uuid(Uuid::from_u128(4)), Digest::of(b"specification"));
    let begun = authority.issue_task_token(&trust_domain(), claim, &[], NOW, HOUR_MS);
    let name = |name: &str| name.parse::<AgentName>().expect("it is an agent name");
    let tools = ["notes:read_note".parse().expect("it is a tool")].into();
    let link = Link {
        id: HopId::from_uuid(Uuid::from_u128(5)),
        from: name("writer"),
        to: name("reader"),
        request: "look".parse().expect("it is the name of a request"),
        remit: Remit { tools, ..Remit::default() },
        data: None,
        quota: Quota { calls: Some(3), value_minor: None },
        depth: Some(0),
        until: Some(NOW.plus_ms(HOUR_MS)),
    };
    authority.delegate(&begun, &trust_domain(), &link).expect("it is the writer's to hand on")
}

static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::new);

fn trust() -> Trust {
    let authority = AuthorityKey::from_seed([7; 32]).public();
    // Proofs of before the process began are refused; it began just before now.
    let since = Timestamp::from_millis(NOW.as_millis() - 1000);
    let mut settings = TrustSettings::new(trust_domain(), authority, since);
    settings.bearer_on_loopback = true;
    Trust::new(settings)
}

fn trust_domain() -> TrustDomain {
    "notes.example".parse().expect("`notes.example` is a trust domain")
}

/// Each three bytes put one byte in one place of one text: which text and whether it goes in between, where, what.
fn edited(issued: &Issued, edits: &[u8]) -> Issued {
    let mut texts = [&issued.bearer, &issued.bound, &issued.proof, &issued.task].map(|text| text.clone().into_bytes());
    for edit in edits.chunks_exact(3) {
        let text = &mut texts[usize::from(edit[0] & 3)];
        let place = (usize::from(edit[0] >> 3) << 8 | usize::from(edit[1])) % text.len();
        if edit[0] & 4 == 0 {
            text[place] = edit[2];
        } else {
            text.insert(place, edit[2]);
        }
    }
    let [bearer, bound, proof, task] = texts.map(|text| String::from_utf8_lossy(&text).into_owned());
    Issued { bearer, bound, proof, task }
}

const NOW: Timestamp = Timestamp::from_millis(1_780_000_000_000);
const HOUR_MS: u64 = 3_600_000;
const EVENT_BYTES_MAX: usize = 64;
/// What a reader allows around a frame.
const EVENT_FRAMING_BYTES: usize = 4_096;
const METHOD: &str = "POST";
const URL: &str = "http://127.0.0.1:7680/mcp/notes";
