//! Task tokens as Biscuits: the authority block says which task, each block after it which request handed the work on.
//!
//! Every block is signed by the deployment: the first because it is the token's root, the others as third-party blocks, so
//! that whoever holds a token can append nothing that counts. Each carries the same restrictions twice: as text that maso
//! reads, and as Datalog checks that any Biscuit library evaluates.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use biscuit_auth::{
    Algorithm, Biscuit, BiscuitBuilder, BlockBuilder, KeyPair, PrivateKey, PublicKey,
    builder::Term,
    datalog::SymbolTable,
    error::{Format, Token},
};
use maso_core::{AgentName, Digest, ServerName, TaskId, Timestamp, TrustDomain};
use sha2::{Digest as _, Sha256};

use super::{Chain, Link, Remit, chain::LINKS_MAX, said::TaskGiven};
use crate::{
    AuthorityKey, AuthorityPublic, TaskClaim, TokenError,
    token::{Lifetime, seconds},
};

/// What a task token says, once all of its signatures were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskToken {
    claim: TaskClaim,
    lifetime: Lifetime,
}

impl TaskToken {
    /// Believes a token that this deployment signed, block by block, for one of its tasks.
    pub(crate) fn believe(text: &str, authority: &AuthorityPublic, domain: &TrustDomain) -> Result<Self, TokenError> {
        let key = public(authority)?;
        Self::read(&verified(text, key)?, key, domain)
    }

    /// What a token says whose signatures were checked.
    fn read(biscuit: &Biscuit, key: PublicKey, domain: &TrustDomain) -> Result<Self, TokenError> {
        let mut said = biscuit.context().into_iter();
        let given = said.next().flatten().and_then(|text| TaskGiven::read(&text)).ok_or(TokenError::Malformed)?;
        if given.domain != *domain {
            return Err(TokenError::Foreign);
        }
        // Only so is a request over when the longest life of a token is (`revoked/links.rs`).
        if given.until > given.from.plus_ms(TASK_TOKEN_MS_MAX) {
            return Err(TokenError::Malformed);
        }
        let mut chain = Chain { holders: given.holders, links: Vec::new() };
        for (place, said) in said.enumerate() {
            // A block that somebody else appended is no link, whatever it says.
            if biscuit.block_external_key(place + 1).map_err(told)? != Some(key) {
                return Err(TokenError::Forged);
            }
            let link = said.and_then(|text| Link::read(&text)).ok_or(TokenError::Malformed)?;
            if chain.is_of(&link.from).is_err() {
                return Err(TokenError::Malformed);
            }
            chain.links.push(link);
        }
        let until = chain.until().map_or(given.until, |ends| ends.min(given.until));
        let claim = TaskClaim { task: given.task, specification: given.specification, chain: Arc::new(chain) };
        Ok(Self { claim, lifetime: Lifetime::between(given.from, until) })
    }

    /// The task, the hash of its specification, and the way by which it came.
    pub const fn claim(&self) -> &TaskClaim {
        &self.claim
    }

    pub(crate) const fn lifetime(&self) -> Lifetime {
        self.lifetime
    }
}

/// Why a request cannot be handed on with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Delegation {
    /// The token itself is not believed.
    #[error("the task token {0}")]
    Token(#[from] TokenError),
    /// Whoever asks is not whom the token names.
    #[error("the task is not that agent's to hand on")]
    NotTheirs,
    /// There are as many requests in it as one token may hold.
    #[error("it was handed on {LINKS_MAX} times")]
    TooLong,
    /// What may be done for all of its requests is more than one token may say.
    #[error("the task token would have more than {TOKEN_BYTES_MAX} bytes")]
    TooLarge,
}

impl AuthorityKey {
    /// Issues a token that says which task a hop belongs to. It is no credential: it says nothing of who sends. Only
    /// `holders` may begin the task with it; nobody named is everybody of the task's workflow. It counts for `ttl_ms`, and
    /// never for longer than [`TASK_TOKEN_MS_MAX`].
    pub fn issue_task_token(
        &self,
        domain: &TrustDomain,
        claim: (TaskId, Digest),
        holders: &[AgentName],
        now: Timestamp,
        ttl_ms: u64,
    ) -> String {
        let (task, specification) = claim;
        let given = TaskGiven {
            domain: domain.clone(),
            task,
            specification,
            holders: holders.iter().cloned().collect(),
            from: whole(now),
            until: whole(now.plus_ms(ttl_ms.min(TASK_TOKEN_MS_MAX))),
        };
        let said = given.write();
        let next = self.derived(said.as_bytes());
        let block = checks(
            BlockBuilder::new(),
            &["check if time($now), $now >= {from}, $now < {until}"],
            [("from", date(given.from)), ("until", date(given.until))],
        );
        let biscuit = BiscuitBuilder::new()
            .merge(block)
            .context(said)
            .build_with_key_pair(&self.pair(), SymbolTable::default(), &next)
            .expect("a block of our own making is one");
        written(&biscuit)
    }

    /// Appends to a token that work was handed on: whoever shows the new one may do what all of its links allow, and is
    /// whom the last one names.
    ///
    /// # Errors
    /// When the token is not believed, belongs to another agent than the one that asks, or is too long.
    pub fn delegate(&self, token: &str, domain: &TrustDomain, link: &Link) -> Result<String, Delegation> {
        let link = Link { until: link.until.map(whole), ..link.clone() };
        let pair = self.pair();
        let biscuit = verified(token, pair.public())?;
        let before = TaskToken::read(&biscuit, pair.public(), domain)?;
        let chain = &before.claim.chain;
        if chain.is_of(&link.from).is_err() {
            return Err(Delegation::NotTheirs);
        }
        if chain.is_full() {
            return Err(Delegation::TooLong);
        }
        let mut block = restricted(&link.remit, link.until);
        let said = link.write();
        // Two tokens may be handed on for one request, and never with one key.
        let next = self.derived(&[token.as_bytes(), said.as_bytes()].concat());
        block.context = Some(said);
        let appended = biscuit
            .third_party_request()
            .and_then(|request| request.create_block(&pair.private(), block))
            .and_then(|block| biscuit.append_third_party_with_keypair(pair.public(), block, next))
            .map_err(told)?;
        let handed_on = written(&appended);
        if handed_on.len() > PREFIX.len() + TOKEN_BYTES_MAX {
            return Err(Delegation::TooLarge);
        }
        Ok(handed_on)
    }

    fn pair(&self) -> KeyPair {
        let seed = PrivateKey::from_bytes(&*self.seed(), Algorithm::Ed25519).expect("32 bytes are an Ed25519 key");
        KeyPair::from(&seed)
    }

    /// The key pair that would sign a next block that is not a third party's. Nobody needs to hold it, so it is made of
    /// what nobody else knows, and not of randomness.
    fn derived(&self, unique: &[u8]) -> KeyPair {
        let mut seed = Sha256::new();
        seed.update(b"maso: the next key of a task token\0");
        seed.update(*self.seed());
        seed.update(unique);
        let seed = PrivateKey::from_bytes(&seed.finalize(), Algorithm::Ed25519).expect("32 bytes are an Ed25519 key");
        KeyPair::from(&seed)
    }
}

/// A token whose signatures are all good, by the key of the deployment.
fn verified(text: &str, key: PublicKey) -> Result<Biscuit, TokenError> {
    let encoded = text.strip_prefix(PREFIX).ok_or(TokenError::OtherKind)?;
    if encoded.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::Malformed);
    }
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenError::Malformed)?;
    let biscuit = Biscuit::from(&bytes, |_| Ok(key)).map_err(told)?;
    // There is one way to write it, so that nobody makes two tokens of one that read the same.
    let is_canonical = biscuit.to_vec().is_ok_and(|written| written == bytes);
    if biscuit.block_count() > 1 + LINKS_MAX || !is_canonical {
        return Err(TokenError::Malformed);
    }
    Ok(biscuit)
}

fn written(biscuit: &Biscuit) -> String {
    let bytes = biscuit.to_vec().expect("a token of our own making can be written");
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn public(authority: &AuthorityPublic) -> Result<PublicKey, TokenError> {
    PublicKey::from_bytes(authority.as_bytes(), Algorithm::Ed25519).map_err(|_| TokenError::Forged)
}

fn told(fault: Token) -> TokenError {
    match fault {
        Token::Format(Format::Signature(_) | Format::SealedSignature | Format::UnknownPublicKey) => TokenError::Forged,
        _ => TokenError::Malformed,
    }
}

/// A block that refuses what lies outside the remit, or comes later.
fn restricted(remit: &Remit, until: Option<Timestamp>) -> BlockBuilder {
    let servers: BTreeSet<&ServerName> = remit
        .tools
        .iter()
        .map(|tool| &tool.server)
        .chain(remit.resources.iter().chain(&remit.prompts).map(|(server, _)| server))
        .collect();
    let set = |texts: &mut dyn Iterator<Item = String>| Term::Set(texts.map(Term::Str).collect());
    let mut ways = vec![
        r#"operation($verb), ["request", "tell", "report", "spawn"].contains($verb)"#.to_owned(),
        r#"operation("call_tool"), object($what), {tools}.contains($what)"#.to_owned(),
        r#"operation($verb), !["request", "tell", "report", "spawn", "call_tool", "read_resource", "get_prompt"].contains($verb), server($of), {servers}.contains($of)"#.to_owned(),
    ];
    let mut terms = vec![
        ("tools".to_owned(), set(&mut remit.tools.iter().map(ToString::to_string))),
        ("servers".to_owned(), set(&mut servers.iter().map(ToString::to_string))),
    ];
    for (place, (server, prefix)) in remit.resources.iter().enumerate() {
        ways.push(format!(r#"operation("read_resource"), object($what), $what.starts_with({{resource_{place}}})"#));
        terms.push((format!("resource_{place}"), Term::Str(format!("{server}:{prefix}"))));
    }
    for (place, (server, prompt)) in remit.prompts.iter().enumerate() {
        let (way, term) = match prompt.as_str() {
            "*" => (format!("$what.starts_with({{prompt_{place}}})"), format!("{server}:")),
            name => (format!("$what == {{prompt_{place}}}"), format!("{server}:{name}")),
        };
        ways.push(format!(r#"operation("get_prompt"), object($what), {way}"#));
        terms.push((format!("prompt_{place}"), Term::Str(term)));
    }
    let mut sources = vec![format!("check if {}", ways.join(" or "))];
    if let Some(until) = until {
        sources.push("check if time($now), $now < {until}".to_owned());
        terms.push(("until".to_owned(), date(until)));
    }
    for (place, bound) in remit.arguments.iter().enumerate() {
        sources.push(format!(
            r#"check if operation($verb), $verb != "call_tool" or object($what), $what != {{tool_{place}}} or argument({{pointer_{place}}}, {{value_{place}}})"#
        ));
        terms.push((format!("tool_{place}"), Term::Str(bound.tool.to_string())));
        terms.push((format!("pointer_{place}"), Term::Str(bound.pointer.clone())));
        terms.push((format!("value_{place}"), Term::Str(canonical(&bound.value))));
    }
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    let terms = terms.iter().map(|(name, term)| (name.as_str(), term.clone()));
    checks(BlockBuilder::new(), &sources, terms)
}

fn checks<'a>(block: BlockBuilder, sources: &[&str], terms: impl IntoIterator<Item = (&'a str, Term)>) -> BlockBuilder {
    let terms: HashMap<String, Term> = terms.into_iter().map(|(name, term)| (name.to_owned(), term)).collect();
    let code: String = sources.iter().flat_map(|source| [source, ";\n"]).collect();
    block.code_with_params(code, terms, HashMap::new()).expect("checks of our own making are checks")
}

/// A value as its own text, by which two of them are compared (RFC 8785).
pub(crate) fn canonical(value: &serde_json::Value) -> String {
    String::from_utf8_lossy(&maso_core::canonical_bytes(value)).into_owned()
}

/// Whole seconds, as Datalog counts them, rounded down: what is issued may end earlier than asked for and never later.
fn whole(moment: Timestamp) -> Timestamp {
    Timestamp::from_millis(seconds(moment) * 1_000)
}

fn date(moment: Timestamp) -> Term {
    Term::Date(u64::try_from(seconds(moment)).unwrap_or(0))
}

/// What a task token begins with, so that it is told from anything else wherever it is met.
const PREFIX: &str = "biscuit:";

/// How long a task token may count, in whole seconds.
pub const TASK_TOKEN_MS_MAX: u64 = 7 * 24 * 3_600_000;
/// A token with as many links as there may be, each with a remit of some twenty tools. It still fits into a header.
const TOKEN_BYTES_MAX: usize = 32 << 10;
