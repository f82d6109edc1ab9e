//! HTTP/3's frames (RFC 9114 section 7.1) as far as they must be known to bound them: the HTTP library takes a frame that is
//! not DATA when all of it is there, however long it says it is. Here such a frame gathers in one piece, or is too long.

use bytes::{Bytes, BytesMut};

use crate::limits;

const DATA: u64 = 0;

/// A frame says that it is longer than we keep.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

/// One stream's bytes, passed on so that every frame but DATA comes whole.
pub struct WholeFrames {
    at: At,
    /// The number being read and how many bytes of it are to come; none before its first.
    number: u64,
    to_come: Option<u32>,
    held: BytesMut,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// The type of a one-way stream (RFC 9114 section 6.2), before its frames.
    StreamType,
    Type,
    Length {
        of: u64,
    },
    Payload {
        of: u64,
        left: u64,
    },
}

impl WholeFrames {
    pub fn of_request() -> Self {
        Self { at: At::Type, number: 0, to_come: None, held: BytesMut::new() }
    }

    /// Beyond the type, only the control stream is ever read, and it holds frames.
    pub fn of_one_way_stream() -> Self {
        Self { at: At::StreamType, ..Self::of_request() }
    }

    /// Takes what came; gives what can be passed on, if anything can.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Option<Bytes>, TooLong> {
        self.follow(bytes)?;
        self.held.extend_from_slice(bytes);
        let between = matches!(self.at, At::Type if self.to_come.is_none());
        Ok((between || matches!(self.at, At::Payload { of: DATA, .. })).then(|| self.rest()))
    }

    /// What is held back, at the stream's end.
    pub fn rest(&mut self) -> Bytes {
        self.held.split().freeze()
    }

    fn follow(&mut self, mut bytes: &[u8]) -> Result<(), TooLong> {
        while let Some((first, others)) = bytes.split_first() {
            if let At::Payload { of, left } = self.at {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                bytes = bytes.get(here..).unwrap_or_default();
                let left = left - here as u64;
                self.at = if left == 0 { At::Type } else { At::Payload { of, left } };
                continue;
            }
            bytes = others;
            let Some(number) = self.number(*first) else { continue };
            self.at = match self.at {
                At::Length { of } if of != DATA && number > limits::FRAME => return Err(TooLong),
                At::Length { of } if number > 0 => At::Payload { of, left: number },
                At::StreamType | At::Length { .. } => At::Type,
                At::Type | At::Payload { .. } => At::Length { of: number },
            };
        }
        Ok(())
    }

    /// A number of one, two, four or eight bytes (RFC 9000 section 16), when this is its last.
    fn number(&mut self, byte: u8) -> Option<u64> {
        let to_come = if let Some(to_come) = self.to_come {
            self.number = self.number << 8 | u64::from(byte);
            to_come - 1
        } else {
            self.number = u64::from(byte & 0x3f);
            (1 << (byte >> 6)) - 1
        };
        self.to_come = (to_come > 0).then_some(to_come);
        (to_come == 0).then_some(self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: u8 = 1;

    fn passed(frames: &mut WholeFrames, bytes: &[u8]) -> Option<Vec<u8>> {
        frames.take(bytes).unwrap().map(|bytes| bytes.to_vec())
    }

    #[test]
    fn a_frame_comes_whole_however_it_is_cut() {
        let frame = [HEADERS, 0x40, 5, b'a', b'b', b'c', b'd', b'e'];
        for cut in 1..frame.len() {
            let mut frames = WholeFrames::of_request();
            let (head, tail) = frame.split_at(cut);
            assert_eq!(passed(&mut frames, head), None, "{cut}");
            assert_eq!(passed(&mut frames, tail).as_deref(), Some(&frame[..]), "{cut}");
        }
    }

    #[test]
    fn data_passes_as_it_comes() {
        let mut frames = WholeFrames::of_request();
        assert_eq!(passed(&mut frames, &[0, 0x80, 1, 0, 0]), Some(vec![0, 0x80, 1, 0, 0]));
        assert_eq!(passed(&mut frames, b"some"), Some(b"some".to_vec()));
        assert_eq!(passed(&mut frames, &vec![7; 65_532]).unwrap().len(), 65_532);
        assert_eq!(passed(&mut frames, &[HEADERS, 2, 1]), None);
        assert_eq!(passed(&mut frames, &[2]), Some(vec![HEADERS, 2, 1, 2]));
    }

    #[test]
    fn longer_than_is_kept() {
        let length = |bytes: u64| [&[0xc0][..], &bytes.to_be_bytes()[1..]].concat();
        for kind in [&[HEADERS][..], &[0x21], &[0x40, 0x41], &[4]] {
            let mut most = WholeFrames::of_request();
            assert_eq!(most.take(&[kind, &length(limits::FRAME)].concat()), Ok(None), "{kind:?}");
            let mut more = WholeFrames::of_request();
            assert_eq!(more.take(&[kind, &length(limits::FRAME + 1)].concat()), Err(TooLong), "{kind:?}");
        }
        let mut control = WholeFrames::of_one_way_stream();
        assert_eq!(passed(&mut control, &[0]), Some(vec![0]));
        assert_eq!(control.take(&[&[4][..], &length(limits::FRAME + 1)].concat()), Err(TooLong));
    }

    #[test]
    fn the_end_gives_what_was_held() {
        let mut frames = WholeFrames::of_request();
        assert_eq!(passed(&mut frames, &[HEADERS, 9, 1]), None);
        assert_eq!(frames.rest().to_vec(), [HEADERS, 9, 1]);
        let mut empty = WholeFrames::of_request();
        assert_eq!(passed(&mut empty, &[HEADERS, 0]), Some(vec![HEADERS, 0]), "an empty frame is whole");
    }
}
