//! `maso bus`: who may do what at the NATS server between processes, and its mailboxes.

use std::{collections::BTreeMap, fs, os::unix::fs::DirBuilderExt as _, path::Path, process::ExitCode};

use maso_bus::{Accounts, NkeySeed, User};
use serde_json::json;

use crate::screen::say;
use crate::{
    assemble, bus,
    cli::{Bus, BusOrder, Folder, Output},
    fault::Fault,
    screen,
    state::{self, StateFolder},
};

pub async fn run(args: Bus) -> Result<ExitCode, Fault> {
    match args.order {
        BusOrder::Accounts { folder, out, output } => accounts(&folder, out.as_deref(), output)?,
        BusOrder::Prepare { folder, output } => prepare(&folder, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes what the server has to know: its users with their public keys, and what each may do.
fn accounts(folder: &Folder, out: Option<&Path>, output: Output) -> Result<(), Fault> {
    let (deployment, _) = assemble::declared(&folder.dir)?;
    let state = StateFolder::open(&folder.dir).map_err(|fault| Fault::new("cannot open the state", fault))?;
    let accounts = Accounts::of(&deployment);
    let keys = accounts
        .users()
        .map(|(user, _)| Ok((user.clone(), key_of(&state.bus(), user)?)))
        .collect::<Result<BTreeMap<User, NkeySeed>, Fault>>()?;
    let text = accounts.write(|user| keys[user].public().to_owned());
    if let Some(out) = out {
        fs::write(out, &text).map_err(|error| Fault::new(format!("cannot write `{}`", out.display()), error))?;
    }
    match (output.json, out) {
        (true, _) => {
            let users: Vec<_> = keys
                .iter()
                .map(|(user, key)| json!({ "file": state.bus().join(user.file()), "nkey": key.public() }))
                .collect();
            screen::json(&json!({ "users": users, "configuration": text }));
        }
        (false, None) => text.lines().for_each(|line| say!("{line}")),
        (false, Some(out)) => {
            say!("the users of the bus are in {}; `include` it in the server's configuration", out.display());
            say!("their keys are in {}: each sidecar gets its own and no other", state.bus().display());
        }
    }
    Ok(())
}

/// The key of a user: as it was, or a new one. Whoever loses one removes its file, and writes the accounts anew.
fn key_of(folder: &Path, user: &User) -> Result<NkeySeed, Fault> {
    let path = folder.join(user.file());
    if path.exists() {
        return bus::read_seed(&path);
    }
    if let Some(parent) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .map_err(|error| Fault::new(format!("cannot make `{}`", parent.display()), error))?;
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Fault::plain(format!("cannot draw randomness: {error}")))?;
    let key = NkeySeed::from_random(bytes);
    state::create_private(&path, key.expose().as_bytes())
        .map_err(|fault| Fault::new("cannot write a key for the bus", fault))?;
    Ok(key)
}

/// Makes the mailboxes, and asks the server for what it promises.
async fn prepare(folder: &Folder, output: Output) -> Result<(), Fault> {
    let (deployment, _) = assemble::declared(&folder.dir)?;
    let Some(settings) = &deployment.settings.bus else {
        return Err(Fault::plain("the deployment has no bus").help("`[bus] nats` in maso.toml says where it is"));
    };
    let state = StateFolder::open(&folder.dir).map_err(|fault| Fault::new("cannot open the state", fault))?;
    let authority = state.authority().map_err(|fault| Fault::new("cannot use the authority's key", fault))?;
    bus::at_server(settings, &deployment, &folder.dir, &state, &authority).await?;
    let n_mailboxes = Accounts::mailboxes(&deployment).count();
    let promise = settings.promise.as_str();
    if output.json {
        screen::json(&json!({ "server": settings.servers.to_string(), "mailboxes": n_mailboxes, "promise": promise }));
    } else {
        say!("{n_mailboxes} mailboxes are ready at {}; what is acknowledged is {promise}", settings.servers);
    }
    Ok(())
}
