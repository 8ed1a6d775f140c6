//! Identity as SPIFFE has it: the trust domain's own authority, the SVIDs that it issues, and the Workload API at which
//! attested processes fetch them (IA-2.1, IA-2.2, IA-2.3).
//!
//! Who a process is, is said by the kernel and by the mandates, never by the process. Whether it may still be somebody is
//! asked of the record, inside the commit by which an SVID gets onto it. It must never know what agents do.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails"))]

mod authority;
mod document;
mod federation;
mod generation;
mod jwt;
mod key;
mod process;
mod rotation;
mod workload;
mod x509;

pub use authority::{Authority, AuthorityFault};
pub use federation::{Federated, FederationFault};
pub use generation::GenerationFault;
pub use jwt::{JwtSvid, SvidError, ValidatedJwt};
pub use key::{KeyFault, PemKey, SigningKey};
pub use process::{Peer, PeerFault, Program, Programs};
pub use workload::{Listening, ServeFault, WorkloadApi, listen};
pub use x509::X509Svid;
