//! The frames of `application/vnd.amazon.eventstream`, read where they lie.
//!
//! A frame is: total length, headers' length, CRC-32 of these eight bytes, headers, payload, CRC-32 of everything
//! before it; all numbers big-endian. Nothing is copied unless a frame arrives in pieces, which is why this is not
//! `aws-smithy-eventstream`: that one allocates for every header of every delta. The tests hold the two against
//! each other.

use std::ops::ControlFlow;

use thiserror::Error;

use super::rescue;
use crate::upstream::Refusal;

/// The longest frame that is accepted, bytes. Bedrock's are a few hundred; a guardrail's trace can be long.
pub const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;

/// Total length, headers' length and their checksum.
const PRELUDE_BYTES: usize = 12;
/// A prelude and the checksum at the end: a frame without headers and payload.
const MIN_FRAME_BYTES: usize = 16;
/// What a decoder keeps allocated between frames; a long frame must not weigh on the rest of its stream.
const KEPT_CAPACITY_BYTES: usize = 16 * 1024;

/// One frame; borrows from the bytes it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// `:message-type: event`
    Event {
        /// `:event-type`
        kind: &'a str,
        /// JSON.
        payload: &'a [u8],
    },
    /// `:message-type: exception`: an error that the service's model knows.
    Exception {
        /// `:exception-type`
        kind: &'a str,
        /// JSON.
        payload: &'a [u8],
    },
    /// `:message-type: error`: an error that it does not know.
    Error {
        /// `:error-code`
        code: &'a str,
        /// `:error-message`
        message: &'a str,
    },
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The lengths do not have the checksum that follows them.
    #[error("checksum of the prelude does not match")]
    PreludeChecksum,
    /// The frame does not have the checksum at its end.
    #[error("checksum of the frame does not match")]
    FrameChecksum,
    /// Too short for a frame, longer than [`MAX_FRAME_BYTES`], or with headers longer than itself.
    #[error("lengths {total} and {headers} cannot be")]
    Length {
        /// Of the whole frame, bytes.
        total: u32,
        /// Of its headers, bytes.
        headers: u32,
    },
    /// The headers do not follow their grammar.
    #[error("headers cannot be read")]
    Headers,
    /// `:message-type`, or the header that this type calls for, is missing or unknown.
    #[error("headers do not say what the frame is")]
    Kind,
}

/// What the beginning of a stream says, for whoever has to choose a status before passing it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstFrame {
    /// The first frame is not complete.
    More,
    /// It is an ordinary event.
    Event,
    /// It is an exception, or no frame at all.
    Refused(Box<Refusal>),
}

/// Looks at the first frame of a stream, given everything that has arrived so far.
pub fn first_frame(bytes: &[u8]) -> FirstFrame {
    match read_frame(bytes) {
        Ok(None) => FirstFrame::More,
        Ok(Some((Frame::Event { .. }, _))) => FirstFrame::Event,
        Ok(Some((Frame::Exception { kind, payload }, _))) => {
            FirstFrame::Refused(Box::new(rescue::from_exception(kind, payload)))
        }
        Ok(Some((Frame::Error { code, message }, _))) => {
            FirstFrame::Refused(Box::new(rescue::from_error_frame(code, message)))
        }
        Err(error) => FirstFrame::Refused(Box::new(rescue::from_broken_frame(error))),
    }
}

/// Reads the frame at the beginning of `bytes`: the frame and its length, or `None` if it is not complete.
///
/// A prelude is judged as soon as it is complete, so no wrong length makes anybody wait for bytes.
pub fn read_frame(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, FrameError> {
    let Some(prelude) = Prelude::read(bytes)? else { return Ok(None) };
    let Some(frame) = bytes.get(..prelude.total) else { return Ok(None) };
    let (covered, checksum) = frame.split_last_chunk::<4>().ok_or(FrameError::FrameChecksum)?;
    if crc32fast::hash(covered) != u32::from_be_bytes(*checksum) {
        return Err(FrameError::FrameChecksum);
    }
    let content = covered.get(PRELUDE_BYTES..).ok_or(FrameError::Headers)?;
    let (headers, payload) = content.split_at_checked(prelude.headers).ok_or(FrameError::Headers)?;
    Ok(Some((Headers::read(headers)?.frame(payload)?, prelude.total)))
}

/// Puts together frames that arrive in pieces.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The beginning of a frame; never more than that one frame.
    held: Vec<u8>,
}

impl Decoder {
    /// Hands every complete frame to `each`, in order, until it breaks.
    pub fn push<B>(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(Frame<'_>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, FrameError> {
        while !bytes.is_empty() {
            let flow = if self.held.is_empty() {
                let Some((frame, length)) = read_frame(bytes)? else {
                    self.held.extend_from_slice(bytes);
                    break;
                };
                bytes = bytes.get(length..).unwrap_or_default();
                each(frame)
            } else {
                bytes = self.take(bytes)?;
                let Some((frame, _)) = read_frame(&self.held)? else { continue };
                let flow = each(frame);
                self.forget();
                flow
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Takes no more bytes than the frame that has begun still needs, or its prelude; returns the others.
    fn take<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], FrameError> {
        let wanted = Prelude::read(&self.held)?.map_or(PRELUDE_BYTES, |prelude| prelude.total);
        let missing = wanted.saturating_sub(self.held.len());
        let (now, later) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
        self.held.extend_from_slice(now);
        Ok(later)
    }

    fn forget(&mut self) {
        self.held.clear();
        self.held.shrink_to(KEPT_CAPACITY_BYTES);
    }
}

/// The two lengths at the beginning of a frame, bytes.
struct Prelude {
    total: usize,
    headers: usize,
}

impl Prelude {
    fn read(bytes: &[u8]) -> Result<Option<Self>, FrameError> {
        let Some((lengths, rest)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
        let Some((checksum, _)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        if crc32fast::hash(lengths) != u32::from_be_bytes(*checksum) {
            return Err(FrameError::PreludeChecksum);
        }
        let ([total, headers], []) = lengths.as_chunks::<4>() else { return Ok(None) };
        let (total, headers) = (u32::from_be_bytes(*total), u32::from_be_bytes(*headers));
        let error = FrameError::Length { total, headers };
        let prelude = Self {
            total: usize::try_from(total).map_err(|_| error)?,
            headers: usize::try_from(headers).map_err(|_| error)?,
        };
        let room = prelude.total.checked_sub(MIN_FRAME_BYTES).ok_or(error)?;
        if prelude.total > MAX_FRAME_BYTES || prelude.headers > room {
            return Err(error);
        }
        Ok(Some(prelude))
    }
}

/// The headers that say what a frame is; all others are skipped.
#[derive(Default)]
struct Headers<'a> {
    message_type: Option<&'a str>,
    event_type: Option<&'a str>,
    exception_type: Option<&'a str>,
    error_code: Option<&'a str>,
    error_message: Option<&'a str>,
}

impl<'a> Headers<'a> {
    fn read(mut bytes: &'a [u8]) -> Result<Self, FrameError> {
        let mut headers = Self::default();
        while !bytes.is_empty() {
            let ([name_bytes], rest) = split::<1>(bytes)?;
            let (name, rest) = rest.split_at_checked(usize::from(name_bytes)).ok_or(FrameError::Headers)?;
            let (value, rest) = header_value(rest)?;
            bytes = rest;
            let slot = match text(name)? {
                ":message-type" => &mut headers.message_type,
                ":event-type" => &mut headers.event_type,
                ":exception-type" => &mut headers.exception_type,
                ":error-code" => &mut headers.error_code,
                ":error-message" => &mut headers.error_message,
                _ => continue,
            };
            *slot = Some(value.ok_or(FrameError::Headers)?);
        }
        Ok(headers)
    }

    fn frame(self, payload: &'a [u8]) -> Result<Frame<'a>, FrameError> {
        match self.message_type {
            Some("event") => Ok(Frame::Event { kind: self.event_type.ok_or(FrameError::Kind)?, payload }),
            Some("exception") => {
                Ok(Frame::Exception { kind: self.exception_type.ok_or(FrameError::Kind)?, payload })
            }
            Some("error") => Ok(Frame::Error {
                code: self.error_code.ok_or(FrameError::Kind)?,
                message: self.error_message.unwrap_or_default(),
            }),
            _ => Err(FrameError::Kind),
        }
    }
}

/// Reads a header's value, if it is a string, and what follows it.
fn header_value(bytes: &[u8]) -> Result<(Option<&str>, &[u8]), FrameError> {
    let ([kind], rest) = split::<1>(bytes)?;
    let (length, rest) = match kind {
        // true, false
        0 | 1 => (0, rest),
        // byte, short, integer
        2 => (1, rest),
        3 => (2, rest),
        4 => (4, rest),
        // long, timestamp
        5 | 8 => (8, rest),
        // bytes, string
        6 | 7 => {
            let (length, rest) = split::<2>(rest)?;
            (usize::from(u16::from_be_bytes(length)), rest)
        }
        // UUID
        9 => (16, rest),
        _ => return Err(FrameError::Headers),
    };
    let (value, rest) = rest.split_at_checked(length).ok_or(FrameError::Headers)?;
    let string = if kind == 7 { Some(text(value)?) } else { None };
    Ok((string, rest))
}

fn text(bytes: &[u8]) -> Result<&str, FrameError> {
    std::str::from_utf8(bytes).map_err(|_| FrameError::Headers)
}

fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), FrameError> {
    bytes.split_first_chunk::<N>().map(|(first, rest)| (*first, rest)).ok_or(FrameError::Headers)
}

#[cfg(test)]
mod tests;
