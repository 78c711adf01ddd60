//! Payloads at rest: encrypted under a data key of their own, which a vault key wraps (format.md section 3).
//!
//! Two objects per payload, both named by the commitment's SHA-256: the *box* (salt and bytes under the data key) and
//! the *wrapped key* (the data key under the vault key). Erasing a payload means destroying its wrapped key, which
//! makes every copy of the box unreadable, those in backups included. No two payloads share a data key.
//!
//! Pure, so that an auditor who is given the vault key can open the payloads of a ledger without the store.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload as Message};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use super::{Commitment, PayloadError, Salt};
use crate::id::EventId;

/// First bytes of a box; the last one is the version.
const BOX_MAGIC: &[u8; 8] = b"edl-box\x01";
/// First bytes of a wrapped key; the last one is the version.
const KEY_MAGIC: &[u8; 8] = b"edl-key\x01";
const NONCE_BYTES: usize = 24;
const SALT_BYTES: usize = 32;

/// A key that wraps data keys. Lives outside the ledger's data, in a file or a hardware module.
#[derive(Clone)]
pub struct VaultKey([u8; 32]);

impl VaultKey {
    /// Takes 32 secret bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VaultKey(…)")
    }
}

/// Random bytes for one sealing; the caller draws them, and never twice the same.
pub struct SealRandomness {
    /// The data key.
    pub data_key: [u8; 32],
    /// Nonce of the box.
    pub box_nonce: [u8; NONCE_BYTES],
    /// Nonce of the wrapped key.
    pub key_nonce: [u8; NONCE_BYTES],
}

impl std::fmt::Debug for SealRandomness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealRandomness(…)")
    }
}

/// A payload as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPayload {
    /// The box: magic, nonce, salt and bytes encrypted.
    pub boxed: Vec<u8>,
    /// The wrapped key: magic, nonce, data key encrypted.
    pub wrapped_key: Vec<u8>,
}

/// Why a stored payload could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The object was damaged or comes from somewhere else; restore it from a copy.
    #[error("the {what} of payload {name} is damaged or was made with another key")]
    Damaged {
        /// `box` or `wrapped key`.
        what: &'static str,
        /// The payload's name: its commitment's SHA-256.
        name: String,
    },
    /// It opened, but is not what the record commits to.
    #[error(transparent)]
    Commitment(#[from] PayloadError),
}

/// Encrypts a payload for storage.
pub fn seal(
    vault: &VaultKey,
    event: EventId,
    commitment: &Commitment,
    salt: &Salt,
    bytes: &[u8],
    randomness: &SealRandomness,
) -> Option<SealedPayload> {
    let aad = aad(event, commitment);
    let mut plain = Vec::with_capacity(SALT_BYTES + bytes.len());
    plain.extend_from_slice(salt.as_bytes());
    plain.extend_from_slice(bytes);
    Some(SealedPayload {
        boxed: encrypt(BOX_MAGIC, &randomness.data_key, &randomness.box_nonce, &aad, &plain)?,
        wrapped_key: encrypt(KEY_MAGIC, &vault.0, &randomness.key_nonce, &aad, &randomness.data_key)?,
    })
}

/// Opens a stored payload and checks it against the record's commitment.
pub fn open(
    vault: &VaultKey,
    event: EventId,
    commitment: &Commitment,
    sealed: &SealedPayload,
) -> Result<(Salt, Vec<u8>), OpenError> {
    let damaged = |what| OpenError::Damaged { what, name: commitment.sha256.to_string() };
    let aad = aad(event, commitment);
    let data_key =
        decrypt(KEY_MAGIC, &vault.0, &aad, &sealed.wrapped_key).and_then(|key| <[u8; 32]>::try_from(key).ok());
    let data_key = data_key.ok_or_else(|| damaged("wrapped key"))?;
    let mut plain = decrypt(BOX_MAGIC, &data_key, &aad, &sealed.boxed).ok_or_else(|| damaged("box"))?;
    if plain.len() < SALT_BYTES {
        return Err(damaged("box"));
    }
    let bytes = plain.split_off(SALT_BYTES);
    let salt = Salt::from_random(plain.try_into().map_err(|_| damaged("box"))?);
    commitment.verify(event, &salt, &bytes)?;
    Ok((salt, bytes))
}

/// Ties both objects to their place, so that neither can stand in for another payload's.
fn aad(event: EventId, commitment: &Commitment) -> Vec<u8> {
    [b"edl/v1/sealed\0".as_slice(), event.as_bytes(), commitment.sha256.as_bytes()].concat()
}

fn encrypt(magic: &[u8], key: &[u8; 32], nonce: &[u8; NONCE_BYTES], aad: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    let body = cipher.encrypt(&XNonce::from(*nonce), Message { msg: plain, aad }).ok()?;
    Some([magic, nonce, &body].concat())
}

fn decrypt(magic: &[u8], key: &[u8; 32], aad: &[u8], stored: &[u8]) -> Option<Vec<u8>> {
    let rest = stored.strip_prefix(magic)?;
    let (nonce, body) = rest.split_at_checked(NONCE_BYTES)?;
    let nonce = <[u8; NONCE_BYTES]>::try_from(nonce).ok()?;
    XChaCha20Poly1305::new(&(*key).into()).decrypt(&XNonce::from(nonce), Message { msg: body, aad }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn every_flipped_byte_of_a_stored_payload_is_found() {
        let event = EventId::from_time_and_random(Timestamp::from_unix_ms(1).unwrap(), [9; 10]);
        let salt = Salt::from_random([5; 32]);
        let commitment = Commitment::to_payload(event, &"cms".parse().unwrap(), &salt, b"bytes").unwrap();
        let vault = VaultKey::new([1; 32]);
        let randomness = SealRandomness { data_key: [2; 32], box_nonce: [3; 24], key_nonce: [4; 24] };
        let sealed = seal(&vault, event, &commitment, &salt, b"bytes", &randomness).unwrap();
        assert_eq!(open(&vault, event, &commitment, &sealed), Ok((salt, b"bytes".to_vec())));
        for at in 0..sealed.boxed.len() {
            let mut changed = sealed.clone();
            changed.boxed[at] ^= 1;
            assert!(open(&vault, event, &commitment, &changed).is_err(), "box byte {at}");
        }
        for at in 0..sealed.wrapped_key.len() {
            let mut changed = sealed.clone();
            changed.wrapped_key[at] ^= 1;
            assert!(open(&vault, event, &commitment, &changed).is_err(), "key byte {at}");
        }
        assert!(open(&VaultKey::new([7; 32]), event, &commitment, &sealed).is_err());
        let empty = SealedPayload { boxed: vec![], wrapped_key: vec![] };
        assert!(open(&vault, event, &commitment, &empty).is_err());
    }
}
