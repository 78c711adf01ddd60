//! The few file operations the store is made of, behind a trait, so that tests can cut the power at every one of them.
//!
//! Paths are relative to the ledger's directory, with `/` between names. Nothing here retries: what a failed
//! write or sync means is for the callers to say.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;

/// A directory of files.
pub trait Files: Send + Sync + fmt::Debug {
    /// Makes a new file, readable by its owner only; fails where the name is taken.
    fn create(&self, path: &str) -> io::Result<Arc<dyn OpenFile>>;
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &str) -> io::Result<Arc<dyn OpenFile>>;
    /// Names in a directory, in no order; none where the directory does not exist.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;
    /// Makes a directory unless it exists, readable by its owner only.
    fn create_directory(&self, path: &str) -> io::Result<()>;
    /// Renames a file, over an existing one if need be. Not durable before [`Files::sync_directory`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file. Not durable before [`Files::sync_directory`].
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Makes the names in a directory durable; the empty path is the ledger's directory itself.
    fn sync_directory(&self, path: &str) -> io::Result<()>;
}

/// An open file.
pub trait OpenFile: Send + Sync + fmt::Debug {
    /// Length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Reads exactly the buffer; `UnexpectedEof` where the file ends before.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all bytes. Not durable before [`OpenFile::sync`].
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts or extends (with zeros). Not durable before [`OpenFile::sync`].
    fn set_length(&self, length: u64) -> io::Result<()>;
    /// Makes bytes and length durable (fdatasync).
    fn sync(&self) -> io::Result<()>;
}

/// Reads the whole file; refuses one longer than `bytes_max`.
pub(crate) fn read_to_end(file: &dyn OpenFile, bytes_max: u64) -> io::Result<Vec<u8>> {
    let length = file.length()?;
    let fits = usize::try_from(length).ok().filter(|_| length <= bytes_max);
    let mut bytes = vec![0; fits.ok_or_else(|| io::Error::other(format!("{length} bytes, at most {bytes_max}")))?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Puts a small file in place as a whole or not at all: temporary name, sync, rename, sync of the directory.
pub(crate) fn replace(files: &dyn Files, directory: &str, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    let path = join(directory, name);
    let temporary = format!("{path}.tmp");
    match files.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let file = files.create(&temporary)?;
    let mut offset = 0;
    for part in parts {
        file.write_all_at(part, offset)?;
        offset += u64::try_from(part.len()).map_err(io::Error::other)?;
    }
    file.sync()?;
    files.rename(&temporary, &path)?;
    files.sync_directory(directory)
}

/// A path below a directory; the empty directory is the ledger's own.
pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// The real files below a directory.
#[derive(Debug)]
pub struct RealFiles {
    root: PathBuf,
}

impl RealFiles {
    /// The files below this directory.
    pub const fn below(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }
}

impl Files for RealFiles {
    fn create(&self, path: &str) -> io::Result<Arc<dyn OpenFile>> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(self.path(path))?;
        Ok(Arc::new(RealFile { file }))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn OpenFile>> {
        let file = OpenOptions::new().read(true).write(true).open(self.path(path))?;
        Ok(Arc::new(RealFile { file }))
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(directory)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;
        match fs::DirBuilder::new().mode(0o700).create(self.path(path)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.path(path))
    }

    fn sync_directory(&self, path: &str) -> io::Result<()> {
        File::open(self.path(path))?.sync_all()
    }
}

#[derive(Debug)]
struct RealFile {
    file: File,
}

impl OpenFile for RealFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}
