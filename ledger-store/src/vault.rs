//! The payload vault: keeps sealed payloads in any `object_store`, durably, before their record is appended.
//!
//! Promises:
//! 1. [`Vault::put`] returns after box and wrapped key are durable; a record that commits to a payload is appended only then.
//! 2. [`Vault::get`] returns bytes that match the record's commitment, or says why not.
//! 3. An append that fails leaves boxes that no record names; [`Vault::discard`] removes them, and they harm nothing.
//!
//! Not here: erasure (destroying the wrapped key comes with its own events), key management services.

use std::path::Path;
use std::sync::Arc;

use ledger_core::digest::encode_hex;
use ledger_core::id::EventId;
use ledger_core::payload::sealed::{self, OpenError, SealRandomness, SealedPayload, VaultKey};
use ledger_core::payload::{Commitment, PayloadError, Salt, Slot};
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt as _};

/// A payload as it comes out of the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPayload {
    /// The salt of its commitment.
    pub salt: Salt,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why the vault did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The storage cannot be reached or is full. Trying again may help.
    #[error("payload storage is unavailable")]
    Unavailable(#[source] object_store::Error),
    /// A payload that a record commits to is not there.
    #[error("payload {slot} of event {event} is missing")]
    Missing {
        /// The event.
        event: EventId,
        /// The slot.
        slot: Slot,
    },
    /// Stored bytes are damaged. Trying again will not help; restore them from a copy.
    #[error("a stored payload cannot be opened")]
    Damaged(#[from] OpenError),
    /// The payload is too long or broken before it was stored.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// No randomness could be had; nothing was stored.
    #[error("the system gave no random bytes")]
    Randomness,
}

/// Sealed payloads and their wrapped keys.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "a vault key is called so")]
pub struct Vault {
    boxes: Arc<dyn ObjectStore>,
    keys: Arc<dyn ObjectStore>,
    vault_key: VaultKey,
}

impl Vault {
    /// Keeps boxes and wrapped keys where the caller says; two places, so that they can be backed up apart.
    pub fn new(boxes: Arc<dyn ObjectStore>, keys: Arc<dyn ObjectStore>, vault_key: VaultKey) -> Self {
        Self { boxes, keys, vault_key }
    }

    /// Keeps both below one directory of a local disk, synced file by file.
    pub fn local(directory: &Path, vault_key: VaultKey) -> Result<Self, VaultError> {
        let open = |name: &str| -> Result<Arc<dyn ObjectStore>, VaultError> {
            let path = directory.join(name);
            std::fs::create_dir_all(&path).map_err(|source| {
                VaultError::Unavailable(object_store::Error::Generic {
                    store: "LocalFileSystem",
                    source: source.into(),
                })
            })?;
            let store = LocalFileSystem::new_with_prefix(path).map_err(VaultError::Unavailable)?;
            Ok(Arc::new(store.with_fsync(true)))
        };
        Ok(Self::new(open("boxes")?, open("keys")?, vault_key))
    }

    /// Draws a salt, commits and stores; durable when it returns.
    pub async fn put(&self, event: EventId, slot: &Slot, bytes: &[u8]) -> Result<Commitment, VaultError> {
        let salt = Salt::from_random(random()?);
        let commitment = Commitment::to_payload(event, slot, &salt, bytes)?;
        let randomness = SealRandomness { data_key: random()?, box_nonce: random()?, key_nonce: random()? };
        let too_long = || PayloadError::TooLong { slot: slot.clone(), bytes: u64::MAX };
        let sealed =
            sealed::seal(&self.vault_key, event, &commitment, &salt, bytes, &randomness).ok_or_else(too_long)?;
        let path = path_of(&commitment);
        // Both wait for the disk, so they wait together; and to the end, so that nothing comes after what is removed.
        let key = self.keys.put(&path, sealed.wrapped_key.into());
        let boxed = self.boxes.put(&path, sealed.boxed.into());
        let (key, boxed) = tokio::join!(key, boxed);
        if let Err(error) = key.and(boxed) {
            self.discard(&commitment).await;
            return Err(VaultError::Unavailable(error));
        }
        Ok(commitment)
    }

    /// Opens the payload that a record commits to.
    pub async fn get(&self, event: EventId, commitment: &Commitment) -> Result<OpenedPayload, VaultError> {
        let path = path_of(commitment);
        let sealed = SealedPayload {
            boxed: fetch(&self.boxes, &path, event, commitment).await?,
            wrapped_key: fetch(&self.keys, &path, event, commitment).await?,
        };
        let (salt, bytes) = sealed::open(&self.vault_key, event, commitment, &sealed)?;
        Ok(OpenedPayload { salt, bytes })
    }

    /// Removes a payload whose record was never appended. A failure is harmless: no record names it.
    pub async fn discard(&self, commitment: &Commitment) {
        let path = path_of(commitment);
        let _removed = (self.keys.delete(&path).await, self.boxes.delete(&path).await);
    }
}

/// Named by the commitment, so that the record alone says where to look: two hex digits of fan-out, then all of it.
fn path_of(commitment: &Commitment) -> object_store::path::Path {
    let name = encode_hex(commitment.sha256.as_bytes());
    let fan_out = name.get(..2).unwrap_or_default();
    object_store::path::Path::from_iter([fan_out, &name])
}

async fn fetch(
    store: &Arc<dyn ObjectStore>,
    path: &object_store::path::Path,
    event: EventId,
    commitment: &Commitment,
) -> Result<Vec<u8>, VaultError> {
    let found = async { store.get(path).await?.bytes().await }.await;
    match found {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(object_store::Error::NotFound { .. }) => Err(VaultError::Missing { event, slot: commitment.slot.clone() }),
        Err(error) => Err(VaultError::Unavailable(error)),
    }
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| VaultError::Randomness)?;
    Ok(bytes)
}
