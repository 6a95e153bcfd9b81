//! The file of a private signing key, `<signer>.key`: PKCS#8 as PEM, of its owner alone.
//!
//! In: a path, or the directory of both keys. Out: the key. Touches: that file. Never: a file that exists is replaced, or one that others can read is used.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chassis::secret_file;
use zeroize::Zeroizing;

use super::{Signer, SigningKey};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// A PKCS#8 Ed25519 key in PEM has some 120 bytes.
const LONGEST: u64 = 4_096;

impl SigningKey {
    /// # Errors
    /// Says what is wrong with the file, and what is right.
    pub fn read(path: &Path) -> Result<Self, String> {
        let refused = |problem: String| format!("{}: {problem}", path.display());
        let file = File::open(path).map_err(|e| {
            let remedy = "make one with `vigilo nats-config --secrets DIR --make-secrets`";
            refused(format!("cannot be read: {e}; {remedy}"))
        })?;
        secret_file::is_private(&file).map_err(refused)?;
        let mut text = Zeroizing::new(String::new());
        let read = Read::take(&file, LONGEST).read_to_string(&mut text);
        read.map_err(|e| refused(format!("cannot be read: {e}")))?;
        let wrong = || {
            refused(
                "holds no Ed25519 private key (PKCS#8 as PEM, as `openssl genpkey -algorithm ed25519` writes it)"
                    .to_owned(),
            )
        };
        let der = der(&text).ok_or_else(wrong)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|_| wrong())?;
        Ok(Self::of(pair))
    }

    /// The key in this file; it is made when there is none.
    ///
    /// # Errors
    /// Like [`SigningKey::read`], and when it cannot be written.
    pub fn read_or_make(path: &Path) -> Result<Self, String> {
        match make(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(format!(
                "{}: cannot be made: {error}; make its directory writable",
                path.display()
            )),
            Ok(()) | Err(_) => Self::read(path),
        }
    }
}

impl Signer {
    /// Where its private key is in a directory of secrets.
    pub fn key_file(self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.key", self.as_str()))
    }

    /// The public keys of all who sign, from their private ones in this directory, as the configuration wants them.
    ///
    /// # Errors
    /// Names the file that is not there and shall not be made, or cannot be used.
    pub fn lines_in(directory: &Path, make: bool) -> Result<Vec<String>, String> {
        let line = |signer: Self| {
            let file = signer.key_file(directory);
            let key = if make {
                SigningKey::read_or_make(&file)
            } else {
                SigningKey::read(&file)
            };
            key.map(|key| key.line(signer))
                .map_err(|why| format!("the key of the {}: {why}", signer.as_str()))
        };
        Self::ALL.into_iter().map(line).collect()
    }
}

fn der(pem: &str) -> Option<Zeroizing<Vec<u8>>> {
    let body = pem.split_once(BEGIN)?.1.split_once(END)?.0;
    let body: Zeroizing<String> = Zeroizing::new(body.chars().filter(|c| !c.is_whitespace()).collect());
    BASE64.decode(body.as_bytes()).ok().map(Zeroizing::new)
}

fn make(path: &Path) -> io::Result<()> {
    let unusable = |_| io::Error::other("no random bytes from the operating system");
    let document = Ed25519KeyPair::generate()
        .and_then(|pair| pair.to_pkcs8v1())
        .map_err(unusable)?;
    let text = Zeroizing::new(format!("{BEGIN}\n{}\n{END}\n", BASE64.encode(document.as_ref())));
    secret_file::make_private(path, text.as_bytes())
}
