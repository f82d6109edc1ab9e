//! The path of one object: a request target decoded exactly once, with one meaning or none.
//!
//! RFC 3986 section 3.3 and 6.2.2: servers in a row disagree about dot segments, empty segments and encoded slashes, and
//! what is authorised then differs from what is fetched. Such targets are refused here, not repaired.

use std::fmt;

/// The longest path, decoded, in bytes, with its first slash: S3 takes keys of 1,024 bytes.
pub const MAX_PATH: usize = 1025;

/// A decoded absolute path. It starts with `/`, is valid UTF-8, has no empty segment, no `.` or `..` segment, no
/// backslash and no NUL, and is at most [`MAX_PATH`] bytes long.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectPath(String);

/// Why a target has no one clear meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFault {
    NotAbsolute,
    TooLong,
    BadEscape,
    EncodedSlash,
    Backslash,
    Nul,
    NotUtf8,
    EmptySegment,
    DotSegment,
}

impl PathFault {
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAbsolute => "path_not_absolute",
            Self::TooLong => "path_too_long",
            Self::BadEscape => "path_bad_escape",
            Self::EncodedSlash => "path_encoded_slash",
            Self::Backslash => "path_backslash",
            Self::Nul => "path_nul",
            Self::NotUtf8 => "path_not_utf8",
            Self::EmptySegment => "path_empty_segment",
            Self::DotSegment => "path_dot_segment",
        }
    }
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "the path does not start with `/`",
            Self::TooLong => "the path is longer than 1,024 bytes",
            Self::BadEscape => "a `%` is not followed by two hexadecimal digits",
            Self::EncodedSlash => "the path holds an encoded slash",
            Self::Backslash => "the path holds a backslash",
            Self::Nul => "the path holds a NUL",
            Self::NotUtf8 => "the path is not UTF-8",
            Self::EmptySegment => "the path has an empty segment",
            Self::DotSegment => "the path has a `.` or `..` segment",
        })
    }
}

impl ObjectPath {
    /// Decodes the path of a request target (without its query).
    pub fn from_target(target: &str) -> Result<Self, PathFault> {
        if !target.as_bytes().contains(&b'%') {
            return Self::from_decoded(target.to_owned());
        }
        let mut bytes = Vec::with_capacity(target.len());
        let mut rest = target.bytes();
        while let Some(byte) = rest.next() {
            if byte != b'%' {
                bytes.push(byte);
                continue;
            }
            let (Some(high), Some(low)) = (rest.next().and_then(hex), rest.next().and_then(hex)) else {
                return Err(PathFault::BadEscape);
            };
            let decoded = high << 4 | low;
            if decoded == b'/' {
                return Err(PathFault::EncodedSlash);
            }
            bytes.push(decoded);
        }
        Self::from_decoded(String::from_utf8(bytes).map_err(|_| PathFault::NotUtf8)?)
    }

    /// Takes a path that is decoded already.
    pub fn from_decoded(path: String) -> Result<Self, PathFault> {
        let Some(inner) = path.strip_prefix('/') else {
            return Err(PathFault::NotAbsolute);
        };
        if path.len() > MAX_PATH {
            return Err(PathFault::TooLong);
        }
        // Every byte is looked at, without an early end, so that the compiler can look at many at once.
        let (backslash, nul) = path
            .bytes()
            .fold((false, false), |(backslash, nul), byte| (backslash | (byte == b'\\'), nul | (byte == 0)));
        if backslash {
            return Err(PathFault::Backslash);
        }
        if nul {
            return Err(PathFault::Nul);
        }
        for segment in inner.split('/') {
            match segment {
                "" => return Err(PathFault::EmptySegment),
                "." | ".." => return Err(PathFault::DotSegment),
                _ => {}
            }
        }
        Ok(Self(path))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it lies under `/_edgepass/`, where no object does, however the target spelt it.
    pub(crate) fn is_reserved(&self) -> bool {
        self.0.strip_prefix("/_edgepass").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The path without its first slash.
    pub fn inner(&self) -> &str {
        self.0.strip_prefix('/').unwrap_or(&self.0)
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_once() {
        for (target, decoded) in [
            ("/a", "/a"),
            ("/a%20b/c+d", "/a b/c+d"),
            ("/%c3%a9.txt", "/é.txt"),
            ("/a%252Fb", "/a%2Fb"),
            ("/...", "/..."),
            ("/a%0Ab", "/a\nb"),
            ("/a/..b/b..", "/a/..b/b.."),
        ] {
            assert_eq!(ObjectPath::from_target(target).unwrap().as_str(), decoded, "{target}");
        }
    }

    #[test]
    fn refuses_what_has_no_one_meaning() {
        use PathFault::*;
        for (target, fault) in [
            ("", NotAbsolute),
            ("a", NotAbsolute),
            ("*", NotAbsolute),
            ("/", EmptySegment),
            ("//a", EmptySegment),
            ("/a//b", EmptySegment),
            ("/a/", EmptySegment),
            ("/.", DotSegment),
            ("/a/../b", DotSegment),
            ("/a/%2e%2E/b", DotSegment),
            ("/a/.%2e", DotSegment),
            ("/a%2fb", EncodedSlash),
            ("/a%2Fb", EncodedSlash),
            ("/a%5cb", Backslash),
            ("/a\\b", Backslash),
            ("/a%00", Nul),
            ("/%ff", NotUtf8),
            ("/%c0%af", NotUtf8),
            ("/%ed%a0%80", NotUtf8),
            ("/%", BadEscape),
            ("/%2", BadEscape),
            ("/%zz", BadEscape),
            ("/%+1", BadEscape),
        ] {
            assert_eq!(ObjectPath::from_target(target).unwrap_err(), fault, "{target}");
        }
        assert!(ObjectPath::from_target(&format!("/{}", "a".repeat(1024))).is_ok());
        assert_eq!(ObjectPath::from_target(&format!("/{}", "a".repeat(1025))).unwrap_err(), TooLong);
    }
}
