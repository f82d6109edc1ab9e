//! What Lambda takes: a zip whose bytes depend on the files alone, so that its hash names the code.

use std::fmt;
use std::io::{Cursor, Write};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

pub struct Zip {
    pub bytes: Vec<u8>,
    pub hash: Hash,
}

/// SHA-256 of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(hash)
    }

    /// The first 12 hexadecimal digits: what the package is called by.
    pub fn short(&self) -> String {
        self.0.iter().take(6).fold(String::with_capacity(12), |text, byte| text + &format!("{byte:02x}"))
    }

    /// As Lambda says it (`CodeSha256`).
    pub fn base64(&self) -> String {
        STANDARD.encode(self.0)
    }
}

#[derive(Debug)]
pub enum PackageFault {
    /// Two files of one name, or one with a name that would lead out of the folder it is unpacked to.
    Name(String),
    Zip(zip::result::ZipError),
}

impl fmt::Display for PackageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "`{name}` is there twice, or is not a name for a file in a package"),
            Self::Zip(error) => write!(f, "the package cannot be written: {error}"),
        }
    }
}

impl std::error::Error for PackageFault {}

/// Packs files in the order of their names, with one date and rights that every Lambda runtime can read.
pub fn package(files: &[(&str, &[u8])]) -> Result<Zip, PackageFault> {
    let mut sorted = files.to_vec();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut last = "";
    for (name, bytes) in sorted {
        if name == last || name.split('/').any(|part| matches!(part, "" | "." | "..")) || name.contains('\\') {
            return Err(PackageFault::Name(name.to_owned()));
        }
        last = name;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(DateTime::DEFAULT)
            // What Lambda's custom runtimes start must be executable.
            .unix_permissions(if name == "bootstrap" { 0o755 } else { 0o644 });
        zip.start_file(name, options).map_err(PackageFault::Zip)?;
        zip.write_all(bytes).map_err(|error| PackageFault::Zip(error.into()))?;
    }
    let bytes = zip.finish().map_err(PackageFault::Zip)?.into_inner();
    let hash = Hash::of(&bytes);
    Ok(Zip { bytes, hash })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const FILES: [(&str, &[u8]); 3] = [("site.json", b"{}"), ("bootstrap", b"\x7fELF"), ("index.mjs", b"export {};\n")];

    #[test]
    fn the_same_files_are_the_same_bytes() {
        let one = package(&FILES).unwrap();
        let mut turned = FILES;
        turned.reverse();
        let two = package(&turned).unwrap();
        assert_eq!(one.bytes, two.bytes);
        assert_eq!(one.hash, two.hash);
        assert_eq!(one.hash.short().len(), 12);
        let other = package(&[("site.json", b"{ }")]).unwrap();
        assert_ne!(one.hash, other.hash);
    }

    #[test]
    fn hashes_as_others_write_them() {
        // FIPS 180-4, the message "abc".
        let hash = Hash::of(b"abc");
        assert_eq!(hash.short(), "ba7816bf8f01");
        assert_eq!(hash.base64(), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    #[test]
    fn names_that_are_refused() {
        for files in [[("a", b"".as_slice()), ("a", b"b")], [("a", b""), ("../b", b"")], [("/a", b""), ("b", b"")]] {
            assert!(matches!(package(&files), Err(PackageFault::Name(_))));
        }
    }

    #[test]
    fn others_can_read_it() {
        let path = std::env::temp_dir().join(format!("edgepass-package-{}.zip", std::process::id()));
        std::fs::write(&path, package(&FILES).unwrap().bytes).unwrap();
        let program = "import sys, zipfile\n\
            z = zipfile.ZipFile(sys.argv[1])\n\
            assert z.testzip() is None\n\
            for i in z.infolist():\n    print(i.filename, oct(i.external_attr >> 16), *i.date_time, i.compress_type, z.read(i))\n";
        let output = Command::new("python3").args(["-c", program]).arg(&path).output().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "bootstrap 0o100755 1980 1 1 0 0 0 8 b'\\x7fELF'\n\
             index.mjs 0o100644 1980 1 1 0 0 0 8 b'export {};\\n'\n\
             site.json 0o100644 1980 1 1 0 0 0 8 b'{}'\n"
        );
    }
}
