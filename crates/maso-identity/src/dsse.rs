//! Signed envelopes (DSSE 1.0): sign bytes, verify bytes, and parse them only afterwards.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use maso_wire::Limits;
use serde_json::{Value, json};

use crate::{AgentKey, OperatorKey, PublicKey};

/// Bytes with the signatures of those who stand by them. Nothing in it is believed before a key has verified it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    /// Which key is said to have made it. Narrows the search and proves nothing.
    claimed_key: Option<String>,
    bytes: Vec<u8>,
}

/// Why a text is no envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON as we read it.
    #[error("not JSON: {0}")]
    Json(String),
    /// A member is missing or of another type.
    #[error("`{0}` is missing, or not what a DSSE envelope has there")]
    Member(&'static str),
    /// More signatures than an envelope may have.
    #[error("{0} signatures, {max} allowed", max = Envelope::SIGNATURES_MAX)]
    TooMany(usize),
}

impl Envelope {
    /// Signatures of one envelope.
    pub const SIGNATURES_MAX: usize = 64;

    /// An envelope that nobody has signed yet.
    pub fn new(payload_type: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Self { payload_type: payload_type.into(), payload: payload.into(), signatures: Vec::new() }
    }

    /// Reads an envelope from its JSON form. Members that DSSE does not name are skipped, as it asks.
    ///
    /// # Errors
    /// When the text is no envelope, or larger than one may be.
    pub fn read(text: &str) -> Result<Self, EnvelopeError> {
        let value =
            maso_wire::parse_json(text.as_bytes(), &LIMITS).map_err(|error| EnvelopeError::Json(error.to_string()))?;
        let text = |value: &Value, member| {
            value.get(member).and_then(Value::as_str).map(str::to_owned).ok_or(EnvelopeError::Member(member))
        };
        let bytes = |value: &Value, member| decode(&text(value, member)?).ok_or(EnvelopeError::Member(member));
        let signatures =
            value.get("signatures").and_then(Value::as_array).ok_or(EnvelopeError::Member("signatures"))?;
        if signatures.len() > Self::SIGNATURES_MAX {
            return Err(EnvelopeError::TooMany(signatures.len()));
        }
        let signatures = signatures.iter().map(|signature| {
            let claimed_key = match signature.get("keyid") {
                None | Some(Value::Null) => None,
                Some(_) => Some(text(signature, "keyid")?),
            };
            Ok(Signature { claimed_key, bytes: bytes(signature, "sig")? })
        });
        Ok(Self {
            payload_type: text(&value, "payloadType")?,
            payload: bytes(&value, "payload")?,
            signatures: signatures.collect::<Result<_, _>>()?,
        })
    }

    /// The envelope in its JSON form, one signature a line.
    pub fn write(&self) -> String {
        let signatures = self.signatures.iter().map(|Signature { claimed_key, bytes }| match claimed_key {
            Some(key) => json!({ "keyid": key, "sig": BASE64.encode(bytes) }).to_string(),
            None => json!({ "sig": BASE64.encode(bytes) }).to_string(),
        });
        format!(
            "{{\n  \"payloadType\": {},\n  \"payload\": {},\n  \"signatures\": [\n    {}\n  ]\n}}\n",
            Value::from(self.payload_type.as_str()),
            Value::from(BASE64.encode(&self.payload)),
            signatures.collect::<Vec<_>>().join(",\n    ")
        )
    }

    /// Adds the signature of this key; once, however often it is asked for.
    pub fn sign(&mut self, key: &OperatorKey) {
        self.add(&key.public().key(), |message| key.sign(message));
    }

    /// Adds the signature of this agent's key; once, however often it is asked for.
    pub fn sign_as_agent(&mut self, key: &AgentKey) {
        self.add(&key.public(), |message| key.sign(message));
    }

    fn add(&mut self, key: &PublicKey, sign: impl FnOnce(&[u8]) -> [u8; 64]) {
        if !self.is_signed_by(key) {
            let bytes = sign(&encoding(&self.payload_type, &self.payload)).to_vec();
            self.signatures.push(Signature { claimed_key: Some(key.thumbprint().to_string()), bytes });
        }
    }

    /// Whether this key signed this payload as this type.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let name = key.thumbprint().to_string();
        let may_be_its = |signature: &&Signature| signature.claimed_key.as_ref().is_none_or(|claimed| *claimed == name);
        let mut signatures = self.signatures.iter().filter(may_be_its).peekable();
        if signatures.peek().is_none() {
            return false;
        }
        let message = encoding(&self.payload_type, &self.payload);
        signatures.any(|signature| key.verifies(&message, &signature.bytes))
    }

    /// What the payload is said to be.
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The payload, which nobody may have signed.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// How many signatures there are, whoever made them.
    pub fn n_signatures(&self) -> usize {
        self.signatures.len()
    }
}

/// What is signed: type and payload, each with its length, so that no two pairs give the same bytes (DSSE's PAE).
fn encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Whoever reads an envelope must accept either alphabet of base64.
fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).or_else(|_| BASE64_URL.decode(text)).ok()
}

const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDED_OR_NOT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDED_OR_NOT);
const PADDED_OR_NOT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Bounds on one envelope: a file of a deployment, few members, one long text.
const LIMITS: Limits =
    Limits { frame_bytes_max: 1 << 20, depth_max: 8, nodes_max: 1_024, string_bytes_max: 1 << 20, ..Limits::DEFAULT };
