//! What the machine itself takes: the yardsticks beside which everything else is read.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
};

use ed25519_dalek::{Signer as _, SigningKey, Verifier as _};
use maso_core::Digest;
use serde::Serialize;

use super::times::{Quantiles, Times};
use crate::fault::Fault;

/// The bare primitives.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Primitives {
    /// SHA-256 of 1 MiB.
    pub sha256_1mib: Quantiles,
    /// One Ed25519 signature over 256 bytes checked.
    pub ed25519_verify: Quantiles,
    /// 256 bytes appended to a file, and `fdatasync`.
    pub fsync: Quantiles,
    /// 256 bytes to another thread over TCP on loopback, and back.
    pub loopback: Quantiles,
}

impl Primitives {
    /// Measures them; files are written to `folder`.
    pub fn measure(folder: &Path, rounds: usize) -> Result<Self, Fault> {
        Ok(Self {
            sha256_1mib: sha256(rounds / 20),
            ed25519_verify: ed25519(rounds),
            fsync: fsync(folder, rounds / 10)?,
            loopback: loopback(rounds)?,
        })
    }
}

fn sha256(rounds: usize) -> Quantiles {
    let bytes = vec![0x5a; 1 << 20];
    Times::taken(rounds, || (), |()| Digest::of(&bytes)).quantiles()
}

fn ed25519(rounds: usize) -> Quantiles {
    let key = SigningKey::from_bytes(&[7; 32]);
    let signature = key.sign(&MESSAGE);
    let public = key.verifying_key();
    Times::taken(rounds, || (), |()| public.verify(&MESSAGE, &signature).is_ok()).quantiles()
}

/// One durable append, as it is now: this can be measured again later in the same run.
pub fn fsync(folder: &Path, rounds: usize) -> Result<Quantiles, Fault> {
    let fault = |error| Fault::new("cannot measure the disk", error);
    let mut file = File::create(folder.join("bare")).map_err(fault)?;
    let mut broken = None;
    let append = |()| {
        let done = file.write_all(&MESSAGE).and_then(|()| file.sync_data());
        if let Err(error) = done {
            broken.get_or_insert(error);
        }
    };
    let times = Times::taken(rounds, || (), append);
    match broken {
        None => Ok(times.quantiles()),
        Some(error) => Err(fault(error)),
    }
}

fn loopback(rounds: usize) -> Result<Quantiles, Fault> {
    let fault = |error| Fault::new("cannot measure loopback", error);
    let listener = TcpListener::bind("127.0.0.1:0").map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    let echo = std::thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut bytes = [0; MESSAGE.len()];
        // The other side closes when it has measured enough.
        while stream.read_exact(&mut bytes).is_ok() {
            stream.write_all(&bytes)?;
        }
        Ok(())
    });
    let mut stream = TcpStream::connect(address).map_err(fault)?;
    stream.set_nodelay(true).map_err(fault)?;
    let mut bytes = [0; MESSAGE.len()];
    let mut broken = None;
    let round_trip = |()| {
        let done = stream.write_all(&MESSAGE).and_then(|()| stream.read_exact(&mut bytes));
        if let Err(error) = done {
            broken.get_or_insert(error);
        }
    };
    let times = Times::taken(rounds, || (), round_trip);
    drop(stream);
    let echoed = echo.join().map_err(|_| Fault::plain("the loopback peer panicked"))?;
    match broken.map_or(echoed, Err) {
        Ok(()) => Ok(times.quantiles()),
        Err(error) => Err(fault(error)),
    }
}

const MESSAGE: [u8; 256] = [0x2a; 256];
