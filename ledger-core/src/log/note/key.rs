//! Keys of signed notes and their text forms: `name+id+base64(algorithm || key)`.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::NoteSignature;
use crate::digest::{Digest, encode_hex};
use crate::log::checkpoint::cosignature_message;

/// What a key signs. The byte stands before the key in its text form and in the preimage of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyAlgorithm {
    /// Ed25519 over the text of the note (0x01).
    Ed25519,
    /// Ed25519 over a timestamped text: a witness's cosignature (C2SP tlog-cosignature, 0x04).
    CosignatureV1,
}

impl KeyAlgorithm {
    /// The byte of C2SP signed-note.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::CosignatureV1 => 4,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Ed25519),
            4 => Some(Self::CosignatureV1),
            _ => None,
        }
    }
}

/// Why text is not a key, or bytes are not a signature by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not `name+id+base64`.
    #[error("not the text of a note key")]
    Malformed,
    /// Names are not empty and contain neither spaces nor plus signs.
    #[error("not the name of a note key")]
    Name,
    /// The id is not that of the name and the key: a typing error or a forgery.
    #[error("the key id does not fit the name and the key")]
    Id,
    /// Neither Ed25519 nor cosignature/v1.
    #[error("note keys of algorithm {byte:#04x} are not supported")]
    Algorithm {
        /// The algorithm's byte.
        byte: u8,
    },
    /// Not a point of the curve, or one of small order, under which anything verifies.
    #[error("not a usable Ed25519 key")]
    Point,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
}

/// SHA-256(name || 0x0A || algorithm || public key), its first four bytes (C2SP signed-note).
pub fn key_id(name: &str, algorithm: u8, public_key: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = *Digest::sha256(&[name.as_bytes(), &[b'\n', algorithm], public_key]).as_bytes();
    [a, b, c, d]
}

pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// The public key that verifies signatures of a name.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    algorithm: KeyAlgorithm,
    key: VerifyingKey,
}

impl VerifierKey {
    /// Makes the key of a name from the 32 bytes of an Ed25519 public key.
    pub fn new(name: &str, algorithm: KeyAlgorithm, public_key: &[u8; 32]) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        let key = VerifyingKey::from_bytes(public_key).map_err(|_| KeyError::Point)?;
        if key.is_weak() {
            return Err(KeyError::Point);
        }
        Ok(Self { name: name.to_owned(), algorithm, key })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the key signs.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The id that stands in signature lines.
    pub fn id(&self) -> [u8; 4] {
        key_id(&self.name, self.algorithm.byte(), self.key.as_bytes())
    }

    /// The 32 bytes of the public key.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Checks a signature over the text of a note; returns when a cosigner says it signed (seconds since 1970).
    pub fn verify(&self, text: &str, signature: &[u8]) -> Result<Option<u64>, KeyError> {
        match self.algorithm {
            KeyAlgorithm::Ed25519 => self.verify_bytes(text.as_bytes(), signature).map(|()| None),
            KeyAlgorithm::CosignatureV1 => {
                let (time, signature) = signature.split_first_chunk().ok_or(KeyError::Signature)?;
                let time = u64::from_be_bytes(*time);
                self.verify_bytes(cosignature_message(time, text).as_bytes(), signature)?;
                Ok(Some(time))
            }
        }
    }

    /// Checks an Ed25519 signature over any bytes, strictly: one message and key, one accepted signature.
    pub fn verify_bytes(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        let signature = signature.try_into().map_err(|_| KeyError::Signature)?;
        self.key.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| KeyError::Signature)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.algorithm.byte()], &self.key.as_bytes()[..]].concat();
        write!(f, "{}+{}+{}", self.name, encode_hex(&self.id()), Base64::encode_string(&bytes))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Malformed)?;
        let (id, algorithm, public_key) = parse_id_and_key(rest)?;
        let key = Self::new(name, algorithm, &public_key)?;
        if encode_hex(&key.id()) == id { Ok(key) } else { Err(KeyError::Id) }
    }
}

impl Serialize for VerifierKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VerifierKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// `id+base64(algorithm || 32 bytes)`.
fn parse_id_and_key(text: &str) -> Result<(&str, KeyAlgorithm, [u8; 32]), KeyError> {
    let (id, base64) = text.split_once('+').ok_or(KeyError::Malformed)?;
    let bytes = Base64::decode_vec(base64).map_err(|_| KeyError::Malformed)?;
    let (&byte, key) = bytes.split_first().ok_or(KeyError::Malformed)?;
    let algorithm = KeyAlgorithm::from_byte(byte).ok_or(KeyError::Algorithm { byte })?;
    Ok((id, algorithm, key.try_into().map_err(|_| KeyError::Malformed)?))
}

/// The secret key of a log or a witness. Wiped from memory when dropped; never printed.
pub struct SignerKey {
    key: SigningKey,
    verifier: VerifierKey,
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignerKey").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

impl SignerKey {
    /// Makes a log's key from its name and 32 random bytes.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        Self::new(name, KeyAlgorithm::Ed25519, seed)
    }

    /// Makes a witness's key from its name and 32 random bytes.
    pub fn cosigner_from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        Self::new(name, KeyAlgorithm::CosignatureV1, seed)
    }

    fn new(name: &str, algorithm: KeyAlgorithm, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(name, algorithm, key.verifying_key().as_bytes())?;
        Ok(Self { key, verifier })
    }

    /// Reads `PRIVATE+KEY+name+id+base64(algorithm || seed)`, the form of Go's `note` package.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let rest = text.strip_prefix("PRIVATE+KEY+").ok_or(KeyError::Malformed)?;
        let (name, rest) = rest.split_once('+').ok_or(KeyError::Malformed)?;
        let (id, algorithm, mut seed) = parse_id_and_key(rest)?;
        let signer = Self::new(name, algorithm, &seed);
        seed.fill(0);
        signer.and_then(|signer| if encode_hex(&signer.verifier.id()) == id { Ok(signer) } else { Err(KeyError::Id) })
    }

    /// The public half.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs the text of a note; a cosigner signs without saying when (time 0).
    pub fn sign(&self, text: &str) -> NoteSignature {
        match self.verifier.algorithm {
            KeyAlgorithm::Ed25519 => self.line(self.sign_bytes(text.as_bytes()).to_vec()),
            KeyAlgorithm::CosignatureV1 => self.cosign(text, 0),
        }
    }

    /// Signs the text of a checkpoint as a witness at a time in seconds since 1970. Only a cosigner's key verifies it.
    pub fn cosign(&self, text: &str, at_unix_seconds: u64) -> NoteSignature {
        let signature = self.sign_bytes(cosignature_message(at_unix_seconds, text).as_bytes());
        self.line([&at_unix_seconds.to_be_bytes()[..], &signature].concat())
    }

    /// Signs any bytes (key rotations, say). The caller puts a tag in front that no note can begin with.
    pub fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    fn line(&self, signature: Vec<u8>) -> NoteSignature {
        NoteSignature { name: self.verifier.name.clone(), key_id: self.verifier.id(), signature }
    }
}
