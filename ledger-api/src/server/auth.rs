//! Who is calling: hashed bearer tokens, each bound to one role.
//!
//! Only SHA-256 hashes of the tokens are kept, in one small file that is replaced atomically. A token has 256 random
//! bits, so a fast hash is enough, and looking a hash up tells an attacker nothing about the token behind it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::future::{Ready, ready};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::SystemTime;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use ledger_core::digest::Digest;
use ledger_core::id::{ParticipantId, UserId};
use ledger_core::projection::Viewer;
use ledger_core::record::{Actor, Capacity};
use ledger_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::State;
use super::problem::{Edge, Problem};

/// Every token begins so: secret scanners and people recognise it.
const PREFIX: &str = "edl_";
/// Length of a token: the prefix and 32 bytes in base64url.
const TOKEN_LENGTH: usize = PREFIX.len() + 43;
/// First member of the file, so that no other file is taken for it.
const FILE_TAG: &str = "edl/v1/tokens";
/// A file of a hundred thousand tokens; anything larger is not ours.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// What a token lets its bearer do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", content = "participant", rename_all = "kebab-case")]
pub enum Role {
    /// Acts for this participant and sees what concerns it.
    Participant(ParticipantId),
    /// Acts for the operator of the ledger.
    Operator,
    /// Reads everything, changes nothing.
    Auditor,
}

/// What is kept of a token: everything but the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// SHA-256 of the token.
    pub sha256: Digest,
    /// The role that it is bound to.
    #[serde(flatten)]
    pub role: Role,
    /// Random id that stands as `actor.user` in the records of what is done with it.
    pub user: UserId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why the token file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read or written.
    #[error("cannot use the token file {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file holds something else. Restore it from a copy, or remove it to start again with a new operator token.
    #[error("{path} is not a token file")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The system gave no random bytes.
    #[error("no random bytes from the system")]
    Random,
}

/// The tokens of one data directory; changes made by another process are seen at the next request.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    version: Option<FileVersion>,
    grants: BTreeMap<Digest, Grant>,
}

type FileVersion = (SystemTime, u64);

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenFile {
    t: String,
    tokens: Vec<Grant>,
}

impl Tokens {
    /// The file's name inside the data directory.
    pub const FILE_NAME: &str = "tokens.json";

    /// Opens the tokens of a data directory; a file that is not there yet is an empty one.
    pub fn open(data: &Path) -> Result<Self, TokenError> {
        let path = data.join(Self::FILE_NAME);
        let tokens = Self { path, known: RwLock::default() };
        tokens.refresh()?;
        Ok(tokens)
    }

    /// True before the first token: then the operator's first one is due.
    pub fn is_empty(&self) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).grants.is_empty()
    }

    /// Makes a token and stores its hash durably; the token itself is returned here and never again.
    pub fn create(&self, role: Role, now: Timestamp) -> Result<(String, Grant), TokenError> {
        let mut secret = [0; 32];
        let mut user = [0; 16];
        getrandom::fill(&mut secret).map_err(|_| TokenError::Random)?;
        getrandom::fill(&mut user).map_err(|_| TokenError::Random)?;
        let token = format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(&secret));
        let grant = Grant { sha256: sha256(&token), role, user: UserId::from_random(user), created_at: now };
        self.change(|grants| {
            grants.insert(grant.sha256, grant.clone());
        })?;
        Ok((token, grant))
    }

    /// Takes back every token with this user id; says how many there were.
    pub fn revoke(&self, user: UserId) -> Result<usize, TokenError> {
        let mut revoked = 0;
        self.change(|grants| {
            let before = grants.len();
            grants.retain(|_, grant| grant.user != user);
            revoked = before - grants.len();
        })?;
        Ok(revoked)
    }

    /// Every grant, oldest first.
    pub fn list(&self) -> Result<Vec<Grant>, TokenError> {
        self.refresh()?;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut grants: Vec<Grant> = known.grants.values().cloned().collect();
        grants.sort_by_key(|grant| grant.created_at);
        Ok(grants)
    }

    /// The grant of a presented token.
    ///
    /// The comparison is a lookup of its hash: what it takes longer or shorter for is no prefix of the secret.
    pub fn find(&self, token: &str) -> Result<Option<Grant>, TokenError> {
        if token.len() != TOKEN_LENGTH || !token.starts_with(PREFIX) {
            return Ok(None);
        }
        self.refresh()?;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        Ok(known.grants.get(&sha256(token)).cloned())
    }

    /// Reads the file again if it is not the one last read.
    fn refresh(&self) -> Result<(), TokenError> {
        let version = self.file_version()?;
        if self.known.read().unwrap_or_else(PoisonError::into_inner).version == version {
            return Ok(());
        }
        let grants = self.load()?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known { version, grants };
        Ok(())
    }

    fn file_version(&self) -> Result<Option<FileVersion>, TokenError> {
        match fs::metadata(&self.path) {
            Ok(found) if found.len() > FILE_BYTES_MAX => Err(TokenError::Malformed { path: self.path.clone() }),
            Ok(found) => Ok(Some((found.modified().unwrap_or(SystemTime::UNIX_EPOCH), found.len()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.io(source)),
        }
    }

    fn load(&self) -> Result<BTreeMap<Digest, Grant>, TokenError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(source) => return Err(self.io(source)),
        };
        match serde_json::from_slice(&bytes) {
            Ok(TokenFile { t, tokens }) if t == FILE_TAG => {
                Ok(tokens.into_iter().map(|grant| (grant.sha256, grant)).collect())
            }
            _ => Err(TokenError::Malformed { path: self.path.clone() }),
        }
    }

    /// Reads, changes and replaces the file under a lock, so that a program and a running service lose nothing.
    fn change(&self, change: impl FnOnce(&mut BTreeMap<Digest, Grant>)) -> Result<(), TokenError> {
        let lock = private_file(&self.path.with_extension("lock")).map_err(|source| self.io(source))?;
        lock.lock().map_err(|source| self.io(source))?;
        let mut grants = self.load()?;
        change(&mut grants);
        self.replace(&grants).map_err(|source| self.io(source))?;
        let version = self.file_version()?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known { version, grants };
        Ok(())
    }

    fn replace(&self, grants: &BTreeMap<Digest, Grant>) -> io::Result<()> {
        let file = TokenFile { t: FILE_TAG.to_owned(), tokens: grants.values().cloned().collect() };
        let fresh = self.path.with_extension("new");
        let mut out = private_file(&fresh)?;
        out.set_len(0)?;
        out.write_all(&serde_json::to_vec_pretty(&file)?)?;
        out.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn io(&self, source: io::Error) -> TokenError {
        TokenError::Io { path: self.path.clone(), source }
    }
}

/// Opens or makes a file that only its owner may read.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn sha256(token: &str) -> Digest {
    Digest::sha256(&[token.as_bytes()])
}

/// Who is calling, proved by a token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    /// The role of its token.
    pub role: Role,
    /// The user id of its token.
    pub user: UserId,
}

impl Caller {
    /// Whose eyes the ledger looks through for this caller.
    pub(super) fn viewer(&self) -> Viewer {
        match self.role {
            Role::Participant(id) => Viewer::Participant(id),
            Role::Operator => Viewer::Operator,
            Role::Auditor => Viewer::Auditor,
        }
    }

    /// Who the ledger is to write down as acting; an auditor never acts.
    pub(super) fn actor(&self) -> Result<Actor, Problem> {
        let (capacity, participant) = match self.role {
            Role::Participant(id) => (Capacity::Participant, Some(id)),
            Role::Operator => (Capacity::Operator, None),
            Role::Auditor => return Err(Problem::forbidden("an auditor reads and changes nothing")),
        };
        Ok(Actor { capacity, participant, user: Some(self.user) })
    }

    /// The participant that this caller acts for.
    pub(super) fn participant(&self) -> Result<ParticipantId, Problem> {
        match self.role {
            Role::Participant(id) => Ok(id),
            Role::Operator | Role::Auditor => Err(Problem::forbidden("this is for participants")),
        }
    }

    /// Lets the participant itself and the operator pass; for others there is no such participant.
    pub(super) fn acts_for(&self, owner: ParticipantId) -> Result<(), Problem> {
        match self.role {
            Role::Participant(id) if id != owner => Err(Problem::not_found()),
            Role::Participant(_) | Role::Operator => Ok(()),
            Role::Auditor => Err(Problem::forbidden("an auditor reads and changes nothing")),
        }
    }

    /// Lets only the operator pass.
    pub(super) fn operator(&self) -> Result<(), Problem> {
        match self.role {
            Role::Operator => Ok(()),
            Role::Participant(_) | Role::Auditor => Err(Problem::forbidden("this is for the operator")),
        }
    }

    /// Whether this caller may look at what belongs to one participant alone.
    pub(super) fn sees(&self, owner: ParticipantId) -> bool {
        match self.role {
            Role::Participant(id) => id == owner,
            Role::Operator | Role::Auditor => true,
        }
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(identify(request))
    }
}

fn identify(request: &HttpRequest) -> Result<Caller, Problem> {
    let denied = || Problem::edge(Edge::Unauthorized);
    let mut headers = request.headers().get_all(AUTHORIZATION);
    // Two headers: two readers might each take another one.
    let (Some(value), None) = (headers.next(), headers.next()) else { return Err(denied()) };
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(denied)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(denied());
    }
    let state = request.app_data::<web::Data<State>>().ok_or_else(|| Problem::internal("no state"))?;
    let found = state.tokens.find(token.trim()).map_err(|error| Problem::internal(&error))?;
    found.map(|grant| Caller { role: grant.role, user: grant.user }).ok_or_else(denied)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-24T00:00:00.000Z".parse().unwrap()
    }

    /// A new empty directory, removed when dropped.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("edl-tokens-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_token_is_found_again_after_reopening_and_is_not_in_the_file() {
        let folder = Folder::new("found");
        let role = Role::Participant(ParticipantId::from_random([7; 16]));
        let (token, grant) = Tokens::open(&folder.0).unwrap().create(role, now()).unwrap();
        let tokens = Tokens::open(&folder.0).unwrap();
        assert_eq!(tokens.find(&token).unwrap(), Some(grant));
        let text = fs::read_to_string(folder.0.join(Tokens::FILE_NAME)).unwrap();
        assert!(!text.contains(&token) && !text.contains(token.trim_start_matches(PREFIX)), "{text}");
    }

    #[test]
    fn every_changed_character_of_a_token_makes_it_unknown() {
        let folder = Folder::new("changed");
        let tokens = Tokens::open(&folder.0).unwrap();
        let (token, _) = tokens.create(Role::Operator, now()).unwrap();
        for at in 0..token.len() {
            let mut other: Vec<char> = token.chars().collect();
            other[at] = if other[at] == 'x' { 'y' } else { 'x' };
            assert_eq!(tokens.find(&other.into_iter().collect::<String>()).unwrap(), None, "character {at}");
        }
        assert_eq!(tokens.find("").unwrap(), None);
        assert_eq!(tokens.find(&token[..token.len() - 1]).unwrap(), None);
    }

    #[test]
    fn a_running_service_sees_tokens_made_and_revoked_by_another_process() {
        let folder = Folder::new("other");
        let service = Tokens::open(&folder.0).unwrap();
        assert!(service.is_empty());
        let (token, grant) = Tokens::open(&folder.0).unwrap().create(Role::Auditor, now()).unwrap();
        assert_eq!(service.find(&token).unwrap().unwrap().role, Role::Auditor);
        assert_eq!(Tokens::open(&folder.0).unwrap().revoke(grant.user).unwrap(), 1);
        assert_eq!(service.find(&token).unwrap(), None);
    }

    #[test]
    fn a_foreign_file_is_refused_and_not_overwritten() {
        let folder = Folder::new("foreign");
        let path = folder.0.join(Tokens::FILE_NAME);
        for foreign in ["", "{}", "[]", r#"{"t":"other","tokens":[]}"#] {
            fs::write(&path, foreign).unwrap();
            assert!(matches!(Tokens::open(&folder.0), Err(TokenError::Malformed { .. })), "{foreign:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), foreign);
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_token_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new("mode");
        Tokens::open(&folder.0).unwrap().create(Role::Operator, now()).unwrap();
        let mode = fs::metadata(folder.0.join(Tokens::FILE_NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
}
