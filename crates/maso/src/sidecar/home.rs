//! What a sidecar keeps between two starts, in a folder that only its owner may read.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use maso_core::Timestamp;
use maso_identity::AgentKey;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Invitation, Place};
use crate::{command::agents, fault::Fault, state};

/// The folder of one sidecar.
pub struct Home {
    folder: PathBuf,
}

/// A token that was given.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    token: String,
    expires_at: i64,
}

impl Home {
    /// The sidecar that lives in this folder, which is made when it is not there.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        if !folder.is_dir() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|error| Fault::new(format!("cannot make `{}`", folder.display()), error))?;
        }
        state::only_ours(folder).map_err(|fault| Fault::new("cannot use the sidecar's folder", fault))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Where it belongs, if it was ever told.
    pub fn place(&self) -> Result<Option<Place>, Fault> {
        self.read("place.json")
    }

    /// Keeps where it belongs.
    pub fn settle(&self, place: &Place) -> Result<(), Fault> {
        self.write("place.json", place)
    }

    /// Its agent's key, made where there is none.
    pub fn key(&self) -> Result<AgentKey, Fault> {
        agents::key(&self.folder.join("key.pem"))
    }

    /// The token that it was given last.
    pub fn token(&self) -> Result<Option<(String, Timestamp)>, Fault> {
        let kept: Option<Kept> = self.read("token.json")?;
        Ok(kept.map(|Kept { token, expires_at }| (token, Timestamp::from_millis(expires_at))))
    }

    /// Keeps a token.
    pub fn keep(&self, (token, expires_at): (String, Timestamp)) -> Result<(), Fault> {
        self.write("token.json", &Kept { token, expires_at: expires_at.as_millis() })
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Fault> {
        let path = self.folder.join(name);
        if path.exists() { read(&path).map(Some) } else { Ok(None) }
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), Fault> {
        let text = serde_json::to_string_pretty(value).expect("strings and numbers are JSON");
        state::replace_private(&self.folder.join(name), text.as_bytes())
            .map_err(|fault| Fault::new("cannot keep what the sidecar needs", fault))
    }
}

impl Invitation {
    /// Reads one, which only its owner may read.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        read(path)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Fault> {
    let text = state::read_private(path).map_err(|fault| Fault::new("cannot read what the sidecar needs", fault))?;
    serde_json::from_str(&text)
        .map_err(|error| Fault::plain(format!("`{}`, line {}: not what was expected", path.display(), error.line())))
}
