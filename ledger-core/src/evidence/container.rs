//! The container: a ZIP in one spelling (stored, fixed date, no extra fields, no gaps), so that every byte of it counts.
//!
//! Reading does not interpret headers: it computes the headers that an entry must have and compares them. What another
//! program could show differently (two names for one entry, a comment, bytes between entries) therefore cannot exist.

use std::collections::BTreeSet;

/// The largest container in bytes: one document of 64 MiB with its signatures fits several times; verifiers hold it in memory.
pub const CONTAINER_BYTES_MAX: usize = 512 * 1024 * 1024;
/// The most entries: one for each record and payload; a document with a thousand deliveries has some thousands.
pub const ENTRIES_MAX: usize = 10_000;
/// The longest name in bytes: four parts of at most 64 and an ending.
const NAME_BYTES_MAX: usize = 240;
/// Name of the entry that stands first, so that its content says what the file is (ASiC, ETSI EN 319 162-1).
pub const MIMETYPE_NAME: &str = "mimetype";
/// Content of that entry.
pub const MIMETYPE: &[u8] = b"application/vnd.etsi.asic-e+zip";

/// One file of the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name with folders, `/` between them.
    pub name: &'a str,
    /// Its content.
    pub content: &'a [u8],
}

/// Why bytes are not a container in its one spelling. `at` is an offset in bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// More than the limits allow.
    #[error("{what}: {actual}, at most {limit}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        actual: usize,
        /// How much may be.
        limit: usize,
    },
    /// A name that is not `[A-Za-z0-9._/-]` in plain folders, is doubled, or stands out of order.
    #[error("entry at byte {at}: {what}")]
    Name {
        /// Where the entry begins.
        at: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A header is not the one that this entry has.
    #[error("byte {at} is not what belongs there ({what})")]
    Spelling {
        /// The first byte that differs.
        at: usize,
        /// The part of the container.
        what: &'static str,
    },
}

/// Writes a container. Entries come sorted by name after `mimetype`, which is added here.
pub fn write(entries: &[Entry<'_>]) -> Result<Vec<u8>, ContainerError> {
    let first = Entry { name: MIMETYPE_NAME, content: MIMETYPE };
    let all: Vec<Entry<'_>> = std::iter::once(first).chain(entries.iter().copied()).collect();
    check_count(all.len())?;
    let mut out = Vec::with_capacity(all.iter().map(|entry| entry.content.len() + 512).sum());
    let mut directory = Directory::default();
    let mut names = Names::default();
    for entry in all {
        names.check(out.len(), entry.name)?;
        let header = Header::of(entry.name, entry.content.len(), crc32(entry.content))?;
        directory.add(&header, out.len())?;
        out.extend(header.local());
        out.extend_from_slice(entry.content);
        check_length(out.len())?;
    }
    let end = directory.finish(out.len())?;
    out.extend(end);
    check_length(out.len())?;
    Ok(out)
}

/// What a container holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents<'a> {
    /// The entries after `mimetype`, in their order.
    pub entries: Vec<Entry<'a>>,
    /// Entries whose content does not have its checksum: damaged, and nothing else is known about them.
    pub damaged: Vec<Damage>,
}

/// An entry whose content was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Name of the entry.
    pub name: String,
    /// Where its content begins in the file.
    pub at: usize,
}

/// Reads a container. Headers must be as they are written here; wrong checksums are listed, so that
/// a verifier can go on and say everything it finds.
pub fn read(bytes: &[u8]) -> Result<Contents<'_>, ContainerError> {
    check_length(bytes.len())?;
    let mut contents = Contents { entries: Vec::new(), damaged: Vec::new() };
    let mut directory = Directory::default();
    let mut names = Names::default();
    let mut at = 0;
    while bytes.get(at..).is_some_and(|rest| rest.starts_with(LOCAL)) {
        check_count(contents.entries.len() + 1)?;
        let cut = ContainerError::Spelling { at: bytes.len(), what: "the end of the file" };
        let crc = u32_at(bytes, at + 14).ok_or(cut.clone())?;
        let size = usize::try_from(u32_at(bytes, at + 18).ok_or(cut.clone())?).map_err(|_| cut.clone())?;
        let name_length = usize::from(u16_at(bytes, at + 26).ok_or(cut.clone())?);
        let content_at = at + LOCAL_BYTES + name_length;
        let name = bytes.get(at + LOCAL_BYTES..content_at).ok_or(cut.clone())?;
        let name = std::str::from_utf8(name).map_err(|_| ContainerError::Name { at, what: NAME_FORM })?;
        names.check(at, name)?;
        let content = content_at.checked_add(size).and_then(|end| bytes.get(content_at..end)).ok_or(cut)?;
        let header = Header::of(name, content.len(), crc)?;
        compare(bytes, at, &header.local(), "a local header")?;
        directory.add(&header, at)?;
        if crc32(content) != crc {
            contents.damaged.push(Damage { name: name.to_owned(), at: content_at });
        }
        contents.entries.push(Entry { name, content });
        at = content_at + size;
    }
    let end = directory.finish(at)?;
    compare(bytes, at, &end, "the directory at the end")?;
    if bytes.len() != at + end.len() {
        return Err(ContainerError::Spelling { at: at + end.len(), what: "the end of the file" });
    }
    match contents.entries.first() {
        Some(first) if first.content == MIMETYPE => {
            contents.entries.remove(0);
            Ok(contents)
        }
        _ => Err(ContainerError::Spelling { at: LOCAL_BYTES + MIMETYPE_NAME.len(), what: MIMETYPE_NAME }),
    }
}

fn check_length(bytes: usize) -> Result<(), ContainerError> {
    let limit = CONTAINER_BYTES_MAX;
    if bytes <= limit { Ok(()) } else { Err(ContainerError::Limit { what: "bytes", actual: bytes, limit }) }
}

fn check_count(entries: usize) -> Result<(), ContainerError> {
    let limit = ENTRIES_MAX;
    if entries <= limit { Ok(()) } else { Err(ContainerError::Limit { what: "entries", actual: entries, limit }) }
}

fn compare(bytes: &[u8], at: usize, expected: &[u8], what: &'static str) -> Result<(), ContainerError> {
    let found = bytes.get(at..).unwrap_or_default();
    let difference = expected.iter().enumerate().find(|(place, byte)| found.get(*place) != Some(byte));
    match difference {
        None => Ok(()),
        Some((place, _)) => Err(ContainerError::Spelling { at: at + place, what }),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

const NAME_FORM: &str = "the name is not plain folders of [A-Za-z0-9._-]";

/// The names so far: `mimetype` first, the rest sorted; no two that a system without upper case would mix up.
#[derive(Default)]
struct Names {
    last: Option<String>,
    folded: BTreeSet<String>,
}

impl Names {
    fn check(&mut self, at: usize, name: &str) -> Result<(), ContainerError> {
        let error = |what| Err(ContainerError::Name { at, what });
        let plain = |part: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
            !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && part.bytes().all(allowed)
        };
        if name.len() > NAME_BYTES_MAX || !name.split('/').all(plain) {
            return error(NAME_FORM);
        }
        let in_place = match self.last.as_deref() {
            None => name == MIMETYPE_NAME,
            Some(MIMETYPE_NAME) => name != MIMETYPE_NAME,
            Some(last) => last < name && name != MIMETYPE_NAME,
        };
        if !in_place || !self.folded.insert(name.to_ascii_lowercase()) {
            return error("the name is doubled or out of order");
        }
        self.last = Some(name.to_owned());
        Ok(())
    }
}

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const LOCAL_BYTES: usize = 30;

/// The fields that both headers of an entry share: version 2.0, no flags, stored, 1980-01-01 00:00, CRC, sizes, name length, no extra.
struct Header<'a> {
    name: &'a str,
    fields: Vec<u8>,
}

impl<'a> Header<'a> {
    fn of(name: &'a str, size: usize, crc: u32) -> Result<Self, ContainerError> {
        let size = offset_of(size)?;
        // Names have been checked against their limit.
        let name_length = u16::try_from(name.len()).unwrap_or(u16::MAX);
        let mut fields = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        fields.extend(crc.to_le_bytes());
        fields.extend(size.to_le_bytes());
        fields.extend(size.to_le_bytes());
        fields.extend(name_length.to_le_bytes());
        fields.extend([0, 0]);
        Ok(Self { name, fields })
    }

    fn local(&self) -> Vec<u8> {
        [LOCAL, &self.fields, self.name.as_bytes()].concat()
    }

    fn central(&self, offset: u32) -> Vec<u8> {
        // Version made by, the shared fields, then: no comment, disk 0, no attributes, offset.
        [CENTRAL, &[20, 0], &self.fields, &[0; 10], &offset.to_le_bytes(), self.name.as_bytes()].concat()
    }
}

#[derive(Default)]
struct Directory {
    bytes: Vec<u8>,
    entries: u16,
}

impl Directory {
    fn add(&mut self, header: &Header<'_>, offset: usize) -> Result<(), ContainerError> {
        self.bytes.extend(header.central(offset_of(offset)?));
        self.entries = self.entries.saturating_add(1);
        Ok(())
    }

    /// The directory and the record after it; no archive comment.
    fn finish(self, offset: usize) -> Result<Vec<u8>, ContainerError> {
        let (size, offset, count) = (offset_of(self.bytes.len())?, offset_of(offset)?, self.entries.to_le_bytes());
        let mut out = self.bytes;
        for part in [END, &[0; 4], &count, &count, &size.to_le_bytes(), &offset.to_le_bytes(), &[0; 2]] {
            out.extend_from_slice(part);
        }
        Ok(out)
    }
}

fn offset_of(offset: usize) -> Result<u32, ContainerError> {
    let limit = CONTAINER_BYTES_MAX;
    u32::try_from(offset).map_err(|_| ContainerError::Limit { what: "bytes", actual: offset, limit })
}

/// CRC-32 of ISO 3309, four bytes a step. It finds accidents only; digests find the rest.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: u8| {
        let [low, ..] = crc.to_le_bytes();
        CRC_TABLE.get(usize::from(low ^ byte)).copied().unwrap_or_default() ^ (crc >> 8)
    };
    !bytes.iter().fold(u32::MAX, |crc, byte| step(crc, *byte))
}

const CRC_TABLE: [u32; 256] = crc_table();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks the bounds")]
#[expect(clippy::as_conversions, reason = "u32 to usize in a constant function, where From cannot be called")]
const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte: u32 = 0;
    while byte < 256 {
        let mut crc = byte;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    const ENTRIES: [Entry<'static>; 3] = [
        Entry { name: "META-INF/manifest.xml", content: b"<x/>" },
        Entry { name: "bundle.json", content: b"{}" },
        Entry { name: "documents/1/content.pdf", content: b"" },
    ];

    #[test]
    fn what_is_written_is_read_again_also_by_others() {
        let bytes = write(&ENTRIES).unwrap();
        assert_eq!(read(&bytes).unwrap(), Contents { entries: ENTRIES.to_vec(), damaged: Vec::new() });
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
        assert_eq!(archive.len(), 4);
        for (place, name, content) in
            [(0, "mimetype", MIMETYPE), (1, "META-INF/manifest.xml", b"<x/>"), (3, "documents/1/content.pdf", b"")]
        {
            let mut file = archive.by_index(place).unwrap();
            assert_eq!(file.name().unwrap(), name);
            let mut found = Vec::new();
            file.read_to_end(&mut found).unwrap();
            assert_eq!(found, content);
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let bytes = write(&ENTRIES).unwrap();
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[place] ^= 1 << bit;
                assert!(read(&changed).map_or(true, |read| !read.damaged.is_empty()), "byte {place} bit {bit}");
            }
        }
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err(), "cut at {end}");
        }
        assert!(read(&[&bytes[..], b"\0"].concat()).is_err());
    }

    #[test]
    fn names_that_lead_elsewhere_or_twice_are_refused() {
        for name in ["../x", "/x", "a//b", "a/", "", "a/./b", "a\\b", "ä", "mimetype", "a:b", "a/..", "x."] {
            assert!(write(&[Entry { name, content: b"" }]).is_err(), "{name}");
        }
        for names in [["b", "a"], ["a", "a"], ["A", "a"]] {
            assert!(write(&names.map(|name| Entry { name, content: b"" })).is_err(), "{names:?}");
        }
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
