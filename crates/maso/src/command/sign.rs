//! `maso sign`: a person approves a version of a deployment, byte for byte.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use maso_core::OperatorName;
use maso_identity::OperatorKey;
use maso_intent::{Deployment, SignedVersions, Source, Statement};
use serde_json::{Value, json};

use crate::screen::say;
use crate::{
    assemble,
    cli::Sign,
    fault::Fault,
    screen,
    state::{self, StateFault},
};

/// Signs, or verifies. Exit code 1 if it was verified and a signature that must be there is missing.
pub fn run(args: &Sign) -> Result<ExitCode, Fault> {
    let (mut deployment, mut source) = assemble::declared(&args.folder.dir)?;
    if !args.verify {
        let operator = args.operator.as_ref().ok_or_else(|| {
            Fault::plain("nobody signs").help("name an operator of maso.toml with `--as OPERATOR`, or only `--verify`")
        })?;
        let statement = sign(args, &deployment, &source, operator)?;
        if !args.output.json {
            say!("{operator} signed version {} of {}", statement.number, screen::strong(&deployment.name));
        }
        // Told as it lies there now, so that nobody takes a signature for one that does not count.
        (deployment, source) = assemble::declared(&args.folder.dir)?;
    }
    if args.output.json {
        screen::json(&told(&deployment, &source));
    } else {
        tell(&deployment, &source);
    }
    let is_short = deployment.approval.is_required() && !deployment.approval.missing().is_empty();
    Ok(if args.verify && is_short { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn sign(args: &Sign, deployment: &Deployment, source: &Source, operator: &OperatorName) -> Result<Statement, Fault> {
    let file = key_file(args.key.as_deref(), operator)?;
    let key = read_key(&file)?;
    match deployment.operators.get(operator).map(|operator| operator.key) {
        Some(Some(declared)) if declared != key.public() => {
            return Err(Fault::plain(format!("`{}` is not the key of `{operator}`", file.display()))
                .help(format!("maso.toml has `key = \"{declared}\"`, this is `{}`", key.public())));
        }
        Some(Some(_)) => {}
        // Whoever is taken out must be able to agree: the version in force knows the key.
        _ => tracing::warn!("maso.toml has no key of `{operator}`: this counts only where the version before has it"),
    }
    let history = SignedVersions::of(deployment, source);
    let refused = |fault| Fault::new("the deployment is not signed", fault);
    let statement = history.to_sign(args.reason.as_deref()).map_err(refused)?;
    let envelope = history.signed(&statement, &key).map_err(refused)?;
    let path = args.folder.dir.join(Source::path_of_signatures(source.digest()));
    write(&path, &envelope.write()).map_err(|error| Fault::new(format!("cannot write `{}`", path.display()), error))?;
    Ok(statement)
}

/// Where an operator's private key lies: in the person's own folder, unless said otherwise.
pub fn key_file(given: Option<&Path>, operator: &OperatorName) -> Result<PathBuf, Fault> {
    if let Some(file) = given {
        return Ok(file.to_owned());
    }
    let home = std::env::home_dir().ok_or_else(|| {
        Fault::plain("cannot tell where your keys lie").help("name the file with `--key FILE`, or set HOME")
    })?;
    Ok(home.join(".config/maso/keys").join(format!("{operator}.pem")))
}

fn read_key(file: &Path) -> Result<OperatorKey, Fault> {
    let no_key = |fault: StateFault| {
        Fault::new("cannot use the operator's key", fault)
            .help("`maso operators keygen --operator NAME` makes one; `--key FILE` names another file")
    };
    let text = state::read_private(file).map_err(no_key)?;
    OperatorKey::from_pem(&text).map_err(|error| Fault::new(format!("`{}` holds no key", file.display()), error))
}

/// Puts the whole file in its place at once, so that nobody reads half of it.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let fresh = path.with_extension("new");
    fs::write(&fresh, text)?;
    fs::rename(fresh, path)
}

/// Who signed, who must, and what changed since, for people.
pub fn tell(deployment: &Deployment, source: &Source) {
    let (approval, history) = (&deployment.approval, SignedVersions::of(deployment, source));
    say!("  version  {}", approval.version());
    if let Some(statement) = approval.statement() {
        say!("  number   {}", statement.number);
        if let Some(replaces) = statement.replaces {
            say!("  replaces {replaces}");
        }
        if let Some(reason) = &statement.reason {
            say!("  because  {reason}");
        }
    }
    for (index, change) in history.changes().iter().enumerate() {
        say!("  {} {change}", if index == 0 { "changed " } else { "        " });
    }
    let signers: Vec<_> = approval.signers().into_iter().map(ToString::to_string).collect();
    if signers.is_empty() {
        say!("  signed   {}", screen::yellow("by nobody"));
    } else {
        say!("  signed   {}", signers.join(", "));
    }
    for duty in approval.missing() {
        say!("  missing  {duty}");
    }
    if !approval.is_required() {
        say!("  {}", screen::faint("nobody has to sign: `[signing] required` is false"));
    }
}

/// The same for scripts, with each file's content address.
pub fn told(deployment: &Deployment, source: &Source) -> Value {
    let (approval, history) = (&deployment.approval, SignedVersions::of(deployment, source));
    let statement = approval.statement();
    let missing = approval.missing();
    json!({
        "deployment": deployment.name,
        "version": approval.version().to_string(),
        "number": statement.map(|statement| statement.number),
        "replaces": statement.and_then(|statement| statement.replaces).map(|version| version.to_string()),
        "reason": statement.and_then(|statement| statement.reason.clone()),
        "required": approval.is_required(),
        "complete": missing.is_empty(),
        "signers": approval.signers().into_iter().map(ToString::to_string).collect::<Vec<_>>(),
        "missing": missing.iter().map(|duty| json!({
            "office": duty.office.as_str(),
            "workflow": duty.workflow.as_ref().map(ToString::to_string),
            "operators": duty.may_sign.keys().map(ToString::to_string).collect::<Vec<_>>(),
            "why_nobody": duty.why_nobody,
        })).collect::<Vec<_>>(),
        "last": history.last().map(|last| json!({ "number": last.number, "version": last.version().to_string() })),
        "changes": history.changes().iter().map(|change| json!({
            "change": change.as_str(), "file": change.path(),
        })).collect::<Vec<_>>(),
        "files": source.digests().into_iter().map(|(path, digest)| (path, digest.to_string().into()))
            .collect::<serde_json::Map<_, _>>(),
    })
}
