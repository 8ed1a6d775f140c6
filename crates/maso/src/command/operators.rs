//! `maso operators`: lets people sign in.

use std::process::ExitCode;

use maso_core::OperatorName;
use maso_identity::{OperatorKey, Passphrase};
use maso_intent::Deployment;
use maso_path::{Clock as _, SystemClock};

use crate::screen::say;
use crate::{
    assemble,
    cli::{OperatorOrder, Operators},
    command::sign,
    fault::Fault,
    screen,
    state::{self, StateFolder},
};

/// How long a sign-in link counts.
pub const LINK_TTL_MS: u64 = 10 * 60_000;

pub fn run(args: Operators) -> Result<ExitCode, Fault> {
    match args.order {
        OperatorOrder::Passphrase { folder, operator, output } => {
            let (deployment, _) = assemble::declared(&folder.dir)?;
            known(&deployment, &operator)?;
            let text = assemble::passphrase(&format!("new passphrase of {operator}: "))?;
            let passphrase = Passphrase::new(text).map_err(|fault| {
                Fault::new("the passphrase cannot be used", fault).help("choose one of at least 12 characters")
            })?;
            let mut salt = [0; 16];
            getrandom::fill(&mut salt).map_err(|error| Fault::plain(format!("cannot draw randomness: {error}")))?;
            let hash = passphrase.hash(salt).map_err(|fault| Fault::new("the passphrase cannot be used", fault))?;
            let state = StateFolder::open(&folder.dir).map_err(|fault| Fault::new("cannot open the state", fault))?;
            state
                .set_passphrase(&operator, hash.as_str().to_owned())
                .map_err(|fault| Fault::new("cannot keep the passphrase", fault))?;
            if output.json {
                screen::json(&serde_json::json!({ "operator": operator.to_string(), "passphrase": "set" }));
            } else {
                say!("{operator} can sign in; a running maso takes it over when it starts anew");
            }
        }
        OperatorOrder::Keygen { operator, key, output } => {
            let file = sign::key_file(key.as_deref(), &operator)?;
            let unwritten = || format!("cannot write `{}`", file.display());
            if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder).map_err(|error| Fault::new(unwritten(), error))?;
            }
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(|error| Fault::plain(format!("cannot draw randomness: {error}")))?;
            let key = OperatorKey::from_seed(seed);
            state::create_private(&file, key.expose_pem().as_bytes())
                .map_err(|fault| Fault::new("cannot write the operator's key", fault))?;
            let public = key.public().to_string();
            if output.json {
                screen::json(&serde_json::json!({ "operator": operator.to_string(), "file": file, "key": public }));
            } else {
                say!("{operator}'s private key is in {}; keep it to yourself", file.display());
                say!("this line belongs to `{operator}` in maso.toml:");
                say!("key = \"{public}\"");
            }
        }
        OperatorOrder::Link { folder, operator, output } => {
            let (deployment, _) = assemble::declared(&folder.dir)?;
            let state = StateFolder::open(&folder.dir).map_err(|fault| Fault::new("cannot open the state", fault))?;
            let link = link(&deployment, &state, &operator, &deployment.settings.listen.to_string())?;
            if output.json {
                screen::json(&serde_json::json!({
                    "operator": operator.to_string(), "link": link, "ttl_ms": LINK_TTL_MS,
                }));
            } else {
                say!("{link}");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A link with which an operator signs in to the console at `address` once. The secret part is behind `#`, which
/// browsers do not send.
pub fn link(
    deployment: &Deployment,
    state: &StateFolder,
    operator: &OperatorName,
    address: &str,
) -> Result<String, Fault> {
    known(deployment, operator)?;
    let authority = state.authority().map_err(|fault| Fault::new("cannot use the authority's key", fault))?;
    let id = uuid::Uuid::new_v4();
    let token = authority.issue_sign_in(&deployment.trust_domain, operator, id, SystemClock.now(), LINK_TTL_MS);
    Ok(format!("http://{address}/console/sign-in#link={token}"))
}

fn known(deployment: &Deployment, operator: &OperatorName) -> Result<(), Fault> {
    if deployment.operators.contains_key(operator) {
        return Ok(());
    }
    let names: Vec<_> = deployment.operators.keys().map(ToString::to_string).collect();
    Err(Fault::plain(format!("maso.toml names no operator `{operator}`"))
        .help(format!("it names {}", names.join(", "))))
}
