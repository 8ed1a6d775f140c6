//! The trust domain's own authority: it signs SVIDs, says whose signature is believed, and makes place for its next
//! generation in time.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use maso_core::{SpiffeId, Timestamp, TrustDomain};
use maso_identity::PublicKey;
use maso_intent::HostName;
use parking_lot::RwLock;
use rustls_pki_types::CertificateDer;

use crate::{
    GenerationFault, JwtSvid, KeyFault, SvidError, ValidatedJwt, X509Svid, document,
    generation::{Generation, fault},
    jwt,
    rotation::{self, SVID_MS_MAX, Span},
    x509::{self, Subject},
};

/// The trust domain's authority, whose keys lie in a folder of the deployment's state.
pub struct Authority {
    folder: PathBuf,
    domain: TrustDomain,
    /// In the order of their beginning.
    generations: RwLock<Vec<Arc<Generation>>>,
    /// The number of the newest.
    newest: AtomicU32,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityFault {
    /// No generation may sign now: the clock says something that cannot be.
    #[error("no generation of the authority may sign now")]
    NoneSigns,
    /// A generation cannot be used.
    #[error("the trust domain's authority cannot be used")]
    Generation(#[from] GenerationFault),
    /// A key did not sign.
    #[error("the trust domain's authority did not sign")]
    Key(#[from] KeyFault),
}

impl Authority {
    /// The authority whose generations lie in `folder`; the first is made when there is none.
    ///
    /// # Errors
    /// When one of them cannot be read, may be read by others, or none can be made.
    pub fn open(folder: &Path, domain: TrustDomain, now: Timestamp) -> Result<Self, AuthorityFault> {
        let authority =
            Self { folder: folder.to_owned(), domain, generations: RwLock::default(), newest: AtomicU32::new(0) };
        authority.rotate(now)?;
        Ok(authority)
    }

    /// The trust domain.
    pub const fn domain(&self) -> &TrustDomain {
        &self.domain
    }

    /// Takes up what other processes made, and makes the next generation when it is due.
    ///
    /// # Errors
    /// As [`Authority::open`]. What was known before counts on.
    pub fn rotate(&self, now: Timestamp) -> Result<(), AuthorityFault> {
        for _ in 0..ATTEMPTS_MAX {
            let numbers = self.numbers()?;
            let known: Vec<_> = numbers.iter().map(|number| self.path(*number)).collect();
            let mut read = Vec::new();
            for path in &known[known.len().saturating_sub(GENERATIONS_MAX)..] {
                let generation = Generation::read(path)?;
                // A deployment that was given another name begins anew: what the former one signed is not believed.
                if generation.domain == format!("spiffe://{}", self.domain) {
                    read.push(Arc::new(generation));
                }
            }
            read.sort_by_key(|generation| generation.span.from);
            let is_due = rotation::is_due(&spans(&read), now);
            *self.generations.write() = read;
            self.newest.store(numbers.last().copied().unwrap_or(0), Ordering::SeqCst);
            if !is_due {
                return Ok(());
            }
            let next = numbers.last().map_or(1, |last| last.saturating_add(1));
            // Made or not: it is read in the next round, whoever made it.
            Generation::make(&self.path(next), &self.domain, now)?;
        }
        Err(AuthorityFault::NoneSigns)
    }

    /// Makes an X.509-SVID, with a key of its own, that lives for at most `ttl_ms`.
    ///
    /// # Errors
    /// When no generation may sign, or its key does not.
    pub fn issue_x509(&self, agent: SpiffeId, ttl_ms: u64, now: Timestamp) -> Result<X509Svid, AuthorityFault> {
        let by = self.signer(now)?;
        let agent = Subject::agent(&agent);
        Ok(x509::issue(agent, by.certificates.as_ref(), &by.certificate, life(&by, ttl_ms, now))?)
    }

    /// Makes the X.509-SVID by which maso itself is known where it is reached by these names: `spiffe://DOMAIN/maso`, which is
    /// no agent.
    ///
    /// # Errors
    /// As [`Authority::issue_x509`].
    pub fn issue_own(&self, names: &[HostName], now: Timestamp) -> Result<X509Svid, AuthorityFault> {
        let by = self.signer(now)?;
        let ourselves = Subject::ourselves(&self.domain, names)?;
        Ok(x509::issue(ourselves, by.certificates.as_ref(), &by.certificate, life(&by, OWN_MS, now))?)
    }

    /// All by which others can verify what this trust domain issues, as a bundle document of SPIFFE.
    pub fn bundle_document(&self, now: Timestamp) -> String {
        let believed = self.believed(now);
        // One more with each generation that comes, and with each that goes.
        let n_made = u64::from(self.newest.load(Ordering::SeqCst));
        let n_gone = n_made.saturating_sub(believed.len() as u64);
        document::of(&believed, n_made + n_gone)
    }

    /// Makes a JWT-SVID for these audiences that lives for at most `ttl_ms`.
    ///
    /// # Errors
    /// As [`Authority::issue_x509`].
    pub fn issue_jwt(
        &self,
        agent: SpiffeId,
        audience: &[String],
        ttl_ms: u64,
        now: Timestamp,
    ) -> Result<JwtSvid, AuthorityFault> {
        let by = self.signer(now)?;
        let span = Span { from: now, ..life(&by, ttl_ms, now) };
        Ok(jwt::issue(agent, by.tokens.as_ref(), audience, span)?)
    }

    /// The certificates in which X.509-SVIDs are believed now.
    pub fn x509_bundle(&self, now: Timestamp) -> Vec<CertificateDer<'static>> {
        self.believed(now).iter().map(|generation| generation.certificate.clone()).collect()
    }

    /// The keys with which JWT-SVIDs are believed now, as a JWKS document.
    pub fn jwt_bundle(&self, now: Timestamp) -> String {
        jwt::bundle(&self.jwt_keys(now))
    }

    /// What a JWT-SVID says that is meant for `audience`. Whether it was revoked is not looked at.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn validate_jwt(&self, token: &str, audience: &str, now: Timestamp) -> Result<ValidatedJwt, SvidError> {
        jwt::validate(token, audience, &self.domain, &self.jwt_keys(now), now)
    }

    fn jwt_keys(&self, now: Timestamp) -> Vec<PublicKey> {
        self.believed(now).iter().map(|generation| generation.tokens_public).collect()
    }

    fn signer(&self, now: Timestamp) -> Result<Arc<Generation>, AuthorityFault> {
        let generations = self.generations.read();
        let signer = rotation::signer(&spans(&generations), now).ok_or(AuthorityFault::NoneSigns)?;
        Ok(Arc::clone(&generations[signer]))
    }

    fn believed(&self, now: Timestamp) -> Vec<Arc<Generation>> {
        let generations = self.generations.read();
        let spans = spans(&generations);
        let believed = (0..spans.len()).filter(|index| rotation::is_believed(&spans, *index, now));
        believed.map(|index| Arc::clone(&generations[index])).collect()
    }

    /// The numbers of the generations in the folder, in order.
    fn numbers(&self) -> Result<Vec<u32>, GenerationFault> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(fault("read", &self.folder))? {
            let name = entry.map_err(fault("read", &self.folder))?.file_name();
            let number: Option<u32> =
                name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn path(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{PREFIX}{number}{SUFFIX}"))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({})", self.domain)
    }
}

/// From when to when an SVID counts: from a little before now on, for clocks that lag, and never for longer in all than
/// it may, or than its signer does.
fn life(by: &Generation, ttl_ms: u64, now: Timestamp) -> Span {
    let ttl_ms = ttl_ms.min(SVID_MS_MAX);
    // Of a short life it takes a tenth at most.
    let skew_ms = i64::try_from(ttl_ms / 10).unwrap_or(SKEW_MS).min(SKEW_MS);
    let from = Timestamp::from_millis(now.as_millis().saturating_sub(skew_ms)).max(by.span.from);
    Span { from, until: x509::whole_second(from).plus_ms(ttl_ms).min(by.span.until) }
}

fn spans(generations: &[Arc<Generation>]) -> Vec<Span> {
    generations.iter().map(|generation| generation.span).collect()
}

/// How long a certificate of our own counts. A choice: an hour, as an agent's.
const OWN_MS: u64 = 3_600_000;
/// How far clocks of those who verify may lag (SPIRE has the same).
const SKEW_MS: i64 = 10_000;
/// Generations that are read, from the newest on: the believed ones are two at most.
const GENERATIONS_MAX: usize = 4;
/// How often it is looked again whether a generation is there which is due: once to find that, once to find it made, and
/// once more for another process.
const ATTEMPTS_MAX: usize = 3;
const PREFIX: &str = "svid-authority-";
const SUFFIX: &str = ".pem";

#[cfg(test)]
mod tests;
