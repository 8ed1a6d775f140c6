//! The messages of the Workload API, as `workload.proto` of the SPIFFE standards numbers them. Written by hand: they are
//! few and do not change, and no compiler of theirs is needed to build.

use std::collections::HashMap;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Nothing {}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct X509SvidResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) svids: Vec<X509Svid>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct X509Svid {
    #[prost(string, tag = "1")]
    pub(super) spiffe_id: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) certificates: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) bundle: Vec<u8>,
}

impl std::fmt::Debug for X509Svid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "X509Svid({})", self.spiffe_id)
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct X509BundlesResponse {
    #[prost(map = "string, bytes", tag = "2")]
    pub(super) bundles: HashMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct JwtSvidRequest {
    #[prost(string, repeated, tag = "1")]
    pub(super) audience: Vec<String>,
    #[prost(string, tag = "2")]
    pub(super) spiffe_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct JwtSvidResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) svids: Vec<JwtSvid>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct JwtSvid {
    #[prost(string, tag = "1")]
    pub(super) spiffe_id: String,
    #[prost(string, tag = "2")]
    pub(super) token: String,
}

impl std::fmt::Debug for JwtSvid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JwtSvid({})", self.spiffe_id)
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct JwtBundlesResponse {
    #[prost(map = "string, bytes", tag = "1")]
    pub(super) bundles: HashMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct ValidateJwtSvidRequest {
    #[prost(string, tag = "1")]
    pub(super) audience: String,
    #[prost(string, tag = "2")]
    pub(super) token: String,
}

impl std::fmt::Debug for ValidateJwtSvidRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ValidateJwtSvidRequest({:?})", self.audience)
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ValidateJwtSvidResponse {
    #[prost(string, tag = "1")]
    pub(super) spiffe_id: String,
    #[prost(message, optional, tag = "2")]
    pub(super) claims: Option<prost_types::Struct>,
}

/// Claims, as protocol buffers have JSON.
pub(super) fn claims(claims: serde_json::Map<String, serde_json::Value>) -> prost_types::Struct {
    prost_types::Struct { fields: claims.into_iter().map(|(name, value)| (name, self::value(value))).collect() }
}

fn value(value: serde_json::Value) -> prost_types::Value {
    use prost_types::value::Kind;
    use serde_json::Value;
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(bool) => Kind::BoolValue(bool),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => Kind::StringValue(text),
        Value::Array(values) => {
            Kind::ListValue(prost_types::ListValue { values: values.into_iter().map(self::value).collect() })
        }
        Value::Object(object) => Kind::StructValue(claims(object)),
    };
    prost_types::Value { kind: Some(kind) }
}
