//! What a deployment keeps beside its declaration, in `.maso/`: the record, the authority key, operators' credentials.
//! Readable by their owner alone.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use maso_core::OperatorName;
use maso_identity::AuthorityKey;
use maso_log::{LogFault, PayloadKey, Reader};
use maso_seal::LocalKey;
use zeroize::Zeroizing;

/// The `.maso` folder of a deployment.
#[derive(Clone, Debug)]
pub struct StateFolder {
    path: PathBuf,
}

/// Why the state could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StateFault {
    /// The system refused.
    #[error("cannot {operation} `{path}`")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The key file is not one.
    #[error("`{0}` is not an authority key: 64 hexadecimal digits were expected")]
    BadKey(PathBuf),
    /// The payload key is not one.
    #[error("`{0}` is not a payload key: 64 hexadecimal digits were expected")]
    BadPayloadKey(PathBuf),
    /// The payload key is gone, and there are payloads that were encrypted with it.
    #[error("`{0}` is missing, and the record's payloads were encrypted with it: put it back from where it is kept")]
    NoPayloadKey(PathBuf),
    /// Nobody can tell whether there are payloads that were encrypted.
    #[error("cannot tell whether the record's payloads are encrypted")]
    Record(#[source] LogFault),
    /// Others may read a secret.
    #[error("`{path}` may be read by others (mode {mode:o}); `chmod go= {path}` ends that")]
    Exposed {
        /// The file, or the folder itself.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The credentials file is damaged.
    #[error("`{0}` is not a list of operators and passphrase hashes")]
    BadOperators(PathBuf),
}

impl StateFolder {
    /// The state of the deployment in `folder`, made when it is not there.
    pub fn open(folder: &Path) -> Result<Self, StateFault> {
        let path = folder.join(".maso");
        if !path.is_dir() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(fault("create", &path))?;
        }
        // Whoever may write here can put another key, or another record, in place of ours.
        only_ours(&path)?;
        Ok(Self { path })
    }

    /// Where the flight record lies.
    pub fn log(&self) -> PathBuf {
        self.path.join("log.db")
    }

    /// Where the keys of the users of the bus lie.
    pub fn bus(&self) -> PathBuf {
        self.path.join("bus")
    }

    /// The authority's key, made with the system's randomness on first use.
    pub fn authority(&self) -> Result<AuthorityKey, StateFault> {
        let path = self.path.join("authority.key");
        if !path.exists() {
            create_whole(&path, Zeroizing::new(hex::encode(draw(&path)?)).as_bytes())?;
        }
        let digits = read_private(&path)?;
        let mut seed = [0; 32];
        hex::decode_to_slice(digits.trim(), &mut seed).map_err(|_| StateFault::BadKey(path))?;
        Ok(AuthorityKey::from_seed(seed))
    }

    /// The key that wraps those of payloads, made with the system's randomness at the first start. Where it is missing later,
    /// none takes its place: what was encrypted with it would be lost without a word.
    pub fn payload_secret(&self) -> Result<PayloadSecret, StateFault> {
        let path = self.payload_key_path();
        if !path.exists() {
            let log = self.log();
            let sealed = log.is_file()
                && Reader::open(&log).and_then(|log| log.has_sealed_payloads()).map_err(StateFault::Record)?;
            // Asked again: another process may just have made it, and encrypted with it.
            if sealed && !path.exists() {
                return Err(StateFault::NoPayloadKey(path));
            }
            create_whole(&path, Zeroizing::new(hex::encode(draw(&path)?)).as_bytes())?;
        }
        PayloadSecret::read(&path)
    }

    /// The same key, if it is there.
    pub fn payload_secret_if_any(&self) -> Result<Option<PayloadSecret>, StateFault> {
        let path = self.payload_key_path();
        if path.exists() { PayloadSecret::read(&path).map(Some) } else { Ok(None) }
    }

    fn payload_key_path(&self) -> PathBuf {
        self.path.join("payload.key")
    }

    /// The operators' passphrase hashes (argon2id, PHC strings).
    pub fn passphrases(&self) -> Result<BTreeMap<OperatorName, String>, StateFault> {
        let path = self.path.join("operators.json");
        if !path.exists() {
            return Ok(BTreeMap::new());
        }
        let text = read_private(&path)?;
        let bad = || StateFault::BadOperators(path.clone());
        let hashes: BTreeMap<String, String> = serde_json::from_str(&text).map_err(|_| bad())?;
        hashes.into_iter().map(|(name, hash)| Ok((name.parse().map_err(|_| bad())?, hash))).collect()
    }

    /// Sets an operator's passphrase hash.
    pub fn set_passphrase(&self, operator: &OperatorName, hash: String) -> Result<(), StateFault> {
        let mut hashes: BTreeMap<String, String> =
            self.passphrases()?.into_iter().map(|(name, hash)| (name.to_string(), hash)).collect();
        hashes.insert(operator.to_string(), hash);
        let text = serde_json::to_string_pretty(&hashes).expect("a map of strings is JSON");
        replace_private(&self.path.join("operators.json"), text.as_bytes())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The bytes of the key that wraps those of payloads.
pub struct PayloadSecret(Zeroizing<[u8; 32]>);

impl PayloadSecret {
    /// For whoever keeps and reads payloads.
    pub fn wrapping(&self) -> PayloadKey {
        Arc::new(LocalKey::new(&self.0))
    }

    /// For whoever checks them.
    pub fn checking(&self) -> maso_verify::PayloadKey {
        maso_verify::PayloadKey::new(&self.0)
    }

    fn read(path: &Path) -> Result<Self, StateFault> {
        let digits = Zeroizing::new(read_private(path)?);
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits.trim(), &mut *bytes).map_err(|_| StateFault::BadPayloadKey(path.to_owned()))?;
        Ok(Self(bytes))
    }
}

fn draw(path: &Path) -> Result<Zeroizing<[u8; 32]>, StateFault> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes)
        .map_err(|error| fault("draw randomness for", path)(io::Error::other(error.to_string())))?;
    Ok(bytes)
}

fn fault(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateFault {
    let path = path.to_owned();
    move |source| StateFault::Io { operation, path, source }
}

/// Writes a new file that only its owner may read.
pub fn create_private(path: &Path, bytes: &[u8]) -> Result<(), StateFault> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fault("create", path))?;
    file.write_all(bytes).map_err(fault("write", path))?;
    file.sync_all().map_err(fault("write", path))
}

/// Writes a file that only its owner may read, in the place of one that may be there.
pub fn replace_private(path: &Path, bytes: &[u8]) -> Result<(), StateFault> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    if fresh.exists() {
        fs::remove_file(&fresh).map_err(fault("remove", &fresh))?;
    }
    create_private(&fresh, bytes)?;
    fs::rename(&fresh, path).map_err(fault("replace", path))
}

/// Writes a file that only its owner may read, whole before it has its name: of two processes that make it at once one counts,
/// and nobody reads half of it.
fn create_whole(path: &Path, bytes: &[u8]) -> Result<(), StateFault> {
    let fresh = path.with_extension(format!("new-{}", uuid::Uuid::new_v4().simple()));
    create_private(&fresh, bytes)?;
    let named = fs::hard_link(&fresh, path);
    fs::remove_file(&fresh).map_err(fault("remove", &fresh))?;
    match named {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(fault("create", path)(error)),
        _ => Ok(()),
    }
}

/// Reads a file that only its owner may read.
pub fn read_private(path: &Path) -> Result<String, StateFault> {
    only_ours(path)?;
    fs::read_to_string(path).map_err(fault("read", path))
}

/// Refuses what anybody but its owner may read or change.
///
/// # Errors
/// When somebody may, or it cannot be looked at.
pub fn only_ours(path: &Path) -> Result<(), StateFault> {
    let mode = fs::metadata(path).map_err(fault("read", path))?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(StateFault::Exposed { path: path.to_owned(), mode }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_others_may_enter_is_not_used() {
        let deployment = tempfile::tempdir().unwrap();
        let state = StateFolder::open(deployment.path()).unwrap();
        assert!(state.authority().is_ok());
        for mode in [0o777, 0o750, 0o701] {
            fs::set_permissions(state.path(), fs::Permissions::from_mode(mode)).unwrap();
            let refused = StateFolder::open(deployment.path()).unwrap_err();
            assert!(matches!(refused, StateFault::Exposed { mode: found, .. } if found == mode), "{refused}");
        }
        fs::set_permissions(state.path(), fs::Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(state.path().join("authority.key"), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(state.authority(), Err(StateFault::Exposed { .. })));
    }

    #[test]
    fn the_payload_key_is_made_once_and_read_from_a_file_of_ones_own_alone() {
        let deployment = tempfile::tempdir().unwrap();
        let state = StateFolder::open(deployment.path()).unwrap();
        assert!(state.payload_secret_if_any().unwrap().is_none());
        let made: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| state.payload_secret().unwrap().0)).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(made.iter().all(|key| *key == made[0]), "of those who make it at once, all read the same");
        let path = state.path().join("payload.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 1);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(state.payload_secret(), Err(StateFault::Exposed { mode: 0o640, .. })));
        assert!(matches!(state.payload_secret_if_any(), Err(StateFault::Exposed { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "00").unwrap();
        assert!(matches!(state.payload_secret(), Err(StateFault::BadPayloadKey(_))));
    }
}
